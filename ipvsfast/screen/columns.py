"""The columns of the live screen: what they show, how they sort, and which of them fit."""

from __future__ import annotations

from ..listing.figures import short
from ..model.destination import SET_NUMBERS, SHARE
from ..model.kernel_names import FORWARDING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .rows import Rows

GRAPH = "graph"
_LEAST_NAME, _USUAL_NAME, _MOST_NAME = 12, 24, 48
_GRAPH_WIDTH = 21


class Column:
    """One of them. name: for --sort. width: with a blank in front. rate: the counter whose rate it shows, and
    the kernel's own name of that. of: the column of a snapshot. text: whether it stands at the left."""

    __slots__ = ("name", "title", "width", "rate", "of", "text")

    def __init__(
        self, name: str, title: str, width: int,
        *, rate: tuple[str, str] | None = None, of: str = "", text: bool = False,
    ) -> None:  # fmt: skip
        self.name: str = name
        self.title: str = title
        self.width: int = width
        self.rate: tuple[str, str] | None = rate
        self.of: str = of
        self.text: bool = text


def _set_number(name: str) -> Column:
    return Column(name, name.capitalize(), 7, of=name)


_RATES = (
    Column("connections", "CPS", 7, rate=("connections", "cps")),
    Column("in_packets", "InPPS", 7, rate=("in_packets", "in_pps")),
    Column("out_packets", "OutPPS", 7, rate=("out_packets", "out_pps")),
    Column("in_bytes", "InBPS", 7, rate=("in_bytes", "in_bps")),
    Column("out_bytes", "OutBPS", 7, rate=("out_bytes", "out_bps")),
)
_NUMBERS = (
    Column("active", "Active", 7, of="active"),
    Column("inactive", "Inact", 7, of="inactive"),
    _set_number(SHARE),
)
_TOTALS = (
    Column("persistent", "Persist", 8, of="persistent"),
    Column("total_connections", "Conns", 7, of="connections"),
    Column("total_in_bytes", "InBytes", 8, of="in_bytes"),
    Column("total_out_bytes", "OutBytes", 9, of="out_bytes"),
)
_GRAPHED = Column(GRAPH, "CPS of late", _GRAPH_WIDTH, text=True)
SERVICE_COLUMNS = (
    *_RATES, *_NUMBERS,
    Column("scheduler", "Sched", 7, of="scheduler", text=True),
    Column("destinations", "Dests", 6, of="destination_count"),
    *_TOTALS, _GRAPHED,
)  # fmt: skip
DESTINATION_COLUMNS = (
    *_RATES, *_NUMBERS,
    Column("forwarding", "Forward", 8, of="forwarding", text=True),
    *_TOTALS, *[_set_number(name) for name in SET_NUMBERS if name != SHARE], _GRAPHED,
)  # fmt: skip
# What goes first where there is no room.
_GOING = ("out_packets", "in_packets", "inactive", "out_bytes", SHARE, "in_bytes", "active", "connections")
_ALIASES = {column.rate[1]: column.name for column in _RATES if column.rate}
SORTS: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            "service",
            "destination",
            *[c.name for c in (*SERVICE_COLUMNS, *DESTINATION_COLUMNS) if c.name != GRAPH],
        ]
    )
)


def sort_name(text: str) -> str | None:
    """The name of a column by what --sort has; None if there is none."""
    name = _ALIASES.get(text, text)
    return name if name in SORTS else None


def fitting(columns: Iterable[Column], width: int) -> tuple[int, list[Column]]:
    """How wide the name is, and which columns stand behind it, on a screen of this width."""
    base = [column for column in columns if column.name in _GOING]
    going = list(_GOING)
    while base and width - sum([column.width for column in base]) < min(
        _LEAST_NAME + width // 8, _USUAL_NAME
    ):
        gone = going.pop(0)
        base = [column for column in base if column.name != gone]
    room = width - sum([column.width for column in base]) - _USUAL_NAME
    for column in columns:
        if column.name not in _GOING and room >= column.width:
            base.append(column)
            room -= column.width
    left = width - sum([column.width for column in base])
    return (min(left, _MOST_NAME) if left > _USUAL_NAME else max(left, 0)), base


def cell(rows: Rows, column: Column, row: int) -> str:
    """The text of one value."""
    value = rows.number(column, row)
    if column.name == "forwarding":
        return FORWARDING[value] if value < len(FORWARDING) else str(value)
    return str(value) if column.text else short(value)
