"""Weights of many destinations, set at once or in steps over some time."""

from __future__ import annotations

from ..changes.clock import Clock
from ..changes.lock import Moments
from ..errors import InvalidValue, IpvsError, TableLocked, plural
from ..model.kernel_names import INT_MAX
from ..model.value import check_range
from .chosen import read_again, read_if_still, send_all
from .drain import GONE, check_seconds, chosen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from ..kernel.session import Session
    from ..model.destination import Destination
    from ..model.keys import DestinationKey, ServiceKey
    from ..model.types import RampState
    from .chosen import Entry, Name, Targets

    OnStep = Callable[["Ramped"], None]

MOST_STEPS = 100_000


class RampedDestination:
    """What became of one destination. state: "reached"; "on the way"; "moved": another program has set its
    weight meanwhile, and it was left so; "gone": it is not there any more; "refused": the kernel refused,
    `errno` says why. start: the weight that it began with. weight: the one that it was seen to have last.
    set: those that it got, in order."""

    __slots__ = ("service", "destination", "state", "start", "weight", "set", "errno")

    def __init__(self, service: ServiceKey, one: Destination, goal: int) -> None:
        self.service: Final[ServiceKey] = service
        self.destination: Final[DestinationKey] = one.key
        self.state: RampState = "reached" if one.weight == goal else "on the way"
        self.start: Final[int] = one.weight
        self.weight: int = one.weight
        self.set: Final[list[int]] = []
        self.errno: int = 0

    def to_dict(self) -> dict[str, Any]:
        """All of that; service and destination as their to_dict() has them."""
        keys = {"service": self.service.to_dict(), "destination": self.destination.to_dict()}
        names = ("state", "start", "weight", "set", "errno")
        return {**keys, **{name: getattr(self, name) for name in names}}

    def __str__(self) -> str:
        return f"{self.service} {self.destination}"

    def __repr__(self) -> str:
        return f"<RampedDestination {self}: {self.state} at {self.weight}>"


class Ramped:
    """The account. destinations: what became of each, in the order of the table. goal: the weight that all
    were to get. step, steps: how many are done of how many. unmet: addresses that were asked for, and at
    which there is nothing. ended: the exception that ended it early, or None."""

    __slots__ = ("destinations", "goal", "step", "steps", "unmet", "ended")

    def __init__(
        self, destinations: list[RampedDestination], goal: int, step: int, steps: int, unmet: list[str],
        ended: BaseException | None = None,
    ) -> None:  # fmt: skip
        self.destinations: Final[list[RampedDestination]] = destinations
        self.goal: Final[int] = goal
        self.step: Final[int] = step
        self.steps: Final[int] = steps
        self.unmet: Final[list[str]] = unmet
        self.ended: Final[BaseException | None] = ended

    def those(self, *states: RampState) -> list[RampedDestination]:
        """The destinations in these states."""
        return [one for one in self.destinations if one.state in states]

    @property
    def ok(self) -> bool:
        """Whether all have the weight."""
        return all(one.state == "reached" for one in self.destinations)

    def to_dict(self) -> dict[str, Any]:
        """ok, goal, step, steps, how many destinations are in each state, and the destinations."""
        counts = {
            name.replace(" ", "_"): sum([one.state == name for one in self.destinations])
            for name in ("reached", "on the way", "moved", "gone", "refused")
        }
        rows = [one.to_dict() for one in self.destinations]
        head = {"ok": self.ok, "goal": self.goal, "step": self.step, "steps": self.steps}
        return {**head, **counts, "destinations": rows}

    def __str__(self) -> str:
        count, done = len(self.destinations), len(self.those("reached"))
        of = "" if done == count else f" of {count:,}"
        text = f"{done:,}{of} {plural(count, 'destination')} with weight {self.goal:,}"
        way = self.those("on the way")
        if way:
            low, high = min([one.weight for one in way]), max([one.weight for one in way])
            at = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            text += f", {len(way):,} on the way at {at} after {self.step:,} of {self.steps:,} steps"
        return text

    def __repr__(self) -> str:
        return f"<Ramped {self}>"


def weight_at(start: int, goal: int, step: int, steps: int) -> int:
    """The whole number nearest to the line from `start` to `goal`; of two, that nearer to the goal."""
    way = (abs(goal - start) * step * 2 + steps) // (2 * steps)
    return start + way if goal > start else start - way


