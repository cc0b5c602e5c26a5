"""The first pass of a strict restore: what is wrong with a rule file and can be told without a kernel."""

from __future__ import annotations

import errno

from ..kernel.rule_buffer import RuleCheck
from ..language.words import UsageError
from ..model.kernel_names import COMMANDS
from .problem import Problem
from .rule_reader import RuleReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..language.parse import Request
    from .rule_reader import Parse

# What a file for the strict restore may hold: additions, not changes of what it cannot know.
RULES = ("add-service", "add-destination", "set", "start-daemon")
_CHECKED = {
    -errno.EEXIST: "this stands twice",
    -errno.ESRCH: "its service is not defined before it",
    -errno.ERANGE: "the lower threshold is above the upper one",
    -errno.EINVAL: "the server address is not unicast",
}


class FileCheck(RuleReader):
    """The first pass: every mistake that can be found without a kernel. total: rules; services: those
    that add one."""

    def __init__(self, parse: Parse, source: str) -> None:
        super().__init__(parse, source)
        self.problems: list[Problem] = []
        self.total: int = 0
        self.services: int = 0
        self._seen = RuleCheck()

    def understand(self, words: list[str], line: bytes) -> Request:
        if b"\0" in line:  # -R ends a word there, as ipvsadm does
            raise UsageError(2, "a NUL byte is in this line: a rule is text")
        return super().understand(words, line)

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
