"""Both sources of destinations, netlink and the older socket option, tell the same, and nothing is lost between
them."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from parity.traffic import Flow, addresses, clients, listeners

from ipvsfast import Batch, Destination, Ipvs, Service, Tunnel
from ipvsfast.kernel.table_reading import BY_NETLINK, VIEWS, scope_of
from support.command import program

pytestmark = pytest.mark.usefixtures("netns")


def random_service(chance: random.Random, number: int) -> Service:
    kind = chance.choice(["tcp", "udp", "sctp", "mark", "six", "engine", "mark6"])
    persistent = chance.choice([0, 300])
    if kind in ("mark", "mark6"):
        return Service.mark(number, "rr", ipv6=kind == "mark6", persistent=persistent)
    if kind == "engine":
        return Service.udp(f"10.1.{number}.1", 5060, "rr", persistent=60, engine="sip")
    if kind == "six":
        return Service.tcp(f"2001:db8::{number:x}", 80, "wlc", persistent=persistent)
    make = {"tcp": Service.tcp, "udp": Service.udp, "sctp": Service.sctp}[kind]
    return make(f"10.1.{number}.1", chance.choice([80, 443]), "wrr", persistent=persistent)


def random_destination(chance: random.Random, service: Service, number: int, kinds: list[str]) -> Destination:
    six = service.key.family == 10
    address = f"2001:db8:1::{number:x}" if six else f"10.2.{number}.1"
    port, weight, upper = service.key.port, chance.choice([0, 1, 65536]), chance.choice([0, 100])
    kind = chance.choice(kinds)
    if kind in ("masq", "route"):
        return Destination(address, port, forwarding=kind, weight=weight, upper=upper)
    if kind == "other":
        address = f"10.3.{number}.1" if six else f"2001:db8:2::{number:x}"
    tunnel = Tunnel("gue", 5555, "csum") if kind == "gue" else Tunnel("ipip")
    return Destination(address, port, forwarding="tunnel", weight=weight, tunnel=tunnel)


def fill(ipvs: Ipvs, seed: int) -> None:
    chance = random.Random(seed)
    batch = Batch()
    for number in range(1, 151):
        service = random_service(chance, number)
        batch.add_service(service)
        few = chance.choice([0, 1, 3, 3, 120])
        kinds = [
            "masq",
            "masq",
            "route",
            *chance.choice([[], ["tunnel"], ["gue"], ["other"], ["tunnel", "other"]]),
        ]
        for n in range(few):
            batch.add_destination(service, random_destination(chance, service, n, kinds))
    ipvs.apply(batch).check()


@pytest.mark.parametrize("seed", range(4))
def test_random_tables_are_the_same_by_both(seed: int) -> None:
    """As values, each service alone too, and as every view, for any mixture of families, marks, tunnels and
    engines."""
    with Ipvs() as ipvs:
        fill(ipvs, seed)
        # The kernel may bring the services into another order meanwhile.
        wanted = ipvs.session.read(scope=BY_NETLINK)
        assert wanted.by_option == 0
        table = sorted(wanted.values())
        got = ipvs.read()
        assert 0 < got.by_option < got.destinations
        assert sorted(got.values()) == table == sorted(ipvs.table(strict=True))
        wanted.sort()
        for service, dests in table[::10]:
            assert ipvs.one(service) == (service, dests)
        for view in VIEWS:
            text = [
                b"".join(map(bytes, r.text(view) or [b"?"])) for r in (wanted, ipvs.read(view=view).sort())
            ]
            assert text[0] == text[1] != b"?", view
        with_tunnels, without = (ipvs.session.read(scope=scope_of(v)).by_option for v in ("rules", "default"))
        assert got.by_option == with_tunnels < without < got.destinations


@pytest.fixture
def space() -> Iterator[SimpleNamespace]:
    space = SimpleNamespace(sockets=[])
    addresses(space, "10.9.0.1", "10.9.1.1")
    listeners(space, ("udp", "10.9.1.1", 53))
    yield space
    for item in space.sockets:
        item.close()


def test_counters_and_rates_are_the_same_by_both(space: SimpleNamespace) -> None:
    """Under real traffic, while the kernel refreshes them, by a listing's reading and by pollers."""
    with Ipvs() as ipvs:
        service = Service.udp("10.9.0.1", 53, "rr")
        ipvs.add_service(service)
        ipvs.add_destination(service, Destination("10.9.1.1", 53))
        plain, best = ipvs.poller("netlink"), ipvs.poller()
        port, compared, end = 20000, 0, time.monotonic() + 60
        while compared < 5:
            assert time.monotonic() < end
            clients(space, Flow("udp", ("10.9.0.1", port), ("10.9.0.1", 53), payload=b"x" * 100))
            port += 1
            time.sleep(0.3)
            first = ipvs.session.read(scope=BY_NETLINK).values()
            got = ipvs.read()
            seen = [plain.poll().destinations, best.poll().destinations]
            if first != ipvs.session.read(scope=BY_NETLINK).values() or not first[0][1][0].stats.in_bps:
                continue  # refreshed meanwhile, or not yet
            assert got.values() == first
            assert list(seen[0]) == list(seen[1]) == first[0][1]
            assert got.by_option == 1
            compared += 1
        ipvs.zero()
        assert ipvs.table()[0][1][0].stats.in_bytes == 0


