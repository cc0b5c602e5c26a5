"""Rule text, read piece by piece into batches of operations.

`RuleReader` is what every reader of rule text shares: those of check.py, add.py and replace.py, which are the
passes of a strict restore, and -R of the command line in cli/rules_stdin.py.
"""

from __future__ import annotations

import os

from ..errors import InvalidValue
from ..kernel.layout import command_of, pack_operations
from ..kernel.rule_buffer import OP_SIZE, RuleBuffer
from ..language.line import split_line
from ..language.parse import operation_of
from ..language.words import UsageError
from ..model.kernel_names import COMMAND_NAMES, COMMANDS
from .problem import Problem, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..language.parse import Request

    Parse = Callable[[list[str]], Request]

# Small enough to stay in memory that was touched before: new pages cost more than more reads.
CHUNK = 1 << 17


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
    than a change (`other`), and of a mistake (`mistake`). sends: `apply` sends, for which a new service and
    its destinations are to come together, if the kernel takes them so much faster.
    """

    sends = False

    def __init__(self, parse: Parse, source: str) -> None:
        self.parse = parse
        self.source = source
        self.buffer: RuleBuffer = RuleBuffer()
        self.text: bytes = b""

    def read(self, chunks: Iterable[bytes]) -> None:
        """Takes all lines of all chunks; after each chunk everything in it has been applied, but for a
        service that waits for more of its destinations."""
        held = b""
        for chunk in chunks:
            held = self._chunk(held + chunk)
        if held:
            self._chunk(held, last=True)

    def _chunk(self, text: bytes, last: bool = False) -> bytes:
        """Gives what is to be read again, with what follows."""
        self.text, buffer = text, self.buffer
        buffer.start()
        while buffer.used < len(text):
            other = buffer.scan(text)
            if buffer.count == buffer.size:
                self._flush(hold=self.sends and buffer.used < len(text))
            elif other:
                self._line()
        self._flush(hold=self.sends and not last and buffer.count > 0 and self.more())
        return text[buffer.used :]

    def _flush(self, hold: bool = False) -> None:
        if hold:
            self.buffer.hold()
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
            request = self.understand(words, line)
            if request.command in COMMANDS:
                self.buffer.add(pack_operations([operation_of(request)]), start)
                return
        except UsageError as error:
            self._flush()
            self.mistake(error, line)
            return
        self._flush()
        self.other(request, line)

    def understand(self, words: list[str], line: bytes) -> Request:
        """What the words of the line ask for; UsageError if that cannot be told."""
        return self.parse(words)

    def rule(self, at: int) -> bytes:
        """The line of operation `at` of the buffer."""
        start = self.buffer.offsets[at]
        return self.text[start : self.text.index(b"\n", start)]

    def command(self, at: int) -> str:
        """The command of operation `at` of the buffer, by ipvsadm's name."""
        return COMMAND_NAMES[command_of(self.buffer.ops[at * OP_SIZE : (at + 1) * OP_SIZE])]

    def refusal(self, at: int, code: int) -> Problem:
        """What the kernel said to operation `at`: an errno."""
        name, line = self.command(at), self.buffer.numbers[at]
        return refused(self.source, line, self.rule(at), name, code)

    def apply(self) -> None:
        """The buffer holds operations."""

    def more(self) -> bool:
        """Whether more text is there, or will be soon."""
        return True

    def other(self, request: Request, line: bytes) -> None:
        """The line asks for a listing, the help or the like."""

    def mistake(self, error: UsageError, line: bytes) -> None:
        """The line, the one taken last, cannot be carried out."""


def no_services(source: str, how: str) -> InvalidValue:
    """The error for text without a service that is to replace the table; `how` says what lets it pass."""
    return InvalidValue(f"{source} holds no service: the table would be empty; nothing was changed ({how})")
