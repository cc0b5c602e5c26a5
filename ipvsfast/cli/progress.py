"""A line on the terminal while something takes long; nothing where nobody looks."""

from __future__ import annotations

import os
from time import monotonic

from ..errors import plural

DELAY = 0.5  # seconds before the first sign
INTERVAL = 0.1


class Progress:
    """`12,345 of 51,000 rules, 98,000/s, 3 s left`, redrawn in place; `close` removes it."""

    def __init__(self, total: int, noun: str, shown: bool) -> None:
        self.total = total
        self.noun = noun
        self._start = monotonic()
        self._next = self._start + DELAY if shown else float("inf")
        self._drawn = False

    def due(self) -> bool:
        """Whether a call now would draw."""
        return monotonic() >= self._next

    def __call__(self, done: int, seconds_left: float | None = None) -> None:
        """`done` of the total are done. seconds_left: if that does not follow from the rate so far."""
        now = monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL
        self._drawn = True
        rate = done / (now - self._start)
        if seconds_left is None and rate:
            seconds_left = (self.total - done) / rate
        left = f", {max(seconds_left or 0, 0):.0f} s left" if rate and self.total else ""
        of = f" of {self.total:,}" if self.total else ""
        _draw(f"\r{done:,}{of} {plural(self.total or done, self.noun)}, {rate:,.0f}/s{left}\x1b[K")

    def close(self) -> None:
        """The line is gone."""
        if self._drawn:
            self._drawn = False
            _draw("\r\x1b[K")


def for_terminal(total: int, noun: str, quiet: bool = False) -> Progress:
    """A progress line that shows itself if standard error is a terminal."""
    return Progress(total, noun, not quiet and os.isatty(2))


def _draw(text: str) -> None:
    try:
        os.write(2, text.encode())
    except OSError:
        pass  # the terminal is gone; the work goes on
