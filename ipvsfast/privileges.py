"""Privileges that a process gives up once it has what it needs, and what it loads before."""

from __future__ import annotations

import ctypes
import os
import struct
from importlib import import_module
from pkgutil import iter_modules

NET_ADMIN = 12  # what reading the table takes
BPF, PERFMON, SYSLOG = 39, 38, 34  # what loading BPF programs takes, which read connections or counters
_SETPCAP = 8
_LAST = 63
_VERSION_3 = 0x20080522
_HEADER = struct.Struct("=Ii")
_SETS = struct.Struct("=6I")  # effective, permitted, inheritable: the lower halves, then the upper ones
_CAPBSET_DROP, _NO_NEW_PRIVS, _CAP_AMBIENT, _AMBIENT_CLEAR = 24, 38, 47, 4  # include/uapi/linux/prctl.h


def load_rooms(*rooms: str) -> None:
    """All modules of these: without privileges they may lie where this program cannot read."""
    for room in rooms:
        package = import_module(f"ipvsfast.{room}")
        for module in iter_modules(package.__path__, f"ipvsfast.{room}."):
            import_module(module.name)


def keep_only(capabilities: tuple[int, ...]) -> None:
    """Of the calling thread, and of those that it starts. No program that is started can get more back.
    OSError where the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(_HEADER.pack(_VERSION_3, 0), _HEADER.size)
    sets = ctypes.create_string_buffer(_SETS.size)
    _check(libc.capget(header, sets))
    effective_low, permitted_low, _, effective_high, permitted_high, _ = _SETS.unpack(sets.raw)
    if (effective_low | effective_high << 32) >> _SETPCAP & 1:
        for number in range(_LAST + 1):
            if number not in capabilities:
                libc.prctl(_CAPBSET_DROP, number, 0, 0, 0)  # EINVAL behind the last one that there is
    _check(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    libc.prctl(_CAP_AMBIENT, _AMBIENT_CLEAR, 0, 0, 0)
    kept = sum(1 << number for number in capabilities) & (permitted_low | permitted_high << 32)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    packed = _SETS.pack(low, low, 0, high, high, 0)
    _check(libc.capset(header, ctypes.create_string_buffer(packed, _SETS.size)))


def _check(result: int) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
