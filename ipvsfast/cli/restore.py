"""-R: rules from standard input, with ipvsadm's meaning line by line, in batches.

A refused rule does not stop the run; a line that is no command does. The exit status is that of the
last line. What is new: messages say where, and comments are read over.
"""

from __future__ import annotations

import os

from ..errors import IpvsError, advice, sentence
from ..session import RuleBuffer, count_sent
from ..wire import COMMANDS, OP_SIZE, pack_operations
from .output import Failure, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..grammar import Request
    from .main import Command

CHUNK = 1 << 20
_NAMES = {number: name for name, number in COMMANDS.items()}


def chunks(fd: int) -> Iterator[bytes]:
    """What can be read, in pieces that end with a whole line, as soon as it is there."""
    held = b""
    while piece := os.read(fd, CHUNK):
        cut = piece.rfind(b"\n") + 1
        if not cut:
            held += piece
            continue
        yield held + piece[:cut]
        held = piece[cut:]
    if held:
        yield held + b"\n"


class Restore:
    """One run of -R."""

    def __init__(self, command: Command, source: str) -> None:
        self.command = command
        self.source = source
        self.buffer = RuleBuffer()
        self.status = 0
        self.done = 0  # rules whose results are known
        self.last = 0  # line of the last of them
        self.text = b""

    def run(self, fd: int) -> int:
        """Reads all of `fd`; the exit status."""
        return self.feed(chunks(fd))

    def feed(self, texts: Iterable[bytes]) -> int:
        """Carries out the rules of all texts, each of whole lines; the exit status."""
        try:
            for self.text in texts:
                self.buffer.start()
                self._text()
        except KeyboardInterrupt:
            sent = count_sent(self.buffer.results, self.buffer.count)
            last = self.buffer.numbers[sent - 1] if sent else self.last
            raise KeyboardInterrupt(
                f"interrupted: {self.done + sent} rules were sent, up to {self._place(last)}"
            ) from None
        return self.status

    def _text(self) -> None:
        buffer, text = self.buffer, self.text
        while buffer.used < len(text):
            other = buffer.scan(text)
            if buffer.count == buffer.size:
                self._apply()
            elif other:
                self._line()
        self._apply()

    def _line(self) -> None:
        """A line that is not canonical: the grammar reads it."""
        from ..grammar import UsageError
        from ..rulefile import split_line

        start = self.buffer.used
        line = self.buffer.take_line(self.text)
        words = split_line(line)
        if not words:
            return
        try:
            request = self.command.parse(words)
            if request.command == "restore":
                raise self.command.hint()
        except UsageError as error:
            self._apply()
            message = self._report(self.buffer.line, line, error.message)
            if error.status != 255 or error.hint:
                raise Failure(error.status, message) from None
            complain(message)
            self.status = 255
            return
        if request.command in COMMANDS:
            from ..batch import operation_of

            self.buffer.add(pack_operations([operation_of(request)]), start)
            return
        self._apply()
        self._other(request, line)

    def _other(self, request: Request, line: bytes) -> None:
        """A listing, the help or the version in the middle of rules; the latter two end the run."""
        try:
            self.status = self.command.run(request)
        except Failure as failure:
            raise Failure(failure.status, self._report(self.buffer.line, line, failure.message)) from None
        if request.command in ("help", "version"):
            raise Failure(0)

    def _apply(self) -> None:
        buffer = self.buffer
        count = buffer.count
        if not count:
            return
        table, sent = self.command.table, 0
        while sent < count:
            sent = table.send(buffer.ops, count, buffer.results, sent)
        results = buffer.results[:count]
        if any(results):
            for at, code in enumerate(results):
                if code:
                    self._refused(at, -code)
        self.status = 255 if results[-1] else 0
        self.last = buffer.numbers[count - 1]
        self.done += count
        buffer.clear()

    def _refused(self, at: int, errno: int) -> None:
        start = self.buffer.offsets[at]
        line = self.text[start : self.text.index(b"\n", start)]
        name = _NAMES[int.from_bytes(self.buffer.ops[at * OP_SIZE : at * OP_SIZE + 2], "little")]
        what = sentence(name, errno)
        hint = advice(name, errno)
        complain(self._report(self.buffer.numbers[at], line, f"{what} ({hint})" if hint else what))

    def _place(self, number: int) -> str:
        return f"{self.source}:{number}"

    def _report(self, number: int, line: bytes, message: str) -> str:
        text = line.strip().decode("utf-8", "surrogateescape")
        return f"{self._place(number)}: {printable(text)}: {message}"


def printable(text: str) -> str:
    """`text` without control characters, which a terminal would obey."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else f"\\x{ord(c):02x}" for c in text])


def restore(command: Command) -> int:
    """Runs -R on standard input."""
    try:
        command.table  # noqa: B018 - the kernel is asked first: without it nothing is read
        return Restore(command, "stdin").run(0)
    except OSError as error:
        if isinstance(error, IpvsError):
            raise Failure(255, str(error)) from None
        raise Failure(1, f"cannot read standard input: {error.strerror}") from None
