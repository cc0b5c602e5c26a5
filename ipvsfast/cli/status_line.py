"""Where something that takes long stands: redrawn in place on a terminal, else a line now and then."""

from __future__ import annotations

import os
from time import monotonic

from .output import complain

BETWEEN = 5.0  # seconds between two lines where they stay


class StatusLine:
    """What is shown goes to standard error."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = os.isatty(2)
        self._drawn = False
        self._last = ""
        self._next = 0.0

    def show(self, text: str, time_left: str = "") -> None:
        """text: where no terminal is, it is a line if it differs from the last one, and not too often."""
        if self._quiet:
            return
        if self._terminal:
            self._drawn = True
            _draw(f"\r{text}{time_left}\x1b[K")
        elif text != self._last and monotonic() >= self._next:
            self._next = monotonic() + BETWEEN
            self._last = text
            complain(f"{text}{time_left}")

    def close(self) -> None:
        """What is redrawn is gone."""
        if self._drawn:
            self._drawn = False
            _draw("\r\x1b[K")


def _draw(text: str) -> None:
    try:
        os.write(2, text.encode())
    except OSError:
        pass  # the terminal is gone; the work goes on
