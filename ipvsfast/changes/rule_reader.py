"""Rule text into the kernel: reading it piece by piece, checking it first, adding it in batches.

`RuleReader` is what every reader of rule text shares; `check_rules` and `add_rules` are the two
passes of a strict restore. -R of the command line is another RuleReader, in cli/rules_stdin.py.
"""

from __future__ import annotations

import errno
import os

from ..errors import InvalidValue, advice, sentence
from ..kernel.rule_buffer import OP_SIZE, RuleBuffer, RuleCheck
from ..language.line import split_line
from ..language.parse import UsageError
from ..model.kernel_names import COMMAND_NAMES, COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final

    from ..language.parse import Request

    Parse = Callable[[list[str]], Request]

# Small enough to stay in memory that was touched before: new pages cost more than more reads.
CHUNK = 1 << 17
_DELETE = {COMMANDS[f"add-{what}"]: COMMANDS[f"delete-{what}"] for what in ("service", "server")}
# What a file for the strict restore may hold: additions, not changes of what it cannot know.
RULES = ("add-service", "add-server", "set", "start-daemon")
_CHECKED = {
    -errno.EEXIST: "this stands twice",
    -errno.ESRCH: "its service is not defined before it",
    -errno.ERANGE: "the lower threshold is above the upper one",
    -errno.EINVAL: "the server address is not unicast",
}


def printable(text: str) -> str:
    """`text` without control characters, which a terminal would obey."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else f"\\x{ord(c):02x}" for c in text])


class Problem:
    """One rule that is wrong or was refused. line: from 1. errno: 0 for mistakes in the text. command: what
    the kernel refused, by ipvsadm's name for it, else ""."""

    __slots__ = ("source", "line", "rule", "message", "advice", "errno", "command")

    def __init__(
        self, source: str, line: int, rule: bytes, message: str, *, hint: str = "", code: int = 0,
        command: str = "",
    ) -> None:  # fmt: skip
        self.source: Final[str] = source
        self.line: Final[int] = line
        self.rule: Final[str] = printable(rule.strip().decode("utf-8", "surrogateescape"))
        self.message: Final[str] = message
        self.advice: Final[str] = hint
        self.errno: Final[int] = code
        self.command: Final[str] = command

    def __str__(self) -> str:
        return self.told(self.advice)

    def told(self, advice: str) -> str:
        """`FILE:LINE: the rule: sentence (what to do)`"""
        hint = f" ({advice})" if advice else ""
        text = printable(self.message.rstrip("\n"))
        # One of ipvsadm's sentences ends with an empty line of its own.
        end = "\n" if self.message.endswith("\n") else ""
        return f"{self.source}:{self.line}: {self.rule}: {text}{hint}{end}"


def refused(source: str, line: int, rule: bytes, command: str, code: int) -> Problem:
    """What the kernel said to `command`: an errno."""
    hint = advice(command, code)
    return Problem(source, line, rule, sentence(command, code), hint=hint, code=code, command=command)


def fd_chunks(fd: int, piece: bytes = b"") -> Iterator[bytes]:
    """What can be read from `fd`, as soon as it is there, in pieces that end with a whole line. piece: what
    was read of it before."""
    held: list[bytes] = []
    while piece or (piece := os.read(fd, CHUNK)):
        cut = piece.rfind(b"\n") + 1
        if cut:
            yield b"".join([*held, piece[:cut]])
            held = [piece[cut:]] if cut < len(piece) else []
        else:
            held.append(piece)
        piece = b""
    if held:
        yield b"".join(held) + b"\n"


def text_chunks(text: bytes) -> Iterator[bytes]:
    """The same for text in memory."""
    start = 0
    while start < len(text):
        end = len(text) if start + CHUNK >= len(text) else text.rfind(b"\n", start, start + CHUNK) + 1
        if not end:  # a line longer than a chunk
            end = text.find(b"\n", start) + 1 or len(text)
        piece = text[start:end]
        yield piece if piece.endswith(b"\n") else piece + b"\n"
        start = end


