"""What is wrong with a rule, or was refused, told in one line. Knows no kernel and no reader."""

from __future__ import annotations

from ..errors import advice, sentence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


_LONG = 200  # characters of a rule, or of what is wrong with it, that are told


def _printable_one(char: str) -> str:
    code = ord(char)
    if char.isprintable():
        return char
    if 0xDC80 <= code <= 0xDCFF:  # what a byte that is no UTF-8 was read as
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def printable(text: str) -> str:
    """`text` without control characters, which a terminal would obey."""
    if text.isprintable():
        return text
    return "".join([_printable_one(char) for char in text])


def _told(text: str) -> str:
    """`text` as it can be printed, cut where it is very long."""
    if len(text) <= 2 * _LONG:
        return printable(text)
    return f"{printable(text[:_LONG])}... ({len(text):,} characters)"


class Problem:
    """One rule that is wrong or was refused. line: from 1, 0 where it is not known. rule: its
    text, the beginning of a very long one. errno: 0 for mistakes in the text. command: what
    the kernel refused, by ipvsadm's name for it, else ""."""

    __slots__ = ("source", "line", "rule", "message", "advice", "errno", "command")

    def __init__(
        self, source: str, line: int, rule: bytes, message: str, *, hint: str = "", code: int = 0,
        command: str = "",
    ) -> None:  # fmt: skip
        self.source: Final[str] = source
        self.line: Final[int] = line
        self.rule: Final[str] = _told(rule.strip().decode("utf-8", "surrogateescape"))
        self.message: Final[str] = message
        self.advice: Final[str] = hint
        self.errno: Final[int] = code
        self.command: Final[str] = command

    def __str__(self) -> str:
        return self.told(self.advice)

    def told(self, advice: str) -> str:
        """`FILE:LINE: the rule: sentence (what to do)`"""
        hint = f" ({advice})" if advice else ""
        text = _told(self.message.rstrip("\n"))
        # One of ipvsadm's sentences ends with an empty line of its own.
        end = "\n" if self.message.endswith("\n") else ""
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.rule}: {text}{hint}{end}"


def refused(source: str, line: int, rule: bytes, command: str, code: int) -> Problem:
    """What the kernel said to `command`: an errno."""
    hint = advice(command, code)
    return Problem(source, line, rule, sentence(command, code), hint=hint, code=code, command=command)
