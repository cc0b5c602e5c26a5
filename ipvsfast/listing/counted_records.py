"""Counters, differences and rates as JSON, NDJSON and CSV. docs/json.md describes them."""

from __future__ import annotations

from ..model.destination import CONNECTIONS, SHARE
from ..model.kernel_names import FAMILY_NAMES
from ..model.stats import Stats
from ..stats.delta import DELTA_NAMES
from .counted import Texts, counters_of, events, numbers, time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..model.keys import DestinationKey, ServiceKey
    from ..model.types import RecordForm
    from ..stats.delta import Delta
    from ..stats.snapshot import Snapshot
    from .chosen_rows import ChosenRows

KEY_FIELDS = (
    "kind", "protocol", "service", "service_port", "fwmark", "family", "destination", "destination_port",
)  # fmt: skip
GAUGES = (SHARE, *CONNECTIONS)
COUNTERS = Stats._fields
COUNTED = COUNTERS[:5]
RATES = DELTA_NAMES[len(COUNTED) :]
FIELDS = (
    "time", *KEY_FIELDS, *GAUGES, "event", *COUNTERS, "seconds", "fresh",
    *[f"delta_{name}" for name in COUNTED], *RATES,
)  # fmt: skip
HEADER = ",".join(FIELDS) + "\n"

_KEYS = ("protocol", "service", "service_port", "fwmark", "family", "destination", "destination_port")
_NOTHING: dict[str, str] = {"json": "null", "csv": ""}


def key_text(form: str, service: ServiceKey | None, destination: DestinationKey | None) -> str:
    """What names a row, as the fields of a JSON object or as cells. Without a service: the totals."""
    values: tuple[Any, ...]
    if service is None:
        kind, values = "totals", (None,) * len(_KEYS)
    else:
        fwmark, family = service[0], FAMILY_NAMES.get(service[1], str(service[1]))
        place = (None, None, None) if fwmark else (service.protocol, service.address, service[4])
        below = (None, None) if destination is None else (destination.address, destination[2])
        kind = "service" if destination is None else "destination"
        values = *place, fwmark, family, *below
    cells = [_value(form, value) for value in (kind, *values)]
    if form == "csv":
        return ",".join(cells)
    return ",".join([f'"{name}":{cell}' for name, cell in zip(KEY_FIELDS, cells)])


def _value(form: str, value: object) -> str:
    """Nothing in these texts needs an escape: addresses and words for protocols and families."""
    if value is None:
        return _NOTHING[form]
    return f'"{value}"' if form == "json" and isinstance(value, str) else str(value)


