"""Network namespaces by path or name."""

from __future__ import annotations

import errno
import os

from ..errors import KernelError, NotPermitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.types import Namespace

_NETNS_DIRS = ("/run/netns", "/var/run/netns")
_NS_GET_NSTYPE, _CLONE_NEWNET = 0xB703, 0x40000000  # include/uapi/linux/nsfs.h, include/uapi/linux/sched.h


def open_netns(netns: Namespace | None) -> int:
    """Descriptor of a network namespace given by path or by `ip netns` name; -1 for None.

    A text with a slash is a path, and so is an object that stands for one.
    """
    if netns is None:
        return -1
    text = os.fspath(netns) if isinstance(netns, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise TypeError(f"netns must be a name or a path, not {netns!r}")
    named = isinstance(netns, str) and "/" not in text
    places = [f"{folder}/{text}" for folder in _NETNS_DIRS] if named else [text]
    for place in places:
        try:
            fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, ValueError):  # ValueError: a NUL in it
            continue
        except OSError as error:
            kind = NotPermitted if isinstance(error, PermissionError) else KernelError
            reason = f"cannot open network namespace {place}: {error.strerror}"
            raise kind(error.errno or errno.EIO, reason) from None
        return _checked(fd, place)
    looked = f"looked for {' and '.join(places)}"
    raise KernelError(errno.ENOENT, f"no network namespace {text!r}", "", looked)


def _checked(fd: int, place: str) -> int:
    """The descriptor, if it is one of a network namespace: a process cannot enter anything else."""
    from fcntl import ioctl  # only who names a namespace pays for it

    try:
        kind = ioctl(fd, _NS_GET_NSTYPE)
    except OSError:
        kind = 0
    if kind != _CLONE_NEWNET:
        os.close(fd)
        raise KernelError(errno.EINVAL, f"{place} is no network namespace")
    return fd
