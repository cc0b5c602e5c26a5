"""What a table is to hold, read as a whole and checked: rule files; JSON as `ipvsfast list` writes it, and
the same as YAML and TOML; and configurations of other programs."""

from __future__ import annotations

from array import array

from ..changes.check import FileCheck
from ..changes.problem import Problem, printable
from ..changes.restore import RulesInvalid, RuleText
from ..errors import InvalidValue
from ..kernel.layout import (
    DAEMON,
    OP_SIZE,
    TIMEOUTS,
    commands_of,
    pack_operations,
    service_of,
    unpack_daemon,
    unpack_operation,
)
from ..language.parse import parse as parse_words
from ..language.words import UsageError
from ..model.kernel_names import COMMANDS
from ..model.operation import Operation
from ..model.settings import SyncDaemon, Timeouts
from ..resolver import Resolver
from .forms import check_rules, form_of, read_foreign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Final

    from ..changes.rule_reader import Parse
    from ..foreign.account import LeftOut
    from ..language.parse import Request
    from ..model.types import WantedForm

    Place = tuple[int, bytes]

_ADD_SERVICE = COMMANDS["add-service"]
_SET, _START = COMMANDS["set"], COMMANDS["start-daemon"]


class NoService(InvalidValue):
    """A wanted table without any service, where that is not said to be meant."""


class NothingNamed(RulesInvalid):
    """Rules that are right, and none of them can be used now: their names have no address."""


class Wanted:
    """What a table is to hold. source: where that was read from. rules: packed operations that add it to an
    empty table. timeouts, daemons: those that it names; others stay as they are. places: of each service its
    line, and where it stands in that; empty where nobody knows. left_out: what a configuration of another
    program says beside, and no table can. unnamed: rules that are not in it, as a name of theirs has no
    address: while there is any, a plan deletes nothing."""

    __slots__ = (
        "source",
        "_text",
        "rules",
        "services",
        "timeouts",
        "daemons",
        "_places",
        "left_out",
        "unnamed",
    )

    def __init__(
        self, source: str, text: bytes | None, rules: bytearray, timeouts: Timeouts,
        daemons: list[SyncDaemon], places: Sequence[Place] = (), left_out: Iterable[LeftOut] = (),
        unnamed: Iterable[Problem] = (),
    ) -> None:  # fmt: skip
        self.source: Final[str] = source
        self._text = text
        self.rules: Final[bytearray] = rules
        self.services: Final[int] = commands_of(rules).count(_ADD_SERVICE)
        self.timeouts: Final[Timeouts] = timeouts
        self.daemons: Final[list[SyncDaemon]] = daemons
        self._places: Final[Sequence[Place]] = places
        self.left_out: Final[tuple[LeftOut, ...]] = tuple(left_out)
        self.unnamed: Final[tuple[Problem, ...]] = tuple(unnamed)

    def place_of(self, service: int) -> Place:
        """The line of one of the services, by its number, and its text or its place there."""
        line, place = self._places[service] if self._places else (1, b"the document")
        if not place:
            place = self.text.split(b"\n", line)[line - 1]
        return line, place

    @property
    def text(self) -> bytes:
        """Rules or JSON that ask for it: what was read, if it was such."""
        if self._text is None:
            from .wanted_json import json_of

            self._text = json_of(self.operations())
        return self._text

    def operations(self) -> list[Operation]:
        """What adds, sets and starts it, in order."""
        found = [Operation("set", None, None, self.timeouts)] if self.timeouts != Timeouts() else []
        found += [Operation("start-daemon", None, None, daemon) for daemon in self.daemons]
        rules = self.rules
        return found + [unpack_operation(rules[at : at + OP_SIZE]) for at in range(0, len(rules), OP_SIZE)]

    def left_out_texts(self, every: bool = False) -> list[str]:
        """A line for each that was left out. every: else one for all of a kind."""
        found: list[str] = []
        kinds: dict[tuple[str, str], int] = {}
        for one in self.left_out:
            kind = one.reason, one.what.partition(" ")[0]
            kinds[kind] = kinds.get(kind, 0) + 1
        for one in self.left_out:
            count = 1 if every else kinds.pop((one.reason, one.what.partition(" ")[0]), 0)
            if count:
                found.append(printable(f"{one} (and {count - 1:,} more like it)" if count > 1 else str(one)))
        return found

    def __len__(self) -> int:
        """Services and destinations."""
        return len(self.rules) // OP_SIZE

    def __repr__(self) -> str:
        return (
            f"<Wanted {self.source}: {self.services:,} services, {len(self) - self.services:,} destinations>"
        )


