"""What a table is to hold, read as a whole and checked: rule files, and JSON as `ipvsfast list` writes it."""

from __future__ import annotations

from ..errors import InvalidValue
from ..kernel.layout import (
    DAEMON,
    OP_SIZE,
    TIMEOUTS,
    commands_of,
    pack_operations,
    service_of,
    unpack_daemon,
)
from ..language.parse import parse as parse_words
from ..model.kernel_names import COMMANDS
from ..model.operation import Operation
from ..model.settings import SyncDaemon, Timeouts
from ..resolver import Resolver
from .check import FileCheck
from .restore import RulesInvalid, RuleText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from ..language.parse import Request
    from .problem import Problem
    from .rule_reader import Parse

_ADD_SERVICE = COMMANDS["add-service"]
_SET, _START = COMMANDS["set"], COMMANDS["start-daemon"]


class Wanted:
    """What a table is to hold. source: where that was read from. rules: packed operations that add it to an
    empty table. timeouts, daemons: those that it names; others stay as they are."""

    __slots__ = ("source", "text", "rules", "services", "timeouts", "daemons")

    def __init__(
        self, source: str, text: bytes, rules: bytearray, timeouts: Timeouts, daemons: list[SyncDaemon]
    ) -> None:
        self.source: Final[str] = source
        self.text: Final[bytes] = text
        self.rules: Final[bytearray] = rules
        self.services: Final[int] = commands_of(rules).count(_ADD_SERVICE)
        self.timeouts: Final[Timeouts] = timeouts
        self.daemons: Final[list[SyncDaemon]] = daemons

    def __len__(self) -> int:
        """Services and destinations."""
        return len(self.rules) // OP_SIZE

    def __repr__(self) -> str:
        return (
            f"<Wanted {self.source}: {self.services:,} services, {len(self) - self.services:,} destinations>"
        )


class _Collected(FileCheck):
    """The check of a rule file, which keeps what it has read. lines: no more than so many rules come; memory
    that grows would be touched again and again."""

    def __init__(self, parse: Parse, source: str, lines: int) -> None:
        super().__init__(parse, source)
        self._kept = bytearray(lines * OP_SIZE)
        self._used = 0

    def apply(self) -> None:
        super().apply()
        end = self._used + self.buffer.count * OP_SIZE
        memoryview(self._kept)[self._used : end] = memoryview(self.buffer.ops)[: end - self._used]
        self._used = end

    @property
    def ops(self) -> bytearray:
        """What was read, packed."""
        del self._kept[self._used :]
        return self._kept


def read_wanted(text: RuleText, names: Resolver | None = None, *, allow_empty: bool = False) -> Wanted:
    """RulesInvalid, with every mistake, if there is any; InvalidValue where nothing says that there is a
    service, and `allow_empty` does not say that this is meant."""
    if text.looks_like_json:
        from .wanted_json import read_json

        wanted = wanted_of(text.name, text.text, read_json(text.name, text.text))
    else:
        wanted = _of_rules(text, Resolver() if names is None else names)
    if not wanted.services and not allow_empty:
        raise InvalidValue(f"{text.name} holds no service: the table would be empty; nothing was done")
    return wanted


def _of_rules(text: RuleText, names: Resolver) -> Wanted:
    def parse(words: list[str]) -> Request:
        return parse_words(words, names)

    def check() -> _Collected:
        checker = _Collected(parse, text.name, text.text.count(b"\n") + 1)
        checker.read(text.chunks())
        return checker

    checked = names.together(check)
    if checked.problems:
        raise RulesInvalid(sorted(checked.problems, key=_line))
    return _apart(text.name, text.text, checked.ops)


def _line(problem: Problem) -> int:
    return problem.line


def _apart(source: str, text: bytes, ops: bytearray) -> Wanted:
    """What is set for a whole namespace is no part of the table."""
    commands = commands_of(ops)
    timeouts, daemons = Timeouts._make(0, 0, 0), []
    if commands.count(_SET) + commands.count(_START):
        kept = bytearray()
        for at, command in enumerate(commands):
            op = ops[at * OP_SIZE : (at + 1) * OP_SIZE]
            if command == _SET:
                given = TIMEOUTS.unpack(service_of(op)[: TIMEOUTS.size])
                values: Iterable[int] = (timeouts.tcp, timeouts.tcp_fin, timeouts.udp)
                timeouts = Timeouts._make(*[new or old for new, old in zip(given, values)])
            elif command == _START:
                daemons.append(unpack_daemon(DAEMON.unpack(service_of(op)[: DAEMON.size])))
            else:
                kept += op
        ops = kept
    return Wanted(source, text, ops, timeouts, daemons)


def wanted_of(source: str, text: bytes, operations: Iterable[Operation]) -> Wanted:
    """What operations, which add, set and start, ask for."""
    return _apart(source, text, pack_operations(operations))
