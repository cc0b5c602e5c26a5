"""Numbers in few columns, and rows of them as small graphs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_UNITS = ("", "k", "M", "G", "T", "P", "E")
_BLOCKS = "▁▂▃▄▅▆▇█"


def short(value: float) -> str:
    """A number in at most five columns: 0, 0.4, 12.3, 123, 1.23k, 45.6M. Steps are of 1000."""
    if value < 0:
        return "-" + short(-value)[:4]
    if value < 999.5 and value == int(value):
        return str(int(value))
    step = 0
    while value >= 999.5 and step < len(_UNITS) - 1:
        value /= 1000
        step += 1
    if step == 0:
        if value < 0.05:
            return "~0"
        return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}{_UNITS[step]}"


def amount(value: float, unit: str) -> str:
    """The same with a unit: 12.3 MB/s, 45.6 k/s."""
    text = short(value)
    letter = text[-1:] if text[-1:].isalpha() else ""
    return f"{text[: len(text) - len(letter)]} {letter}{unit}"


def graph(values: Sequence[float | None], width: int) -> str:
    """The last `width` values as blocks; the largest of them is a whole one, 0 and None are blanks.

    Fewer values stand at the right.
    """
    if width <= 0:
        return ""
    shown = list(values)[-width:]
    top = max([value for value in shown if value is not None], default=0)
    text = "".join([_block(value, top) for value in shown])
    return text.rjust(width)


def _block(value: float | None, top: float) -> str:
    if value is None or value <= 0 or top <= 0:
        return " "
    return _BLOCKS[min(len(_BLOCKS) - 1, int(value / top * len(_BLOCKS)))]
