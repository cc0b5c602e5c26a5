"""What a command line of `ipvsfast top` asks for."""

from __future__ import annotations

from ..language.words import UsageError
from ..model.address import parse_int
from ..screen.columns import SORTS, sort_name
from .table_options import SHORTEST, counters_source, table_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.table_filter import TableFilter
    from ..model.types import SnapshotSource

_MOST = 2**31 - 1
_LONGEST = 86400
_USUAL = 2.0  # seconds


class TopQuery:
    """The request, checked. plain: a table again and again, no screen. repeat: so many readings, 0 for no
    end. shown: what is on the screen first, for LiveScreen and PlainTable."""

    def __init__(self, given: dict[str, str]) -> None:
        self.wanted: TableFilter = table_filter(
            "top", {name: text for name, text in given.items() if name not in ("sort", "limit")}
        )
        self.source: SnapshotSource = counters_source("top", given)
        self.interval: float = _seconds(given)
        self.repeat: int = _number(given, "repeat")
        self.plain: bool = "plain" in given
        self.quiet: bool = "quiet" in given
        destinations = "destinations" in given
        sort = given.get("sort", "connections")
        upwards = sort.startswith("-")
        name = sort_name(sort.removeprefix("-"))
        if name in ("service", "destination") and destinations != (name == "destination"):
            name = "destination" if destinations else "service"
        if name is None:
            raise _error(f"there is no column `{sort}' to sort by: choose from {', '.join(SORTS)}")
        self.shown: dict[str, Any] = {
            "sort": name, "upwards": upwards, "destinations": destinations, "limit": _number(given, "limit"),
        }  # fmt: skip


def _error(message: str) -> UsageError:
    return UsageError(2, f"top: {message}")


def _seconds(given: dict[str, str]) -> float:
    if "interval" not in given:
        return _USUAL
    try:
        seconds = float(given["interval"])
    except ValueError:
        seconds = 0.0
    if not SHORTEST <= seconds <= _LONGEST:
        raise _error(f"--interval takes seconds, {SHORTEST} to {_LONGEST}, not `{given['interval']}'")
    return seconds


def _number(given: dict[str, str], name: str) -> int:
    if name not in given:
        return 0
    number = parse_int(given[name], 1, _MOST)
    if number is None:
        raise _error(f"--{name} takes a whole number from 1 to {_MOST}, not `{given[name]}'")
    return number