class Ramp:
    """A ramp as it was asked for: step n of N, for all destinations at once, when n/N of the time is over.
    The moments are reckoned from the start, so nothing drifts; where one has been missed the step is left
    out. Whatever ends it, and wherever, `account` tells where it stands; another one goes on from there."""

    def __init__(
        self,
        session: Session,
        targets: Targets,
        goal: int,
        *,
        over: float = 0,
        steps: int | None = None,
        progress: OnStep | None = None,
        lock_wait: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        check_range(goal, 0, INT_MAX, "weight")
        check_seconds("over", over)
        if steps is not None:
            check_range(steps, 1, MOST_STEPS, "steps")
            if not over and steps > 1:
                raise InvalidValue("steps need the seconds that they are to take")
        self._session, self._targets, self._goal = session, targets, goal
        self._over, self._given, self._progress = over, steps, progress
        self._clock = clock or Clock()
        self._rows: dict[Name, RampedDestination] = {}
        self._step, self._steps = 0, 1
        self._unmet: list[str] = []
        self.locks: Final = Moments(session, lock_wait)

    def carry_out(self) -> Ramped:
        """The account, unless an exception ends it. InvalidValue if nothing is meant; TableLocked where
        another replaces the table: at the beginning nothing was done then."""
        start = self._clock.now()
        with self.locks():
            entries = chosen(self._session, self._targets)
            self._unmet = self._targets.unmet([entry.name for entry in entries])
            self._rows = {
                entry.name: RampedDestination(entry.service, entry.destination, self._goal)
                for entry in entries
            }
            self._steps = self._given or self._some_steps()
            if not self._over and self._open():
                self._take(self._steps, {entry.name: entry for entry in entries})
                self._done(self._steps)
        while self._step < self._steps and self._open():
            step = self._next_step(start)
            self._clock.wait_until(start + self._over * step / self._steps)
            self._take_locked(step)
            self._done(step)
        return self.account()

    def _done(self, step: int) -> None:
        self._step = step
        if self._progress is not None:
            self._progress(self.account())

    def _take_locked(self, step: int) -> None:
        try:
            with self.locks():
                self._take(step, None)
        except TableLocked:
            if step == self._steps:
                raise  # else the next one brings it in

    @property
    def begun(self) -> bool:
        """Whether weights may have been changed."""
        return bool(self._rows)

    def _some_steps(self) -> int:
        """As many as there are different weights, but not more than one a second."""
        longest = max([abs(self._goal - row.start) for row in self._rows.values()])
        return max(1, min(longest, int(self._over), MOST_STEPS))

    def _next_step(self, start: float) -> int:
        """The first whose moment is not over, or the last of those whose moment is."""
        if not self._over:
            return self._steps
        due = int((self._clock.now() - start) * self._steps / self._over)
        return min(max(self._step + 1, due), self._steps)

    def _open(self) -> dict[Name, RampedDestination]:
        """Those that are on the way."""
        return {name: row for name, row in self._rows.items() if row.state == "on the way"}

    def _take(self, step: int, now: dict[Name, Entry] | None) -> None:
        """One step. now: how the destinations are, if that was just read."""
        rows = self._open()
        if now is None and step < self._steps:
            now = read_if_still(self._session, rows)
            if now is None:
                return  # the next one brings it in
        elif now is None:
            now = read_again(self._session, rows)
        todo = []
        for name, row in rows.items():
            entry = now.get(name)
            if entry is None:
                row.state = "gone"
            elif entry.weight != row.weight:
                row.weight, row.state = entry.weight, "moved"
            else:
                weight = weight_at(row.start, self._goal, step, self._steps)
                if weight != row.weight:
                    todo.append((row, weight, entry.with_weight(weight)))
        codes = send_all(self._session, [op for _, _, op in todo])
        for (row, weight, _), code in zip(todo, codes):
            if not code:
                row.weight = weight
                row.set.append(weight)
            else:
                row.state, row.errno = ("gone", 0) if code in GONE else ("refused", code)
        for row in rows.values():
            if row.state == "on the way" and row.weight == self._goal:
                row.state = "reached"

    def account(self, ended: BaseException | None = None) -> Ramped:
        """Where it stands. ended: the exception that ended it; then the table is looked at."""
        if ended is not None:
            self.locks.release()
            self._look()
        return Ramped(list(self._rows.values()), self._goal, self._step, self._steps, self._unmet, ended)

    def _look(self) -> None:
        """What was sent last may have been done or not."""
        try:
            now = read_again(self._session, self._rows)
        except IpvsError:
            return
        for name, row in self._open().items():
            if name in now:
                row.weight = now[name].weight
                if row.weight == self._goal:
                    row.state = "reached"
            else:
                row.state = "gone"
