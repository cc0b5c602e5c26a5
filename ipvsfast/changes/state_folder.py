"""Where what has to be known later about the table of one network namespace is kept: the state folder.

`/var/lib/ipvsfast/BOOT-INODE-COOKIE/`, mode 0700: BOOT is the beginning of the kernel's boot id, INODE and
COOKIE tell the namespace. The cookie is never given again before the next boot, so what is remembered of a
namespace that is gone is not taken for that of another one. After a boot the table is another one too: a new
folder begins, and those of earlier boots stay (until there are more than KEPT of them) for who wants to look.

The variable IPVSFAST_STATE names another place than /var/lib/ipvsfast. Who keeps something has one file
there, named after what it is (`weights.json`), reads it by `read_state` and replaces it as a whole by
`write_state`; who has to read and replace it in one does so while a StateLock of the folder is entered.
"""

from __future__ import annotations

import errno
import os
import stat

from ..errors import StateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.session import Session

DEFAULT_PLACE = "/var/lib/ipvsfast"
VARIABLE = "IPVSFAST_STATE"
UNSETTLED = "unsettled"  # a file, while an apply is under way, was interrupted, or awaits its confirmation
KEPT = 32  # folders of earlier boots
JOURNAL = "journal-"  # how the files of applies begin, each with its number behind
JOURNAL_VERSION = 1
JOURNALS = 100  # of one network namespace
JOURNAL_BYTES = 64 << 20
BOOT_ID = "/proc/sys/kernel/random/boot_id"
_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW


def state_folder(session: Session, make: bool = True) -> str:
    """The path of the folder for the session's namespace. make: it is made where it is missing; else it may
    be. StateError where there can be none, or others than root and we could write into it."""
    place = os.environ.get(VARIABLE) or DEFAULT_PLACE
    folder = f"{place}/{_name(session)}"
    try:
        if make and not os.path.isdir(folder):
            os.makedirs(place, 0o700, exist_ok=True)
            _forget_old(place, boot_prefix())
            try:
                os.mkdir(folder, 0o700)
            except FileExistsError:
                pass
        for path in (place, folder):
            _check(path)
    except OSError as error:
        raise _cannot("keep", folder, error) from None
    return folder


def read_state(folder: str, name: str) -> bytes | None:
    """What a file there holds; None if there is none."""
    path = f"{folder}/{name}"
    try:
        fd = os.open(path, os.O_RDONLY | _OPEN)
        with open(fd, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot("read", path, error) from None


def write_state(folder: str, name: str, content: bytes) -> None:
    """Replaces a file there: whoever reads it gets all of the old or of the new content."""
    path = f"{folder}/{name}"
    try:
        put_file(folder, path, content)
    except OSError as error:
        raise _cannot("write", path, error) from None


def put_file(folder: str, path: str, content: bytes) -> None:
    """A file of the folder, on the disk when this returns; until then what was there before. OSError."""
    new = f"{folder}/new-{os.getpid()}-{os.path.basename(path)}"
    try:
        os.unlink(new)  # of a process of that number that was killed
    except FileNotFoundError:
        pass
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
        os.rename(new, path)
    except BaseException:
        os.unlink(new)
        raise
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _OPEN)
    try:
        os.fsync(at)
    finally:
        os.close(at)


class StateLock:
    """While it is entered, no other one of the same folder is. It is for moments: others wait."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._fd = -1

    def __enter__(self) -> None:
        from fcntl import LOCK_EX, flock

        try:
            self._fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | _OPEN)
            flock(self._fd, LOCK_EX)
        except OSError as error:
            raise _cannot("lock", self._folder, error) from None

    def __exit__(self, *exc: object) -> None:
        os.close(self._fd)  # gives it back
        self._fd = -1


def boot_prefix() -> str:
    """The beginning of the id of this boot, eight hexadecimal digits."""
    with open(BOOT_ID) as file:
        return file.read(8)


def _name(session: Session) -> str:
    inode, cookie = session.namespace_identity()
    return f"{boot_prefix()}-{inode}-{cookie}"


def _check(path: str) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EPERM, "others than root may write there", path)


def _forget_old(place: str, boot: str) -> None:
    """Folders of earlier boots, the oldest first, until there are no more than KEPT."""
    old = []
    for name in os.listdir(place):
        parts = name.split("-")
        if len(parts) == 3 and len(parts[0]) == 8 and parts[0] != boot and "".join(parts[1:]).isdecimal():
            try:
                old.append((os.lstat(f"{place}/{name}").st_mtime, name))
            except OSError:
                pass
    if len(old) > KEPT:
        import shutil

        for _, name in sorted(old, reverse=True)[KEPT:]:
            shutil.rmtree(f"{place}/{name}", ignore_errors=True)


def _cannot(verb: str, path: str, error: OSError) -> StateError:
    return StateError(error.errno or errno.EIO, f"cannot {verb} {path}: {error.strerror}")
