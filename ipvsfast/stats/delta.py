"""The difference of two snapshots."""

from __future__ import annotations

from ..errors import InvalidValue
from ..kernel.layout import COUNTERS
from ..kernel.reading_memory import compare
from .snapshot import REFRESH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, overload

    from ..kernel.reading_memory import Changes
    from ..model.keys import DestinationKey, ServiceKey
    from ..model.types import DeltaColumnName, DifferenceName, RateName
    from .snapshot import Snapshot

_names: Any = (*COUNTERS, *[f"{name}_rate" for name in COUNTERS])
DELTA_NAMES: tuple[DeltaColumnName, ...] = _names


class DeltaColumns:
    """What the services, or the destinations, of the later snapshot have counted since the earlier one.

    `services["connections"]` is a column of differences (memoryview, 64 bits without sign), `services[
    "connections_rate"]` the same a second (doubles), for each row of `delta.snapshot` in its order; `names`
    are those of all. A difference is never negative, see `zeroed`, and is 0 for a row that appeared.
    """

    names: tuple[DeltaColumnName, ...] = DELTA_NAMES

    def __init__(self, changes: Changes, rows: int) -> None:
        self._changes, self._count = changes, rows

    @property
    def changes(self) -> Changes:
        """What C made, for the modules of this package."""
        return self._changes

    def __len__(self) -> int:
        return self._count

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: DifferenceName) -> memoryview: ...
        @overload
        def __getitem__(self, name: RateName) -> memoryview[float]: ...

    def __getitem__(self, name: DeltaColumnName) -> Any:
        try:
            return self._changes.column(name)
        except (KeyError, AttributeError):
            raise InvalidValue(f"no column {name!r}: there are {', '.join(DELTA_NAMES)}") from None

    @property
    def appeared(self) -> memoryview:
        """The numbers of the rows that the earlier snapshot does not have. What they counted before is
        unknown, as a destination that is added again goes on with its old counters: their difference is
        0."""
        rows: memoryview = self._changes.appeared
        return rows

    @property
    def zeroed(self) -> memoryview:
        """The numbers of the rows one of whose counters is smaller than before: they were zeroed, or
        deleted and added again. Their differences are what they have counted since, the present values."""
        rows: memoryview = self._changes.zeroed
        return rows


class ServiceDeltas(DeltaColumns):
    """DeltaColumns of services; `vanished` is a list of ServiceKey: those that only the earlier snapshot
    has."""

    def __init__(self, changes: Changes, rows: int, vanished: list[ServiceKey]) -> None:
        super().__init__(changes, rows)
        self.vanished: list[ServiceKey] = vanished


class DestinationDeltas(DeltaColumns):
    """DeltaColumns of destinations; `vanished` is a list of (ServiceKey, DestinationKey): those that only the
    earlier snapshot has."""

    def __init__(
        self, changes: Changes, rows: int, vanished: list[tuple[ServiceKey, DestinationKey]]
    ) -> None:
        super().__init__(changes, rows)
        self.vanished: list[tuple[ServiceKey, DestinationKey]] = vanished


class Delta:
    """`later - earlier`: what was counted between two snapshots of the same table.

    `services`, `destinations`: see DeltaColumns; a row is the same if its key is, wherever it stands.
    `snapshot`: the later one, with the keys and all other columns. `seconds`: from the middle of the
    earlier reading to the middle of the later one; rates are differences by these seconds. `fresh`: whether
    both are live, or the kernel has refreshed every counter in between, which takes 2 seconds: else a
    difference may be 0, or that of two seconds, whatever the interval. After a live snapshot the kernel's
    counters may be behind it: a counter that is smaller has a difference of 0 then, and is not taken for
    zeroed, until `fresh`. InvalidValue if `earlier` is not the earlier one.
    """

    def __init__(self, later: Snapshot, earlier: Snapshot) -> None:
        self.snapshot: Snapshot = later
        self.seconds: float = later.at - earlier.at
        if self.seconds <= 0:
            raise InvalidValue("a difference is that of a later and an earlier snapshot: later - earlier")
        self.fresh: bool = (later.live and earlier.live) or (
            later.estimating is not False and self.seconds >= REFRESH
        )
        same = later._shape is earlier._shape
        behind = earlier.live and not later.live and not self.fresh
        services, dests = compare(later._pool, later._rows, earlier._rows, self.seconds, same, behind)
        gone_services: list[ServiceKey] = []
        gone_dests: list[tuple[ServiceKey, DestinationKey]] = []
        if len(services.vanished) or len(dests.vanished):
            keys = earlier.services.keys()
            gone_services += [keys[n] for n in services.vanished]
            homes, dest_keys = earlier.destinations["service"], earlier.destinations.keys()
            gone_dests += [(keys[homes[n]], dest_keys[n]) for n in dests.vanished]
        self.services: ServiceDeltas = ServiceDeltas(services, len(later.services), gone_services)
        self.destinations: DestinationDeltas = DestinationDeltas(dests, len(later.destinations), gone_dests)

    def __repr__(self) -> str:
        rows = f"{len(self.services)} services, {len(self.destinations)} destinations"
        return f"<Delta of {self.seconds:.3f} s, {rows}>"
