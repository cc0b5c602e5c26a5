"""Polling a real table: the same memory again and again, and what happens meanwhile."""

import asyncio
import errno
import gc
import os
import threading
import time
import tracemalloc
from collections.abc import Iterator

import numpy
import pytest

from ipvsfast import (
    Batch,
    Delta,
    Destination,
    InvalidValue,
    Ipvs,
    IpvsUnavailable,
    KernelError,
    Poller,
    Service,
    Snapshot,
)
from ipvsfast.model.types import SnapshotSource
from support.module import LOADER, module_afterwards, unload

SERVICES = 40
EACH = 100
KEYS = [Service.mark(n, "rr") for n in range(1, SERVICES + 1)]


def weighed(weight: int) -> list[Destination]:
    return [Destination(f"10.1.0.{n}", 0, weight=weight) for n in range(1, EACH + 1)]


def fill(ipvs: Ipvs) -> None:
    batch = Batch()
    for service in KEYS:
        batch.add_service(service)
        for destination in weighed(1):
            batch.add_destination(service, destination)
    ipvs.apply(batch).check()


@pytest.fixture
def ipvs() -> Iterator[Ipvs]:
    """A table of 4,000 destinations."""
    with Ipvs() as found:
        fill(found)
        yield found


def settled(poller: Poller) -> Snapshot:
    """Since Linux 7.1 the kernel makes its table larger a moment after services were added: their order
    changes."""
    last = poller.poll()
    since = time.monotonic()
    while time.monotonic() < since + 1:
        time.sleep(0.1)
        snapshot = poller.poll()
        if snapshot.services.keys() != last.services.keys():
            since = time.monotonic()
        last = snapshot
    return last


def test_what_is_kept_stays_unchanged(ipvs: Ipvs) -> None:
    """A snapshot, a column, an array of numpy and a delta, while the table changes and is polled 100 times."""
    poller = ipvs.poller()
    first = poller.poll()
    snapshot = poller.poll()
    column = poller.poll().destinations["weight"]
    row = numpy.asarray(poller.poll().destinations["weight"])
    delta = snapshot - first
    before = snapshot.destinations["weight"].tolist()
    assert before == [1] * SERVICES * EACH
    for n in range(100):
        batch = Batch()
        for destination in weighed(n + 2):
            batch.edit_destination(KEYS[n % SERVICES], destination)
        ipvs.apply(batch).check()
        last = poller.poll()
        assert max(last.destinations["weight"]) == n + 2
    for kept in (snapshot.destinations["weight"], column, row, first.destinations["weight"]):
        assert kept.tolist() == before
    assert delta.destinations["connections"].tolist() == [0] * SERVICES * EACH


def test_steady_polling_allocates_nothing_for_rows(ipvs: Ipvs) -> None:
    """Neither what remains nor what is there for a moment grows with the table."""
    poller = ipvs.poller()
    last = settled(poller)
    keys = last.destinations.keys()

    def polls(count: int) -> None:
        nonlocal last
        for _ in range(count):
            snapshot = poller.poll()
            delta = snapshot - last
            assert len(delta.destinations["connections_rate"]) == len(snapshot.destinations["weight"]) == 4000
            assert snapshot.destinations.keys() is keys
            last = snapshot

    polls(5)
    gc.collect()
    tracemalloc.start()
    try:
        polls(2)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        polls(30)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A number for each row would be 32,000 bytes.
    assert after - before < 4000
    assert peak - before < 16000


def test_memory_is_used_in_turn(ipvs: Ipvs) -> None:
    """Two readings serve, for whoever polls and for whoever loops over deltas."""
    poller = ipvs.poller()
    places = set()
    for n, delta in enumerate(poller.every(0.001)):
        places.add(numpy.asarray(delta.snapshot.destinations["weight"]).ctypes.data)
        if n == 10:
            break
    assert len(places) <= 3  # a buffer may have been made larger once


def test_shape_follows_the_table(ipvs: Ipvs) -> None:
    """Keys are made anew when a destination comes or goes, and only then."""
    poller = ipvs.poller()
    first = settled(poller)
    keys = first.destinations.keys()
    assert poller.poll().destinations.keys() is keys
    ipvs.delete_destination(KEYS[7], weighed(1)[50])
    second = poller.poll()
    assert len(second.destinations.keys()) == len(keys) - 1
    assert (second - first).destinations.vanished == [(KEYS[7].key, weighed(1)[50].key)]
    assert second.services["destination_count"].tolist().count(EACH - 1) == 1


def test_fresh_is_every_two_seconds(ipvs: Ipvs) -> None:
    """Of polls that come faster than the kernel refreshes its counters, those are not fresh that come before
    every counter was refreshed; so are the deltas between them."""
    poller = ipvs.poller()
    first = poller.poll()
    assert first.fresh
    fresh = first
    while True:
        snapshot = poller.poll()
        assert snapshot.fresh == (snapshot.at - fresh.at >= 2)
        assert (snapshot - first).fresh == (snapshot.at - first.at >= 2)
        if snapshot.fresh:
            break
        time.sleep(0.1)


