"""Readings of tables that no kernel had: rows that are made up, for what works on rows alone."""

from __future__ import annotations

import ctypes

from ipvsfast._native import ffi
from ipvsfast.kernel.layout import DEST_ROW, SERVICE_ROW
from ipvsfast.kernel.reading_memory import LentRows
from ipvsfast.kernel.table_reading import Reading
from ipvsfast.model.destination import Destination
from ipvsfast.model.keys import DestinationKey, ServiceKey
from ipvsfast.stats.snapshot import Snapshot, take_snapshot

_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = (ctypes.c_size_t,)
_libc.free.argtypes = (ctypes.c_void_p,)

Counters = tuple[int, ...]
Table = dict[ServiceKey, tuple[Counters, dict[DestinationKey, Counters]]]


def pack_rows(table: Table) -> tuple[bytes, bytes]:
    """The rows of services and destinations in that order; counters: the five that grow, then up to five rates."""
    services, dests, first = bytearray(), bytearray(), 0
    for key, (stats, below) in table.items():
        services += SERVICE_ROW.pack(
            key.family, key.protocol_number, key.port, 0, key.fwmark, 0, 0, 0, 0, key.packed, b"rr", b"",
            *stats, *[0] * (10 - len(stats)), first, len(below),
        )  # fmt: skip
        for dest, counters in below.items():
            dests += DEST_ROW.pack(
                dest.family, dest.port, dest.packed, 0, 1, 0, 0, 0, 0, 0, 7, 8, 9,
                *counters, *[0] * (10 - len(counters)),
            )  # fmt: skip
        first += len(below)
    return bytes(services), bytes(dests)


def _owned_copy(rows: bytes) -> int:
    at: int = _libc.malloc(max(1, len(rows)))
    ctypes.memmove(at, rows, len(rows))
    return at


def fill(reading: Reading, services: bytes, dests: bytes) -> None:
    """C owns the memory, as after a reading."""
    table = reading.table
    for pointer in (table.services, table.dests):
        _libc.free(int(ffi.cast("uintptr_t", pointer)))
    table.services = ffi.cast("struct ipvsf_service_row *", _owned_copy(services))
    table.dests = ffi.cast("struct ipvsf_dest_row *", _owned_copy(dests))
    table.num_services = table.services_size = len(services) // SERVICE_ROW.size
    table.num_dests = table.dests_size = len(dests) // DEST_ROW.size


class MadeUp:
    """A source whose reading is what `table` is then."""

    note = ""

    def __init__(self, table: Table, name: str = "netlink") -> None:
        self.table, self.name = table, name

    def read(self, into: Reading, before: LentRows | None, estimating: bool | None) -> None:
        fill(into.begin(), *pack_rows(self.table))


class NoFiles:
    """A session of a namespace that has no files."""

    def open_file(self, path: str) -> int:
        return -2


def snapshot_of(table: Table, before: Snapshot | None = None, name: str = "netlink") -> Snapshot:
    """A snapshot of a table. name: of the source."""
    return take_snapshot(NoFiles(), MadeUp(table, name), before)


def destination_of(number: int) -> DestinationKey:
    return Destination(f"10.1.{number >> 8}.{number & 255}", 80).key