class _Lines:
    """The places of services in a rule file: their lines, looked up only when they are asked for."""

    __slots__ = ("_commands", "_numbers")

    def __init__(self) -> None:
        self._commands, self._numbers = bytearray(), array("I")

    def add(self, commands: bytes, numbers: memoryview[int]) -> None:
        """Further rules and their lines."""
        self._commands += commands
        self._numbers.frombytes(numbers[: len(commands)].tobytes())

    def __len__(self) -> int:
        return self._commands.count(_ADD_SERVICE)

    def __getitem__(self, service: int) -> Place:
        at = -1
        for _ in range(service + 1):
            at = self._commands.index(_ADD_SERVICE, at + 1)
        return self._numbers[at], b""


class _Collected(FileCheck):
    """The check of a rule file, which keeps what it has read. lines: no more than so many rules come; memory
    that grows would be touched again and again. places: the line of each service. unnamed: where it is a
    list, gets the rules with a name that has no address, which are mistakes else."""

    def __init__(self, parse: Parse, source: str, lines: int, unnamed: list[Problem] | None) -> None:
        super().__init__(parse, source)
        self._unnamed = unnamed
        self._kept = bytearray(lines * OP_SIZE)
        self._used = 0
        self.places: Any = _Lines()  # as much of a sequence as is needed

    def apply(self) -> None:
        super().apply()
        end = self._used + self.buffer.count * OP_SIZE
        memoryview(self._kept)[self._used : end] = memoryview(self.buffer.ops)[: end - self._used]
        self._used = end
        self.places.add(self.buffer.commands(), self.buffer.numbers)

    def mistake(self, error: UsageError, line: bytes) -> None:
        if error.reason and self._unnamed is not None:
            self._unnamed.append(Problem(self.source, self.buffer.line, line, error.reason))
        else:
            super().mistake(error, line)

    @property
    def ops(self) -> bytearray:
        """What was read, packed."""
        del self._kept[self._used :]
        return self._kept


def read_wanted(
    text: RuleText,
    names: Resolver | None = None,
    *,
    source: WantedForm = "auto",
    config_id: str | None = None,
    allow_empty: bool = False,
    keep_going: bool = False,
    included: set[str] | None = None,
) -> Wanted:
    """RulesInvalid, with every mistake, if there is any; InvalidValue where nothing says that there is a
    service, and `allow_empty` does not say that this is meant. source: the form of the text, which "auto"
    tells by the file's name and by how it begins. config_id: what lines of keepalived.conf with `@` are
    compared with. keep_going: rules with a name that has no address, or none in time, are left out (see
    Wanted.unnamed); for rule files only, others have no names or their own ways. included: gets the paths and
    patterns of the files that a configuration includes, also where it has mistakes."""
    resolver = Resolver() if names is None else names
    form = form_of(text) if source == "auto" else source
    if keep_going and form != "rules":
        raise InvalidValue(f"{text.name} is {form}: only rules can be left out for their names")
    if form == "json":
        from .wanted_json import read_json

        packed, places = read_json(text.name, text.text)
        wanted = _apart(text.name, text.text, packed, places)
    elif form in ("yaml", "toml"):
        from .wanted_json import read_document

        packed, places = read_document(text.name, text.text, form)
        wanted = _apart(text.name, None, packed, places)
    elif form == "rules":
        wanted = _of_rules(text, resolver, keep_going)
    else:
        found = read_foreign(text, form, resolver, config_id, included)
        wanted = wanted_of(text.name, None, found.operations, found.places(text.name), found.left_out)
    if not wanted.services and wanted.unnamed:
        raise NothingNamed(list(wanted.unnamed))
    if not wanted.services and not allow_empty:
        raise NoService(f"{text.name} holds no service: the table would be empty; nothing was done")
    return wanted


def _of_rules(text: RuleText, names: Resolver, keep_going: bool) -> Wanted:
    unnamed: list[Problem] = []

    def parse(words: list[str]) -> Request:
        return parse_words(words, names)

    def check() -> _Collected:
        unnamed.clear()
        checker = _Collected(parse, text.name, text.text.count(b"\n") + 1, unnamed if keep_going else None)
        checker.read(text.chunks())
        return checker

    checked = names.together(check)
    check_rules(text, checked.problems)
    return _apart(text.name, text.text, checked.ops, checked.places, unnamed=unnamed)


def _apart(
    source: str, text: bytes | None, ops: bytearray, places: Sequence[Place],
    left_out: Iterable[LeftOut] = (), unnamed: Iterable[Problem] = (),
) -> Wanted:  # fmt: skip
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
    return Wanted(source, text, ops, timeouts, daemons, places, left_out, unnamed)


def wanted_of(
    source: str, text: bytes | None, operations: Iterable[Operation], places: Sequence[Place] = (),
    left_out: Iterable[LeftOut] = (),
) -> Wanted:  # fmt: skip
    """What operations, which add, set and start, ask for. text: if it is rules or JSON."""
    return _apart(source, text, pack_operations(operations), places, left_out)
