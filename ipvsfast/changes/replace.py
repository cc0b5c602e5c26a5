"""Rules in place of the whole table, by the least change (csrc/rules/replacement.c)."""

from __future__ import annotations

import errno

from ..errors import IpvsError, plural
from ..kernel.layout import OP_SIZE, command_of
from ..kernel.replacement import Replacement
from ..kernel.rule_buffer import NOT_SENT, new_results
from ..kernel.table_reading import CONFIGURATION, CONFIGURED_KEYS
from ..model.kernel_names import COMMAND_NAMES, COMMANDS
from .present import daemon_runs
from .problem import Problem, refused
from .rule_reader import RuleReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..kernel.session import Session
    from ..language.parse import Request
    from ..language.words import UsageError
    from .add import OnProgress
    from .rule_reader import Parse

_ADDITIONS = {COMMANDS[name] for name in ("add-service", "add-destination", "set", "start-daemon")}


class Replaced:
    """What became of the table that rules were to replace, as a reading afterwards shows it.

    untouched: nothing was changed. complete: everything was sent. deleted: old entries (services and
    destinations) that are gone. left: entries that the rules do not have; None if the table could not be
    read again. lost: rules that were put in force, and are not any more.
    """

    __slots__ = ("untouched", "complete", "deleted", "left", "lost")

    def __init__(
        self, *, untouched: bool, complete: bool, deleted: int = 0, left: int | None = 0, lost: int = 0
    ) -> None:
        self.untouched: Final[bool] = untouched
        self.complete: Final[bool] = complete
        self.deleted: Final[int] = deleted
        self.left: Final[int | None] = left
        self.lost: Final[int] = lost

    @property
    def ok(self) -> bool:
        """Whether the table holds what the rules say and nothing else, but for rules that were refused."""
        return self.complete and self.left == 0 and not self.lost

    def __str__(self) -> str:
        """What is to be told, or ""."""
        unread = "what it holds now could not be read"
        if self.untouched and not self.complete:
            return "the table is as it was"
        if not self.complete:
            rest = unread if self.left is None else _there(self.left, "old")
            return f"the table is partly replaced: {rest}"
        told = [f"{_entries(self.deleted, 'old')} deleted"] if self.deleted else []
        if self.left is None:
            told.append(f"the table was replaced, but {unread}")
        elif self.left or self.lost:
            lost = f"{self.lost:,} {plural(self.lost, 'rule')} not in force any more"
            both = [lost] * bool(self.lost) + [_there(self.left, "other")] * bool(self.left)
            told.append(f"another program changed the table meanwhile: {', '.join(both)}")
        return "; ".join(told)


def _entries(number: int, kind: str) -> str:
    return f"{number:,} {kind} {'entry' if number == 1 else 'entries'}"


def _there(number: int, kind: str) -> str:
    return f"{_entries(number, kind)} {'is' if number == 1 else 'are'} still there"


