"""Whether a file has changed (inotify). The folders are watched on the way to it: what stands in the place of
a file that is replaced, or behind a link that is turned, is another file."""

from __future__ import annotations

import errno
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_MODIFY, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x2, 0x8, 0x40, 0x80
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_ONLYDIR = 0x01000000
_SELF = _DELETE_SELF | _MOVE_SELF
_NAMES = _MODIFY | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_EVENT = struct.Struct("=iIII")
_LINKS = 40  # as many as the kernel follows


def signature(path: str) -> tuple[int, ...]:
    """What tells a file from another one, and from itself with other contents; empty if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class FileWatch:
    """Watches the file of a path, which need not be there. `fd` can be read when something has happened;
    `happened` says whether that is about the file. OSError where it cannot be watched."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._libc = _libc()
        self.fd: Final[int] = _checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        # Of each watched folder, by its number, the names in it that lead to the file.
        self._names: dict[int, set[bytes]] = {}
        self._folders: dict[int, bytes] = {}
        try:
            self._arm()
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Ends it."""
        os.close(self.fd)

    def happened(self) -> str:
        """What has come since the last call: "written" if the file is being written, and whoever does that
        may go on; "changed" if another one may stand there, as a whole; "" if nothing is about it."""
        found, moved = "", False
        while data := self._read():
            at = 0
            while at < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size + length
                name = data[at - length : at].rstrip(b"\0")
                if mask & _OVERFLOW:
                    found, moved = "changed", True
                elif mask & (_SELF | _IGNORED):
                    if number in self._names:
                        found, moved = "changed", True
                elif name in self._names.get(number, ()):
                    moved = moved or bool(mask & ~(_MODIFY | _CLOSE_WRITE))
                    found = "written" if self._goes_on(number, name, mask) else "changed"
        if moved:
            self._arm()
        return found

    def _read(self) -> bytes:
        try:
            return os.read(self.fd, 65536)
        except BlockingIOError:
            return b""

    def _goes_on(self, number: int, name: bytes, mask: int) -> bool:
        """Whether what has happened is a part of writing, whose end comes as another event."""
        if mask & _MODIFY:
            return True
        if not mask & _CREATE:
            return False
        try:
            made = os.lstat(os.path.join(self._folders[number], name))
        except OSError:
            return False
        return made.st_nlink == 1 and (made.st_mode & 0o170000) == 0o100000  # else a link of either kind

    def _arm(self) -> None:
        """Watches what leads to the file now. Twice at most: it may be turned while that is looked at."""
        for _ in range(2):
            before = self._folders
            wanted = _way(os.fsencode(self._path))
            self._names, self._folders = {}, {}
            for folder, names in wanted.items():
                mask = _ONLYDIR | _SELF | (_NAMES if names else 0)
                number = self._libc.inotify_add_watch(self.fd, folder, mask)
                if number < 0:
                    code = _errno()
                    if code in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                        continue  # it is gone again, which the folder above tells
                    raise OSError(code, os.strerror(code))
                self._names.setdefault(number, set()).update(names)
                self._folders[number] = folder
            for number in set(before) - set(self._folders):
                self._libc.inotify_rm_watch(self.fd, number)
            if _way(os.fsencode(self._path)) == wanted:
                return


def _way(path: bytes) -> dict[bytes, set[bytes]]:
    """The folders on the way to a file, and the names in each that decide where it leads: links, the last
    one, and that which is missing. Of the other folders only their own end counts."""
    found: dict[bytes, set[bytes]] = {}
    todo = [part for part in path.split(b"/") if part]
    folder, links = b"/", 0
    while todo:
        name = todo.pop(0)
        if name == b".":
            continue
        if name == b"..":
            folder = os.path.dirname(folder)
            continue
        names = found.setdefault(folder, set())
        here = os.path.join(folder, name)
        try:
            target = os.readlink(here)
        except OSError as error:
            if error.errno != errno.EINVAL or not todo:  # it is missing, or no link and the last
                names.add(name)
                return found
            folder = here
            continue
        names.add(name)
        links += 1
        if links > _LINKS:
            return found
        if target.startswith(b"/"):
            folder = b"/"
        todo = [part for part in target.split(b"/") if part] + todo
    return found


def _libc() -> Any:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _errno() -> int:
    import ctypes

    return ctypes.get_errno()


def _checked(value: int) -> int:
    if value < 0:
        raise OSError(_errno(), os.strerror(_errno()))
    return value
