"""Rates over a few of the kernel's steps, reading after reading."""

from __future__ import annotations

from .snapshot import REFRESH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.stats import Stats
    from ..model.types import DestinationColumnName
    from .delta import Delta
    from .snapshot import Snapshot

SPAN = 2 * REFRESH  # over which rates are taken, in seconds
_EARLY = 0.05  # a reading may come so much of the span too early
_SPACING = SPAN / 5
RATED = ("connections", "in_packets", "out_packets", "in_bytes", "out_bytes")


class Moment:
    """One reading, with what it is compared with.

    `snapshot`: the reading. `delta`: the difference to one that is some seconds older, None where there is
    none that is two seconds older; of live counters to the one before.
    `totals`: connections, packets in and out, bytes in and out a second of the whole namespace since the
    reading before, live; None where that is unknown.
    """

    def __init__(
        self, snapshot: Snapshot, delta: Delta | None, totals: tuple[float, ...] | None
    ) -> None:  # fmt: skip
        self.snapshot: Snapshot = snapshot
        self.delta: Delta | None = delta
        self.totals: tuple[float, ...] | None = totals
        self._numbers: dict[str, list[int]] = {}

    def of_destinations(self, name: DestinationColumnName) -> list[int]:
        """A column of the destinations as a list, which is made once: sums over it take less time than over
        the column in place."""
        found = self._numbers.get(name)
        if found is None:
            found = self._numbers[name] = self.snapshot.destinations[name].tolist()
        return found


class RateWindow:
    """Compares each snapshot with one that is about `seconds` older, or with the one before it if readings
    are further apart.

    The kernel adds to the counters of a row every two seconds. Over a multiple of that a difference has
    nearly always the same number of steps in it, so that a steady stream has a steady rate; the default is
    two of them. Older snapshots are kept for that, six at most. Live counters have no steps: those snapshots
    are compared with the one before.
    """

    def __init__(self, seconds: float = SPAN) -> None:
        self.seconds: float = seconds
        self._kept: list[Snapshot] = []
        self._totals: tuple[float, Stats] | None = None

    def add(self, snapshot: Snapshot) -> Moment:
        """The next reading, later than all before."""
        kept = self._kept
        if kept and kept[-1].live != snapshot.live:  # what is between them is no traffic
            kept.clear()
        if snapshot.live:
            delta = snapshot - kept[-1] if kept else None
            kept[:] = [snapshot]
            return Moment(snapshot, delta, self._live(snapshot))
        while len(kept) > 1 and snapshot.at - kept[1].at >= self.seconds * (1 - _EARLY):
            del kept[0]
        enough = kept and snapshot.at - kept[0].at >= REFRESH * (1 - _EARLY)
        delta = snapshot - kept[0] if enough else None
        if not kept or snapshot.at - kept[-1].at >= _SPACING:
            kept.append(snapshot)
        return Moment(snapshot, delta, self._live(snapshot))

    def forget(self) -> None:
        """What comes next is a first reading again."""
        self._kept.clear()
        self._totals = None

    def _live(self, snapshot: Snapshot) -> tuple[float, ...] | None:
        """The totals of the namespace are read when the table has been."""
        stats, before = snapshot.namespace_totals(), self._totals
        self._totals = None if stats is None else (snapshot.ended, stats)
        if stats is None or before is None:
            return None
        seconds, earlier = snapshot.ended - before[0], before[1]
        return tuple([max(0, getattr(stats, name) - getattr(earlier, name)) / seconds for name in RATED])
