"""ipvsfast-save and ipvsfast-restore, which also answer to ipvsadm-save and ipvsadm-restore.

As in ipvsadm's, -restore replaces the table; unlike there, it does nothing before all of its input is
known to be right.
"""

from __future__ import annotations

import os
import sys

from .main import Command, guarded
from .output import Failure, complain, guard_streams, leave, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

_SAVE_USAGE = """\
{}: Script to save the IPVS table to stdout.
   With the -n option, prints out the table in numeric format."""


def save(argv: Sequence[str], program: str) -> int:
    """Prints the table as rules; words that are no options are passed over."""
    name = _base_name(program)
    if _asks_for_help(argv, name):
        return _help("ipvsfast-save", name)
    if any(word[:1] == "-" and word != "-n" for word in argv):
        complain(_SAVE_USAGE.format(name))
        return 1
    command = Command(_main_name(name))
    return command.run(command.parse(["-S", "-n"] if "-n" in argv else ["-S"]))


def restore(argv: Sequence[str], program: str) -> int:
    """Replaces the table by the rules on standard input, or reports what is wrong with them."""
    name = _base_name(program)
    if _asks_for_help(argv, name):
        return _help("ipvsfast-restore", name)
    command = Command(_main_name(name))
    text = read_all(0)
    return check(command, text) or clear_and_restore(command, text)


def read_all(fd: int) -> bytes:
    """Everything up to the end, as whole lines."""
    pieces = []
    try:
        while piece := os.read(fd, 1 << 20):
            pieces.append(piece)
    except OSError as error:
        raise Failure(1, f"cannot read standard input: {error.strerror}") from None
    text = b"".join(pieces)
    return text if text[-1:] in (b"\n", b"") else text + b"\n"


def check(command: Command, text: bytes, source: str = "stdin") -> int:
    """0 if every line of `text` can be carried out; else all errors are reported, and the exit status
    is the one that ipvsadm has for the first. The kernel is not asked."""
    from ..session import RuleBuffer

    buffer = RuleBuffer()
    status = errors = 0
    while buffer.used < len(text):
        other = buffer.scan(text)
        if buffer.count == buffer.size:
            buffer.clear()
        elif other:
            line = buffer.take_line(text)
            wrong, message, ends = _check_line(command, line)
            if wrong:
                complain(_report(f"{source}:{buffer.line}", line, message))
                status = status or wrong
                errors += 1
            elif ends:
                break
    if errors:
        complain(f"{errors} line{'s are' if errors > 1 else ' is'} wrong; the table was left as it is")
    return status


def _check_line(command: Command, line: bytes) -> tuple[int, str, bool]:
    """(exit status, message, whether nothing after this line is carried out)."""
    from ..grammar import UsageError
    from ..rulefile import split_line

    words = split_line(line)
    if not words:
        return 0, "", False
    try:
        request = command.parse(words)
        if request.command == "restore":
            raise command.hint()
    except UsageError as error:
        return error.status, error.message.rstrip("\n"), False
    return 0, "", request.command in ("help", "version")


def _report(place: str, line: bytes, message: str) -> str:
    from ..loader import printable

    return f"{place}: {printable(line.strip().decode('utf-8', 'surrogateescape'))}: {message}"


def clear_and_restore(command: Command, text: bytes) -> int:
    """Puts the rules of `text` in place of the table; the exit status is that of the last rule."""
    from ..errors import IpvsError
    from ..loader import text_chunks
    from ..replacer import Replacer
    from .restore import Restore

    session = command.table.session
    rules = Replacer(command.parse, "stdin", session)
    try:
        rules.read(text_chunks(text))
        if not rules.plain:  # commands other than additions: line by line, as ipvsadm would
            command.run(command.parse(["-C"]))
            return Restore(command, "stdin").feed([text])
        rules.replace()
    except IpvsError as error:
        raise Failure(255, str(error)) from None
    for problem in rules.problems:
        complain(str(problem))
    last = rules.problems[-1].line if rules.problems else 0
    return 255 if last and last == rules.last else 0


def _base_name(program: str) -> str:
    return program.rpartition("/")[2]


def _main_name(name: str) -> str:
    """How the main program is called, for messages that name it: ipvsadm-restore speaks of ipvsadm."""
    return name.removesuffix("-save").removesuffix("-restore")


def _asks_for_help(argv: Sequence[str], name: str) -> bool:
    # ipvsadm's two have no such option, and -restore would empty the table where help was meant.
    return not name.startswith("ipvsadm") and ("-h" in argv or "--help" in argv)


def _help(script: str, name: str) -> int:
    from ..helptext import script_text
    from ..verbs import SCRIPTS

    write("".join([script_text(entry, name) for entry in SCRIPTS if entry.name == script]))
    return 0


def _run(script: Callable[[Sequence[str], str], int]) -> NoReturn:
    """The entry of both programs."""
    # Like any filter: `| head` ends us quietly. The public module would import enum.
    import _signal  # type: ignore[import-not-found]

    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    guard_streams()
    argv, program = sys.argv[1:], sys.argv[0]
    leave(guarded(lambda: script(argv, program), argv, program))


def run_save() -> NoReturn:
    _run(save)


def run_restore() -> NoReturn:
    _run(restore)
