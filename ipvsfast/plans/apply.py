"""A plan carried out, and a true account of it: what was done is looked at again."""

from __future__ import annotations

import errno

from ..errors import InvalidValue, IpvsError, plural, sentence
from ..kernel.layout import unpack_daemon
from ..kernel.rule_buffer import NOT_SENT, new_results
from ..kernel.table_reading import CONFIGURATION
from ..model.settings import Timeouts
from .account_text import done_text
from .plan import ACTIONS, Change, Plan, TableState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, Protocol

    from ..drains.drain import Drained
    from ..errors import StateError
    from ..kernel.session import Session

    class OpenAccount(Protocol):
        """Where the account of an apply goes when it ends, as into a journal; problem: why it could not."""

        problem: StateError | None

        def close(self, applied: Applied) -> None:
            """Once, with what was done."""


_LOOKS = 2  # at the table afterwards: one reading can fail as a reply is lost


class TableMoved(IpvsError):
    """The table is not the one that a plan was made for; nothing was done. moved: what became of each
    service, as `TCP 10.0.0.1:80 was changed`."""

    def __init__(self, moved: list[str]) -> None:
        first = ", ".join(moved[:5])
        more = f" and {len(moved) - 5:,} more" if len(moved) > 5 else ""
        text = f"the table is not the one that the plan was made for: {first}{more}; nothing was done"
        super().__init__(errno.ESTALE, text)
        self.moved = moved


class Applied:
    """The account of a plan that was applied.

    plan: what was to be done. added, edited, deleted: what was done of it, counted as there. refused:
    changes that the kernel refused, or whose reply was lost, each with the errno. unsent: operations that
    were not sent, as something before them was refused or it was interrupted. left: the plan that would
    bring the rest, made from a reading afterwards, None where the table could not be read. ended: the
    exception that ended it early, or None. drained: what became of destinations that were drained before
    they were deleted, None where none was.
    """

    __slots__ = ("plan", "added", "edited", "deleted", "refused", "unsent", "left", "ended", "drained")

    def __init__(
        self,
        plan: Plan,
        results: memoryview,
        left: Plan | None,
        ended: BaseException | None = None,
    ) -> None:
        done = dict.fromkeys(ACTIONS, 0)
        refused = []
        for at, code in enumerate(results):
            if not code:
                action, count = plan.counted[at]
                done[action] += count
            elif code != NOT_SENT:
                refused.append((plan[at], -code))
        self.plan: Final[Plan] = plan
        self.added: Final[int] = done["add"]
        self.edited: Final[int] = done["edit"]
        self.deleted: Final[int] = done["delete"]
        self.refused: Final[list[tuple[Change, int]]] = refused
        self.unsent: Final[int] = results.tolist().count(NOT_SENT)
        self.left: Final[Plan | None] = left
        self.ended: Final[BaseException | None] = ended
        self.drained: Drained | None = None

    @property
    def ok(self) -> bool:
        """Whether the table was seen to be as wanted."""
        return self.left is not None and not self.left

    def summary(self, seconds: float | None = None) -> str:
        """The account in one line. seconds: what it took, to be told too."""
        text = self._summary(seconds)
        if self.drained is None:
            return text
        stays = self.drained.those("drained", "waiting")
        kept = "; what is there still keeps weight 0, applying again goes on" if stays else ""
        return f"{text}; drained: {self.drained}{kept}"

    def _summary(self, seconds: float | None) -> str:
        done = done_text(self.added, self.edited, self.deleted, seconds)
        if self.refused:
            done += f", {len(self.refused):,} refused"
        if self.unsent:
            done += f", {self.unsent:,} {plural(self.unsent, 'operation')} not sent"
        if self.left is None:
            return f"{done}; the table could not be read again"
        if self.left:
            return f"{done}; the table is not as wanted: {self.left}"
        return self.plan.reached(done)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"<Applied {self}>"


