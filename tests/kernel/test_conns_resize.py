"""A connection table that changes its size while it is read, as it does from Linux 7.1 on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
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
ONES = ConnectionFilter(client="10.9.0.0/16")


@pytest.fixture
def service() -> None:
    run("-A", "-t", "10.0.0.2:80")


def standing() -> list[Entry]:
    return [Entry(f"10.9.{at >> 8}.{at & 255}", 5000, "10.0.0.2", 80, "10.128.0.1", 80) for at in range(STANDING)]


def buckets() -> int:
    status = Connections().status()
    assert status is not None
    return status.buckets


@contextmanager
def meanwhile(filler: Filler, count: int) -> Iterator[int]:
    """Another process tells the daemon of so many entries; its id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for start in range(0, count, 500):
                filler.send(numbered(500, 500, start))
                time.sleep(0.002)
            status = 0
        finally:
            os._exit(status)
    try:
        yield child
    finally:
        os.kill(child, signal.SIGCONT)
        assert os.waitpid(child, 0)[1] == 0


def running(child: int) -> bool:
    return Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2][0] != "Z"


def test_a_growing_table(service: None) -> None:
    """While it grows through its sizes no entry comes twice, and none that stood there all the time is
    missing from a reading that says it is complete; counts and counts by key agree."""
    clients = {f"10.9.{at >> 8}.{at & 255}" for at in range(STANDING)}
    sizes, readings, complete = {buckets()}, 0, 0
    with Filler() as filler:
        filler.fill(map(packed, standing()), STANDING)
        with meanwhile(filler, GROWN) as child:
            while running(child):
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
    deadline = time.monotonic() + 10
    while held() != STANDING + GROWN and time.monotonic() < deadline:
        time.sleep(0.05)
    connections = Connections()
    assert connections.count() == STANDING + GROWN
    assert connections.account is not None
    assert not connections.account.incomplete
    assert readings > 1
    assert complete > 0
    if FACTOR.exists():
        assert len(sizes) >= 3, sizes


def resized(factor: int) -> None:
    """Asks for another size and waits until the table has it."""
    before = buckets()
    FACTOR.write_text(str(factor))
    deadline = time.monotonic() + 10
    while buckets() == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert buckets() != before


@pytest.fixture
def resizable(service: None) -> Iterator[None]:
    """A table of 30,000 entries whose size can be chosen."""
    if not FACTOR.exists():
        pytest.skip("the connection tables of this kernel have one size")
    with Filler() as filler:
        filler.fill(numbered(GROWN, 500), GROWN)
    FACTOR.write_text("-8")
    time.sleep(0.3)
    yield


@pytest.mark.parametrize("factors", [(8,), (8, -8), (8, -8, 8)])
def test_a_resize_in_the_middle(resizable: None, factors: tuple[int, ...]) -> None:
    """The table changes its size once, twice, three times while rows are taken: all of them, each once,
    and the account says how often it was read."""
    resized(0)
    connections = Connections()
    left, seen, found = list(factors), set(), 0
    for row in connections:
        seen.add(identity(row))
        found += 1
        if left and found % 8000 == 0:
            resized(left.pop(0))
    account = connections.account
    assert account is not None
    assert found == len(seen)
    assert account.readings > 1
    assert account.incomplete or found == GROWN
    assert not account.incomplete or account.readings == 4


@pytest.mark.parametrize("what", ["count", "top", "columns", "text"])
def test_every_way_of_counting_starts_anew(resizable: None, what: str) -> None:
    """A resize in the first reading: the second one is right, and nothing is counted twice."""
    resized(0)
    wanted = [8]

    def progress(pace: object) -> None:
        if wanted:
            resized(wanted.pop())

    connections = Connections(progress=progress)
    if what == "count":
        assert connections.count() == GROWN
    elif what == "top":
        groups = connections.top(None, "client")
        assert {count for _, count in groups} == {GROWN // 500}
        assert len(groups) == 500
    elif what == "columns":
        assert len(connections.columns("client_port")["client_port"]) == GROWN
    else:
        lines = b"".join([bytes(piece) for piece in connections.text("csv")]).splitlines()
        assert len(lines) == len({line.split(b",1024,")[0][:60] + line[-60:] for line in lines}) or len(lines) == GROWN
    assert connections.account is not None
    assert connections.account.readings == 2
    assert not connections.account.incomplete


def test_a_table_that_never_rests(resizable: None) -> None:
    """It changes its size in every reading: after four of them what may be missing is told."""
    resized(0)
    factor = [8]

    def progress(pace: object) -> None:
        resized(factor[0])
        factor[0] = -factor[0]

    connections = Connections(progress=progress)
    connections.count()
    assert connections.account is not None
    assert (connections.account.readings, connections.account.incomplete) == (4, True)
