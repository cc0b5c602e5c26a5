"""Counters, differences and rates as tables for people, 80 columns wide."""

from __future__ import annotations

from ..model.destination import SET_NUMBERS
from .counted import Texts, counters_of, events, numbers, time_text
from .counters import exact, scaled
from .endpoints import Numeric
from .headers import HEADERS
from .tables import service_label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..model.stats import Stats
    from .chosen_rows import ChosenRows, Gone

    Number = Callable[[Any], str]

COUNTED = ("connections", "in_packets", "out_packets", "in_bytes", "out_bytes")
KERNEL_RATES = ("cps", "in_pps", "out_pps", "in_bps", "out_bps")
RATES = tuple([f"{name}_rate" for name in COUNTED])
_MARKS = {"appeared": " +", "zeroed": " 0"}
MARKS = "+ is new, 0 was zeroed, - is gone"
_TITLES: dict[str, str] = {
    "connections": "Conns", "in_packets": "InPkts", "out_packets": "OutPkts", "in_bytes": "InBytes",
    "out_bytes": "OutBytes", "cps": "CPS", "in_pps": "InPPS", "out_pps": "OutPPS", "in_bps": "InBPS",
    "out_bps": "OutBPS", "active": "Active", "inactive": "Inactive", "persistent": "Persist",
    **{name: name.capitalize() for name in SET_NUMBERS},
}  # fmt: skip
_RATE_OF = dict(zip(COUNTED, RATES))
_KERNEL_RATE_OF = dict(zip(COUNTED, KERNEL_RATES))
_TITLES.update({f"{name}_rate": _TITLES[rate] for name, rate in _KERNEL_RATE_OF.items()})
_TOP = ("connections", "in_bytes", "out_bytes")
_WIDE = 100_000  # rates from here on are whole


def _gone_text(gone: Gone) -> str:
    service, destination = gone
    return str(service) if destination is None else f"{service} -> {destination}"


def _rate(of_whole: Number) -> Number:
    def text(value: float) -> str:
        return f"{value:9.1f}" if value < _WIDE else of_whole(int(value))

    return text


class CountedTables:
    """Readings as tables, one below the other. rates: a second, instead of counts. sort: the column of a list
    of destinations."""

    def __init__(self, *, rates: bool = False, in_full: bool = False, sort: str = "") -> None:
        self._rates = rates
        self._sort = sort if sort in _TITLES else ""
        self._whole: Number = exact if in_full else scaled
        self._services = Texts(None, str)
        self._destinations = Texts(None, str)
        self._headed = False
        self._endpoints = Numeric()

    def text(self, chosen: ChosenRows, timed: bool) -> Iterator[str]:
        """One reading in pieces. timed: with a line that says when it was, and what the numbers are."""
        delta = chosen.delta
        if timed:
            meaning = self._meaning(None if delta is None else delta.seconds)
            yield f"{time_text(chosen.snapshot.time)}  {meaning}\n"
        yield from self._list(chosen) if chosen.flat else self._groups(chosen)
        for gone in chosen.gone:
            yield f"{_gone_text(gone):<78} -\n"
        if timed:
            yield "\n"

    def totals(self, at: float, totals: Stats, before: Stats | None, seconds: float) -> Iterator[str]:
        """The totals of the namespace, a line for each reading."""
        if not self._headed:
            self._headed = True
            yield (
                "Time".ljust(33) + HEADERS["rate" if self._rates else "stats"].partition("\n")[0][33:] + "\n"
            )
        values: list[Any] = counters_of(totals)
        number = self._whole
        label = f"{time_text(at)} {'' if before is None else f'{seconds:.3g} s'}"
        if before is not None:
            values = [max(0, a - b) for a, b in zip(values, counters_of(before))]
        if self._rates:
            if before is None:  # there is no rate yet
                return
            number = _rate(self._whole)
            values = [value / seconds for value in values]
        yield f"{label:<33}{''.join(map(number, values))}\n"

    def _meaning(self, seconds: float | None) -> str:
        if seconds is None:
            return "the kernel's own rates" if self._rates else "counted since the last zero"
        return f"a second, over {seconds:.3g} s" if self._rates else f"counted in {seconds:.3g} s"

    def _columns(self, names: tuple[str, ...], with_delta: bool) -> tuple[str, ...]:
        """The columns that show these counters."""
        if self._rates:
            names = tuple([(_RATE_OF if with_delta else _KERNEL_RATE_OF).get(name, name) for name in names])
        return names

    def _cells(self, columns: Any, deltas: Any, names: tuple[str, ...], rows: list[int]) -> list[list[str]]:
        found = []
        for name in self._columns(names, deltas is not None):
            of = deltas if deltas is not None and name in deltas.names else columns
            number = _rate(self._whole) if name.endswith("_rate") else self._whole
            found.append([number(value) for value in numbers(of, (name,), rows)[0]])
        return found

    def _lines(self, texts: Texts, rows: list[int], columns: Any, deltas: Any, names: Any) -> Iterator[str]:
        happened = events(deltas)
        cells = zip(*self._cells(columns, deltas, names, rows))
        for row, text, numbers_of in zip(rows, texts.of(rows), cells):
            mark = _MARKS[happened[row]] if row in happened else ""
            yield f"{text}{''.join(numbers_of)}{mark}\n"

    def _groups(self, chosen: ChosenRows) -> Iterator[str]:
        """As the listing of ipvsadm --stats has it."""
        snapshot, delta = chosen.snapshot, chosen.delta
        keys, below = snapshot.services.keys(), snapshot.destinations.keys()
        if self._services.keys_of is not keys or self._destinations.keys_of is not below:
            self._services = Texts(keys, lambda row: f"{service_label(keys[row], self._endpoints):<33}")
            self._destinations = Texts(below, lambda row: f"  -> {below[row]!s:<28}")
        yield HEADERS["rate" if self._rates else "stats"]
        services = self._lines(
            self._services, chosen.services, snapshot.services, delta and delta.services, COUNTED
        )
        destinations = self._lines(
            self._destinations, chosen.destinations, snapshot.destinations, delta and delta.destinations,
            COUNTED,
        )  # fmt: skip
        for service, run in zip(services, chosen.runs):
            yield service
            for _ in run:
                yield next(destinations)

    def _list(self, chosen: ChosenRows) -> Iterator[str]:
        """A destination a line, what sorts them first among the numbers."""
        snapshot, delta = chosen.snapshot, chosen.delta
        keys, below = snapshot.services.keys(), snapshot.destinations.keys()
        if self._destinations.keys_of is not below or self._services.keys_of is not keys:
            homes = snapshot.destinations["service"]
            self._services = Texts(keys, str)
            self._destinations = Texts(below, lambda row: f"{below[row]!s:<22}{keys[homes[row]]!s:<26} ")
        names = tuple(dict.fromkeys([*([self._sort] if self._sort else []), *_TOP]))[:3]
        titles = [_TITLES[name] for name in self._columns(names, delta is not None)]
        yield f"{'Destination':<22}{'Service':<26} {''.join([f'{title:>9}' for title in titles])}\n"
        yield from self._lines(
            self._destinations,
            chosen.destinations,
            snapshot.destinations,
            delta and delta.destinations,
            names,
        )