def read_present(session: Session) -> TableState:
    """The table that a plan begins with, all of it; without counters, which plans do not look at."""
    reading = session.read(complete=True, scope=CONFIGURATION)
    daemons = [unpack_daemon(row) for row in session.daemons()]
    return TableState(reading, Timeouts._make(*session.timeouts()), daemons)


class Limits:
    """How much a plan may delete and change: "10" entries, or "5%" of those that are there; None: all."""

    def __init__(self, deleted: str | int | None = None, changed: str | int | None = None) -> None:
        self._limits = (_limit(deleted), _limit(changed))

    def check(self, plan: Plan) -> None:
        """InvalidValue for a plan that does more."""
        entries = plan.present.entries
        counts = ((plan.deleted, "delete", "deletes"), (plan.edited, "change", "changes"))
        for limit, (count, name, does) in zip(self._limits, counts):
            if limit is None:
                continue
            number, percent = limit
            # Without floats: 100% of anything is all of it.
            if count * 100 > number * entries if percent else count > number:
                most = f"max-{name} is {number}%" if percent else f"max-{name} is {number:,}"
                done = f"the plan {does} {count:,} of {entries:,} entries"
                raise InvalidValue(f"{done}, and {most}: nothing was done")


def _limit(text: str | int | None) -> tuple[int, bool] | None:
    if text is None:
        return None
    words = str(text)
    number, percent = words.removesuffix("%"), words.endswith("%")
    if not (number.isdecimal() and number.isascii() and len(number) < 10) or (percent and int(number) > 100):
        raise InvalidValue(f"a limit is a number, or a percentage up to 100%, not {words!r}")
    return int(number), percent


class Applying:
    """Carries out a plan that was made just now; what it is to hold is its tag's from here on. Whatever ends
    it, and wherever, `account` tells what was done. progress: called with the number of operations sent,
    about every 50 ms. journal: gets the account too, where there is one."""

    def __init__(self, session: Session, plan: Plan, progress: Callable[[int], None] | None = None) -> None:
        self.plan = plan
        self.journal: OpenAccount | None = None
        self._session = session
        self._progress = progress
        self._results = new_results(len(plan))
        if plan.present.bounds is not None:
            from .tags import claim

            claim(session, plan)

    def carry_out(self) -> Applied:
        """The account, unless an exception ends it. What is not wanted is deleted only when all that was to
        be added is there."""
        self._send(0, self.plan.deletions_from)
        if not any(self._results[: self.plan.deletions_from]):
            self._before_deletions()
            self._send(self.plan.deletions_from, len(self.plan))
        return self.account()

    def _before_deletions(self) -> None:
        """For what comes between additions and deletions."""

    def _send(self, at: int, end: int) -> None:
        while at < end:
            at = self._session.send(self.plan.ops, end, self._results, at)
            if self._progress is not None:
                self._progress(at)

    def account(self, ended: BaseException | None = None) -> Applied:
        """What was done so far. ended: the exception that ended it."""
        left = self._look()
        if self.plan.present.bounds is not None:
            from .tags import settle

            settle(self._session, self.plan, left)
        applied = Applied(self.plan, self._results, left, ended)
        if self.journal is not None:
            self.journal.close(applied)
        return applied

    def _look(self) -> Plan | None:
        """What is left to do, by a reading of the table as it is now."""
        if not len(self.plan):
            return self.plan
        for _ in range(_LOOKS):
            try:
                return self.plan.again(read_present(self._session))
            except (IpvsError, MemoryError):
                pass
        return None


def check_unmoved(made_for: dict[str, str], now: dict[str, str]) -> None:
    """TableMoved where the fingerprints of two tables differ."""
    moved = [f"{name} was deleted" for name in made_for if name not in now]
    moved += [
        f"{name} was {'changed' if name in made_for else 'added'}"
        for name, value in now.items()
        if made_for.get(name) != value
    ]
    if moved:
        raise TableMoved(sorted(moved))  # the kernel's order is another one in every namespace


def refusal_text(change: Change, code: int) -> str:
    """What the kernel said to a change."""
    return f"{change.operation}: {sentence(change.operation.command, code)}"
