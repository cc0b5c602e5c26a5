"""What textual loads only when it is needed: afterwards it may lie where this program cannot read."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

_LATE = (
    "concurrent.futures.thread", "textual.drivers.linux_driver", "textual.drivers.headless_driver",
    "textual.layouts.factory", "textual.layouts.grid", "textual.layouts.horizontal",
    "textual.layouts.stream", "textual.layouts.vertical", "textual.pilot", "textual.scrollbar", "tty",
)  # fmt: skip


def load_modules() -> None:
    """Those of them that this release of textual has."""
    for name in _LATE:
        with suppress(ImportError):
            import_module(name)
