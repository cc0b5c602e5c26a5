"""Which rows of a snapshot are wanted, and in which order, reading after reading."""

from __future__ import annotations

from itertools import chain

from ..model.destination import SHARE
from ..model.table_filter import COUNTERS, NUMBERS, Selection
from .order import destination_numbers, service_numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.keys import DestinationKey, ServiceKey
    from ..model.table_filter import TableFilter
    from ..stats.delta import Delta
    from ..stats.snapshot import Snapshot

    Gone = tuple[ServiceKey, DestinationKey | None]
    _Numbers = tuple[list[int], list[list[int]]]


class ChosenRows:
    """The wanted rows of one snapshot, by their numbers.

    services: in their order, and runs: for each of them the destinations that stand below it; or, where
    destinations are sorted or limited, no services, and one run of destinations. gone: what was wanted of the
    snapshot before, and is in this one no more; of a service without a destination.
    """

    __slots__ = ("snapshot", "delta", "services", "runs", "gone")

    def __init__(
        self, snapshot: Snapshot, delta: Delta | None, services: list[int], runs: list[list[int]]
    ) -> None:
        self.snapshot: Snapshot = snapshot
        self.delta: Delta | None = delta
        self.services: list[int] = services
        self.runs: list[list[int]] = runs
        self.gone: list[Gone] = []

    @property
    def flat(self) -> bool:
        """Whether it is a list of destinations."""
        return not self.services and len(self.runs) == 1

    @property
    def destinations(self) -> list[int]:
        """All of them."""
        return self.runs[0] if len(self.runs) == 1 else list(chain.from_iterable(self.runs))

    def cut(self, limit: int) -> ChosenRows:
        """The same with the first rows only; 0: all."""
        if not limit:
            return self
        if self.services:
            return ChosenRows(self.snapshot, self.delta, self.services[:limit], self.runs[:limit])
        return ChosenRows(self.snapshot, self.delta, [], [run[:limit] for run in self.runs])


class RowChooser:
    """A TableFilter at work on the snapshots of one poller.

    What depends on keys alone is worked out once for all snapshots that share them; conditions on numbers
    go over columns. No value is made for a row.
    """

    def __init__(self, wanted: TableFilter) -> None:
        self._wanted = wanted
        self._selection = Selection(wanted)
        self._shape: _Shape | None = None
        self._before: tuple[_Shape, _Numbers] | None = None

    def choose(self, snapshot: Snapshot, delta: Delta | None = None) -> ChosenRows:
        """What is wanted of it. delta: of this one and the one before; then it is what sorts counters."""
        shape = self._shape
        if shape is None or not shape.fits(snapshot):
            shape = self._shape = _Shape(self._wanted, self._selection, snapshot)
        if self._wanted.services_only:
            found = self._of_services(shape, snapshot, delta)
        elif self._wanted.sort or self._wanted.limit:
            found = ChosenRows(snapshot, delta, [], [self._of_destinations(shape, snapshot, delta)])
        else:
            found = self._grouped(shape, snapshot, delta)
        cut = found.cut(self._wanted.limit)
        if self._before is not None and delta is not None:
            cut.gone = _gone(*self._before, delta)
        # Numbers only, so that the memory of the snapshot can be used again.
        self._before = shape, (found.services, found.runs)
        return cut

    def _of_services(self, shape: _Shape, snapshot: Snapshot, delta: Delta | None) -> ChosenRows:
        wanted = self._wanted
        services = self._scheduled(shape.services, snapshot)
        if wanted.min_active:
            active = _sums(snapshot, "active")
            services = [number for number in services if active[number] >= wanted.min_active]
        if wanted.sort in COUNTERS:
            services = _largest(services, _column(wanted.sort, snapshot.services, delta and delta.services))
        elif wanted.sort in NUMBERS:
            services = _largest(services, _sums(snapshot, wanted.sort))
        elif wanted.sort:
            keys = snapshot.services.keys()
            services = sorted(services, key=keys.__getitem__)
        return ChosenRows(snapshot, delta, services, [[] for _ in services])

    def _of_destinations(self, shape: _Shape, snapshot: Snapshot, delta: Delta | None) -> list[int]:
        found = shape.destinations
        if self._wanted.schedulers:
            homes = snapshot.destinations["service"]
            services = set(self._scheduled(shape.services, snapshot))
            found = [number for number in found if homes[number] in services]
        found = self._with_numbers([found], snapshot)[0]
        if self._wanted.sort in COUNTERS or self._wanted.sort in NUMBERS:
            values = _column(self._wanted.sort, snapshot.destinations, delta and delta.destinations)
            return _largest(found, values)
        return found

    def _grouped(self, shape: _Shape, snapshot: Snapshot, delta: Delta | None) -> ChosenRows:
        services, runs = shape.services, shape.runs
        if self._wanted.schedulers:
            below = dict(zip(services, runs))
            services = self._scheduled(services, snapshot)
            runs = [below[number] for number in services]
        if self._wanted.about_destinations:
            runs = self._with_numbers(runs, snapshot)
            services = [number for number, run in zip(services, runs) if run]
            runs = [run for run in runs if run]
        return ChosenRows(snapshot, delta, services, runs)

    def _scheduled(self, services: list[int], snapshot: Snapshot) -> list[int]:
        if not self._wanted.schedulers:
            return services
        names = snapshot.services["scheduler"]
        held = {name: self._selection.has_scheduler(name) for name in set(names)}
        return [number for number in services if held[names[number]]]

    def _with_numbers(self, runs: list[list[int]], snapshot: Snapshot) -> list[list[int]]:
        least, zero = self._wanted.min_active, self._wanted.zero_weight
        if least:
            active = snapshot.destinations["active"].tolist()
            runs = [[number for number in run if active[number] >= least] for run in runs]
        if zero is not None:
            share = snapshot.destinations[SHARE].tolist()
            runs = [[number for number in run if (share[number] == 0) == zero] for run in runs]
        return runs


