"""The numbers of chosen rows, column by column, and what happened to the rows."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_FEW = 8  # it pays to make numbers of a whole column if more than one row in so many is wanted


def numbers(columns: Any, names: Iterable[str], rows: list[int]) -> list[list[Any]]:
    """For each of the names the values of these rows. columns: of a snapshot or of a delta."""
    found = []
    for name in names:
        column = columns[name]
        values = column if len(rows) * _FEW < len(column) else column.tolist()
        found.append([values[row] for row in rows])
    return found


def events(deltas: Any) -> dict[int, str]:
    """What happened to rows of services, or of destinations, by their numbers. deltas: None where nothing is
    known."""
    if deltas is None:
        return {}
    return {**dict.fromkeys(deltas.zeroed, "zeroed"), **dict.fromkeys(deltas.appeared, "appeared")}


def counters_of(stats: Any) -> list[int]:
    """The five counters of a Stats."""
    return list(stats)[:5]


def time_text(seconds: float) -> str:
    """A time since 1970 as 2026-11-27T08:30:00.125+0000."""
    milliseconds = int(seconds * 1000)
    local = time.localtime(milliseconds // 1000)
    return time.strftime(f"%Y-%m-%dT%H:%M:%S.{milliseconds % 1000:03d}%z", local)


class Texts(dict[int, str]):
    """A text for each row, made when it is first asked for. keys: the list on which they rest."""

    def __init__(self, keys: object, make: Callable[[int], str]) -> None:
        super().__init__()
        self.keys_of: object = keys
        self._make = make

    def __missing__(self, row: int) -> str:
        text = self[row] = self._make(row)
        return text

    def of(self, rows: list[int]) -> list[str]:
        """Those of these rows."""
        return list(map(self.__getitem__, rows))
