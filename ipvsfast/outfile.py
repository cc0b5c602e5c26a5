"""Where a saved table goes: a file is replaced as a whole, all else is opened and written to."""

from __future__ import annotations

import errno
import os
from stat import S_ISREG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Pieces = Iterable[bytes | memoryview]

TEMPORARY = ".ipvsfast-save."  # how names of files begin that are not yet whole
_ACCESS_LIST = "system.posix_acl_access"
_OPEN = os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_file(path: str, pieces: Pieces) -> int:
    """Writes to what `path` leads to, symbolic links followed.

    It is opened first as a shell's `>` would open it, so that the kernel decides whether that may be
    (fs.protected_symlinks, fs.protected_regular). A regular file, or one that is made, has its old
    content until the new one is on the disk; its mode, owner and access list stay. Pipes, devices and
    the like, and our own open files (/dev/stdout, /dev/fd/3), are written to. Gives how many other names
    (hard links) the replaced file had: they keep the old content.
    """
    number = _own_descriptor(path)
    if number is not None:
        _write_all(number, pieces)
        return 0
    made = not os.path.exists(path)
    # Asked to make it, the kernel takes whatever has a slash at its end for a folder.
    fd = os.open(path, _OPEN if path[-1:] == "/" else _OPEN | os.O_CREAT, 0o666)
    try:
        opened = os.fstat(fd)
        place = _place(fd, path, opened) if S_ISREG(opened.st_mode) else None
        if place is None:
            if S_ISREG(opened.st_mode):  # its name is gone, but /proc leads to it
                os.ftruncate(fd, 0)
            _write_all(fd, pieces)
            return 0
        folder, name = place
        try:
            _replace(folder, name, fd, opened, pieces)
        except BaseException:
            if made:
                _remove_empty(folder, name, opened)
            raise
        finally:
            os.close(folder)
        return opened.st_nlink - 1
    finally:
        os.close(fd)


def _place(fd: int, path: str, opened: os.stat_result) -> tuple[int, str] | None:
    """An open folder, and the name in it under which it has the very file that is open as `fd`."""
    try:
        real = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:  # no /proc
        real = os.path.realpath(path)
    parent, name = os.path.split(real)
    folder = -1
    for mode in (os.O_RDONLY, os.O_PATH):  # one that cannot be listed can have files
        try:
            folder = os.open(parent, mode | os.O_DIRECTORY | os.O_CLOEXEC)
            break
        except OSError:
            pass
    if folder < 0:
        return None
    try:
        if os.path.samestat(os.stat(name, dir_fd=folder, follow_symlinks=False), opened):
            return folder, name
    except OSError:
        pass  # it has no name any more
    os.close(folder)
    return None


def _remove_empty(folder: int, name: str, made: os.stat_result) -> None:
    """Takes away what was made by opening it, if that is what stands there."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if os.path.samestat(found, made) and not found.st_size:
            os.unlink(name, dir_fd=folder)
    except OSError:
        pass  # why it was not written is what has to be told


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


def _replace(folder: int, name: str, fd: int, old: os.stat_result, pieces: Pieces) -> None:
    """Puts a new file in the place of `name`, which is open as `fd`."""
    temporary = f"{TEMPORARY}{os.urandom(8).hex()}"
    try:
        new = os.open(temporary, _NEW, 0o600, dir_fd=folder)
        try:
            _take_rights(new, fd, old)
            _write_all(new, pieces)
            os.fsync(new)
        finally:
            os.close(new)  # some file systems tell only now that they had no room
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        raise  # it is not ours
    except BaseException:
        # A signal may have come before it was there, and one may come after it is gone.
        try:
            os.unlink(temporary, dir_fd=folder)
        except OSError:
            pass
        raise
    _sync_folder(folder)


def _take_rights(new: int, fd: int, old: os.stat_result) -> None:
    made = os.fstat(new)
    if (old.st_uid, old.st_gid) != (made.st_uid, made.st_gid):
        os.fchown(new, old.st_uid, old.st_gid)
    os.fchmod(new, old.st_mode & 0o7777)
    try:
        names = os.listxattr(fd)
    except OSError:
        return  # a file system without any
    for name in names:
        try:
            os.setxattr(new, name, os.getxattr(fd, name))
        except OSError:
            if name == _ACCESS_LIST:  # without it the mode gives rights to others
                raise


def _sync_folder(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        # Some file systems cannot, and need not; nor can a folder that may not be listed.
        if error.errno not in (errno.EINVAL, errno.EBADF):
            raise