class _Shape:
    """What the keys of a snapshot say about its rows, whatever their numbers are."""

    def __init__(self, wanted: TableFilter, selection: Selection, snapshot: Snapshot) -> None:
        self.service_keys = snapshot.services.keys()
        self.destination_keys = snapshot.destinations.keys()
        self.homes = snapshot.destinations["service"]
        service_keys, keys = self.service_keys, self.destination_keys
        has = selection.has_service_key
        self.services = [number for number in service_numbers(service_keys) if has(service_keys[number])]
        first, count = snapshot.services["first_destination"], snapshot.services["destination_count"]
        self.runs: list[list[int]] = []
        if not wanted.services_only:
            self.runs = [destination_numbers(keys, first[n], count[n]) for n in self.services]
        if wanted.destination:
            meant = selection.has_destination
            self.runs = [[number for number in run if meant(keys[number])] for run in self.runs]
        self.destinations = list(chain.from_iterable(self.runs))
        if wanted.sort == "service":
            self.destinations.sort(key=lambda n: (service_keys[self.homes[n]], keys[n]))
        elif wanted.sort == "destination":
            self.destinations.sort(key=lambda n: (keys[n], service_keys[self.homes[n]]))

    def fits(self, snapshot: Snapshot) -> bool:
        """Whether the snapshot has the same keys in the same order: then it shares them."""
        return (
            snapshot.services.keys() is self.service_keys
            and snapshot.destinations.keys() is self.destination_keys
        )


def _gone(shape: _Shape, before: _Numbers, delta: Delta) -> list[Gone]:
    """What of the rows before has vanished."""
    services, destinations = set(delta.services.vanished), set(delta.destinations.vanished)
    if not services and not destinations:
        return []
    keys, below, homes = shape.service_keys, shape.destination_keys, shape.homes
    shown, runs = before
    found: list[Gone] = [(keys[n], None) for n in shown if keys[n] in services]
    pairs = [(keys[homes[n]], below[n]) for run in runs for n in run]
    return found + [pair for pair in pairs if pair in destinations]


def _column(name: Any, columns: Any, deltas: Any) -> list[int]:
    """The numbers that sort: counted since the snapshot before, if there was one."""
    found: list[int] = (deltas if deltas is not None and name in deltas.names else columns)[name].tolist()
    return found


def _largest(numbers: list[int], values: list[int]) -> list[int]:
    return sorted(numbers, key=values.__getitem__, reverse=True)


def _sums(snapshot: Snapshot, name: Any) -> list[int]:
    """For each service the sum over its destinations."""
    values = snapshot.destinations[name].tolist()
    spans = zip(snapshot.services["first_destination"], snapshot.services["destination_count"])
    return [sum(values[first : first + count]) for first, count in spans]
