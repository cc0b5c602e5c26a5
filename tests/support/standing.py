"""One large table of every kind of entry, filled once, that many tests look into."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from support import connections as conns
from support import conntext
from support.command import run
from support.connections import ESP, MARK, SCTP, STATES, TCP, TEMPLATE, TEMPLATE_STATES, UDP, Entry, Filler
from support.netns import entered, make_namespace

LARGE = 50_000
SMALL = 20_000  # where each entry costs more than the one before it
PROBE = 20_000
SLOWER = 1.5
# No entry ends while tests run, and all conditions on what is left lie far from what there is.
TIMEOUTS = (4000, 20_000, 700_000)
CLIENTS_SIX = 4096


class Table(NamedTuple):
    """A namespace with a full table. linear: reading an entry costs the same wherever it stands."""

    path: str
    count: int
    linear: bool


def entry(number: int) -> Entry:
    """The entry of that number: no two are alike, and every kind comes once in a hundred."""
    kind, port = number % 100, 1024 + number // 100 % 50_000
    timeout = TIMEOUTS[number % 3]
    client, server = (
        f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}",
        f"10.128.0.{1 + number % 50}",
    )
    if kind < 40:
        state = number // 100 % len(STATES[TCP])
        return Entry(
            client, port, f"10.0.0.{1 + number % 3}", 80 + number % 2, server, 8080, TCP, state, timeout
        )
    if kind < 55:
        return Entry(client, port, "10.0.0.1", 53, server, 53, UDP, 0, timeout)
    if kind < 60:
        state = number // 100 % len(STATES[SCTP])
        return Entry(client, port, "10.0.0.2", 2905, server, 2905, SCTP, state, timeout)
    if kind < 85:
        client = f"2001:db8:1::{number // 100 % CLIENTS_SIX + 1:x}"
        server = f"2001:db8:2::{1 + number % 50:x}"
        return Entry(
            client, number % 50_000 + 1024, "2001:db8::1", 443, server, 8443, TCP, number % 11, timeout
        )
    return _rare(number, kind, client, server, timeout)


def _rare(number: int, kind: int, client: str, server: str, timeout: int) -> Entry:
    state = number // 100 % len(TEMPLATE_STATES)
    if kind < 90:
        return Entry(client, 0, "10.0.0.1", 80, server, 8080, TCP, state, timeout, TEMPLATE)
    if kind < 93:
        return Entry(client, 0, "0.0.0.77", 0, server, 0, MARK, state, timeout, TEMPLATE, mark=77)
    if kind < 95:
        return Entry(f"2001:db8:3::{number >> 16:x}:{number & 0xffff:x}", 0, "2001:db8::1", 443, "2001:db8:2::1", 8443, TCP, state, timeout,
                     TEMPLATE)  # fmt: skip
    if kind < 97:
        data = b"%d@example.com" % number
        return Entry(
            client, 0, "10.0.0.2", 5060, server, 5060, UDP, state, timeout, TEMPLATE, engine="sip", data=data
        )
    if kind < 98:
        return Entry(client, 1, "10.0.0.3", 1, server, 1, ESP, 0, timeout)
    return Entry(client, 0, "10.0.0.3", 21, server, 21, TCP, 2, timeout, conns.INACTIVE | conns.NO_CPORT)


@contextmanager
def standing_table() -> Iterator[Table]:
    """A namespace that the caller is not in, with a table of `LARGE` entries, or fewer on slow kernels."""
    there = make_namespace()
    try:
        with entered(there):
            linear, count = _filled()
        yield Table(f"/proc/{os.getpid()}/fd/{there}", count, linear)
    finally:
        os.close(there)


@contextmanager
def inside(table: Table) -> Iterator[None]:
    """The calling thread in the table's namespace, and back again."""
    there = os.open(table.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with entered(there):
            yield
    finally:
        os.close(there)


def _filled() -> tuple[bool, int]:
    # The persistence engine has to be there before the first entry that names it.
    assert run("-A", "-u", "10.0.0.2:5060", "-s", "rr", "-p", "60", "--pe", "sip").returncode == 0
    with Filler() as filler:
        filler.fill(map(conns.packed, map(entry, range(PROBE))), PROBE)
        linear = reads_linearly()
        count = LARGE if linear else SMALL
        filler.fill(map(conns.packed, map(entry, range(PROBE, count))), count)
    # Nothing but entries: the module can be taken away under them.
    assert run("-C").returncode == 0
    await_size()
    return linear, count


def reads_linearly() -> bool:
    """Whether the last entries of the table are read about as fast as the first."""
    return min(_slope() for _ in range(3)) < SLOWER


def _slope() -> float:
    times = []
    with open("/proc/net/ip_vs_conn", "rb", buffering=0) as file:
        while True:
            began = time.perf_counter()
            if not file.read(4096):
                break
            times.append(time.perf_counter() - began)
    part = len(times) // 4
    return median(times[-part:]) / median(times[:part])


def await_size() -> None:
    """Waits until the table has the size that it will have for so many entries."""
    end = time.monotonic() + 10
    before, same = "", 0
    while same < 5 and time.monotonic() < end:
        line = Path("/proc/net/ip_vs").read_text().partition("\n")[0]
        same = same + 1 if line == before else 0
        before = line
        time.sleep(0.05)


def oracle() -> list[conntext.Row]:
    """What the kernel's text of the table says now."""
    return conntext.parse(conns.table_text())