def test_deadlines_are_never_early(ipvs: Ipvs) -> None:
    """Poll n is made n intervals after the first one, or later."""
    deltas = ipvs.poller().every(0.05)
    seen: list[Delta] = []
    start = None
    for delta in deltas:
        start = start if start is not None else delta.snapshot.at - delta.seconds
        seen.append(delta)
        if len(seen) == 5:
            break
    assert start is not None
    for n, delta in enumerate(seen, 1):
        assert delta.snapshot.ended - start >= n * 0.05 - 0.02  # the first reading was not over in no time


def test_asyncio(ipvs: Ipvs) -> None:
    """Other tasks go on while the table is polled."""

    async def run() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        other = asyncio.ensure_future(tick())
        count = 0
        async for delta in ipvs.poller().every(0.02):
            assert len(delta.snapshot.destinations) == SERVICES * EACH
            count += 1
            if count == 3:
                break
        other.cancel()
        return ticks

    assert asyncio.run(run()) > 0


def test_threads_share_a_poller(ipvs: Ipvs) -> None:
    """Each gets whole snapshots."""
    poller = ipvs.poller()
    wrong: list[object] = []

    def work() -> None:
        last = poller.poll()
        for _ in range(20):
            snapshot = poller.poll()
            if len(snapshot.destinations) != SERVICES * EACH or set(snapshot.destinations["weight"]) != {1}:
                wrong.append(snapshot)
            if (snapshot - last).destinations.vanished:
                wrong.append(last)
            last = snapshot

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("source", ["option", "", None, 5])
def test_a_source_that_there_is_not(ipvs: Ipvs, source: str) -> None:
    """The message has those that there are."""
    with pytest.raises(InvalidValue, match="source must be one of auto, live, netlink, sockopt, not "):
        ipvs.poller(source)  # type: ignore[arg-type]


def test_a_closed_table(ipvs: Ipvs) -> None:
    """The poller is of the session that it was made by."""
    poller = ipvs.poller(source="netlink")
    poller.poll()
    ipvs.close()
    for ask in (poller.poll, poller.totals):
        with pytest.raises(OSError, match="the session is closed"):
            ask()


def test_a_child_is_refused(ipvs: Ipvs) -> None:
    """At once, also if another thread was polling at the moment of the fork."""
    poller = ipvs.poller()
    poller.poll()
    with poller._lock:
        child = os.fork()
        if not child:
            try:
                poller.poll()
            except KernelError as error:
                os._exit(error.errno)
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.ECHILD
    assert len(poller.poll().destinations) == SERVICES * EACH


@pytest.fixture
def module_again() -> Iterator[None]:
    """Whatever a test does, the next one finds the module."""
    with module_afterwards():
        yield


@pytest.mark.parametrize("source", ["sockopt", "netlink"])
def test_without_the_module(module_again: None, source: SnapshotSource) -> None:
    """What asks while it is away is told so; what was read before stays."""
    with Ipvs() as ipvs:
        poller = ipvs.poller(source)
        fill(ipvs)
        last = poller.poll()
        ipvs.flush()
        unload(for_good=True)
        for _ in range(2):
            with pytest.raises(IpvsUnavailable, match="modprobe ip_vs"):
                poller.poll()
            with pytest.raises(IpvsUnavailable, match="modprobe ip_vs"):
                poller.totals()
        assert last.destinations["weight"].tolist() == [1] * SERVICES * EACH


@pytest.mark.parametrize("source", ["sockopt", "netlink"])
def test_the_module_goes_while_the_table_is_polled(module_again: None, source: SnapshotSource) -> None:
    """Each poll gives a whole snapshot or says what is missing; then it goes on with the same poller."""
    loader = LOADER.read_text()
    seen: list[str] = []
    wrong: list[object] = []
    stop = threading.Event()

    def work() -> None:
        with Ipvs() as ipvs:
            poller = ipvs.poller(source)
            while not stop.is_set():
                try:
                    snapshot = poller.poll()
                    one = f"{len(snapshot.services)} {len(snapshot.destinations)}"
                except IpvsUnavailable as e:
                    one = "gone"
                    if "modprobe ip_vs" not in str(e):
                        wrong.append(e)
                except Exception as e:
                    wrong.append(e)
                    return
                if not seen or seen[-1] != one:
                    seen.append(one)

    def until(one: str) -> None:
        end = time.monotonic() + 60
        while one not in seen:
            assert not wrong and time.monotonic() < end, (seen, wrong)
            time.sleep(0.01)

    thread = threading.Thread(target=work)
    with Ipvs() as ipvs:
        fill(ipvs)
        thread.start()
        try:
            until(f"{SERVICES} {SERVICES * EACH}")
            ipvs.flush()
            until("0 0")
            unload(for_good=True)
            until("gone")
            LOADER.write_text(loader)
            with Ipvs() as other:
                other.add_service(KEYS[0])
                other.add_destination(KEYS[0], weighed(1)[0])
            until("1 1")
        finally:
            stop.set()
            thread.join()
    assert wrong == []


def test_the_module_is_loaded_again(module_again: None) -> None:
    """Polling goes on, and the delta tells that what was there is gone."""
    with Ipvs() as ipvs:
        poller = ipvs.poller()
        with Ipvs() as other:
            other.add_service(KEYS[0])
            other.add_service(KEYS[1])
            last = poller.poll()
            other.flush()
        unload()
        with Ipvs() as other:
            other.add_service(KEYS[1])
        delta = poller.poll() - last
        assert delta.services.vanished == [KEYS[0].key]
        assert poller.totals().connections == 0
