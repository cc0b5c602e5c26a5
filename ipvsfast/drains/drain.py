"""Destinations that get no new connections (weight 0), until those that they have are gone."""

from __future__ import annotations

import errno

from ..changes.clock import Clock
from ..changes.lock import LONGEST, Moments
from ..errors import InvalidValue, IpvsError, plural
from .chosen import read_chosen, read_if_still, send_all
from .remembered import forget, remember

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final

    from ..kernel.session import Session
    from ..model.destination import Destination
    from ..model.keys import DestinationKey, ServiceKey
    from ..model.types import DrainState
    from .chosen import Entry, Name, Targets

    OnLook = Callable[["Drained"], None]

IDLE = 10  # times as long as a look takes there is none
POLL = 0.5  # seconds between two looks; the numbers of connections are live
GONE = (errno.ENOENT, errno.ESRCH)
"""What is answered where there is no such destination, or no such service."""


class DrainedDestination:
    """What became of one destination.

    state: "drained": weight 0 and no connection; "waiting": weight 0 and some; "deleted"; "gone": another
    program deleted it; "raised": another gave it a weight again; "refused": the kernel refused a change,
    `errno` says why. before: the weight that `undrain` gives it. weight, active, inactive, persistent: as it
    was seen last.
    """

    __slots__ = ("service", "destination", "state", "before", "weight", "active", "inactive", "persistent",
                 "errno")  # fmt: skip

    def __init__(
        self, service: ServiceKey, one: Destination, before: int, state: DrainState, code: int
    ) -> None:
        self.service: Final[ServiceKey] = service
        self.destination: Final[DestinationKey] = one.key
        self.state: Final[DrainState] = state
        self.before: Final[int] = before
        self.weight: Final[int] = one.weight
        self.active: Final[int] = one.active
        self.inactive: Final[int] = one.inactive
        self.persistent: Final[int] = one.persistent
        self.errno: Final[int] = code

    @property
    def connections(self) -> int:
        """All that it had when it was seen last."""
        return self.active + self.inactive + self.persistent

    def to_dict(self) -> dict[str, Any]:
        """All of that; service and destination as their to_dict() has them."""
        names = ("state", "before", "weight", "active", "inactive", "persistent", "errno")
        keys = {"service": self.service.to_dict(), "destination": self.destination.to_dict()}
        return {**keys, **{name: getattr(self, name) for name in names}}

    def __str__(self) -> str:
        return f"{self.service} {self.destination}"

    def __repr__(self) -> str:
        return f"<DrainedDestination {self}: {self.state}>"


class Drained:
    """The account of a drain. destinations: what became of each, in the order of the table. unmet: addresses
    that were asked for, and at which there is nothing. persistent: how many are of persistent services.
    seconds: what it took. ended: the exception that ended it early, or None."""

    __slots__ = ("destinations", "unmet", "persistent", "seconds", "ended")

    def __init__(
        self, destinations: list[DrainedDestination], unmet: list[str], persistent: int, seconds: float,
        ended: BaseException | None = None,
    ) -> None:  # fmt: skip
        self.destinations: Final[list[DrainedDestination]] = destinations
        self.unmet: Final[list[str]] = unmet
        self.persistent: Final[int] = persistent
        self.seconds: Final[float] = seconds
        self.ended: Final[BaseException | None] = ended

    def those(self, *states: DrainState) -> list[DrainedDestination]:
        """The destinations in these states."""
        return [one for one in self.destinations if one.state in states]

    @property
    def left(self) -> list[DrainedDestination]:
        """Those that still have connections."""
        return self.those("waiting")

    @property
    def ok(self) -> bool:
        """Whether no destination has connections any more, and nothing went wrong."""
        return not self.those("waiting", "raised", "refused")

    @property
    def connections(self) -> tuple[int, int, int]:
        """Active, inactive and persistent ones of those that still have some."""
        return _sums(self.left)

    def to_dict(self) -> dict[str, Any]:
        """ok, seconds, how many destinations are in each state, and the destinations."""
        states = ("drained", "waiting", "deleted", "gone", "raised", "refused")
        counts = {name: sum([one.state == name for one in self.destinations]) for name in states}
        rows = [one.to_dict() for one in self.destinations]
        return {"ok": self.ok, "seconds": round(self.seconds, 3), **counts, "destinations": rows}

    def summary(self) -> str:
        """The account in one line."""
        texts = []
        for state, what in (
            ("drained", "without connections"),
            ("gone", "deleted by another program"),
            ("raised", "with a weight that another program has set"),
            ("refused", "refused by the kernel"),
            ("deleted", "deleted"),
        ):
            count = sum([one.state == state for one in self.destinations])
            if count:
                texts.append(f"{count:,} {what}")
        broken = [one for one in self.those("deleted") if one.connections]
        if broken:
            texts.append(f"{len(broken):,} of them with {connections_text(_sums(broken))}")
        if self.left:
            texts.append(f"{len(self.left):,} with {connections_text(self.connections)}")
        count = len(self.destinations)
        return f"{count:,} {plural(count, 'destination')} after {self.seconds:.1f} s: {', '.join(texts)}"

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"<Drained {self}>"


