"""The text that -S prints and -R reads: its lines as words and as requests (listing.rules writes it).

One line is one command line: words separated by blanks, tabs or carriage returns, without quoting or
escapes. Lines that start with `#` are comments; a leading `ipvsadm` or `ipvsfast`, also as a path, is
skipped. Text that is not UTF-8 passes through unchanged (surrogateescape).
"""

from __future__ import annotations

from .arguments import UsageError, hint
from .grammar import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .addresses import Resolver
    from .grammar import Request

_PROGRAMS = ("ipvsadm", "ipvsfast")


class RuleError(UsageError):
    """A line of a rule file that cannot be carried out.

    source, lineno (from 1) and text say where and what; status, message and the rest are those of the
    UsageError. str() starts with `source:lineno:`.
    """

    def __init__(self, source: str, lineno: int, text: str, error: UsageError) -> None:
        super().__init__(error.status, error.message, error.hint, error.word, f"{source}:{lineno}")
        self.source = source
        self.lineno = lineno
        self.text = text


def split_line(line: str | bytes) -> list[str]:
    """The words of one line, without the program's name; empty for blank lines and comments."""
    if isinstance(line, bytes):
        line = line.decode("utf-8", "surrogateescape")
    line = line.rstrip("\n")
    if line.isprintable():  # then the space is the only blank in it
        words = line.split()
    else:
        words = [word for word in line.replace("\t", " ").replace("\r", " ").split(" ") if word]
        if "\0" in line:  # which ends a C string
            words = [word.partition("\0")[0] for word in words]
    if words:
        first = words[0]
        if first[:1] == "#":
            return []
        if first in _PROGRAMS or first.rpartition("/")[2] in _PROGRAMS:
            del words[0]
    return words


def read_rules(stream: Iterable[str | bytes], source_name: str) -> Iterator[tuple[int, str, list[str]]]:
    """(line number from 1, line without its end, words) for every line that is not blank or a comment.

    `stream`: a file opened in binary mode (a lone carriage return ends no line), or any lines.
    OSError from reading it gets `source_name` as its file name.
    """
    lines = iter(stream)
    lineno = 0
    while True:
        try:
            line = next(lines, None)
        except OSError as error:
            error.filename = source_name
            raise
        if line is None:
            return
        lineno += 1
        words = split_line(line)
        if words:
            text = line if isinstance(line, str) else line.decode("utf-8", "surrogateescape")
            yield lineno, text.rstrip("\r\n"), words


def read_requests(
    stream: Iterable[str | bytes],
    source_name: str,
    resolver: Resolver,
    program: str = "ipvsfast",
    posix: bool = False,
) -> Iterator[tuple[int, str, Request]]:
    """(line number, line, request) for every rule. RuleError at the first that is wrong.

    A `-R` inside gives the hint, as in ipvsadm; listings, -h and -v are requests like others.
    """
    for lineno, text, words in read_rules(stream, source_name):
        try:
            request = parse(words, resolver, program, posix)
            if request.command == "restore":
                raise hint(program)
        except UsageError as error:
            raise RuleError(source_name, lineno, text, error) from None
        yield lineno, text, request
