"""Snapshots and deltas of a real table, with real traffic."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy
import pytest
from parity.traffic import Flow, addresses, clients, listeners

from ipvsfast import Batch, Destination, Ipvs, Service, Snapshot
from support.estimation import CPUS, switch
from support.netns import Namespace, entered, make_namespace

VIP = "10.9.0.1"
WEB = Service.udp(VIP, 53, "rr")
OTHER = Service.tcp("10.9.0.9", 80, "wlc", persistent=300)
SIX = Service.tcp("2001:db8::1", 443, "sh")
FIRST, SECOND = (Destination(f"10.9.1.{n}", 53, forwarding="masq", weight=n) for n in (1, 2))
BYTES = 100 + 28  # with the headers of UDP and IPv4
COUNTERS = ("connections", "in_packets", "out_packets", "in_bytes", "out_bytes")
RATES = ("cps", "in_pps", "out_pps", "in_bps", "out_bps")


@pytest.fixture
def space() -> Iterator[SimpleNamespace]:
    """The addresses and servers of two destinations, with the sockets of them and of their clients."""
    space = SimpleNamespace(sockets=[])
    addresses(space, VIP, FIRST.address, SECOND.address)
    listeners(space, ("udp", FIRST.address, 53), ("udp", SECOND.address, 53))
    yield space
    for item in space.sockets:
        item.close()


def fill(ipvs: Ipvs) -> None:
    batch = Batch().add_service(WEB).add_service(OTHER).add_service(SIX)
    batch.add_destination(WEB, FIRST).add_destination(WEB, SECOND)
    batch.add_destination(SIX, Destination("2001:db8::9", 443, forwarding="tunnel", upper=9, lower=3))
    ipvs.apply(batch).check()


def send(space: SimpleNamespace, ports: range) -> None:
    """A packet of a connection of its own from each port."""
    clients(space, *[Flow("udp", (VIP, port), (VIP, 53), payload=b"x" * 100) for port in ports])


def until(take: Callable[[], Snapshot], right: Callable[[Snapshot], bool]) -> Snapshot:
    """A snapshot that is as wanted: the kernel refreshes each counter every two seconds."""
    end = time.monotonic() + 30
    while not right(snapshot := take()):
        assert time.monotonic() < end, snapshot.services["connections"].tolist()
        time.sleep(0.1)
    return snapshot


def counted(number: int) -> Callable[[Snapshot], bool]:
    """Whether services and destinations have counted so many connections."""
    return lambda one: sum(one.services["connections"]) == sum(one.destinations["connections"]) == number


def test_columns_are_those_of_the_values() -> None:
    """Every column against what the table is as values, for all kinds of rows."""
    with Ipvs() as ipvs:
        fill(ipvs)
        snapshot, table = ipvs.snapshot(), ipvs.table()
        services, destinations = snapshot.services, snapshot.destinations
        assert list(services) == [service for service, _ in table]
        assert list(destinations) == [one for _, below in table for one in below]
        assert services.keys() == [service.key for service in services]
        assert destinations.keys() == [one.key for one in destinations]
        columns = zip(
            services["protocol"], services["family"], services["port"], services["fwmark"], services["scheduler"],
            services["netmask"], services["timeout"], services["engine"],
        )  # fmt: skip
        assert list(columns) == [
            (s.key.protocol_number, s.key.family, s.key.port, s.fwmark, s.scheduler, s.netmask, s.persistent, s.engine)
            for s in services
        ]  # fmt: skip
        rows = zip(
            *[destinations[name] for name in ("family", "port", "weight", "upper", "lower", "forwarding")]
        )
        assert list(rows) == [
            (d.key.family, d.port, d.weight, d.upper, d.lower, {"masq": 0, "tunnel": 2}[d.forwarding])
            for d in destinations
        ]  # fmt: skip
        homes = [services.keys()[n] for n in destinations["service"]]
        assert homes == [service.key for service, below in table for _ in below]
        packed = [bytes(row) for row in numpy.asarray(services["address"])]
        assert packed == [key.packed.ljust(16, b"\0") for key in services.keys()]  # noqa: SIM118
        packed = [bytes(row) for row in numpy.asarray(destinations["address"])]
        assert packed == [key.packed.ljust(16, b"\0") for key in destinations.keys()]  # noqa: SIM118
        assert (snapshot.source, snapshot.unstable, snapshot.notes) == ("sockopt", 0, [])
        assert snapshot.started <= snapshot.at <= snapshot.ended <= time.monotonic()
        assert abs(snapshot.time - time.time()) < 60


def test_numpy_takes_columns_without_a_copy() -> None:
    """The array is the memory of the rows, of the type that the column has."""
    with Ipvs() as ipvs:
        fill(ipvs)
        first = ipvs.snapshot()
        delta = ipvs.snapshot() - first
        for view, kind in (
            (first.services["connections"], "uint64"), (first.destinations["weight"], "int32"),
            (first.destinations["port"], "uint16"), (first.destinations["tunnel_type"], "uint8"),
            (delta.destinations["connections"], "uint64"), (delta.services["in_bytes_rate"], "float64"),
        ):  # fmt: skip
            column = numpy.asarray(view)
            assert column.dtype == kind
            assert numpy.shares_memory(column, numpy.asarray(view))
            assert not column.flags.writeable


def test_deltas_are_the_traffic(space: SimpleNamespace) -> None:
    """Connections, packets and bytes of each destination and of the service; nothing of the others."""
    with Ipvs() as ipvs:
        fill(ipvs)
        first = ipvs.snapshot()
        send(space, range(20001, 20007))
        live = ipvs.poller().totals()
        assert live[:5] == (6, 6, 0, 6 * BYTES, 0)  # at once
        later = until(ipvs.snapshot, counted(6))
        delta = later - first
        web, others = later.services.keys().index(WEB.key), {0, 1, 2}
        assert [delta.services[name][web] for name in COUNTERS] == [6, 6, 0, 6 * BYTES, 0]
        for n in others - {web}:
            assert [delta.services[name][n] for name in COUNTERS] == [0] * 5
        for destination in (FIRST, SECOND):
            n = later.destinations.keys().index(destination.key)
            assert [delta.destinations[name][n] for name in COUNTERS] == [3, 3, 0, 3 * BYTES, 0]
            assert delta.destinations["in_bytes_rate"][n] == 3 * BYTES * (1 / delta.seconds)
        assert delta.seconds == later.at - first.at
        assert sum(later.destinations["inactive"]) == 6  # live
        assert later.totals()[:5] == (6, 6, 0, 6 * BYTES, 0)
        assert later.totals()[5:] == tuple(sum(later.services[name]) for name in RATES)
        namespace = later.namespace_totals()
        assert namespace is not None and namespace[:] == (6, 6, 0, 6 * BYTES, 0, 0, 0, 0, 0, 0)
        for columns in (delta.services, delta.destinations):
            assert not (columns.appeared or columns.zeroed or columns.vanished)


def test_zeroed_counters_are_told(space: SimpleNamespace) -> None:
    """No difference is negative: it is what was counted since."""
    with Ipvs() as ipvs:
        fill(ipvs)
        send(space, range(20001, 20005))
        first = until(ipvs.snapshot, counted(4))
        ipvs.zero(WEB)
        delta = ipvs.snapshot() - first
        web = delta.snapshot.services.keys().index(WEB.key)
        assert delta.services.zeroed.tolist() == [web]
        assert not any(delta.services["connections"])
        keys = delta.snapshot.destinations.keys()
        assert {keys[n] for n in delta.destinations.zeroed} == {FIRST.key, SECOND.key}
        send(space, range(20005, 20007))
        later = until(ipvs.snapshot, counted(2))
        delta = later - first
        assert delta.services["connections"][web] == 2
        assert delta.services.zeroed.tolist() == [web]


def test_what_is_deleted_and_added_is_told() -> None:
    """By key, whatever the order of the rows is afterwards."""
    with Ipvs() as ipvs:
        fill(ipvs)
        first = ipvs.snapshot()
        new = Destination("10.9.1.3", 53, forwarding="masq")
        batch = Batch().delete_service(SIX).delete_destination(WEB, FIRST).add_destination(WEB, new)
        ipvs.apply(batch.add_service(Service.mark(5))).check()
        delta = ipvs.snapshot() - first
        later = delta.snapshot
        assert [later.services.keys()[n] for n in delta.services.appeared] == [Service.mark(5).key]
        assert [later.destinations.keys()[n] for n in delta.destinations.appeared] == [new.key]
        assert delta.services.vanished == [SIX.key]
        gone = {(WEB.key, FIRST.key), (SIX.key, Destination("2001:db8::9", 443).key)}
        assert set(delta.destinations.vanished) == gone


def test_a_destination_that_comes_again_brings_no_old_counters(space: SimpleNamespace) -> None:
    """The kernel keeps those of a destination that still has connections; they were not counted just now."""
    with Ipvs() as ipvs:
        fill(ipvs)
        send(space, range(20001, 20005))
        until(ipvs.snapshot, counted(4))
        ipvs.delete_destination(WEB, FIRST)
        first = ipvs.snapshot()
        ipvs.add_destination(WEB, FIRST)
        later = ipvs.snapshot()
        n = later.destinations.keys().index(FIRST.key)
        assert later.destinations["connections"][n] == 2  # else this shows nothing
        delta = later - first
        assert delta.destinations.appeared.tolist() == [n]
        assert delta.destinations["connections"][n] == 0


def test_estimation_that_is_off_is_told(space: SimpleNamespace) -> None:
    """By `estimating` and a note; only the totals of the namespace are live then."""
    with Ipvs() as ipvs:
        fill(ipvs)
        first = ipvs.snapshot("sockopt")
        assert (first.estimating, first.fresh) == (True, True)
        switch(False)
        send(space, range(20001, 20003))
        snapshot = ipvs.snapshot("sockopt")
        assert (snapshot.estimating, snapshot.fresh, (snapshot - first).fresh) == (False, False, False)
        (note,) = snapshot.notes
        assert "run_estimation" in note and "est_cpulist" in note
        assert ipvs.poller().totals().connections == 2
        switch(True)
        assert ipvs.snapshot("sockopt").estimating is True
        if CPUS.exists():  # since Linux 6.2
            CPUS.write_text("\n")
            assert CPUS.read_text().strip() == ""
            assert ipvs.snapshot("sockopt").estimating is False


def test_files_are_those_of_the_namespace(new_netns: Callable[[], Namespace]) -> None:
    """Of the table that is read, not of the thread that reads."""
    there = new_netns()
    with Ipvs(netns=there.name) as ipvs:
        switch(False)
        assert ipvs.snapshot().estimating is True
        with Ipvs() as own:
            assert own.snapshot().estimating is False


def test_files_are_those_of_the_session_when_the_caller_has_moved() -> None:
    """A thread that went elsewhere after it had opened the table."""
    with Ipvs() as ipvs:
        fill(ipvs)
        switch(False)
        with entered(make_namespace()):
            snapshot = ipvs.snapshot()
            assert (len(snapshot.services), snapshot.estimating) == (3, False)
        assert ipvs.snapshot().estimating is False
