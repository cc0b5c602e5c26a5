"""Where a saved table goes: a file is replaced as a whole, all else is opened and written to."""

from __future__ import annotations

import errno
import os
from stat import S_ISREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Pieces = Iterable[bytes | memoryview]

_ACCESS_LIST = "system.posix_acl_access"


def write_file(path: str, pieces: Pieces) -> int:
    """Writes to what `path` leads to, symbolic links followed.

    A regular file, or one that is to be made, has its old content until the new one is on the disk; its
    mode, owner and access list stay. Pipes, devices and the like, and our own open files (/dev/stdout,
    /dev/fd/3), are written to. Gives how many other names (hard links) the replaced file had: they
    keep the old content.
    """
    number = _own_descriptor(path)
    if number is not None:
        _write_all(number, pieces)
        return 0
    real = os.path.realpath(path)
    old, found = _status(path), _status(real)
    if old is None and path and path[-1] != "/":
        _replace(real, None, pieces)
        return 0
    # They differ where /proc leads to an open file whose name is gone.
    if old is not None and found is not None and S_ISREG(old.st_mode) and os.path.samestat(found, old):
        _replace(real, old, pieces)
        return old.st_nlink - 1
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _write_all(fd, pieces)
    finally:
        os.close(fd)
    return 0


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _own_descriptor(path: str) -> int | None:
    """The number of the open file of this process that `path` leads to. To open it again would lose its
    position, and cannot be done for a socket."""
    pid = os.getpid()
    for _ in range(40):  # as many links as the kernel follows
        folder, name = os.path.split(path)
        folder = os.path.realpath(folder)
        if folder in (f"/proc/{pid}/fd", f"/proc/{pid}/task/{pid}/fd") and name.isdecimal():
            if not os.get_inheritable(int(name)):  # opened by ourselves, nobody can have meant it
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return int(name)
        path = os.path.join(folder, name)
        if not os.path.islink(path):
            break
        path = os.path.join(folder, os.readlink(path))
    return None


def _write_all(fd: int, pieces: Pieces) -> None:
    for piece in pieces:
        data = memoryview(piece)
        while data:
            data = data[os.write(fd, data) :]


def _replace(path: str, old: os.stat_result | None, pieces: Pieces) -> None:
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".ipvsfast-save.{os.urandom(4).hex()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            if old is None:
                mask = os.umask(0)
                os.umask(mask)
                os.fchmod(fd, 0o666 & ~mask)
            else:
                _take_rights(fd, path, old)
            _write_all(fd, pieces)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(folder)


def _take_rights(fd: int, path: str, old: os.stat_result) -> None:
    new = os.fstat(fd)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(fd, old.st_uid, old.st_gid)
    os.fchmod(fd, old.st_mode & 0o7777)
    try:
        names = os.listxattr(path)
    except OSError:
        return  # a file system without any
    for name in names:
        try:
            os.setxattr(fd, name, os.getxattr(path, name))
        except OSError:
            if name == _ACCESS_LIST:  # without it the mode gives rights to others
                raise


def _sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems cannot, and need not
            raise
    finally:
        os.close(fd)
