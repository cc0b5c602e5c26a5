"""A connection table that changes its size while it is read, as it does from Linux 7.1 on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipvsfast import ConnectionFilter, Connections
from support.command import run
from support.connections import Entry, Filler, held, numbered, packed
from support.conntext import identity

pytestmark = pytest.mark.usefixtures("netns")

FACTOR = Path("/proc/sys/net/ipv4/vs/conn_lfactor")
STANDING = 300
GROWN = 30_000
RESIZED = 3500
MOST, LEAST = -8, 8  # factors for as many buckets as there may be, and as few
# Two more in between. A table that comes back to the size that it had, with nothing read meanwhile, is not found out.
MORE, FEWER = 1, 2
ONES = ConnectionFilter(client="10.9.0.0/16")


@pytest.fixture
def service() -> None:
    run("-A", "-t", "10.0.0.2:80")


def standing() -> list[Entry]:
    return [
        Entry(f"10.9.{at >> 8}.{at & 255}", 5000, "10.0.0.2", 80, "10.128.0.1", 80) for at in range(STANDING)
    ]


def buckets() -> int:
    status = Connections().status()
    assert status is not None
    return status.buckets


@contextmanager
def meanwhile(filler: Filler, count: int) -> Iterator[Callable[[], bool]]:
    """Another process tells the daemon of so many entries, some more at every call of what this gives,
    which does not wait for them; it says whether there were any left to tell of."""
    steps = list(step_sizes(count))
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(writes)
            for start, more in steps:
                os.read(reads, 1)
                filler.send(numbered(more, 500, start))
            status = 0
        finally:
            os._exit(status)
    os.close(reads)
    left = len(steps)

    def go_on() -> bool:
        nonlocal left
        if left:
            os.write(writes, b".")
        left -= 1
        return left >= 0

    try:
        yield go_on
    finally:
        os.close(writes)
        assert os.waitpid(child, 0)[1] == 0


def step_sizes(count: int) -> Iterator[tuple[int, int]]:
    """(first, how many) of steps that become larger."""
    start = 0
    while start < count:
        more = min(100 + start // 4, count - start)
        yield start, more
        start += more


def test_a_growing_table(service: None) -> None:
    """While it grows no entry comes twice, and none that stood there all the time is
    missing from a reading that says it is complete; counts and counts by key agree."""
    clients = {f"10.9.{at >> 8}.{at & 255}" for at in range(STANDING)}
    sizes, readings, complete = {buckets()}, 0, 0
    with Filler() as filler:
        filler.fill(map(packed, standing()), STANDING)
        with meanwhile(filler, GROWN) as go_on:
            while go_on():
                connections = Connections()
                rows = [identity(row) for row in connections]
                assert len(set(rows)) == len(rows)
                readings += 1
                account = connections.account
                assert account is not None
                if not account.incomplete:
                    complete += 1
                    assert clients <= {".".join(map(str, row[2])) for row in rows}
                assert all(count == 1 for _, count in connections.top(None, "client,client-port"))
                if connections.account and not connections.account.incomplete:
                    assert connections.count(ONES) == STANDING or connections.account.incomplete
                sizes.add(buckets())
    deadline = time.monotonic() + 60
    while held() != STANDING + GROWN and time.monotonic() < deadline:
        time.sleep(0.05)
    connections = Connections()
    assert connections.count() == STANDING + GROWN
    assert connections.account is not None
    assert not connections.account.incomplete
    assert readings == len(list(step_sizes(GROWN)))
    assert complete > 0
    if FACTOR.exists():
        assert len(sizes) > 1  # the kernel may skip some of them


def resized(factor: int) -> None:
    """Asks for another size and waits until the table has it."""
    before = buckets()
    FACTOR.write_text(str(factor))
    deadline = time.monotonic() + 60
    while buckets() == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert buckets() != before


def long_entries(count: int) -> Iterator[bytes]:
    """Entries whose lines are long, so that the table takes many reads."""
    for at in range(count):
        yield packed(
            Entry(f"2001:db8::{at % 50 + 1:x}", 5000 + at // 50, "2001:db8:1::1", 80, "2001:db8:2::1", 80)
        )


@pytest.fixture
def resizable(service: None) -> Iterator[Filler]:
    """A table that takes several reads and whose size can be chosen, now as small as it can be."""
    if not FACTOR.exists():
        pytest.skip("the connection tables of this kernel have one size")
    FACTOR.write_text(str(LEAST))
    with Filler() as filler:
        filler.fill(long_entries(RESIZED), RESIZED)
        if buckets() > 256:
            resized(LEAST)
        yield filler


@pytest.mark.parametrize("factors", [(MOST,), (MOST, FEWER), (MOST, FEWER, MORE)])
def test_a_resize_in_the_middle(resizable: Filler, factors: tuple[int, ...]) -> None:
    """The table changes its size once, twice, three times while rows are taken: each of them once, all of
    them unless it is said that some may be missing, and the account says how often it was read."""
    connections = Connections()
    left, seen, found = list(factors), set(), 0
    for row in connections:
        seen.add(identity(row))
        found += 1
        if left and found % 700 == 0:
            resized(left.pop(0))
    account = connections.account
    assert account is not None
    assert found == len(seen)
    assert account.readings > 1
    assert account.incomplete or found == RESIZED
    assert not account.incomplete or account.readings == 4


@pytest.mark.parametrize("what", ["count", "top", "columns", "text"])
def test_every_way_of_counting_starts_anew(resizable: Filler, what: str) -> None:
    """A resize in the first reading: the second one is right, and nothing is counted twice."""
    wanted = [MOST]

    def progress(pace: object) -> None:
        if wanted:
            resized(wanted.pop())

    connections = Connections(progress=progress)
    if what == "count":
        assert connections.count() == RESIZED
    elif what == "top":
        assert {count for _, count in connections.top(None, "client")} == {RESIZED // 50}
    elif what == "columns":
        assert len(connections.columns("client_port")["client_port"]) == RESIZED
    else:
        lines = b"".join([bytes(piece) for piece in connections.text("csv")]).splitlines()[1:]
        assert len({line.split(b",expires")[0] for line in lines}) == len(lines) == RESIZED
    assert connections.account is not None
    assert connections.account.readings == 2
    assert not connections.account.incomplete


def test_a_table_that_never_rests(resizable: Filler) -> None:
    """It changes its size in every reading: after four of them what may be missing is told."""
    factors = [LEAST, MORE, FEWER, MOST] * 10

    def progress(pace: object) -> None:
        resized(factors.pop())

    connections = Connections(progress=progress)
    connections.count()
    assert connections.account is not None
    assert (connections.account.readings, connections.account.incomplete) == (4, True)


def test_entries_that_come_meanwhile(service: None) -> None:
    """The kernel goes on by counting within a bucket; what is added in front there makes it give entries
    again. None is given twice, and none that stood there all the time is missing."""
    if FACTOR.exists():
        FACTOR.write_text(str(LEAST))
    with Filler() as filler:
        filler.fill(long_entries(RESIZED), RESIZED)
        if FACTOR.exists() and buckets() > 256:
            resized(LEAST)
        connections = Connections()
        before = {identity(row) for row in connections}
        assert len(before) == RESIZED
        size, rows, added = buckets(), [], 0
        for row in connections:
            rows.append(identity(row))
            if len(rows) % 700 == 0 and added < 6000:
                filler.send(numbered(2000, 500, added))
                added += 2000
        account = connections.account
    assert account is not None
    assert len(set(rows)) == len(rows)
    assert before <= set(rows)
    if FACTOR.exists():
        assert buckets() == size
        # Counted at its end only, a table that has grown so much is read once more.
        assert (account.readings, account.incomplete) == (2, False)
        assert account.repeated > 0  # else this shows nothing


def test_counts_of_a_table_that_grows(service: None) -> None:
    """The same for a count and for counts by key: no entry counts twice."""
    if FACTOR.exists():
        FACTOR.write_text(str(LEAST))
    with Filler() as filler:
        filler.fill(long_entries(RESIZED), RESIZED)
        added = [0]

        def progress(pace: object) -> None:
            if added[0] < 6000:
                filler.send(numbered(2000, 500, added[0]))
                added[0] += 2000

        connections = Connections(progress=progress)
        old = ConnectionFilter(families="ipv6")
        assert connections.count(old) == RESIZED
        added[0] = 0
        groups = connections.top(None, "client,client-port", old)
    assert {count for _, count in groups} == {1}
    assert len(groups) == RESIZED
