"""What rates were, reading by reading, of the totals and of rows that were looked at."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_READINGS = 240
_ROWS = 1000


class PastRates:
    """The rates of the last readings, 240 at most. Of rows those are remembered that were on the screen, the
    last thousand of them; where a row was not, there is a gap."""

    def __init__(self) -> None:
        self._number = 0
        self._totals: list[tuple[float, ...] | None] = []
        self._rows: dict[Any, list[tuple[int, tuple[float, ...]]]] = {}

    def begin(self, totals: tuple[float, ...] | None) -> None:
        """A new reading."""
        self._number += 1
        self._totals.append(totals)
        del self._totals[:-_READINGS]

    def note(self, key: object, rates: tuple[float, ...]) -> None:
        """A row that is seen in this reading."""
        kept = self._rows.pop(key, None) or []
        if not kept or kept[-1][0] != self._number:
            kept.append((self._number, rates))
        self._rows[key] = kept[-_READINGS:]
        if len(self._rows) > _ROWS:
            del self._rows[next(iter(self._rows))]

    def totals(self, which: int) -> Sequence[float | None]:
        """One of the rates of the totals, the oldest first."""
        return [None if rates is None else rates[which] for rates in self._totals]

    def row(self, key: object, which: int) -> Sequence[float | None]:
        """One of the rates of a row, up to this reading."""
        kept = self._rows.get(key, [])
        found: list[float | None] = [None] * min(_READINGS, self._number)
        for number, rates in kept:
            at = number - self._number - 1
            if -at <= len(found):
                found[at] = rates[which]
        return found

    def __len__(self) -> int:
        return len(self._rows)
