"""Readings of the connection table through the compiled library, as sorted and comparable rows."""

from __future__ import annotations

import struct
from types import TracebackType
from typing import NamedTuple

from ipvsfast._native import ffi, lib

ROW = struct.Struct("=BBBBHHHBBI16s16s16s16sIIIIIIII")
ROWS = 4096
TEXT_SIZE = 4 << 20
DETAILS = lib.IPVSF_CONN_DETAILS


class Row(NamedTuple):
    """What every source tells of a connection."""

    af: int
    daf: int
    protocol: int
    template: int
    cport: int
    vport: int
    dport: int
    client: bytes
    virtual: bytes
    destination: bytes
    state: bytes
    engine: bytes
    data: bytes


class Details(NamedTuple):
    """What changes while a table stands still, or only one source tells."""

    expires: int
    known: int
    flags: int
    fwmark: int
    timeout: int
    packets: int


class Refused(Exception):
    """The reading cannot be had: (negative errno, reason)."""


class Reading:
    """A reading of the caller's table, or of that of another namespace."""

    def __init__(self, source: str, netns_fd: int = -1) -> None:
        holder = ffi.new("struct ipvsf_conns **")
        assert lib.ipvsf_conns_create(holder) == 0
        self.conns = holder[0]
        reason = ffi.new("char[]", 600)
        if source == "bpf":
            result = lib.ipvsf_conns_open_bpf(self.conns, netns_fd, reason, 600)
        else:
            result = lib.ipvsf_conns_open(self.conns, netns_fd, 0)
        if result:
            self.close()
            raise Refused(result, ffi.string(reason).decode())
        assert ffi.string(reason) == b""

    def close(self) -> None:
        lib.ipvsf_conns_destroy(self.conns)
        self.conns = ffi.NULL

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def account(self):
        account = ffi.new("struct ipvsf_conn_account *")
        lib.ipvsf_conns_account(self.conns, account)
        return account

    def some(self, size: int = ROWS) -> tuple[int, list[tuple[Row, Details]]]:
        """(0 or a negative errno, the next rows)."""
        rows = ffi.new("struct ipvsf_conn[]", size)
        text = ffi.new("char[]", TEXT_SIZE)
        count, length = ffi.new("size_t *"), ffi.new("size_t *")
        result = lib.ipvsf_conns_rows(self.conns, rows, size, text, TEXT_SIZE, 0, count, length)
        kept = bytes(ffi.buffer(text, length[0]))
        packed = ffi.buffer(rows, count[0] * ROW.size)
        return result, [_row(values, kept) for values in ROW.iter_unpack(packed)]

    def all(self) -> list[tuple[Row, Details]]:
        rows: list[tuple[Row, Details]] = []
        while not self.account().ended:
            result, more = self.some()
            assert result == 0
            rows += more
        return rows

    def count(self) -> int:
        assert lib.ipvsf_conns_count(self.conns, 0) == 0
        account = self.account()
        assert account.ended
        assert account.unreadable == 0
        return account.matched


def _row(values: tuple, text: bytes) -> tuple[Row, Details]:
    (af, daf, protocol, template, cport, vport, dport, pe_len, known, expires, client, virtual, destination,
     state, pe_at, data_at, data_len, flags, fwmark, timeout, packets, _) = values  # fmt: skip
    engine, data = text[pe_at : pe_at + pe_len], text[data_at : data_at + data_len]
    return (
        Row(
            af,
            daf,
            protocol,
            template,
            cport,
            vport,
            dport,
            client,
            virtual,
            destination,
            state,
            engine,
            data,
        ),
        Details(expires, known, flags, fwmark, timeout, packets),
    )


def read(source: str, netns_fd: int = -1) -> list[tuple[Row, Details]]:
    with Reading(source, netns_fd) as reading:
        return reading.all()


def count(source: str, netns_fd: int = -1) -> int:
    with Reading(source, netns_fd) as reading:
        return reading.count()
