"""Live readings beside netlink's, as bytes: for tests that need a kernel with BPF."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ipvsfast.errors import KernelError, TableChanging
from ipvsfast.kernel.layout import DEST_ROW, SERVICE_ROW
from ipvsfast.kernel.live_reader import LiveReader
from ipvsfast.kernel.session import Session
from ipvsfast.kernel.table_reading import BY_NETLINK, Reading
from ipvsfast.model.table_filter import TableFilter
from support.require import cannot_run

TYPES = Path("/sys/kernel/btf/vmlinux")
# Behind the rows of services: what only netlink's reading keeps there, for itself.
_OWN = 8
# In a row of either kind: five counters and five rates.
_STATS = struct.Struct("=10Q")
_SERVICE_STATS = SERVICE_ROW.size - 16 - _STATS.size
_DEST_STATS = DEST_ROW.size - _STATS.size

Rows = tuple[list[bytes], list[bytes]]


def require_bpf() -> None:
    """Skips where the kernel has no type information: user-mode Linux."""
    if not TYPES.exists():
        cannot_run(f"the running kernel {os.uname().release} has no BPF: use `python -m tests.vm -k 6.12`")


def rows_of(reading: Reading) -> Rows:
    """Rows of services and of destinations."""
    services, dests = reading.rows()
    return (
        [services[at : at + SERVICE_ROW.size - _OWN] for at in range(0, len(services), SERVICE_ROW.size)],
        [dests[at : at + DEST_ROW.size] for at in range(0, len(dests), DEST_ROW.size)],
    )


def by_netlink(session: Session) -> Rows:
    return rows_of(session.read(complete=True, scope=BY_NETLINK))


def read(reader: LiveReader, wanted: TableFilter | None = None) -> Rows:
    """A live reading, which has to have found the table as the kernel counts it."""
    reading = Reading()
    reader.read(reading, wanted)
    assert reader.account["behind"] == 0
    return rows_of(reading)


def read_quietly(reader: LiveReader, wanted: TableFilter | None = None) -> Rows:
    """The same of a table that nobody changes: nothing was lost, and every number of destinations is right."""
    found = read(reader, wanted)
    account = reader.account
    assert (account["places"], account["restarts"], account["uneven"]) == (0, 0, 0), account
    return found


def without_rates(rows: Rows) -> Rows:
    """The rates, which go on changing after traffic, are cut out."""

    def cut(row: bytes, at: int) -> bytes:
        return row[: at + 40] + row[at + 80 :]

    return [cut(row, _SERVICE_STATS) for row in rows[0]], [cut(row, _DEST_STATS) for row in rows[1]]


def without_stats(rows: Rows) -> Rows:
    """What is set, and connections."""
    services, dests = without_rates(rows)
    return (
        [row[:_SERVICE_STATS] + row[_SERVICE_STATS + 40 :] for row in services],
        [row[:_DEST_STATS] for row in dests],
    )


def counters(rows: Rows) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """The five counters of each row."""
    return (
        [_STATS.unpack_from(row, _SERVICE_STATS)[:5] for row in rows[0]],
        [_STATS.unpack_from(row, _DEST_STATS)[:5] for row in rows[1]],
    )


def until(right: Callable[[], bool], what: str, seconds: float = 120) -> None:
    """Waits for what the kernel does every two seconds."""
    end = time.monotonic() + seconds
    while not right():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def at_rest(session: Session, reader: LiveReader) -> None:
    """Returns when both show the same order: newer kernels change the size of their table some time after
    services have come, and with it that order."""
    until(
        lambda: without_stats(by_netlink(session)) == without_stats(read(reader)),
        "netlink never showed the same rows",
    )


def settled(session: Session, reader: LiveReader) -> None:
    """Returns when netlink shows the same counters."""
    until(
        lambda: without_rates(by_netlink(session)) == without_rates(read(reader)),
        "netlink never showed the live counters",
    )


def read_stubbornly(reader: LiveReader, wanted: TableFilter | None = None) -> Rows:
    """Of a table that others change all the time: what is refused is tried again."""
    while True:
        try:
            return read(reader, wanted)
        except TableChanging:
            continue


@contextmanager
def opened(session: Session) -> Iterator[LiveReader]:
    reader = LiveReader(session)
    try:
        yield reader
    finally:
        reader.close()


def outcome(attempt: Callable[[], object]) -> int:
    """0, or the errno of what was raised."""
    try:
        attempt()
    except KernelError as error:
        return error.errno
    return 0


def pin(cpu: int) -> None:
    """The calling thread runs on this processor alone."""
    os.sched_setaffinity(0, {cpu})
