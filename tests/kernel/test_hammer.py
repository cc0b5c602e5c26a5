"""Readings beside programs that add and delete as fast as they can: complete, or told not to be.

What is shown here by chance is shown for certain, one fault at a time, in test_changing.py.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service, Snapshot, TableChanging
from support.command import run

pytestmark = pytest.mark.usefixtures("netns")

# make test-long asks for more.
READINGS = int(os.environ.get("IPVSFAST_HAMMER", "8"))
STANDING = 300
LARGE = 250  # destinations of the largest service
SAID = "the table kept changing while it was read"

# Short sleeps, as a kernel with one processor and no preemption would let only one side run.
WRITER = """
import sys, time
from ipvsfast import Batch, Destination, Ipvs, Service
what, wide = sys.argv[1], sys.argv[2] == "IPv6"
service = (lambda n: Service.tcp(f"2001:db8:9::{n:x}" if wide else f"10.9.0.{n}", 80, "rr"))
target = (lambda n: Destination(f"2001:db8:8::{n:x}" if wide else f"10.8.0.{n}", 80))
large = Service.tcp("2001:db8::1" if wide else "10.1.0.1", 80, "rr")
with Ipvs() as ipvs:
    print("ready", flush=True)
    turn = 0
    while True:
        turn += 1
        add, delete = Batch(), Batch()
        for n in range(1, 1 + turn % 7):
            if what != "destinations":
                add.add_service(service(n)).add_destination(service(n), target(n))
                delete.delete_service(service(n))
            if what != "services":
                add.add_destination(large, target(n))
                delete.delete_destination(large, target(n))
        for batch in (add, delete):
            ipvs.apply(batch)
            time.sleep(0.0003 * (turn % 3))
"""


@contextlib.contextmanager
def writers(what: str, kind: str) -> Iterator[None]:
    """Two programs that change the table at once; they get in each other's way as well."""
    running = []
    try:
        for _ in range(2):
            child = subprocess.Popen([sys.executable, "-I", "-c", WRITER, what, kind], stdout=subprocess.PIPE)
            running.append(child)
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
        yield
        assert [child.poll() for child in running] == [None, None]
    finally:
        for child in running:
            child.kill()
            child.communicate()


def standing(kind: str) -> dict[Service, set[str]]:
    """What nobody touches but for the destinations of the first: services with their destinations."""
    services = {}
    for number in range(1, STANDING + 1):
        address = f"10.1.{number >> 8}.{number & 255}" if kind == "IPv4" else f"2001:db8::{number:x}"
        dests = range(1, 1 + (LARGE if number == 1 else number % 3))
        target = "10.2.0.{}" if kind == "IPv4" else "2001:db8:2::{:x}"
        services[Service.tcp(address, 80, "rr")] = {target.format(n) for n in dests}
    return services


def check(
    table: list[tuple[Service, list[Destination]]], wanted: dict[Service, set[str]], whole: bool
) -> None:
    """Nothing stands twice; if it is whole, what was left alone is there."""
    keys = [service.key for service, _ in table]
    assert len(keys) == len(set(keys))
    for _, dests in table:
        assert len(dests) == len({d.key for d in dests})
    if whole:
        there = {service.key: {d.address for d in dests} for service, dests in table}
        lacking = [s for s, dests in wanted.items() if not dests <= there.get(s.key, set())]
        assert not lacking
        assert wanted.keys() <= {service for service, _ in table} or {s.key for s in wanted} <= there.keys()


def strictly(ipvs: Ipvs, wanted: dict[Service, set[str]]) -> None:
    """All that asks for a complete reading gets one, or the refusal."""
    for _ in range(READINGS):
        with contextlib.suppress(TableChanging):
            check(ipvs.table(strict=True), wanted, True)
        with contextlib.suppress(TableChanging):
            lines = ipvs.rules()
            assert len(lines) == len(set(lines))
            assert (
                sum(
                    line.startswith("-A") and "10.9.0." not in line and "db8:9:" not in line for line in lines
                )
                == STANDING
            )


