"""Standard output that notices when it cannot write, and the ways in which a command ends."""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn


INTERRUPTED = 130  # exit status, as shells have it for SIGINT
TERMINATED = 143  # and for SIGTERM


class ExitWith(Exception):
    """Ends the command: `status` is the exit status, `message` goes to standard error."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ReaderGone(ExitWith):
    """Nobody reads our standard output any more, and SIGPIPE, which would have ended us, came ignored."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came while there is something to say about what was done."""


def hold_termination() -> None:
    """From here on SIGTERM ends the command as Ctrl-C does, which is an exception from here on at the
    latest; not where they came ignored."""
    # The public module would import enum.
    from _signal import SIG_DFL, SIGINT, SIGTERM, default_int_handler, getsignal, signal  # type: ignore[import-not-found]

    def terminate(number: int, frame: object) -> None:
        raise Terminated

    if getsignal(SIGINT) == SIG_DFL:
        signal(SIGINT, default_int_handler)
    if getsignal(SIGTERM) == SIG_DFL:
        signal(SIGTERM, terminate)


def interrupted(message: str, by: BaseException | None = None) -> ExitWith:
    """How the command ends on Ctrl-C, or on SIGTERM, where there is something to say about it."""
    if isinstance(by, Terminated):
        return ExitWith(TERMINATED, f"terminated{message}")
    return ExitWith(INTERRUPTED, f"interrupted{message}")


def write(text: str) -> None:
    """All of `text` to standard output; ExitWith when that is closed, full or gone."""
    _write(text.encode("utf-8", "surrogateescape"))


def write_pieces(start: str, pieces: Iterable[bytes | memoryview]) -> None:
    """`start`, then bytes that are only valid until the next piece, in few system calls."""
    held = start.encode("ascii")
    for piece in pieces:
        if held:
            _write(held + piece)
            held = b""
        else:
            _write(piece)
    if held:
        _write(held)


def _write(data: bytes | memoryview) -> None:
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError as error:
        raise cannot_write(error.errno or errno.EIO) from None


def cannot_write(code: int) -> ExitWith:
    """How the command ends where standard output cannot be written: an errno."""
    kind = ReaderGone if code == errno.EPIPE else ExitWith
    return kind(1, f"cannot write to standard output: {os.strerror(code)}")


def write_all(chunks: Iterable[str], size: int = 1 << 16) -> None:
    """Many pieces of text in few system calls."""
    held: list[str] = []
    length = 0
    for chunk in chunks:
        held.append(chunk)
        length += len(chunk)
        if length >= size:
            write("".join(held))
            held.clear()
            length = 0
    if held:
        write("".join(held))


def complain(message: str) -> None:
    """One message to standard error, as it is."""
    data = f"{message}\n".encode("utf-8", "surrogateescape")
    try:
        os.write(2, data)
    except OSError:
        pass  # nowhere left to say it; the exit status still tells


def guard_streams() -> None:
    """Occupies standard descriptors that were closed, or our sockets would get their numbers and a
    listing would be written to the kernel. What stands in refuses to be read or written."""
    standard = ((sys.stdin, os.O_WRONLY), (sys.stdout, os.O_RDONLY), (sys.stderr, os.O_RDWR))
    for fd, (stream, mode) in enumerate(standard):
        if stream is None:
            opened = os.open("/dev/null", mode)
            if opened != fd:
                os.dup2(opened, fd)
                os.close(opened)


def leave(status: int) -> NoReturn:
    """Ends the process at once: tearing the interpreter down costs a tenth of a listing, and a
    resolver thread that hangs must not keep us."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass
    os._exit(status)
