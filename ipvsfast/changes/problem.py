"""What is wrong with a rule, or was refused, told in one line. Knows no kernel and no reader."""

from __future__ import annotations

from ..errors import advice, sentence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


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