def plainly(ipvs: Ipvs, wanted: dict[Service, set[str]]) -> None:
    """Plain readings, of the table and of its largest service, say whether something may be missing."""
    for _ in range(READINGS):
        reading = ipvs.read()
        check(reading.values(), wanted, not reading.unstable)
        check(ipvs.table(), wanted, False)
        large = next(iter(wanted))
        reading = ipvs.read(large)
        check(reading.values(), {large: wanted[large]}, not reading.unstable)
        check([ipvs.one(large)], wanted, False)


def rows_of(snapshot: Snapshot) -> dict[str, set[str]]:
    """Services with the addresses of their destinations; neither stands twice."""
    services, rows = snapshot.services.keys(), snapshot.destinations
    assert len(set(services)) == len(services)
    assert len(set(zip(rows["service"], rows.keys()))) == len(rows)
    found: dict[str, set[str]] = {str(key): set() for key in services}
    for home, key in zip(rows["service"], rows.keys()):
        found[str(services[home])].add(key.address)
    return found


def polls(ipvs: Ipvs, wanted: dict[Service, set[str]]) -> None:
    """Pollers by both sources: what stands still is in each snapshot that does not say that rows may lack, and
    is no news in the difference of two such ones."""
    standing_rows = {str(service.key): dests for service, dests in wanted.items()}
    for source in ("sockopt", "netlink"):
        poller = ipvs.poller(source)  # type: ignore[arg-type]
        last = poller.poll()
        for _ in range(READINGS):
            snapshot = poller.poll()
            found = rows_of(snapshot)
            if not snapshot.unstable:
                lacking = {key for key, dests in standing_rows.items() if not dests <= found.get(key, set())}
                assert not lacking, (source, lacking)
            delta = snapshot - last
            assert not len(delta.services.zeroed) + len(delta.destinations.zeroed)
            for service, dest in delta.destinations.vanished:
                assert dest.address not in found.get(str(service), set())
                if not snapshot.unstable + last.unstable:
                    assert dest.address not in standing_rows.get(str(service), set())
            last = snapshot


def commands(wanted: dict[Service, set[str]]) -> None:
    """The command, through the front: a listing that says nothing lacks nothing, and `save` is whole or refused."""
    for turn in range(max(4, READINGS // 3)):
        done = run("-L", "-n", *["--nosort"][: turn % 2])
        lines = [line for line in done.stdout.splitlines() if line.startswith("TCP")]
        assert done.returncode == 0
        assert len(lines) == len(set(lines))
        if SAID not in done.stderr:
            assert sum("10.9.0." not in line and "db8:9:" not in line for line in lines) == STANDING
        done = run("save")
        if done.returncode:
            assert (done.returncode, done.stdout) == (1, "")
            assert SAID in done.stderr
        else:
            saved = [line for line in done.stdout.splitlines() if line.startswith("-")]
            assert len(saved) == len(set(saved))
            assert sum("-r 10.2.0." in line or "db8:2:" in line for line in saved) == sum(
                map(len, wanted.values())
            )


@pytest.mark.parametrize("kind", ["IPv4", "IPv6"])
@pytest.mark.parametrize("what", ["services", "destinations", "both"])
def test_readings_are_complete_or_say_so(what: str, kind: str) -> None:
    """Beside services that nobody touches, two programs add and delete others, destinations, or both."""
    wanted = standing(kind)
    batch = Batch()
    for service, dests in wanted.items():
        batch.add_service(service)
        for address in sorted(dests):
            batch.add_destination(service, Destination(address, 80))
    with Ipvs() as ipvs:
        ipvs.apply(batch).check()
        with writers(what, kind):
            plainly(ipvs, wanted)
            strictly(ipvs, wanted)
            polls(ipvs, wanted)
            commands(wanted)