class RuleReader:
    """Reads rule text: canonical lines in C, others by the grammar, all in their order.

    Subclasses say what becomes of a full buffer (`apply`), of a line that asks for something else
    than a change (`other`), and of a mistake (`mistake`).
    """

    def __init__(self, parse: Parse, source: str) -> None:
        self.parse = parse
        self.source = source
        self.buffer: RuleBuffer = RuleBuffer()
        self.text: bytes = b""

    def read(self, chunks: Iterable[bytes]) -> None:
        """Takes all lines of all chunks; after each chunk everything in it has been applied."""
        for self.text in chunks:
            self.buffer.start()
            self._chunk()

    def _chunk(self) -> None:
        buffer, text = self.buffer, self.text
        while buffer.used < len(text):
            other = buffer.scan(text)
            if buffer.count == buffer.size:
                self._flush()
            elif other:
                self._line()
        self._flush()

    def _flush(self) -> None:
        if self.buffer.count:
            self.apply()
            self.buffer.clear()

    def _line(self) -> None:
        start = self.buffer.used
        line = self.buffer.take_line(self.text)
        words = split_line(line)
        if not words:
            return
        try:
            request = self.parse(words)
            if request.command in COMMANDS:
                from ..kernel.layout import pack_operations
                from ..language.parse import operation_of

                self.buffer.add(pack_operations([operation_of(request)]), start)
                return
        except UsageError as error:
            self._flush()
            self.mistake(error, line)
            return
        self._flush()
        self.other(request, line)

    def rule(self, at: int) -> bytes:
        """The line of operation `at` of the buffer."""
        start = self.buffer.offsets[at]
        return self.text[start : self.text.index(b"\n", start)]

    def command(self, at: int) -> str:
        """The command of operation `at` of the buffer, by ipvsadm's name."""
        from ..kernel.layout import command_of

        return COMMAND_NAMES[command_of(self.buffer.ops[at * OP_SIZE : (at + 1) * OP_SIZE])]

    def refusal(self, at: int, code: int) -> Problem:
        """What the kernel said to operation `at`: an errno."""
        name, line = self.command(at), self.buffer.numbers[at]
        return refused(self.source, line, self.rule(at), name, code)

    def apply(self) -> None:
        """The buffer holds operations."""

    def other(self, request: Request, line: bytes) -> None:
        """The line asks for a listing, the help or the like."""

    def mistake(self, error: UsageError, line: bytes) -> None:
        """The line, the one taken last, cannot be carried out."""


def no_services(source: str, how: str) -> InvalidValue:
    """The error for text without a service that is to replace the table; `how` says what lets it pass."""
    return InvalidValue(f"{source} holds no service: the table would be empty; nothing was changed ({how})")


class Checker(RuleReader):
    """The first pass: every mistake that can be found without a kernel. total: rules; services: those
    that add one."""

    def __init__(self, parse: Parse, source: str) -> None:
        super().__init__(parse, source)
        self.problems: list[Problem] = []
        self.total: int = 0
        self.services: int = 0
        self._seen = RuleCheck()

    def apply(self) -> None:
        self.total += self.buffer.count
        results = self._seen.check(self.buffer)
        commands = self.buffer.commands()
        self.services += commands.count(COMMANDS["add-service"])
        if not any(results) and set(commands) <= {COMMANDS[name] for name in RULES}:
            return
        for at, code in enumerate(results):
            name = self.command(at)
            if name not in RULES:
                self._wrong(at, f"a rule file holds {', '.join(RULES)} only, not {name}")
            elif code:
                self._wrong(at, _CHECKED[code])

    def _wrong(self, at: int, message: str) -> None:
        self.problems.append(Problem(self.source, self.buffer.numbers[at], self.rule(at), message))

    def other(self, request: Request, line: bytes) -> None:
        message = f"a rule file holds {', '.join(RULES)} only, not {request.command}"
        self.problems.append(Problem(self.source, self.buffer.line, line, message))

    def mistake(self, error: UsageError, line: bytes) -> None:
        message = "this is no rule" if error.hint else error.reason or error.message.rstrip("\n")
        self.problems.append(Problem(self.source, self.buffer.line, line, message))
