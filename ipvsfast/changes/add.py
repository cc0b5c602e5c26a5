"""Rules into the kernel in the order of the file, and an account of what is in force."""

from __future__ import annotations

import errno

from ..errors import IpvsError, sentence
from ..kernel.layout import OP_SIZE, command_of, with_command
from ..kernel.rule_buffer import NOT_SENT, count_sent, new_results
from ..model.kernel_names import COMMANDS
from .present import ADD_DESTINATION, ADD_SERVICE, Present, daemon_runs, timeouts_are
from .problem import Problem
from .rule_reader import RuleReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ..kernel.session import Session
    from ..language.words import UsageError
    from .rule_reader import Parse

    OnProgress = Callable[[int], None]
    _V = TypeVar("_V")

_EDIT = {ADD_SERVICE: COMMANDS["edit-service"], ADD_DESTINATION: COMMANDS["edit-destination"]}
_DELETE = {ADD_SERVICE: COMMANDS["delete-service"], ADD_DESTINATION: COMMANDS["delete-destination"]}
# What an edit is answered where another program has deleted the entry since it could not be added.
_GONE = {ADD_SERVICE: (-errno.ESRCH,), ADD_DESTINATION: (-errno.ENOENT, -errno.ESRCH)}
_ROUNDS = 3

# What became of a rule. OTHER: it is there with other values, and may be edited.
NOT_TRIED, ADDED, CHANGED, THERE, FOUND, REFUSED, UNKNOWN, OTHER = range(8)
_BAD = (REFUSED, UNKNOWN)
_OURS = (ADDED, CHANGED, FOUND)


