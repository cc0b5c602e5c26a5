"""Numbers over time as a drawing (SVG): panels below each other, the same lines in each of them."""

from __future__ import annotations

import math

from .figures import amount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Values = Sequence[float | None]
    Across = Callable[[float], str]

# Told apart by all kinds of colour vision; the dashes tell them apart without any.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a6d00")
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "14 4", "4 4", "1 2", "12 3 2 3 2 3")
MOST_LINES = len(_COLOURS)
_WIDTH, _LEFT, _RIGHT = 960, 70, 20
_TOP, _PANEL, _BETWEEN, _LEGEND_LINE = 62, 150, 46, 20
_FONT = "'DejaVu Sans',Verdana,sans-serif"
_STYLE = (
    f"text{{font:13px {_FONT};fill:#222}}.title{{font:bold 17px {_FONT}}}.name{{font:bold 13px {_FONT}}}"
    f".small{{font:12px {_FONT};fill:#555}}.axis{{stroke:#888}}.grid{{stroke:#ddd}}"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}"
)


class Panel:
    """One of them. title: what its numbers are; unit: behind those of the axis. lines: for each name the
    values, as many as there are times; None where there is none."""

    def __init__(self, title: str, unit: str, lines: Mapping[str, Values]) -> None:
        self.title: str = title
        self.unit: str = unit
        self.lines: Mapping[str, Values] = lines


def drawing(title: str, subtitle: str, seconds: Sequence[float], panels: Sequence[Panel]) -> str:
    """The whole file. seconds: when the values were read, from the first reading on; the first MOST_LINES
    names are drawn."""
    names = list(dict.fromkeys([name for panel in panels for name in panel.lines]))[:MOST_LINES]
    columns = 2 if len(names) > 1 else 1
    rows = -(-len(names) // columns)
    height = _TOP + len(panels) * (_PANEL + _BETWEEN) + rows * _LEGEND_LINE + 18
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img">',
        f"<title>{_escaped(title)}</title>", f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="title" x="{_LEFT}" y="26">{_escaped(title)}</text>',
        f'<text class="small" x="{_LEFT}" y="45">{_escaped(subtitle)}</text>',
    ]  # fmt: skip
    for number, panel in enumerate(panels):
        parts += _panel(panel, names, seconds, _TOP + number * (_PANEL + _BETWEEN) + 22)
    top = _TOP + len(panels) * (_PANEL + _BETWEEN) + 20
    parts += _legend(names, columns, top)
    return "\n".join([*parts, "</svg>", ""])


def steps(most: float, count: int = 4) -> list[float]:
    """Round numbers from 0 to `most` or just beyond, about `count` of them after 0."""
    if not most > 1e-300:
        return [0.0, 1.0]
    rough = most / count
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
    return [step * number for number in range(math.ceil(most / step * 0.999999) + 1)]


def _panel(panel: Panel, names: list[str], seconds: Sequence[float], top: float) -> Iterator[str]:
    shown = [value for name in names for value in panel.lines.get(name, ()) if value is not None]
    marks = steps(max(shown, default=0))
    last = max(seconds[-1] if seconds else 0, 1e-9)
    inner = _WIDTH - _LEFT - _RIGHT
    bottom = top + _PANEL

    def across(second: float) -> str:
        return f"{_LEFT + second / last * inner:.1f}"

    def up(value: float) -> str:
        return f"{bottom - value / marks[-1] * _PANEL:.1f}"

    yield f'<text class="name" x="{_LEFT}" y="{top - 8}">{_escaped(panel.title)}</text>'
    for mark in marks:
        kind = "axis" if mark == 0 else "grid"
        yield f'<path class="{kind}" d="M{_LEFT} {up(mark)}H{_WIDTH - _RIGHT}"/>'
        label = _mark_text(mark, panel.unit)
        y = float(up(mark)) + 4
        yield f'<text class="small" text-anchor="end" x="{_LEFT - 6}" y="{y:.1f}">{label}</text>'
    for second in steps(last, 8):
        if second <= last * 1.0001:
            yield (
                f'<text class="small" text-anchor="middle" x="{across(second)}" y="{bottom + 16}">'
                f"{second:g} s</text>"
            )
    for number, name in enumerate(names):
        path = _path(panel.lines.get(name, ()), seconds, across, up)
        if path:
            dash = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
            yield f'<path class="line" stroke="{_COLOURS[number]}"{dash} d="{path}"/>'


def _mark_text(mark: float, unit: str) -> str:
    """30 kB, 0.5, 2 k"""
    text = amount(mark, unit)
    number, _, rest = text.partition(" ")
    return f"{float(number):g} {rest}".rstrip() if number != "~0" else f"{mark:g} {rest}".rstrip()


def _path(values: Values, seconds: Sequence[float], across: Across, up: Across) -> str:
    """A line through the values; where one is missing it is interrupted."""
    found, begun = [], False
    for second, value in zip(seconds, values):
        if value is None:
            begun = False
            continue
        found.append(f"{'L' if begun else 'M'}{across(second)} {up(value)}")
        begun = True
    return "".join(found)


def _legend(names: list[str], columns: int, top: float) -> Iterator[str]:
    for number, name in enumerate(names):
        x = _LEFT + (number % columns) * (_WIDTH - _LEFT) // columns
        y = top + (number // columns) * _LEGEND_LINE
        dash = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
        yield f'<path class="line" stroke="{_COLOURS[number]}"{dash} d="M{x} {y - 4}h44"/>'
        yield f'<text x="{x + 52}" y="{y}">{_escaped(name)}</text>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
