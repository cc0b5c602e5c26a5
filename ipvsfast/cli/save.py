"""`ipvsfast save`: everything that `ipvsfast restore` can bring back, to a file or standard output."""

from __future__ import annotations

import errno
import os
import time

from .. import __version__
from ..errors import IpvsError
from .output import Failure, write_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..client import Ipvs
    from .command import Command


def save_file(command: Command, given: dict[str, str], path: str | None) -> int:
    """Writes the rules; a file is replaced as a whole or not at all."""
    table = command.table
    try:
        pieces = compatible(table) if "compat" in given else lossless(table)
        if path is None or path == "-":
            write_pieces("", pieces)
        else:
            replace_file(path, pieces)
    except IpvsError as error:
        raise Failure(1, str(error)) from None
    except OSError as error:
        raise Failure(1, f"cannot write {path}: {error.strerror}") from None
    return 0


def lossless(table: Ipvs) -> Iterator[bytes | memoryview]:
    """Header, timeouts, daemons, services and destinations in the order in which to add them."""
    from ..listing.state import daemon_rule, timeout_rule

    kernel = os.uname()
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    head = f"# ipvsfast {__version__}, {kernel.sysname} {kernel.release}, {now}\n"
    head += timeout_rule(table.timeouts())
    head += "".join([daemon_rule(daemon) for daemon in table.daemons()])
    yield head.encode("utf-8", "surrogateescape")
    reading = table.read()
    if reading.unstable:
        raise IpvsError(errno.EAGAIN, "the table kept changing while it was read; nothing was saved")
    pieces = reading.sort_as_added().text("rules")
    if pieces is not None:
        yield from pieces
        return
    from ..listing.rules import rule_lines

    for text in rule_lines(reading.values(), sort=False):
        yield text.encode("utf-8", "surrogateescape")


def compatible(table: Ipvs) -> Iterator[bytes | memoryview]:
    """What ipvsadm 1.31 -S -n writes: sorted, without header, timeouts, daemons and thresholds."""
    from ..listing.rules import rule_lines

    services = table.table()
    plain = [(service, [d.replace(upper=0, lower=0) for d in dests]) for service, dests in services]
    for text in rule_lines(plain):
        yield text.encode("utf-8", "surrogateescape")


def replace_file(path: str, pieces: Iterable[bytes | memoryview]) -> None:
    """The file has its old content until the new one is on the disk; its mode and owner stay."""
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".{os.path.basename(path)}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            _take_mode(fd, path)
            for piece in pieces:
                data = memoryview(piece)
                while data:
                    data = data[os.write(fd, data) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(folder)


def _take_mode(fd: int, path: str) -> None:
    try:
        old = os.stat(path)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(fd, 0o666 & ~mask)
        return
    os.fchmod(fd, old.st_mode & 0o7777)
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(fd, old.st_uid, old.st_gid)


def _sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot, and need not
            raise
    finally:
        os.close(fd)
