"""Which form of the exposition a client gets, by its Accept and Accept-Encoding headers."""

from __future__ import annotations

import re

TYPE_CHECKING = False

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
_VERSIONS = ("", "1.0.0", "0.0.1")
_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?")


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics is liked at least as well as the older text, and asked for by its name."""
    metrics = text = 0.0
    for kind, parameters, quality in _offers(accept):
        if kind == "application/openmetrics-text" and parameters.get("version", "") in _VERSIONS:
            metrics = max(metrics, quality)
        elif kind in ("text/plain", "text/*", "*/*"):
            text = max(text, quality)
    return metrics > 0 and metrics >= text


def wants_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named, or everything, and not forbidden."""
    found: dict[str, float] = {}
    for kind, _, quality in _offers(accept_encoding):
        found[kind] = max(found.get(kind, 0.0), quality)
    return found.get("gzip", found.get("x-gzip", found.get("*", 0.0))) > 0


def _offers(header: str) -> list[tuple[str, dict[str, str], float]]:
    """What a header names, with its parameters and how well it is liked, 0 to 1."""
    found = []
    for part in header.split(","):
        kind, *rest = [piece.strip() for piece in part.split(";")]
        parameters = {}
        for piece in rest:
            name, _, value = piece.partition("=")
            parameters[name.strip().lower()] = value.strip().strip('"')
        quality = parameters.pop("q", "1")
        liked = min(float(quality), 1.0) if _QUALITY.fullmatch(quality) else 0.0
        found.append((kind.lower(), parameters, liked))
    return found