def test_a_destination_of_another_family_is_not_lost(shim: Path) -> None:
    """That one of the service's own family comes when all were counted makes as many as were counted: those that
    the socket option tells. The one that it leaves out is found all the same."""
    with Ipvs() as ipvs:
        batch = Batch()
        for number in range(1, 4):
            service = Service.tcp(f"10.1.0.{number}", 80, "rr")
            batch.add_service(service)
            batch.add_destination(service, Destination("10.2.0.1", 80))
            batch.add_destination(service, Destination("2001:db8::1", 80, forwarding="tunnel"))
        ipvs.apply(batch).check()
        second = ipvs.services()[1].address
    command = f"unset LD_PRELOAD; {program()} -a -t {second}:80 -r 10.2.0.2:80"
    # By the first service, with both kinds, only netlink goes on: the socket option is asked first.
    for words in (["-L", "-n"], ["-S", "-n"]):
        done = subprocess.run(
            [program(), *words], capture_output=True, text=True, timeout=100, check=False,
            env={**os.environ, "LD_PRELOAD": str(shim), "FAULT": f"dests:1:{command}"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("[2001:db8::1]:80") == 3, done.stdout
        with Ipvs() as ipvs:
            ipvs.delete_destination(Service.tcp(second, 80, "rr"), Destination("10.2.0.2", 80))


CARRIED = """
import json
from ipvsfast import Ipvs
from ipvsfast.kernel.reading_memory import MemoryPool
pool = MemoryPool()
with Ipvs() as ipvs:
    before = ipvs.session.read(scope=256)
    for n in range(before.table.num_dests):
        stats = before.table.dests[n].stats
        stats.inbytes += {bytes}
        stats.inpkts += {packets}
    if {deleted}:
        ipvs.delete_service(ipvs.services()[0])
    now = ipvs.session.read(before=pool.lend(before))
print(json.dumps([now.by_option, [[d.stats.in_packets for d in dests] for _, dests in now.values()]]))
"""


@pytest.mark.parametrize("deleted", [False, True])
def test_counters_go_on_from_the_reading_before(shim: Path, deleted: bool) -> None:
    """Where there were so many bytes that packets may not fit: those of the same destination, even if its
    service has another place now, and if the 32 bits of them have wrapped since. If the bytes do not go on, or
    are too few for the packets, netlink tells."""
    with Ipvs() as ipvs:
        fill_plain = Batch()
        for number in range(1, 4):
            service = Service.tcp(f"10.1.0.{number}", 80, "rr")
            fill_plain.add_service(service)
            for n in range(number):
                fill_plain.add_destination(service, Destination(f"10.2.0.{n}", 80))
        ipvs.apply(fill_plain).check()
        counts = [len(dests) for _, dests in ipvs.table()]
    more = 1 << 40
    left = counts[1:] if deleted else counts
    whole = 7 << 32
    for known, before, by_option, packets in (
        (more, whole, sum(left), whole),
        (more - 100, whole - 5, sum(left), whole),
        (more - 99, whole - 5, 0, 0),
        (more + 1, whole, 0, 0),
        (0, whole, 0, 0),
    ):
        script = CARRIED.format(bytes=known, packets=before, deleted=deleted and known == more)
        done = subprocess.run(
            [sys.executable, "-I", "-c", script],
            capture_output=True, text=True, timeout=100, check=False,
            env={**os.environ, "LD_PRELOAD": str(shim), "FAULT": "more-bytes"},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == [by_option, [[packets] * count for count in left]]