class CountedRecords:
    """Readings as records, one after the other. form: ndjson or csv for many, json for one."""

    def __init__(self, form: RecordForm) -> None:
        self._form: RecordForm = form
        self._cells = "csv" if form == "csv" else "json"
        self._services = Texts(None, str)
        self._destinations = Texts(None, str)
        self._headed = form != "csv"

    def rows(self, chosen: ChosenRows) -> Iterator[str]:
        """A text for each row, each service before what stands below it, at last what is gone."""
        self._shape(chosen.snapshot)
        delta, cells = chosen.delta, self._cells
        one = chosen.snapshot.services, delta and delta.services
        other = chosen.snapshot.destinations, delta and delta.destinations
        services = self._of("service", self._services, chosen.services, *one, chosen)
        destinations = self._of("destination", self._destinations, chosen.destinations, *other, chosen)
        if chosen.flat:
            yield from destinations
        else:
            for service, run in zip(services, chosen.runs):
                yield service
                for _ in run:
                    yield next(destinations)
        if chosen.gone:
            start, end = self._start(chosen.snapshot), _gone_end(cells)
            for key, below in chosen.gone:
                yield f"{start}{key_text(cells, key, below)}{end}"

    def text(self, chosen: ChosenRows) -> Iterator[str]:
        """One reading in pieces."""
        before, after, nothing = self.around(chosen.snapshot)
        yield before
        separator, end = ("\n", -1) if self._form == "json" else ("", None)
        for row in self.rows(chosen):
            yield separator + row[:end]
            separator, nothing = separator and ",\n", after
        yield nothing

    def around(self, snapshot: Snapshot) -> tuple[str, str, str]:
        """What stands before the rows of the next reading, behind them, and there if there are none."""
        if self._form == "json":
            return f'{{{_head(snapshot, snapshot.namespace_totals())},"rows":[', "\n]}\n", "]}\n"
        before = "" if self._headed else HEADER
        self._headed = True
        return before, "", ""

    def parts_of_rows(self, snapshot: Snapshot, delta: Delta | None) -> tuple[str, str]:
        """What every row begins with, and what stands in front of its differences."""
        between = "" if delta is None else _before_differences(self._cells, delta.seconds, delta.fresh)
        return self._start(snapshot), between

    def totals(self, at: float, totals: Stats, before: Stats | None, seconds: float) -> Iterator[str]:
        """The totals of the namespace as one reading: live, so that every difference is fresh."""
        counted = counters_of(totals)
        if self._form == "json":
            yield f'{{"time":"{time_text(at)}","namespace_totals":{_object(COUNTED, counted)}}}\n'
            return
        if not self._headed:
            self._headed = True
            yield HEADER
        cells = self._cells
        start = f'{{"time":"{time_text(at)}",' if cells == "json" else f"{time_text(at)},"
        differences = (
            None if before is None else [max(0, a - b) for a, b in zip(counted, counters_of(before))]
        )
        tail = _tail(cells, "totals", None if differences is None else (seconds, True))
        values = (*counted, *_delta_values(differences, seconds))
        yield f"{start}{key_text(cells, None, None)}{tail % (_value(cells, None), *values)}"

    def _shape(self, snapshot: Snapshot) -> None:
        keys, below, cells = snapshot.services.keys(), snapshot.destinations.keys(), self._cells
        homes = snapshot.destinations["service"]
        if self._services.keys_of is not keys or self._destinations.keys_of is not below:
            self._services = Texts(keys, lambda row: key_text(cells, keys[row], None))
            self._destinations = Texts(below, lambda row: key_text(cells, keys[homes[row]], below[row]))

    def _start(self, snapshot: Snapshot) -> str:
        if self._form == "json":
            return "{"
        now = time_text(snapshot.time)
        return f"{now}," if self._form == "csv" else f'{{"time":"{now}",'

    def _of(
        self, kind: str, texts: Texts, rows: list[int], columns: Any, deltas: Any, chosen: ChosenRows
    ) -> Iterator[str]:
        delta, cells = chosen.delta, self._cells
        known = None if delta is None else (delta.seconds, delta.fresh)
        tail, start = _tail(cells, kind, known), self._start(chosen.snapshot)
        happened = events(deltas)
        values = numbers(columns, GAUGES, rows) if kind == "destination" else []
        values.append([_value(cells, happened.get(row)) for row in rows])
        values += numbers(columns, COUNTERS, rows)
        if deltas is not None:
            values += numbers(deltas, DELTA_NAMES, rows)
        for text, one in zip(texts.of(rows), zip(*values)):
            yield f"{start}{text}{tail % one}"


def _tail(cells: str, kind: str, known: tuple[float, bool] | None) -> str:
    """What stands behind the key of a row, with places for its numbers: the gauges of destinations, the
    event, the counters and, if it is known, what was counted in so many seconds."""
    gauges = ["%d" if kind == "destination" else _NOTHING[cells]] * len(GAUGES)
    names = COUNTED if kind == "totals" else COUNTERS
    if cells == "csv":
        row = [*gauges, "%s", *["%d"] * len(names), *[""] * (len(COUNTERS) - len(names))]
        if known is None:
            row += [""] * (2 + len(DELTA_NAMES))
        else:
            row += [_before_differences(cells, *known)[1:], *["%d"] * 5, *["%.3f"] * 5]
        return f",{','.join(row)}\n"
    delta = "null"
    if known is not None:
        places = _object(DELTA_NAMES, ["%d"] * 5 + ["%.3f"] * 5)
        delta = f"{_before_differences(cells, *known)},{places[1:]}"
    stats = _object(names, ["%d"] * len(names))
    return f',{_object(GAUGES, gauges)[1:-1]},"event":%s,"stats":{stats},"delta":{delta}}}\n'


def _before_differences(cells: str, seconds: float, fresh: bool) -> str:
    word = "true" if fresh else "false"
    if cells == "csv":
        return f",{seconds:.6f},{word}"
    return f'{{"seconds":{seconds:.6f},"fresh":{word}'


def _gone_end(cells: str) -> str:
    """Of a row that is gone nothing is known."""
    if cells == "csv":
        return f"{',' * (len(GAUGES) + 1)}vanished{',' * (len(COUNTERS) + 2 + len(DELTA_NAMES))}\n"
    gauges = _object(GAUGES, ["null"] * len(GAUGES))[1:-1]
    return f',{gauges},"event":"vanished","stats":null,"delta":null}}\n'


def _delta_values(differences: list[int] | None, seconds: float) -> list[float]:
    return [] if differences is None else [*differences, *[number / seconds for number in differences]]


def _head(snapshot: Snapshot, totals: Stats | None) -> str:
    estimating = {None: "null", True: "true", False: "false"}[snapshot.estimating]
    known = "null" if totals is None else _object(COUNTED, counters_of(totals))
    return f'"time":"{time_text(snapshot.time)}","estimating":{estimating},"namespace_totals":{known}'


def _object(names: Iterable[str], values: Iterable[object]) -> str:
    return "{" + ",".join([f'"{name}":{value}' for name, value in zip(names, values)]) + "}"
