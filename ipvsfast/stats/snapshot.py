"""One timed reading of the table."""

from __future__ import annotations

import time

from ..kernel.reading_memory import MemoryPool
from ..model.stats import Stats
from .columns import DestinationColumns, ServiceColumns, Shape
from .namespace import is_estimating, parse_totals, totals_text
from .sources import LIVE, REFRESH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.reading_memory import LentRows
    from ..kernel.session import Session
    from .delta import Delta
    from .sources import Source

__all__ = ["REFRESH", "Snapshot", "take_snapshot"]


class Snapshot:
    """The table at one time, as columns: see ServiceColumns and DestinationColumns.

    `services`, `destinations`: the rows. `started`, `ended`: when the reading began and ended, by
    time.monotonic(). `source`: where it came from, "sockopt", "netlink" or "live". `unstable`: how many of
    its parts changed each time that they were read; some destinations or services may be missing.
    `estimating`: whether the kernel refreshes its counters in this namespace (the sysctls run_estimation and
    est_cpulist); None if it does not say. `live`: whether all counters are those of the moment in which they
    were read; the kernel's rates are not. `fresh`: whether they are, or every counter was refreshed since the
    last fresh snapshot of the same poller, which takes 2 seconds; of a first snapshot, whether the kernel
    refreshes them.

    `later - earlier` is a Delta. A snapshot, its columns, and arrays of numpy that were made of them, stay
    as they are for as long as they are kept.
    """

    def __init__(
        self, rows: LentRows, pool: MemoryPool, times: tuple[float, float, float], source: str,
        unstable: int, namespace: tuple[bool | None, bytes | None], before: Snapshot | None, note: str = "",
    ) -> None:  # fmt: skip
        self._rows, self._pool = rows, pool
        self.estimating: bool | None = namespace[0]
        self._namespace = namespace[1]
        self._shape: Shape = before._shape if before is not None and rows.same_keys(before._rows) else Shape()
        self.started: float = times[0]
        self.ended: float = times[1]
        self._clock = times[2]
        self.source: str = source
        self.live: bool = source == LIVE
        self._note = note
        self.unstable: int = unstable
        # When the last fresh snapshot was: from then on a counter may have moved.
        last = before._fresh_at if before is not None else None
        self.fresh: bool = self.live or (
            self.estimating is not False and (last is None or self.at - last >= REFRESH)
        )
        self._fresh_at: float | None = self.at if self.fresh else last
        self.services: ServiceColumns = ServiceColumns(rows, self._shape)
        self.destinations: DestinationColumns = DestinationColumns(rows, self._shape)

    @property
    def rows(self) -> LentRows:
        """What C has read, for the modules of this package."""
        return self._rows

    @property
    def shape(self) -> Shape:
        """The same object in snapshots that have the same keys in the same order, likewise."""
        return self._shape

    @property
    def at(self) -> float:
        """The middle of the reading, by time.monotonic()."""
        return (self.started + self.ended) / 2

    @property
    def time(self) -> float:
        """The middle of the reading as seconds since 1970, by the clock of the machine as it was then."""
        return self._clock

    @property
    def notes(self) -> list[str]:
        """What whoever uses the numbers should know, a sentence each; mostly nothing."""
        found = []
        if self.estimating is False and not self.live:
            found.append(
                "the kernel does not refresh its counters in this namespace (see the sysctls "
                "net.ipv4.vs.run_estimation and est_cpulist): they and the rates stand still, only active, "
                "inactive and persistent connections are live"
            )
        if self._note:
            found.append(self._note)
        if self.unstable:
            found.append("the table kept changing while it was read: rows may be missing")
        return found

    def totals(self) -> Stats:
        """The sums over all services of this snapshot, of counters and of the kernel's rates."""
        return Stats._make(*self._rows.totals())

    def namespace_totals(self) -> Stats | None:
        """What all services of the namespace had counted since it exists when the reading ended: live, not
        refreshed every 2 seconds, never zeroed, deleted services included. There are no rates: they are 0.
        None where the kernel does not say."""
        return None if self._namespace is None else parse_totals(self._namespace)

    def __sub__(self, earlier: Snapshot) -> Delta:
        if not isinstance(earlier, Snapshot):
            return NotImplemented
        from .delta import Delta

        return Delta(self, earlier)

    def __repr__(self) -> str:
        return (
            f"<Snapshot of {len(self.services)} services and {len(self.destinations)} destinations, "
            f"{self.source}, {self.ended - self.started:.3f} s>"
        )


def take_snapshot(
    session: Session, source: Source, before: Snapshot | None = None, pool: MemoryPool | None = None
) -> Snapshot:
    """Reads the table now. before: the snapshot before this one, with which it may share what is the same."""
    pool = MemoryPool() if pool is None else pool
    reading = pool.reading()
    estimating = is_estimating(session)
    # Counters of 32 bits go on from the kernel's own, not from live ones, which are ahead of them.
    kernels = before._rows if before is not None and not before.live else None
    clock, started = time.time(), time.monotonic()
    try:
        source.read(reading, kernels, estimating)
    except BaseException:
        pool.give_back(reading)
        raise
    ended = time.monotonic()
    times = started, ended, clock + (ended - started) / 2
    namespace = estimating, totals_text(session)
    rows = pool.lend(reading)
    return Snapshot(rows, pool, times, source.name, reading.unstable, namespace, before, source.note)
