"""What is loaded before privileges are given up."""

from __future__ import annotations

from contextlib import suppress

from ..foreign.account import Mistake
from ..foreign.documents import parse_yaml
from ..privileges import load_rooms


def load_modules() -> None:
    """All that serving may take: without privileges it may lie where this program cannot read."""
    load_rooms("exporter", "connections", "stats", "kernel")
    with suppress(Mistake):  # without PyYAML; who needs it is told so by --web-config
        parse_yaml("{}")
