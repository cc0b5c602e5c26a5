"""Snapshots again and again, over the same session and in the same memory."""

from __future__ import annotations

import math
import os
import time
from _thread import allocate_lock

from ..errors import InvalidValue
from ..kernel.reading_memory import MemoryPool
from ..model.table_filter import EVERYTHING
from .namespace import namespace_totals
from .snapshot import take_snapshot
from .sources import source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType

    from ..kernel.session import Session
    from ..model.stats import Stats
    from ..model.table_filter import TableFilter
    from ..model.types import SnapshotSource
    from .delta import Delta
    from .snapshot import Snapshot
    from .sources import Source


class Poller:
    """Reads the table again and again; made by Ipvs.poller().

    source: "netlink", "sockopt" (the older socket option for what it tells exactly, netlink for the rest: the
    same values for less), "live" (counters as they are at the moment of the reading, by a BPF program), or
    "auto": live where readings are less than two seconds apart, or the kernel refreshes no counters, and
    where it can be had; else sockopt. interval: seconds between readings, which every() sets too; None:
    unknown, which counts as long. wanted: rows that are asked for by what identifies them (service,
    destination, protocols, fwmarks, families): live readings may leave others out. Two readings' memory is
    used in turn as long as nobody keeps more than the last snapshot; what is kept stays as it is, and costs
    memory of its own. Threads may share a poller, calls wait for each other. Errors are those of Ipvs:
    IpvsUnavailable while the module is not loaded. A later call works when it is there again. InvalidValue
    for a source that there is not; with "live" IpvsError says why it cannot be had.
    """

    def __init__(
        self, session: Session, source: SnapshotSource = "auto", interval: float | None = None,
        wanted: TableFilter | None = None,
    ) -> None:  # fmt: skip
        self._session = session
        self._source: Source = source_of(source, session, None if wanted == EVERYTHING else wanted)
        self._pool = MemoryPool()
        self._last: Snapshot | None = None
        self._lock, self._pid = allocate_lock(), os.getpid()
        self.interval = interval

    @property
    def interval(self) -> float | None:
        """Seconds between readings, by which "auto" goes; may be set at any time."""
        return self._interval

    @interval.setter
    def interval(self, seconds: float | None) -> None:
        self._interval = None if seconds is None else check_interval(seconds)

    def open(self) -> None:
        """Gets live counters ready now, where they may be wanted later and can be had: readings take no
        privilege then, beyond that for netlink. IpvsError with source "live" where they cannot be had."""
        with self._own_lock():
            self._source.open()

    def poll(self) -> Snapshot:
        """Read the table now."""
        with self._own_lock():
            self._source.interval = self._interval
            self._last = take_snapshot(self._session, self._source, self._last, self._pool)
            return self._last

    def _own_lock(self) -> LockType:
        """The session refuses a child after fork, whose copy of the lock perhaps nobody gives back."""
        if self._pid != os.getpid():
            self._lock, self._pid = allocate_lock(), os.getpid()
        return self._lock

    def close(self) -> None:
        """Unloads the program of live counters, if there is one; a later poll would load it again."""
        with self._own_lock():
            self._source.close()

    def every(self, seconds: float) -> Deltas:
        """A Delta each `seconds`, without end, for `for` and for `async for`; see Deltas."""
        found = Deltas(self, seconds)
        self.interval = found.seconds
        return found

    def totals(self) -> Stats:
        """What all services of the namespace have counted since it exists, at this moment: not refreshed
        every 2 seconds but live, also where the kernel refreshes nothing, and never zeroed. One small file
        is read, not the table. There are no rates: they are 0. IpvsUnavailable if the file cannot be
        read."""
        return namespace_totals(self._session)


class Deltas:
    """The differences between polls at fixed times: for delta in poller.every(1.0).

    The first poll is made when the first delta is asked for, and the delta comes one interval later.
    Deadlines are multiples of the interval after that first poll, on the monotonic clock: they do not
    drift, and those that have gone by when the loop asks are left out (`skipped` counts them), not made up
    for. With `async for` the table is read in a thread, so that other tasks run on; a cancelled wait does
    no harm, and the loop can be entered again. After an exception it can too: the next delta goes from the
    last snapshot that was read here.
    """

    def __init__(self, poller: Poller, seconds: float) -> None:
        self.seconds: float = check_interval(seconds)
        self.skipped: int = 0
        self._poller = poller
        self._last: Snapshot | None = None
        self._start, self._number = 0.0, 0

    def __iter__(self) -> Deltas:
        return self

    def __aiter__(self) -> Deltas:
        return self

    def __next__(self) -> Delta:
        if self._last is None:
            self._begin(self._poller.poll())
        time.sleep(self._wait())
        return self._next(self._poller.poll())

    async def __anext__(self) -> Delta:
        from asyncio import sleep, to_thread

        if self._last is None:
            self._begin(await to_thread(self._poller.poll))
        await sleep(self._wait())
        return self._next(await to_thread(self._poller.poll))

    def _begin(self, snapshot: Snapshot) -> None:
        self._last, self._start, self._number = snapshot, snapshot.started, 0

    def _wait(self) -> float:
        """The seconds to the next deadline, which is set here."""
        now = time.monotonic()
        number = next_deadline(self._start, self.seconds, self._number, now)
        self.skipped += number - self._number - 1
        self._number = number
        return max(0.0, self._start + number * self.seconds - now)

    def _next(self, snapshot: Snapshot) -> Delta:
        earlier, self._last = self._last, snapshot
        assert earlier is not None  # _begin() has set it
        return snapshot - earlier


def check_interval(seconds: float) -> float:
    """The same, if it is a time between two readings; else InvalidValue."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise InvalidValue(f"an interval is a number of seconds, not {seconds!r}")
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidValue(f"an interval must be more than 0 seconds, not {seconds!r}")
    return float(seconds)


def next_deadline(start: float, interval: float, last: int, now: float) -> int:
    """The number of the first deadline after the `last` one that is not over; number n is `start` and n
    intervals.

    A timer may wake a little early, so the last one may seem to lie ahead.
    """
    return max(last, math.floor((now - start) / interval)) + 1
