"""Rules into the kernel in the order of the file, with a true account of what is in force."""

from __future__ import annotations

import errno

from ..errors import IpvsError
from ..kernel.layout import DAEMON, OP_SIZE
from ..kernel.session import count_sent, new_results
from ..model.service import COMMANDS
from .rule_reader import Problem, RuleReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kernel.session import Session
    from ..language.values import UsageError
    from .rule_reader import Parse

    OnProgress = Callable[[int], None]

_DELETE = {COMMANDS[f"add-{what}"]: COMMANDS[f"delete-{what}"] for what in ("service", "server")}


class Stopped(Exception):
    """Ends the adding at a refusal."""


class Adder(RuleReader):
    """Adds rules in the order of the file, as they are read.

    stop: nothing after a refused rule stays in force. exist: what is there already is made to be what
    the file says. sent: rules that reached the kernel; problems: those that it refused.
    """

    def __init__(
        self, parse: Parse, source: str, session: Session, *, stop: bool = True, exist: bool = False,
        progress: OnProgress | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parse, source)
        self.session = session
        self.stop = stop
        self.exist = exist
        self.progress = progress
        self.sent = 0
        self.problems: list[Problem] = []
        self._known = 0  # operations of the buffer whose results have been looked at

    @property
    def done(self) -> int:
        """Rules that are in force now."""
        return self.sent - len(self.problems)

    def apply(self) -> None:
        buffer, count, at = self.buffer, self.buffer.count, 0
        self._known = 0
        try:
            while at < count:
                at = self.session.send(buffer.ops, count, buffer.results, at)
                self._account(at)
                if self.progress is not None:
                    self.progress(self.sent)
        except (KeyboardInterrupt, IpvsError):
            # What was sent when Ctrl-C or the failure came is known by its results alone.
            self._account(count_sent(buffer.results, count))
            raise

    def _account(self, end: int) -> None:
        start, self._known = self._known, end
        self.sent += end - start
        results = self.buffer.results
        if not any(results[start:end]):
            return
        if self.exist:
            self._edit(start, end)
        for at in range(start, end):
            code = results[at]
            if not code or (code == -errno.EEXIST and daemon_runs(self.session, self._op(at))):
                continue
            self.problems.append(self.refusal(at, -code))
            if self.stop:
                self.sent -= end - at - 1
                self._take_back(at + 1, end)
                raise Stopped

    def _op(self, at: int) -> bytearray:
        return self.buffer.ops[at * OP_SIZE : (at + 1) * OP_SIZE]

    def _edit(self, start: int, end: int) -> None:
        """What is there already is made to be what its rule says; the result becomes that of the edit."""
        there, edits = [], bytearray()
        for at in range(start, end):
            op = self._op(at)
            if self.buffer.results[at] == -errno.EEXIST and op[0] in _DELETE:
                op[0] += 1  # new -> set, for services and for destinations
                edits += op
                there.append(at)
        for at, code in zip(there, send_all(self.session, edits)):
            self.buffer.results[at] = code

    def _take_back(self, start: int, end: int) -> None:
        """What went out in the same send as a refused rule, and was added, is deleted again."""
        undo = bytearray()
        for at in range(end - 1, start - 1, -1):
            op = self._op(at)
            if op[0] in _DELETE and not self.buffer.results[at]:
                op[0] = _DELETE[op[0]]
                undo += op
        send_all(self.session, undo)

    def mistake(self, error: UsageError, line: bytes) -> None:
        """Only where the text was not checked before."""
        self.problems.append(Problem(self.source, self.buffer.line, line, error.message))
        raise Stopped


def send_all(session: Session, ops: bytearray) -> memoryview:
    """Sends packed operations to the end; their results."""
    count = len(ops) // OP_SIZE
    results, done = new_results(count), 0
    while done < count:
        done = session.send(ops, count, results, done)
    return results


def daemon_runs(session: Session, op: bytes | bytearray) -> bool:
    """Whether `op` starts a daemon, and one with all the values that it gives is running."""
    if op[0] != COMMANDS["start-daemon"]:
        return False
    wanted = DAEMON.unpack_from(op, 4)
    for row in session.daemons():
        pairs = zip(wanted, row)
        if all(want in (have, 0) or (isinstance(want, bytes) and not any(want)) for want, have in pairs):
            return True
    return False
