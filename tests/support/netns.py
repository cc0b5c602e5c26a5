"""Network namespaces: IPVS tables are per namespace, so each test gets an empty one."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import itertools
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IPVS_FILE = Path("/proc/net/ip_vs")
OWN_NAMESPACE = "/proc/thread-self/ns/net"
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
ADMIN_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Namespace:
    """A namespace that can be opened by name or by path."""

    name: str
    path: str


# os.unshare and os.setns came with Python 3.12.
def unshare_network() -> None:
    if _libc.unshare(CLONE_NEWNET):
        raise _error("unshare")


def join_network(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        raise _error("setns")


def _error(call: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}: {os.strerror(number)}")


def set_up(device: str) -> None:
    """A device of the caller's namespace is up from now on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", device.encode(), 0)
        answer = fcntl.ioctl(any_socket, SIOCGIFFLAGS, request)
        (flags,) = struct.unpack("16xH14x", answer)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", device.encode(), flags | IFF_UP))


@contextlib.contextmanager
def returning() -> Iterator[None]:
    """Afterwards the calling thread is in the namespace again in which it is now."""
    home = own_namespace()
    try:
        yield
    finally:
        try:
            join_network(home)
        finally:
            os.close(home)


def own_namespace() -> int:
    """A descriptor of the calling thread's namespace."""
    return os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)


def make_namespace() -> int:
    """A descriptor of a new namespace with lo up; the caller stays where it is."""
    with returning():
        unshare_network()
        set_up("lo")
        return own_namespace()


@contextlib.contextmanager
def entered(fd: int) -> Iterator[None]:
    """The calling thread in another namespace, and back again."""
    with returning():
        join_network(fd)
        yield


def why_no_ipvs() -> str | None:
    """What keeps IPVS from being used here, after having tried to load it."""
    if os.geteuid() != 0:
        return "needs root: run it with `python -m tests.vm -- .venv/bin/pytest ...`"
    if not IPVS_FILE.exists():
        with contextlib.suppress(FileNotFoundError):
            path = f"{os.environ.get('PATH', '')}:{ADMIN_PATH}"
            environment = {**os.environ, "PATH": path}
            subprocess.run(["modprobe", "-q", "ip_vs"], env=environment, check=False, timeout=60)
    if not IPVS_FILE.exists():
        return f"the running kernel {os.uname().release} has no IPVS: use `python -m tests.vm -- ...`"
    return None


@contextlib.contextmanager
def fresh_namespace() -> Iterator[None]:
    """The calling thread in a new namespace with lo up, and back again."""
    with returning():
        unshare_network()
        set_up("lo")
        yield


@contextlib.contextmanager
def named_namespace() -> Iterator[Namespace]:
    """A new namespace with lo up that has a name below /run/netns; the caller stays where it is."""
    name = f"ipvsfast-{os.getpid()}-{next(_numbers)}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield Namespace(name, f"/run/netns/{name}")
    finally:
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{ADMIN_PATH}"}
    subprocess.run(["ip", *arguments], env=environment, check=True, timeout=60)
