"""Whether a file has changed (inotify). The folders are watched on the way to it: what stands in the place of
a file that is replaced, or behind a link that is turned, is another file."""

from __future__ import annotations

import errno
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
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


def signatures(paths: Iterable[str]) -> tuple[object, ...]:
    """The same of several, and of all that patterns among them mean."""
    from glob import glob, has_magic

    found: list[object] = []
    for path in paths:
        for one in sorted(glob(path)) if has_magic(path) else [path]:
            found.append((one, signature(one)))
    return tuple(found)


class FileWatch:
    """Watches the file of a path, which need not be there, and those that `also` names. `fd` can be read when
    something has happened; `happened` says whether that is about them. OSError where that cannot be."""

    def __init__(self, path: str) -> None:
        self._paths = [os.path.abspath(path)]
        # Of each watched folder, by its number, the patterns of names that are meant too.
        self._patterns: dict[int, set[bytes]] = {}
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

    def also(self, paths: Iterable[str]) -> None:
        """Beside the first one these, and no others. What stands in the folder of a pattern, with wildcards
        in its last part, is watched as far as it fits."""
        self._paths = [self._paths[0], *[os.path.abspath(path) for path in paths]]
        self._arm()

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
                elif name in self._names.get(number, ()) or self._fits(number, name):
                    moved = moved or bool(mask & ~(_MODIFY | _CLOSE_WRITE))
                    found = "written" if self._goes_on(number, name, mask) else "changed"
        if moved:
            self._arm()
        return found

    def _fits(self, number: int, name: bytes) -> bool:
        patterns = self._patterns.get(number)
        if not patterns:
            return False
        from fnmatch import fnmatchcase

        return any(fnmatchcase(name, pattern) for pattern in patterns)

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
            wanted = self._ways()
            self._names, self._folders, self._patterns = {}, {}, {}
            for folder, (names, patterns) in wanted.items():
                mask = _ONLYDIR | _SELF | (_NAMES if names or patterns else 0)
                number = self._libc.inotify_add_watch(self.fd, folder, mask)
                if number < 0:
                    code = _errno()
                    if code in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                        continue  # it is gone again, which the folder above tells
                    raise OSError(code, os.strerror(code))
                self._names.setdefault(number, set()).update(names)
                self._patterns.setdefault(number, set()).update(patterns)
                self._folders[number] = folder
            for number in set(before) - set(self._folders):
                self._libc.inotify_rm_watch(self.fd, number)
            if self._ways() == wanted:
                return

    def _ways(self) -> dict[bytes, tuple[set[bytes], set[bytes]]]:
        """Of each folder on the way to one of the files the names that decide where it leads, and the
        patterns of names that are meant."""
        from glob import glob, has_magic

        found: dict[bytes, tuple[set[bytes], set[bytes]]] = {}
        for path in self._paths:
            patterned = path is not self._paths[0] and has_magic(path)
            if patterned:
                folder = os.fsencode(os.path.dirname(path))
                found.setdefault(folder, (set(), set()))[1].add(os.fsencode(os.path.basename(path)))
            for one in glob(path) if patterned else [path]:
                for folder, names in _way(os.fsencode(one)).items():
                    found.setdefault(folder, (set(), set()))[0].update(names)
        return found


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
