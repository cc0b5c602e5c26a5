"""Rules in place of the whole table, in the order that costs the kernel least."""

from __future__ import annotations

import errno

from ..errors import IpvsError
from ..kernel.layout import (
    OP_SIZE,
    command_of,
    dest_key,
    dest_of,
    packed_operation,
    packed_rows,
    service_key,
    service_of,
)
from ..kernel.rule_buffer import count_sent, new_results
from ..model.kernel_names import COMMAND_NAMES, COMMANDS
from .add import send_all
from .present import ADD_SERVER, ADD_SERVICE, daemon_runs
from .problem import Problem, refused
from .rule_reader import RuleReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.session import Session
    from ..language.parse import Request
    from ..language.values import UsageError
    from .add import OnProgress
    from .rule_reader import Parse

    Rule = tuple[bytes, int, bytes]  # packed operation, line number, line

_ADDING = (ADD_SERVICE, ADD_SERVER)


class WholeTable(RuleReader):
    """Collects all rules, then puts them in place of the table.

    Deleted destinations stay in the kernel for minutes and every add looks through them, newest first.
    So what does not come back is deleted before the table is emptied, and what comes back is added
    against the order in which it went: then each add finds its old entry at once. Within a service the
    order of the file is kept. problems: refusals, after which it goes on. already_there: daemons that
    were running.
    """

    def __init__(
        self, parse: Parse, source: str, session: Session, progress: OnProgress | None = None
    ) -> None:
        super().__init__(parse, source)
        self.session = session
        self.progress = progress
        self.problems: list[Problem] = []
        self.sent: int = 0
        self.already_there: int = 0
        self.changed = 0
        self.plain: bool = True  # nothing but additions
        self.last: int = 0  # line of the last rule
        self._groups: dict[bytes, list[Rule]] = {}
        self._others: list[Rule] = []

    @property
    def added(self) -> int:
        return self.sent - self.already_there - len(self.problems)

    def apply(self) -> None:
        buffer = self.buffer
        ops = bytes(buffer.ops[: buffer.count * OP_SIZE])
        groups = self._groups
        for at in range(buffer.count):
            op = ops[at * OP_SIZE : (at + 1) * OP_SIZE]
            rule = (op, buffer.numbers[at], self.rule(at))
            command = command_of(op)
            if command in _ADDING:
                groups.setdefault(service_key(service_of(op)), []).append(rule)
            else:
                self.plain &= command in (COMMANDS["set"], COMMANDS["start-daemon"])
                self._others.append(rule)
        self.last = buffer.numbers[buffer.count - 1]

    def other(self, request: Request, line: bytes) -> None:
        self.plain = False

    def mistake(self, error: UsageError, line: bytes) -> None:
        self.plain = False

    def replace(self) -> None:
        """Empties the table and adds the rules."""
        order = self._empty()
        rules = list(self._others)
        for key in order:
            rules += self._groups[key]
        packed = bytearray().join([rule[0] for rule in rules])
        count = len(rules)
        results, at = new_results(count), 0
        try:
            while at < count:
                at = self.session.send(packed, count, results, at)
                if self.progress is not None:
                    self.progress(at)
        finally:
            self.sent = count_sent(results, count)
            self._refused(rules, results)

    def _refused(self, rules: list[Rule], results: memoryview) -> None:
        if not any(results[: self.sent]):
            return
        for at in range(self.sent):
            op, line, text = rules[at]
            code = -results[at]
            if code == errno.EEXIST and daemon_runs(self.session, op):
                self.already_there += 1
            elif code:
                self.problems.append(refused(self.source, line, text, COMMAND_NAMES[command_of(op)], code))
        self.problems.sort(key=lambda problem: problem.line)

    def _empty(self) -> list[bytes]:
        """Deletes everything; gives the services to add in the order in which they should be."""
        groups = self._groups
        there, gone = [], bytearray()
        for service, dests in packed_rows(*self.session.read().rows()):
            key = service_key(service)
            there.append(key)
            if key not in groups:
                gone += packed_operation(COMMANDS["delete-service"], service)
                continue
            stay = {dest_key(dest_of(op)) for op, _, _ in groups[key]}
            for dest in dests:
                if dest_key(dest) not in stay:
                    gone += packed_operation(COMMANDS["delete-server"], service, dest_key(dest))
        send_all(self.session, gone + packed_operation(COMMANDS["flush"]))
        known = set(there)
        back = [key for key in reversed(there) if key in groups]
        return back + [key for key in groups if key not in known]


def empty_for_restore(session: Session) -> int:
    """Deletes everything by one request, in such an order that the rules which -S would print now find their
    old entries at once when they are added again. Gives the errno (negative) of the kernel."""
    try:
        reading = session.read()
    except (IpvsError, MemoryError):  # the order is lost, no more
        reading = None
    return session.clear(reading)