def _sums(destinations: list[DrainedDestination]) -> tuple[int, int, int]:
    return (
        sum([one.active for one in destinations]),
        sum([one.inactive for one in destinations]),
        sum([one.persistent for one in destinations]),
    )


def connections_text(numbers: tuple[int, int, int]) -> str:
    """`3 active, 1 inactive connections`; kinds of which there are none are left out."""
    named = zip(numbers, ("active", "inactive", "persistent"))
    return f"{', '.join([f'{n:,} {name}' for n, name in named if n]) or 'no'} " + plural(
        sum(numbers), "connection"
    )


class Emptying:
    """Gives destinations the weight 0 and looks at them until their connections are gone."""

    def __init__(self, session: Session, entries: Iterable[Entry], clock: Clock | None = None) -> None:
        self._session = session
        self._clock = clock or Clock()
        self._start = self._clock.now()
        self._seen: dict[Name, Entry] = {entry.name: entry for entry in entries}
        self._before = {name: entry.weight for name, entry in self._seen.items()}
        self._not_zero: dict[Name, int] = {}  # refusals
        self._not_deleted: dict[Name, int] = {}
        self._gone: set[Name] = set()
        self._deleted: set[Name] = set()
        self._fresh = False  # whether the last look showed the table

    @property
    def begun(self) -> bool:
        """Whether there is anything to be emptied."""
        return bool(self._seen)

    @property
    def persistent(self) -> int:
        """How many are of persistent services."""
        return sum([entry.persistent for entry in self._seen.values()])

    def before(self, weights: dict[Name, int]) -> None:
        """What the weights were, if they are remembered from an earlier drain."""
        self._before.update({name: weights[name] for name in self._seen if name in weights})

    def set_zero(self) -> None:
        """All at once. What is refused is seen by its weight."""
        todo = [(name, entry) for name, entry in self._seen.items() if entry.weight]
        codes = send_all(self._session, [entry.with_weight(0) for _, entry in todo])
        self._not_zero = {name: code for (name, _), code in zip(todo, codes) if code}

    def state(self, name: Name) -> DrainState:
        """By what was seen last."""
        if name in self._deleted:
            return "deleted"
        if name in self._gone:
            return "gone"
        entry = self._seen[name]
        if entry.weight:
            return "refused" if name in self._not_zero else "raised"
        if name in self._not_deleted:
            return "refused"
        return "waiting" if entry.connections else "drained"

    def names(self, *states: DrainState) -> list[Name]:
        """Those in these states."""
        return [name for name in self._seen if self.state(name) in states]

    def look(self) -> bool:
        """Whether the table could be read; then all that is told is as it shows them."""
        open_ = [name for name in self._seen if name not in self._deleted and name not in self._gone]
        now = read_if_still(self._session, open_) if open_ else {}
        self._fresh = now is not None
        if now is None:
            return False
        for name in open_:
            entry = now.get(name)
            if entry is None:
                self._gone.add(name)
            else:
                self._seen[name] = entry
        return True

    def look_for_deleted(self) -> None:
        """The same; what is not there any more was deleted by who drained it."""
        gone = set(self._gone)
        self.look()
        self._deleted |= self._gone - gone

    def wait(self, seconds: float | None, told: Callable[[], None]) -> None:
        """Until no connection is left, or so many seconds are over. told: called after each look."""
        start = self._clock.now()
        end = None if seconds is None else start + seconds
        while True:
            before = self._clock.now()
            fresh = self.look()
            told()
            if fresh and not self.names("waiting"):
                return
            now = self._clock.now()
            if end is not None and now >= end:
                return
            # Of a large table a look takes long: it is not to be most of what this machine does.
            pause = 1 + int((now - before) * IDLE / POLL)
            moment = start + ((now - start) // POLL + pause) * POLL
            self._clock.wait_until(moment if end is None else min(moment, end))

    def delete(self, also_waiting: bool) -> None:
        """Those without connections, as the last look showed them; also_waiting: those with some too."""
        if not self._fresh and not self.look():
            return
        names = self.names("drained", "waiting") if also_waiting else self.names("drained")
        codes = send_all(self._session, [self._seen[name].deletion() for name in names])
        for name, code in zip(names, codes):
            if not code:
                self._deleted.add(name)
            elif code in GONE:
                self._gone.add(name)
            else:
                self._not_deleted[name] = code

    def account(self, unmet: list[str], ended: BaseException | None = None) -> Drained:
        """How it is now, as far as it was seen."""
        codes = {**self._not_zero, **self._not_deleted}
        rows = []
        for name, entry in self._seen.items():
            state = self.state(name)
            code = codes.get(name, 0) if state == "refused" else 0
            rows.append(DrainedDestination(entry.service, entry.destination, self._before[name], state, code))
        return Drained(rows, unmet, self.persistent, self._clock.now() - self._start, ended)


class Draining:
    """A drain as it was asked for. Its weights are remembered before they are changed; running it again goes
    on. Whatever ends it, and wherever, `account` tells where it stands."""

    def __init__(
        self,
        session: Session,
        targets: Targets,
        *,
        timeout: float | None = None,
        wait: bool = True,
        delete: bool = False,
        force: bool = False,
        progress: OnLook | None = None,
        lock_wait: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        check_seconds("timeout", timeout)
        if force and not delete:
            raise InvalidValue("force deletes what still has connections: it needs delete")
        self._session, self._targets, self._clock = session, targets, clock
        self._timeout = timeout if wait else 0
        self._delete, self._force, self._progress = delete, force, progress
        self._unmet: list[str] = []
        self._work = Emptying(session, (), clock)
        self.locks: Final = Moments(session, lock_wait)

    def carry_out(self) -> Drained:
        """The account, unless an exception ends it. InvalidValue if nothing is meant; TableLocked where
        another replaces the table: at the beginning nothing was done then."""
        with self.locks():
            entries = chosen(self._session, self._targets)
            self._unmet = self._targets.unmet([entry.name for entry in entries])
            weights = remember(self._session, entries)
            self._work = work = Emptying(self._session, entries, self._clock)
            work.before(weights)
            work.set_zero()
        work.wait(self._timeout, self._told)
        if self._delete:
            with self.locks():
                work.delete(self._force)
                work.look()
            forget(self._session, work.names("deleted", "gone"))
        return self.account()

    @property
    def begun(self) -> bool:
        """Whether weights may have been changed."""
        return self._work.begun

    def _told(self) -> None:
        if self._progress is not None:
            self._progress(self.account())

    def account(self, ended: BaseException | None = None) -> Drained:
        """Where it stands. ended: the exception that ended it; then the table is looked at."""
        if ended is not None:
            self.locks.release()
            try:
                self._work.look()
            except IpvsError:
                pass
        return self._work.account(self._unmet, ended)


def chosen(session: Session, targets: Targets) -> list[Entry]:
    """What is meant; InvalidValue if that is nothing."""
    entries = read_chosen(session, targets.mean)
    if not entries:
        raise InvalidValue("there is no such destination; nothing was done")
    return entries


def check_seconds(what: str, seconds: float | None) -> None:
    """InvalidValue for what is no time to wait; None is one without an end."""
    if seconds is not None and not 0 <= seconds <= LONGEST:  # a NaN is not, either
        raise InvalidValue(f"{what} must be seconds, 0 to {LONGEST:.0f}, not {seconds!r}")
