"""The namespaces of the worker, of mounts and of networks, and what little a case needs in them."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from contextlib import AbstractContextManager

from support.netns import entered, make_namespace

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def bind_mount(source: str, target: str) -> None:
    """Shows the file `source` at the place of `target`."""
    _call("mount", os.fsencode(source), os.fsencode(target), None, MS_BIND, None)


def unmount(target: str) -> None:
    _call("umount", os.fsencode(target))


def private_mounts() -> None:
    """From here on what this process mounts is seen by its children only."""
    _call("unshare", CLONE_NEWNS)
    _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)


class Namespace:
    """A network namespace with the loopback device up, and the sockets that live in it."""

    def __init__(self) -> None:
        self.fd = make_namespace()
        self.sockets: list[socket.socket] = []

    def entered(self) -> AbstractContextManager[None]:
        """The calling thread in it, and back again."""
        return entered(self.fd)

    def close(self) -> None:
        for item in self.sockets:
            item.close()
        os.close(self.fd)


def ip(*words: str) -> None:
    """Runs ip(8) in the current namespace."""
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, timeout=30)
