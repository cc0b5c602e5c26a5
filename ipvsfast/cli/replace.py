"""ipvsfast-restore: the rules on standard input in place of the table, once all of them are known right."""

from __future__ import annotations

import os

from ..errors import IpvsError
from ..loader import Problem, RuleReader, no_services, text_chunks
from ..model import COMMANDS
from ..replacer import Replacer
from .advice import problem_text
from .output import Failure, complain, interrupted
from .restore import Restore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..grammar import Request, UsageError
    from .command import Command

SOURCE = "stdin"


class _End(Exception):
    """What follows is never carried out."""


class Check(RuleReader):
    """The first pass: reports every line that -R would not carry out. No kernel is asked.

    status: 0, or what ipvsadm's exit status is for the first of them.
    """

    def __init__(self, command: Command) -> None:
        super().__init__(command.parse, SOURCE)
        self.status = 0
        self._hint = command.hint
        self._count = 0
        self.services = False  # whether there is one

    def run(self, text: bytes) -> int:
        """Reads all of `text`; the status."""
        try:
            self.read(text_chunks(text))
        except _End:
            pass
        if self._count:
            lines = "1 line is" if self._count == 1 else f"{self._count} lines are"
            complain(f"{lines} wrong; the table was left as it is")
        return self.status

    def apply(self) -> None:
        self.services |= COMMANDS["add-service"] in self.buffer.commands()

    def mistake(self, error: UsageError, line: bytes) -> None:
        complain(str(Problem(self.source, self.buffer.line, line, error.message.rstrip("\n"))))
        self.status = self.status or error.status
        self._count += 1

    def other(self, request: Request, line: bytes) -> None:
        if request.command == "restore":
            self.mistake(self._hint(), line)
        elif request.command in ("help", "version") and not self._count:  # they end the run
            raise _End


def replace_table(command: Command, allow_empty: bool) -> int:
    """Checks standard input and puts its rules in place of the table; the exit status."""
    text = read_all(0)
    check = Check(command)
    status = check.run(text)
    if not status and not check.services and not allow_empty:
        raise Failure(1, str(no_services(SOURCE, "--allow-empty if that is meant")))
    return status or clear_and_restore(command, text)


def read_all(fd: int) -> bytes:
    """Everything up to the end."""
    pieces = []
    try:
        while piece := os.read(fd, 1 << 20):
            pieces.append(piece)
    except OSError as error:
        raise Failure(1, f"cannot read standard input: {error.strerror}") from None
    return b"".join(pieces)


def clear_and_restore(command: Command, text: bytes) -> int:
    """Puts the rules of `text` in place of the table; the exit status is that of the last rule."""
    rules = Replacer(command.parse, SOURCE, command.table.session)
    try:
        rules.read(text_chunks(text))
        if not rules.plain:  # commands other than additions: line by line, as ipvsadm would
            command.run(command.parse(["-C"]))
            return Restore(command, SOURCE).feed(text_chunks(text))
        rules.replace()
    except IpvsError as error:
        raise Failure(255, str(error)) from None
    except KeyboardInterrupt:
        raise interrupted(f": {rules.done} rules are in force") from None
    for problem in rules.problems:
        complain(problem_text(problem))
    last = rules.problems[-1].line if rules.problems else 0
    return 255 if last and last == rules.last else 0