class WholeTable(RuleReader):
    """Collects all rules, then changes the table to what they say; goes on after refusals.

    added, changed, already_there, found, unknown, problems: of the rules, as in a restore. replaced: what
    became of the table. An exception may come at any place: then settle() tells all that from the results,
    and doing it again does no harm.
    """

    def __init__(
        self, parse: Parse, source: str, session: Session, progress: OnProgress | None = None
    ) -> None:
        super().__init__(parse, source)
        self.session = session
        self.progress = progress
        self.problems: list[Problem] = []
        self.added: int = 0
        self.changed: int = 0
        self.already_there: int = 0
        self.found: int = 0
        self.unknown: int = 0
        self.replaced: Replaced = Replaced(untouched=True, complete=False)
        self.additions_only: bool = True
        self.last: int = 0  # line of the last rule
        self._ops = bytearray()
        # For each full buffer the text, and of its rules the line numbers and where they begin.
        self._lines: list[tuple[bytes, list[int], list[int]]] = []
        self._plan: Replacement | None = None
        self._complete = False  # all of it was sent

    @property
    def in_force(self) -> int:
        """Rules that are known to be."""
        return self.added + self.changed + self.already_there + self.found

    def apply(self) -> None:
        buffer, count = self.buffer, self.buffer.count
        self._lines.append((self.text, buffer.numbers[:count].tolist(), buffer.offsets[:count].tolist()))
        self._ops += memoryview(buffer.ops)[: count * OP_SIZE]
        self.additions_only &= _ADDITIONS.issuperset(buffer.commands())
        self.last = buffer.numbers[count - 1]

    def other(self, request: Request, line: bytes) -> None:
        self.additions_only = False

    def mistake(self, error: UsageError, line: bytes) -> None:
        self.additions_only = False

    def replace(self) -> None:
        """Puts the rules in place of the table."""
        self._plan = plan = Replacement(self._ops, self.session.read(complete=True, scope=CONFIGURATION))
        at, rules = 0, plan.settled
        while at < plan.count:
            start, at = at, self.session.send(plan.ops, plan.count, plan.results, at)
            if self.progress is not None:
                rules += plan.rules_among(start, at)
                self.progress(rules)
        self._complete = True
        self.settle()

    def settle(self) -> None:
        """What became of the rules and of the table, as far as it came."""
        if self._plan is not None:
            told = self._plan.note()
            self.added, self.changed = told.added, told.changed
            self._tell(self._plan.errnos, told.there, self._complete, told.done > 0, told.deleted)

    def take(self, errnos: memoryview, complete: bool, touched: bool) -> None:
        """The native front has sent the rules, with these results, and changed the table or not."""
        own = new_results(len(errnos))
        own[:] = errnos
        self.added = own.tolist().count(0)
        self._tell(own, 0, complete, touched, 0)

    def _tell(self, errnos: memoryview, there: int, complete: bool, touched: bool, deleted: int) -> None:
        looked = touched or (complete and any(errnos))
        rest = self._look(errnos) if looked else None
        done = self.added + self.changed + there
        self.already_there, self.found, self.unknown, self.problems = there, 0, 0, []
        self._refusals(errnos, rest.errnos if rest is not None else None)
        left, lost = None if looked else 0, 0
        if rest is not None:
            seen = rest.note()
            left, lost = seen.left, max(done + self.found - seen.there, 0)
            self.added = max(self.added - lost, 0)
        self.replaced = Replaced(
            untouched=not touched, complete=complete, deleted=deleted, left=left, lost=lost
        )

    def _look(self, errnos: memoryview) -> Replacement | None:
        """The table once more, compared with the rules."""
        try:
            return Replacement(self._ops, self.session.read(complete=True, scope=CONFIGURATION), errnos)
        except (IpvsError, MemoryError):
            return None

    def _refusals(self, errnos: memoryview, seen: memoryview | None) -> None:
        """Tells every refusal and lost reply, in the order of the file."""
        if not any(errnos):
            return
        at = 0
        for text, numbers, starts in self._lines:
            for number, start in zip(numbers, starts):
                if errnos[at] not in (0, NOT_SENT):
                    line = text[start : text.index(b"\n", start)]
                    in_table = seen is not None and not seen[at]
                    self._refuse(
                        self._ops[at * OP_SIZE : (at + 1) * OP_SIZE], number, line, -errnos[at], in_table
                    )
                at += 1

    def _refuse(self, op: bytearray, number: int, line: bytes, code: int, in_table: bool) -> None:
        if code == errno.EEXIST and daemon_runs(self.session, op):
            self.already_there += 1
            return
        problem = refused(self.source, number, line, COMMAND_NAMES[command_of(op)], code)
        if code == errno.ENOBUFS:
            if in_table:
                self.found += 1
                return
            self.unknown += 1
        self.problems.append(problem)


def empty_for_restore(session: Session) -> int:
    """Deletes everything by one request, in such an order that the rules which -S would print now find their
    old entries at once when they are added again. Gives the errno (negative) of the kernel."""
    try:
        reading = session.read(scope=CONFIGURED_KEYS)
    except (IpvsError, MemoryError):  # the order is lost, no more
        reading = None
    return session.clear(reading)
