"""The packed rows of the connection table (struct ipvsf_conn in C) to values and columns. No I/O."""

from __future__ import annotations

import struct

from ..model.connection import Connection
from ..model.kernel_names import AF_INET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = struct.Struct("=BBBBHHHBBI16s16s16s16sIIIIIII4x")
DETAILS = 1  # enum ipvsf_conn_known

_new = tuple.__new__


def unpack(rows: bytes | memoryview, text: bytes) -> Iterator[Connection]:
    """The connections of packed rows; `text` holds their engines' names and data."""
    for (
        family, dest_family, protocol, template, cport, vport, dport, pe_len, known, expires,
        client, service, destination, state, pe_at, data_at, data_len, flags, fwmark, timeout, packets,
    ) in ROW.iter_unpack(rows):  # fmt: skip
        if family == AF_INET:
            client, service = client[:4], service[:4]
        engine, data = "", b""
        if pe_len:
            engine = text[pe_at : pe_at + pe_len].decode("ascii", "replace")
            data = text[data_at : data_at + data_len]
        yield _new(
            Connection,
            (
                protocol, bool(template), client, cport, service, vport,
                destination[:4] if dest_family == AF_INET else destination, dport,
                state.rstrip(b"\0").decode("ascii"), expires, engine, data,
                (flags, fwmark, timeout, packets) if known & DETAILS else None,
            ),
        )  # fmt: skip


# Where the columns of a row lie: (offset, bytes, memoryview format or "" for raw addresses).
COLUMNS: dict[str, tuple[int, int, str]] = {
    "family": (0, 1, "B"),
    "destination_family": (1, 1, "B"),
    "protocol": (2, 1, "B"),
    "template": (3, 1, "B"),
    "client_port": (4, 2, "H"),
    "service_port": (6, 2, "H"),
    "destination_port": (8, 2, "H"),
    "expires": (12, 4, "I"),
    "client": (16, 16, ""),
    "service": (32, 16, ""),
    "destination": (48, 16, ""),
    "state": (64, 16, ""),
    # Where "details" is 1, which BPF sets:
    "details": (11, 1, "B"),
    "flags": (92, 4, "I"),
    "fwmark": (96, 4, "I"),
    "timeout": (100, 4, "I"),
    "packets": (104, 4, "I"),
}


def take_column(rows: bytes, name: str) -> bytes:
    """One column of packed rows, contiguous."""
    offset, width, _ = COLUMNS[name]
    size = ROW.size
    if width == 1:
        return rows[offset::size]
    column = bytearray(len(rows) // size * width)
    for byte in range(width):
        column[byte::width] = rows[offset + byte :: size]
    return bytes(column)
