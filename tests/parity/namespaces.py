"""Network namespaces of the worker: made, entered, left, and what little a case needs in them."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    _call("unshare", flags)


def bind_mount(source: str, target: str) -> None:
    """Shows the file `source` at the place of `target`."""
    _call("mount", os.fsencode(source), os.fsencode(target), None, MS_BIND, None)


def unmount(target: str) -> None:
    _call("umount", os.fsencode(target))


def private_mounts() -> None:
    """From here on what this process mounts is seen by its children only."""
    unshare(CLONE_NEWNS)
    _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)


class Namespace:
    """A network namespace with the loopback device up, and the sockets that live in it."""

    def __init__(self) -> None:
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            unshare(CLONE_NEWNET)
            self.fd = os.open("/proc/self/ns/net", os.O_RDONLY)
            set_up("lo")
        finally:
            _call("setns", home, CLONE_NEWNET)
            os.close(home)
        self.sockets: list[socket.socket] = []

    @contextmanager
    def entered(self) -> Iterator[None]:
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        _call("setns", self.fd, CLONE_NEWNET)
        try:
            yield
        finally:
            _call("setns", home, CLONE_NEWNET)
            os.close(home)

    def close(self) -> None:
        for item in self.sockets:
            item.close()
        os.close(self.fd)


def set_up(device: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = bytearray(struct.pack("16sH14x", device.encode(), 0))
        fcntl.ioctl(control, SIOCGIFFLAGS, request)
        flags = struct.unpack_from("H", request, 16)[0] | IFF_UP
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", device.encode(), flags))


def ip(*words: str) -> None:
    """Runs ip(8) in the current namespace."""
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL, timeout=30)