class InOrder(RuleReader):
    """Adds rules in the order of the file, as they are read.

    stop: nothing after a refused rule is put in force. exist: what is there with other values is made to
    be what the file says. Each rule that reached the kernel was added, changed, already there as the rule
    says, or refused (problems); or the reply was lost, and a reading shows it in force (found) or not
    (unknown). After a stop the rest of the file is only looked at, and already_there counts what the table
    holds of it.

    An exception may come at any place, Ctrl-C among them. So what became of the rules is not counted, but
    written down for each of them, from results that stay until that is done; doing it again does no harm.
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
        self._outcomes = bytearray()  # one for each rule of the file up to here
        self._problems: dict[int, Problem] = {}  # by their line
        self._base = 0  # rules before those of the buffer
        self._known = 0  # operations of the buffer whose outcome is written down
        # What was sent once more of the operations behind these: what a 0 makes of them, where, results.
        self._again: list[tuple[int, list[int], memoryview[int]]] = []
        self._before: dict[int, bytes] = {}  # the operations that take edits back
        self._present: Present | None = None  # read when a rule turns out to be there
        self._earlier: Present | None = None  # the same as it was before the last send
        self._stopped = False

    @property
    def added(self) -> int:
        return self._outcomes.count(ADDED)

    @property
    def changed(self) -> int:
        return self._outcomes.count(CHANGED)

    @property
    def already_there(self) -> int:
        return self._outcomes.count(THERE)

    @property
    def found(self) -> int:
        return self._outcomes.count(FOUND)

    @property
    def unknown(self) -> int:
        return self._outcomes.count(UNKNOWN)

    @property
    def problems(self) -> list[Problem]:
        return [self._problems[line] for line in sorted(self._problems)]

    def apply(self) -> None:
        buffer, count, at = self.buffer, self.buffer.count, 0
        self._known, self._again = 0, []
        self._base = len(self._outcomes)
        self._outcomes += bytes(count)
        try:
            while at < count and not self._stopped:
                self._earlier = self._present
                at = self.session.send(buffer.ops, self._bound(at, count), buffer.results, at)
                self._settle(at)
                if self.progress is not None:
                    self.progress(self._base + self._known)
        except BaseException:
            self._settle(count_sent(buffer.results, count), ended=True)
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

    def _settle(self, end: int, ended: bool = False) -> None:
        """Does what the results of the operations up to `end` call for, and writes down what became of
        them. ended: by an exception. Then what was sent is known by its results alone, and nothing more
        is put in force."""
        start = self._known
        if self._stopped or start == end:
            return
        if any(self.buffer.results[start:end]):
            end = self._judge(start, end, ended)
        else:
            self._outcomes[self._base + start : self._base + end] = bytes([ADDED]) * (end - start)
        self._known, self._again = end, []

    def _judge(self, start: int, end: int, ended: bool) -> int:
        """The same where not all were simply added. Gives how far that is final."""
        came = self._compare(start, end, ended)
        if self.exist and not ended:
            self._edit(self._to_edit(came))
        came.update(self._came_again())
        bad = self._write_down(came, start, end)
        if bad is None:
            return end
        self._take_back(bad + 1, end)
        return bad + 1

    def _compare(self, start: int, end: int, ended: bool) -> dict[int, int]:
        """What became of the operations that were not simply added, in their order."""
        came: dict[int, int] = {}
        looked = fresh = False
        after: Present | None = None
        for at in range(start, end):
            code = self.buffer.results[at]
            op = self._op(at)
            if code == -errno.ENOBUFS:
                if not looked:
                    after, looked = self._ask(True, Present, self.session, True), True
                came[at] = self._look_up(op, after)
            elif code != -errno.EEXIST:
                if code:
                    came[at] = REFUSED
            elif command_of(op) not in _DELETE:
                came[at] = THERE if self._ask(ended, daemon_runs, self.session, op) else REFUSED
            else:
                if not fresh and (self._present is None or not self._present.knows(op)):
                    # It came after the last reading.
                    self._present, fresh = self._ask(ended, Present, self.session), True
                there = self._present is not None and self._present.holds(op)
                came[at] = THERE if there else OTHER if self.exist else REFUSED
        return came

    def _ask(self, quietly: bool, question: Callable[..., _V], *args: object) -> _V | None:
        """An answer of the kernel; quietly: None if it cannot be had. So it is where an exception has ended
        the work already, and where only the account misses the answer."""
        try:
            return question(*args)
        except IpvsError:
            if not quietly:
                raise
            return None

    def _look_up(self, op: bytearray, after: Present | None) -> int:
        """What became of an operation whose reply was lost. after: a complete reading."""
        if command_of(op) not in _DELETE:
            return FOUND if self._ask(True, _other_holds, self.session, op) else UNKNOWN
        if after is None or not after.holds(op):
            return UNKNOWN
        return ADDED if self._earlier is not None and not self._earlier.knows(op) else FOUND

    def _to_edit(self, came: dict[int, int]) -> list[int]:
        """What is there with other values; after a refused rule nothing is wanted."""
        places = []
        for at, outcome in came.items():
            if outcome == OTHER:
                places.append(at)
            elif outcome in _BAD and self.stop:
                break
        return places

    def _edit(self, places: list[int]) -> None:
        """Edits what is there. What another program deletes in between is added after all; if that goes on,
        the last answer stands."""
        for some in self._portions(places):
            sends = len(self._again)
            for at in some:
                self._before[self._base + at] = self._present.before(self._op(at)) if self._present else b""
            there = some
            for _ in range(_ROUNDS):
                codes = self._send_again(CHANGED, there, _EDIT)
                gone = [at for at, code in zip(there, codes) if code in _GONE[self._command(at)]]
                codes = self._send_again(ADDED, gone)
                there = [at for at, code in zip(gone, codes) if code == -errno.EEXIST]
                if not there:
                    break
            if self.stop and any(outcome in _BAD for outcome in self._came_again(sends).values()):
                return

    def _portions(self, places: list[int]) -> list[list[int]]:
        """What is edited at once: where a refusal ends it, each service alone, since these are what may be
        refused."""
        if not self.stop:
            return [places] if places else []
        portions: list[list[int]] = []
        alone = True
        for at in places:
            service = self._command(at) == ADD_SERVICE
            if service or alone:
                portions.append([])
            portions[-1].append(at)
            alone = service
        return portions

    def _send_again(
        self, outcome: int, places: list[int], commands: dict[int, int] | None = None
    ) -> memoryview[int]:
        """Sends the operations at these places, with other commands; what comes of it is in _again."""
        packed, codes, done = bytearray(), new_results(len(places)), 0
        for at in places:
            op = self._op(at)
            packed += op if commands is None else with_command(commands[command_of(op)], op)
        self._again.append((outcome, places, codes))
        while done < len(places):
            done = self.session.send(packed, len(places), codes, done)
        return codes

    def _came_again(self, first: int = 0) -> dict[int, int]:
        """What became of operations that were sent once more. first: from which of the sends on."""
        came: dict[int, int] = {}
        lost: dict[int, int] = {}
        for outcome, places, codes in self._again[first:]:
            for at, code in zip(places, codes):
                if code == -errno.ENOBUFS:
                    lost[at] = outcome
                elif code != NOT_SENT:
                    came[at] = REFUSED if code else outcome
        if lost:
            after = self._ask(True, Present, self.session, True)
            for at, outcome in lost.items():
                came[at] = outcome if after is not None and after.holds(self._op(at)) else UNKNOWN
        return came

    def _write_down(self, came: dict[int, int], start: int, end: int) -> int | None:
        """Gives the place of the rule at which to stop."""
        results, marks, bad = self.buffer.results, bytearray([ADDED]) * (end - start), None
        again = {
            at: code
            for _, places, codes in self._again
            for at, code in zip(places, codes)
            if code != NOT_SENT
        }
        for at in range(start, end):
            outcome = came.get(at, ADDED)
            if outcome in _BAD and (bad is None or not self.stop):
                bad = at
                self._problems[self.buffer.numbers[at]] = self._problem(
                    at, outcome, again.get(at, results[at])
                )
            elif outcome in _BAD or outcome == OTHER:
                outcome = NOT_TRIED
            marks[at - start] = outcome
        self._outcomes[self._base + start : self._base + end] = marks
        return bad if self.stop else None

    def _problem(self, at: int, outcome: int, code: int) -> Problem:
        if outcome == REFUSED:
            return self.refusal(at, -code)
        name = self.command(at)
        return Problem(
            self.source, self.buffer.numbers[at], self.rule(at), sentence(name, errno.ENOBUFS),
            hint="the table does not show it in force", code=errno.ENOBUFS, command=name,
        )  # fmt: skip

    def _take_back(self, start: int, end: int) -> None:
        """Nothing more is sent. What went out in the same send as a refused rule is taken back: what was
        added, and edits of what is still as they made it."""
        base = self._base
        ours = [at for at in range(end - 1, start - 1, -1) if self._outcomes[base + at] in (ADDED, CHANGED)]
        if ours:
            now, undo = self._ask(True, Present, self.session, True), bytearray()
            for at in ours:
                op = self._op(at)
                if self._outcomes[base + at] == CHANGED:
                    undo += self._before[base + at] if now is not None and now.holds(op) else b""
                elif now is None or now.knows(op):
                    undo += with_command(_DELETE[command_of(op)], op)
            send_all(self.session, undo)
        self._present = Present(self.session)
        self._look(start, end)
        self._stopped = True

    def _look(self, start: int, end: int) -> None:
        """Writes down what is in force of rules that are not going to be sent."""
        marks = self._outcomes[self._base + start : self._base + end]
        for at in range(start, end):
            op, was = self._op(at), marks[at - start]
            if command_of(op) in _DELETE:
                there = self._present is not None and self._present.holds(op)
            else:
                there = _other_holds(self.session, op)
            marks[at - start] = (was if was in _OURS else THERE) if there else NOT_TRIED
        self._outcomes[self._base + start : self._base + end] = marks

    def _op(self, at: int) -> bytearray:
        return self.buffer.ops[at * OP_SIZE : (at + 1) * OP_SIZE]

    def _command(self, at: int) -> int:
        return command_of(self._op(at))

    def mistake(self, error: UsageError, line: bytes) -> None:
        """Only where the text was not checked before."""
        if not self._stopped:
            self._problems[self.buffer.line] = Problem(self.source, self.buffer.line, line, error.message)
            self._present = Present(self.session)
            self._stopped = True


def _other_holds(session: Session, op: bytearray) -> bool:
    """Whether what is neither a service nor a destination is as the operation says."""
    return daemon_runs(session, op) or timeouts_are(session, op)


def send_all(session: Session, ops: bytearray) -> memoryview:
    """Sends packed operations to the end; their results."""
    count = len(ops) // OP_SIZE
    results, done = new_results(count), 0
    while done < count:
        done = session.send(ops, count, results, done)
    return results
