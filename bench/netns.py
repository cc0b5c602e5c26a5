"""A network namespace of one's own, and looking into its IPVS table without any of the measured programs."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import struct
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from bench.workloads import VIP_PORT, Size, vip

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
PROC_TABLE = Path("/proc/net/ip_vs")

# The IPVS sockets-options interface: struct ip_vs_getinfo, and struct ip_vs_service_entry up to and
# with its counters. Two small calls say how far a restore has come, at no cost worth measuring.
_IP_VS_SO_GET_INFO, _IP_VS_SO_GET_SERVICE = 1153, 1155
_GETINFO = struct.Struct("=III")
_SERVICE = struct.Struct("=H2x4s2sxxI16sIIII56x")

_libc = ctypes.CDLL(None, use_errno=True)


def enter_fresh() -> None:
    """Move this process into a new network namespace with its loopback up."""
    if _libc.unshare(_CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"no network namespace of its own: {os.strerror(error)} (the bench needs root)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        # Without a loopback that was up once there is no local routing table, and the kernel refuses
        # every destination address.
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(s, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(s, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def ask_in_fresh(work: Callable[[], object]) -> str:
    """What `work` gives, as JSON, from a child in a fresh namespace that goes away with it, table and all;
    "" if it failed."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(receiving)
            enter_fresh()
            answer = json.dumps(work())
            with open(sending, "w", encoding="utf-8") as file:
                file.write(answer)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(sending)
    with open(receiving, encoding="utf-8") as file:
        text = file.read()
    os.waitpid(child, 0)
    return text


def has_ipvs() -> bool:
    """Whether the kernel has IPVS loaded."""
    return PROC_TABLE.exists()


def table_size() -> tuple[int, int]:
    """Services and destinations in this namespace's table, counted in the kernel's own text."""
    services = destinations = 0
    with PROC_TABLE.open("rb") as table:
        for number, line in enumerate(table):
            if number < 3:
                continue
            if line.startswith(b"  -> "):
                destinations += 1
            else:
                services += 1
    return services, destinations


class FullTable:
    """Says, at little cost, whether a table holds all services and the last of them all its destinations.

    That is a hint for when to stop a clock, not a proof: the whole table is counted afterwards.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        self._socket: socket.socket | None = None

    def __call__(self) -> bool:
        if self._socket is None:
            # Opened here, not in the constructor: a socket belongs to the namespace it was opened in.
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        info = self._socket.getsockopt(socket.IPPROTO_IP, _IP_VS_SO_GET_INFO, _GETINFO.size)
        services: int = _GETINFO.unpack(info)[2]
        if services < self._size.services:
            return False
        return self._destinations_of_last(self._socket.fileno()) >= self._size.destinations

    def _destinations_of_last(self, fd: int) -> int:
        address = socket.inet_aton(vip(self._size.services - 1))
        port = VIP_PORT.to_bytes(2, "big")
        key = _SERVICE.pack(socket.IPPROTO_TCP, address, port, 0, b"", 0, 0, 0, 0)
        entry = ctypes.create_string_buffer(key, _SERVICE.size)
        length = ctypes.c_uint32(_SERVICE.size)
        if _libc.getsockopt(fd, socket.IPPROTO_IP, _IP_VS_SO_GET_SERVICE, entry, ctypes.byref(length)) != 0:
            return 0
        destinations: int = _SERVICE.unpack(entry.raw)[8]
        return destinations


def _others_running() -> bool:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("procs_running"):
            return int(line.split()[1]) > 1
    return False


def settle(seconds: float = 2.0) -> None:
    """Wait until the kernel has finished what it still does behind a run's back, at most `seconds`.

    A namespace is dismantled, and new destinations are handed to the estimator, by kernel threads
    after the process that caused it has ended; on one processor the next run would pay for that.
    """
    end = time.monotonic() + seconds
    quiet = 0
    while quiet < 4 and time.monotonic() < end:
        time.sleep(0.02)
        quiet = 0 if _others_running() else quiet + 1
