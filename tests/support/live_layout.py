"""Layouts of services and dests as kernels have them, and records made after them."""

from __future__ import annotations

import socket
import struct
from typing import Any

from ipvsfast._native import ffi

# As in Debian's kernels 6.12 and 7.2 for amd64.
OLDER = {
    "node": 0, "mark_node": 16, "ipvs": 64, "destinations": 72, "num_dests": 88, "af": 32, "protocol": 34,
    "addr": 36, "port": 52, "fwmark": 56, "flags": 60, "timeout": 92, "netmask": 96, "scheduler": 392,
    "engine": 400, "stats": 104, "dest_node": 0, "dest_af": 32, "dest_port": 34, "dest_addr": 36,
    "dest_flags": 56, "numbers": [60, 380, 384], "tun_type": 68, "tun_port": 70, "tun_flags": 72,
    "active": 368, "inactive": 0, "total": 372, "persistent": 376, "service": 400, "dest_stats": 80,
    "has_total": 1, "shown": 0, "zero": 184, "estimator": 80, "cpustats": 168,
    "counters": [0, 8, 16, 24, 32], "rates": [24, 40, 32, 48, 56], "of_cpu": [0, 8, 16, 24, 32],
    "scheduler_name": 16, "engine_name": 16, "nsproxy": 3000, "net": 40, "net_ipvs": 3744,
    "is_resizable": 0, "table": 0, "changes": 0, "buckets": 0, "new_table": 0, "num_buckets": 0,
    "service_len": 416, "dest_len": 416, "record_len": 512,
}  # fmt: skip
NEWER = {
    **OLDER, "mark_node": 0, "is_resizable": 1, "table": 1400, "changes": 1420, "buckets": 16, "new_table": 24,
    "num_buckets": 40,
}  # fmt: skip
NUMBERS = ("weight", "upper", "lower")
HEAD = struct.Struct("=QQQ5Q16s16s")


def layout(changes: dict[str, Any] | None = None, base: dict[str, Any] = OLDER) -> Any:
    """struct ipvsf_live_layout."""
    return ffi.new("struct ipvsf_live_layout *", {**base, **(changes or {})})


def record(kind: int, values: dict[str, bytes], sums: tuple[int, ...] = (0,) * 5, names: tuple[bytes, ...] = (b"", b""),
           where: dict[str, Any] = OLDER) -> bytes:  # fmt: skip
    """A record with these bytes at the places of these members; counters: (shown, zero, rate) each."""
    raw = bytearray(where["record_len"] - HEAD.size)
    for name, value in values.items():
        at = where["numbers"][NUMBERS.index(name)] if name in NUMBERS else where[name]
        raw[at : at + len(value)] = value
    return HEAD.pack(kind, 1, 0, *sums, *names) + bytes(raw)


def stats(name: str, shown: tuple[int, ...], zero: tuple[int, ...], rates: tuple[int, ...],
          where: dict[str, Any] = OLDER) -> dict[int, bytes]:  # fmt: skip
    """Bytes of a struct ip_vs_stats by their place in the record's struct."""
    base, found = where[name], {}
    for number in range(5):
        for part, values in (("shown", shown), ("zero", zero)):
            found[base + where[part] + where["counters"][number]] = struct.pack("=Q", values[number])
        found[base + where["estimator"] + where["rates"][number]] = struct.pack("=Q", rates[number])
    return found


def put(data: bytes, places: dict[int, bytes]) -> bytes:
    """Writes them into a record."""
    changed = bytearray(data)
    for at, value in places.items():
        changed[HEAD.size + at : HEAD.size + at + len(value)] = value
    return bytes(changed)


def u16(value: int) -> bytes:
    return struct.pack("=H", value)


def be16(value: int) -> bytes:
    return struct.pack(">H", value)


def u32(value: int) -> bytes:
    return struct.pack("=I", value)


IPV4, IPV6 = u16(socket.AF_INET), u16(socket.AF_INET6)
