"""Rules into the kernel in the order of the file, and an account of what is in force."""

from __future__ import annotations

import errno

from ..kernel.layout import OP_SIZE, command_of, with_command
from ..kernel.rule_buffer import count_sent, new_results
from ..model.kernel_names import COMMANDS
from .present import ADD_SERVER, ADD_SERVICE, Present, daemon_runs
from .problem import Problem
from .rule_reader import RuleReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kernel.session import Session
    from ..language.values import UsageError
    from .rule_reader import Parse

    OnProgress = Callable[[int], None]

_EDIT = {ADD_SERVICE: COMMANDS["edit-service"], ADD_SERVER: COMMANDS["edit-server"]}
_DELETE = {ADD_SERVICE: COMMANDS["delete-service"], ADD_SERVER: COMMANDS["delete-server"]}


class InOrder(RuleReader):
    """Adds rules in the order of the file, as they are read.

    stop: nothing after a refused rule is put in force. exist: what is there with other values is made to
    be what the file says. sent: rules that reached the kernel. Each of these was added, changed, already
    there as the rule says, or refused (problems). After a stop the rest of the file is only looked at,
    and already_there counts what the table holds of it.
    """

    sends = True

    def __init__(
        self, parse: Parse, source: str, session: Session, *, stop: bool = True, exist: bool = False,
        progress: OnProgress | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parse, source)
        self.session = session
        self.stop = stop
        self.exist = exist
        self.progress = progress
        self.sent: int = 0
        self.added: int = 0
        self.changed: int = 0
        self.already_there: int = 0
        self.problems: list[Problem] = []
        self._known = 0  # operations of the buffer whose results have been looked at
        self._present: Present | None = None  # read when a rule turns out to be there
        self._stopped = False

    def apply(self) -> None:
        buffer, count, at = self.buffer, self.buffer.count, 0
        self._known = 0
        try:
            while at < count and not self._stopped:
                at = self.session.send(buffer.ops, self._bound(at, count), buffer.results, at)
                self._account(at)
                if self.progress is not None:
                    self.progress(self.sent)
        except BaseException:
            # What was sent when Ctrl-C or a failure came is known by its results alone.
            self._account(count_sent(buffer.results, count))
            raise
        if self._stopped:
            self._look(self._known, count)

    def _bound(self, start: int, count: int) -> int:
        """Where a send from `start` has to end, so that all of it can be taken back: what is neither a
        service nor a destination goes alone."""
        if not self.stop:
            return count
        rest = len(self.buffer.commands()[start:].lstrip(bytes(_DELETE)))
        return max(count - rest, start + 1)

    def _account(self, end: int) -> None:
        start, self._known = self._known, end
        self.sent += end - start
        results = self.buffer.results
        if not any(results[start:end]):
            self.added += end - start
            return
        same, other = self._compare(start, end)
        edited = self._edit(same, other, start, end) if self.exist else {}
        for at in range(start, end):
            code = results[at]
            if at in same:
                self.already_there += 1
            elif code:
                self.problems.append(self.refusal(at, -code))
                if self.stop:
                    self._stop(at + 1, end, edited)
                    return
            elif at in edited:
                self.changed += 1
            else:
                self.added += 1

    def _op(self, at: int) -> bytearray:
        return self.buffer.ops[at * OP_SIZE : (at + 1) * OP_SIZE]

    def _compare(self, start: int, end: int) -> tuple[set[int], set[int]]:
        """Which of the rules are there already: as they say, and with other values."""
        same: set[int] = set()
        other: set[int] = set()
        fresh = False
        for at in range(start, end):
            if self.buffer.results[at] != -errno.EEXIST:
                continue
            op = self._op(at)
            if command_of(op) not in _DELETE:
                if daemon_runs(self.session, op):
                    same.add(at)
                continue
            if not fresh and (self._present is None or not self._present.knows(op)):
                self._present, fresh = Present(self.session), True  # it came after the last reading
            (same if self._present and self._present.holds(op) else other).add(at)
        return same, other

    def _edit(self, same: set[int], other: set[int], start: int, end: int) -> dict[int, bytes]:
        """Edits what is there with other values than its rule says; the result becomes that of the edit.
        Gives, for each of these rules, the operation that takes the edit back."""
        edits, edited = bytearray(), {}
        for at in range(start, end):
            if at in other:
                op = self._op(at)
                edits += with_command(_EDIT[command_of(op)], op)
                edited[at] = self._present.before(op) if self._present else b""
            elif self.buffer.results[at] and at not in same and self.stop:
                break  # refused: what follows is not wanted
        for at, code in zip(edited, send_all(self.session, edits)):
            self.buffer.results[at] = code
        return edited

    def _stop(self, start: int, end: int, edited: dict[int, bytes]) -> None:
        """Nothing more is sent. What went out in the same send as a refused rule is taken back."""
        self._stopped, self._known = True, start
        self.sent -= end - start
        undo = bytearray()
        for at in range(end - 1, start - 1, -1):
            if not self.buffer.results[at]:
                op = self._op(at)
                undo += edited[at] if at in edited else with_command(_DELETE[command_of(op)], op)
        send_all(self.session, undo)
        self._present = Present(self.session)

    def _look(self, start: int, end: int) -> None:
        """Counts what is in force of rules that are not going to be sent."""
        for at in range(start, end):
            op = self._op(at)
            if command_of(op) in _DELETE:
                self.already_there += self._present is not None and self._present.holds(op)
            else:
                self.already_there += daemon_runs(self.session, op)

    def mistake(self, error: UsageError, line: bytes) -> None:
        """Only where the text was not checked before."""
        if not self._stopped:
            self.problems.append(Problem(self.source, self.buffer.line, line, error.message))
            self._stop(0, 0, {})


def send_all(session: Session, ops: bytearray) -> memoryview:
    """Sends packed operations to the end; their results."""
    count = len(ops) // OP_SIZE
    results, done = new_results(count), 0
    while done < count:
        done = session.send(ops, count, results, done)
    return results
