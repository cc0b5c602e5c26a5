"""The page for people who come with a browser."""

from __future__ import annotations

from html import escape

TYPE_CHECKING = False

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>ipvsfast exporter</title></head>
<body>
<h1>ipvsfast exporter</h1>
<p>The IPVS table of this machine, for Prometheus and what reads its formats. Version {version}.</p>
<ul>
<li><a href="/metrics">/metrics</a>: the table now</li>
<li><a href="/-/healthy">/-/healthy</a>: whether this program answers; the kernel is not asked</li>
</ul>
</body>
</html>
"""


def landing_page() -> bytes:
    """HTML."""
    from .. import __version__

    return _PAGE.format(version=escape(__version__)).encode()
