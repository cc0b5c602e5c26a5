"""An exposition of a real table: every value is the kernel's."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from parity.namespaces import ip
from parity.traffic import Flow, addresses, clients, listeners

from ipvsfast import Destination, DestinationKey, Ipvs, Service, ServiceKey, Timeouts
from ipvsfast.errors import InvalidValue
from ipvsfast.exporter.exposition import ExportOptions, Exposition
from ipvsfast.exporter.textfile import check_path, write_textfile
from ipvsfast.model.settings import SyncDaemon
from ipvsfast.model.table_filter import TableFilter
from support.estimation import switch
from support.expositions import Parsed, complaints, text_of
from support.module import LOADER, module_afterwards, unload
from support.netns import fresh_namespace

VIP = "10.9.0.1"
WEB = Service.tcp(VIP, 80, "rr", persistent=60)
NAMES = Service.udp(VIP, 53, "wlc")
SIX = Service.tcp("2001:db8::1", 443, "rr")
SCTP = Service(ServiceKey.of("sctp", VIP, 9), "rr")
MARKS = [Service.mark(7, scheduler="rr"), Service.mark(7, ipv6=True, scheduler="rr")]
COUNTED = {
    "connections": "connections", "in_packets": "incoming_packets", "out_packets": "outgoing_packets",
    "in_bytes": "incoming_bytes", "out_bytes": "outgoing_bytes",
}  # fmt: skip


@pytest.fixture
def space() -> Iterator[SimpleNamespace]:
    """Services of every kind; those of IPv4 have servers that answer."""
    space = SimpleNamespace(sockets=[])
    addresses(space, VIP, "10.9.1.1", "10.9.1.2")
    listeners(space, ("tcp", "10.9.1.1", 80), ("tcp", "10.9.1.2", 80), ("udp", "10.9.1.1", 53))
    with Ipvs() as ipvs:
        for service in (WEB, NAMES, SIX, SCTP, *MARKS):
            ipvs.add_service(service)
        for number in (1, 2):
            ipvs.add_destination(
                WEB,
                Destination(
                    f"10.9.1.{number}",
                    80,
                    "masq",
                    weight=number,
                    upper=100 * (number - 1),
                    lower=9 * (number - 1),
                ),
            )
        ipvs.add_destination(NAMES, Destination("10.9.1.1", 53, "masq"))
        ipvs.add_destination(SIX, Destination("2001:db8::7", 443, "masq", weight=0))
        ipvs.add_destination(SCTP, Destination("10.9.1.1", 9, "masq"))
        ipvs.add_destination(MARKS[0], Destination("10.9.1.1", 80, "masq", weight=3))
        ipvs.add_destination(MARKS[1], Destination("2001:db8::7", 80, "masq", weight=4))
    yield space
    for item in space.sockets:
        item.close()


def labels_of(service: ServiceKey, destination: DestinationKey | None = None) -> dict[str, object]:
    """As they are documented."""
    found: dict[str, object] = {
        "protocol": service.protocol, "family": {2: "ipv4", 10: "ipv6"}[service.family],
        "service": service.address, "service_port": "" if service.fwmark else service.port,
        "fwmark": service.fwmark or "",
    }  # fmt: skip
    if destination is not None:
        found |= {"destination": destination.address, "destination_port": destination.port}
    return found


def refreshed(ipvs: Ipvs, connections: int) -> None:
    """Waits until the kernel has refreshed the counters."""
    end = time.monotonic() + 30
    while sum(ipvs.snapshot().services["connections"]) != connections:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_every_value(space: SimpleNamespace) -> None:
    """Counters, gauges and settings of all rows, exactly; promtool has nothing to say."""
    clients(space, *[Flow("tcp", (VIP, 20000 + n), (VIP, 80), payload=b"x" * 99) for n in range(3)])
    clients(space, *[Flow("udp", (VIP, 20100 + n), (VIP, 53), payload=b"x" * 50) for n in range(4)])
    with Ipvs() as ipvs:
        refreshed(ipvs, 7)
        parsed = Parsed(Exposition(ipvs, ExportOptions()))
        table = ipvs.table()
        totals = ipvs.poller().totals()
    assert complaints(parsed.text) == ""
    services = destinations = 0
    for service, below in table:
        key = labels_of(service.key)
        services += 1
        for column, name in COUNTED.items():
            assert parsed.value(f"ipvs_service_{name}_total", **key) == getattr(service.stats, column)
        assert (
            parsed.value("ipvs_service_info", **key, scheduler=service.scheduler, engine=service.engine) == 1
        )
        assert parsed.value("ipvs_service_destinations", **key) == len(below)
        timeouts = parsed.values("ipvs_service_persistence_timeout_seconds", **key)
        assert list(timeouts.values()) == ([60] if service.key == WEB.key else [])
        for one in below:
            key = labels_of(service.key, one.key)
            destinations += 1
            for column, name in COUNTED.items():
                assert parsed.value(f"ipvs_destination_{name}_total", **key) == getattr(one.stats, column)
            for kind in ("active", "inactive", "persistent"):
                assert parsed.value(f"ipvs_destination_{kind}_connections", **key) == getattr(one, kind)
            assert parsed.value("ipvs_destination_weight", **key) == one.weight
            assert parsed.value("ipvs_destination_info", **key, forwarding="masq") == 1
            for limit in ("upper", "lower"):
                found = parsed.values(f"ipvs_destination_{limit}_threshold", **key)
                assert list(found.values()) == [value for value in [getattr(one, limit)] if value]
    assert (services, destinations) == (6, 7)
    assert (parsed.value("ipvs_services"), parsed.value("ipvs_destinations")) == (6, 7)
    for column, name in COUNTED.items():
        assert parsed.value(f"ipvs_{name}_total") == getattr(totals, column)
    assert parsed.value("ipvs_connections_total") == 7
    assert parsed.value("ipvs_up") == 1
    assert parsed.value("ipvs_exporter_series") == len(parsed.samples)
    assert sum(parsed.values("ipvs_scrape_errors_total").values()) == 0


def test_settings_of_the_namespace(space: SimpleNamespace) -> None:
    """Timeouts, daemons, the tables' sizes, estimation."""
    with Ipvs() as ipvs:
        ipvs.set_timeouts(Timeouts(100, 50, 30))
        ipvs.start_daemon(SyncDaemon("master", "lo", sync_id=9))
        exposition = Exposition(ipvs, ExportOptions())
        parsed = Parsed(exposition)
        size = ipvs.info().size
        switch(False)
        stopped = Parsed(exposition)
        ipvs.stop_daemon("master")
    assert [parsed.value("ipvs_timeout_seconds", timer=name) for name in ("tcp", "tcp_fin", "udp")] == [
        100,
        50,
        30,
    ]
    assert parsed.value("ipvs_sync_daemon_info", state="master", interface="lo", sync_id=9) == 1
    assert [parsed.value("ipvs_sync_daemon_running", state=state) for state in ("master", "backup")] == [1, 0]
    assert parsed.value("ipvs_connection_table_buckets") == size
    assert (parsed.value("ipvs_estimation_enabled"), stopped.value("ipvs_estimation_enabled")) == (1, 0)
    if Path("/proc/net/ip_vs_status").exists():
        assert parsed.value("ipvs_connection_table_entries") == 0
        assert parsed.value("ipvs_kernel_status", name="services") == 6


def test_the_fingerprint_compares_directors(space: SimpleNamespace) -> None:
    """Another namespace with the same rules in another order has the same; a weight changes one of both, a
    threshold both."""

    def marks(ipvs: Ipvs) -> list[float]:
        parsed = Parsed(Exposition(ipvs, ExportOptions(aggregate="none")))
        return [parsed.value("ipvs_rules_fingerprint", weights=word) for word in ("included", "left_out")]

    with Ipvs() as ipvs:
        clients(space, Flow("tcp", (VIP, 20000), (VIP, 80)))
        first, table = marks(ipvs), ipvs.table()
    with fresh_namespace(), Ipvs() as other:
        for service, below in reversed(table):
            other.add_service(service)
            for one in below:
                other.add_destination(service, one)
        assert marks(other) == first
        changed = table[0][1][0].replace(weight=77)
        other.edit_destination(table[0][0], changed)
        second = marks(other)
        assert second[0] != first[0] and second[1] == first[1]
        other.edit_destination(
            table[0][0], changed.replace(upper=changed.upper + 3)
        )  # the kernel chooses which comes first
        assert marks(other)[1] != first[1]


@pytest.mark.parametrize("level", ["destination", "service", "none"])
def test_an_empty_table(level) -> None:
    """It is up, and has no rows; sums are 0."""
    with Ipvs() as ipvs:
        parsed = Parsed(Exposition(ipvs, ExportOptions(aggregate=level)))
    assert complaints(parsed.text) == ""
    assert (parsed.value("ipvs_up"), parsed.value("ipvs_services")) == (1, 0)
    assert sum(parsed.values("ipvs_service_connections_total").values()) == 0
    assert len(parsed.lines("ipvs_destination_weight")) == (level == "none")


def test_aggregates_and_labels(space: SimpleNamespace) -> None:
    """Sums over destinations, over services, and over all that a label does not tell apart."""
    with Ipvs() as ipvs:
        service = Parsed(Exposition(ipvs, ExportOptions(aggregate="service")))
        assert service.value("ipvs_destination_weight", **labels_of(WEB.key)) == 3
        assert not service.lines("ipvs_destination_connections_total")
        assert len(service.lines("ipvs_service_connections_total")) == 6
        none = Parsed(Exposition(ipvs, ExportOptions(aggregate="none")))
        assert none.lines("ipvs_destination_weight") == ["ipvs_destination_weight 12"]
        backends = Parsed(Exposition(ipvs, ExportOptions(labels=["destination"])))
        assert backends.value("ipvs_destination_weight", destination="10.9.1.1") == 6
        assert len(backends.lines("ipvs_destination_connections_total")) == 3
        wanted = TableFilter(protocols="tcp", families="ipv4")
        filtered = Parsed(Exposition(ipvs, ExportOptions(filter=wanted)))
        assert len(filtered.lines("ipvs_service_info")) == 1
        assert len(filtered.lines("ipvs_destination_info")) == 2
        assert (filtered.value("ipvs_services"), filtered.value("ipvs_destinations")) == (6, 7)
        one = Parsed(Exposition(ipvs, ExportOptions(filter=TableFilter(zero_weight=True))))
        assert one.lines("ipvs_destination_weight") == [
            'ipvs_destination_weight{protocol="tcp",family="ipv6",service="2001:db8::1",service_port="443",'
            'fwmark="",destination="2001:db8::7",destination_port="443"} 0'
        ]
    for parsed in (service, none, backends, filtered, one):
        assert complaints(parsed.text) == ""
        assert parsed.value("ipvs_exporter_series") == len(parsed.samples)


@pytest.mark.parametrize(("aggregate", "wanted"), [("destination", 30), ("service", 30)])
def test_the_limit_of_series(aggregate, wanted: int) -> None:
    """There are never more series; what had to be left out is told."""
    with Ipvs() as ipvs:
        for number in range(wanted):
            service = Service.tcp(VIP, 1 + number, "rr")
            ipvs.add_service(service)
            for host in (1, 2):
                ipvs.add_destination(service, Destination(f"10.9.1.{host}", 1 + number, "masq"))
        whole = Parsed(Exposition(ipvs, ExportOptions(aggregate=aggregate)))
        count = len(whole.samples)
        assert whole.value("ipvs_exporter_series_limited") == 0
        # The kernel's own numbers grow while its table of services does.
        for limit in (count + 20, count - 20, 201, 200):
            parsed = Parsed(Exposition(ipvs, ExportOptions(aggregate=aggregate, max_series=limit)))
            assert len(parsed.samples) <= limit
            assert parsed.value("ipvs_exporter_series_limit") == limit
            assert parsed.value("ipvs_exporter_series_limited") == (limit < count)
            given = aggregate if limit >= count else "service" if limit > 500 else "none"
            assert parsed.value("ipvs_exporter_detail_info", wanted=aggregate, given=given) == 1
            assert parsed.value("ipvs_services") == wanted
            assert complaints(parsed.text) == ""


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"aggregate": "backend"}, "aggregate must be one of destination, service, none, not 'backend'"),
        ({"labels": ["vip"]}, "a label must be one of protocol, "),
        ({"labels": ["service"], "compat": "node_exporter"}, "a label must be one of local_address, "),
        ({"max_series": 199}, "max_series must be at least 200, or 0"),
        ({"max_series": -1}, "max_series"),
        ({"compat": "telegraf"}, "compat must be one of node_exporter, not 'telegraf'"),
        ({"connections": "port"}, "connections must be one of state, client, not 'port'"),
        ({"filter": TableFilter(limit=3)}, "metrics are not sorted or limited"),
        ({"filter": TableFilter(services_only=True)}, "metrics are not sorted or limited"),
    ],
)
def test_options_are_checked(wrong: dict, text: str) -> None:
    """Before anything is read."""
    with pytest.raises(InvalidValue) as caught:
        ExportOptions(**wrong)
    assert str(caught.value).startswith(text)


def test_the_module_goes_and_comes_back() -> None:
    """`ipvs_up` is 0 meanwhile, and the errors are counted."""
    with module_afterwards(), Ipvs() as ipvs:
        exposition = Exposition(ipvs, ExportOptions())
        assert Parsed(exposition).value("ipvs_up") == 1
        loader = LOADER.read_text()
        unload(for_good=True)
        for number in (1, 2):
            scraped = exposition.scrape()
            assert not scraped.up and "removed" in str(scraped.error)
            gone = Parsed(exposition)
            assert gone.value("ipvs_up") == 0 and not gone.lines("ipvs_services")
            assert gone.value("ipvs_scrape_errors_total", reason="unavailable") == 2 * number
            assert complaints(gone.text) == ""
            # One that began without the module is there when it comes.
            late = Exposition(None, ExportOptions())
            assert Parsed(late).value("ipvs_up") == 0
        LOADER.write_text(loader)
        assert Parsed(exposition).value("ipvs_up") == 1
        assert Parsed(late).value("ipvs_up") == 1


def test_without_privilege() -> None:
    """It says so, and does not end."""
    exposition = Exposition(None, ExportOptions())
    Parsed(exposition)  # everything is imported
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        text = text_of(Exposition(None, ExportOptions()).scrape())
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    assert os.waitpid(child, 0)[1] == 0
    assert "\nipvs_up 0\n" in f"\n{text}"
    assert 'ipvs_scrape_errors_total{reason="not_permitted"} 1\n' in text
    assert complaints(text) == ""


def test_a_table_that_changes() -> None:
    """Both forms are whole at any time, no sample stands twice, and what may be missing is told."""
    stop = threading.Event()

    def change() -> None:
        with Ipvs() as ipvs:
            while not stop.is_set():
                for number in range(15):
                    ipvs.add_service(Service.tcp(VIP, 1 + number, "rr"))
                    ipvs.add_destination(
                        Service.tcp(VIP, 1 + number, "rr"), Destination("10.9.1.1", 1 + number)
                    )
                for number in range(15):
                    ipvs.delete_service(Service.tcp(VIP, 1 + number))

    thread = threading.Thread(target=change)
    with Ipvs() as ipvs:
        exposition = Exposition(ipvs, ExportOptions())
        thread.start()
        try:
            unstable = 0
            for _ in range(4):
                parsed = Parsed(exposition)
                assert parsed.value("ipvs_up") == 1
                assert len(parsed.lines("ipvs_service_info")) == parsed.value("ipvs_services")
                unstable += parsed.value("ipvs_table_unstable") > 0
            scrapes = parsed.value("ipvs_table_unstable_scrapes_total")
            assert unstable <= scrapes <= 4
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("compat", [None, "node_exporter"])
def test_connections(space: SimpleNamespace, compat) -> None:
    """By state and by client, as many as there are; and the largest clients where there is a limit."""
    ip("route", "add", "local", "10.9.2.0/24", "dev", "lo")
    counts = {f"10.9.2.{n}": 2 if n <= 80 else 1 for n in range(1, 161)}
    flows = [
        Flow("udp", (client, 20000 + port), (VIP, 53)) for client, n in counts.items() for port in range(n)
    ]
    clients(space, *flows)
    with Ipvs() as ipvs:
        states = Parsed(Exposition(ipvs, ExportOptions(connections="state", compat=compat)))
        assert states.value("ipvs_connection_table_state_entries", protocol="udp", state="UDP") == len(flows)
        parsed = Parsed(Exposition(ipvs, ExportOptions(connections="client", compat=compat)))
        assert clients_of(parsed) == counts
        assert parsed.value("ipvs_connection_table_clients") == len(counts)
        # The kernel's own numbers grow while its tables do.
        for limit in (len(parsed.samples) + 20, len(parsed.samples) - 20):
            options = ExportOptions(connections="client", compat=compat, max_series=limit)
            cut = Parsed(Exposition(ipvs, options))
            limited = limit < len(parsed.samples)
            assert cut.value("ipvs_exporter_series_limited") == limited
            assert (len(cut.samples) == limit) == limited
            assert (clients_of(cut) == counts) != limited
            assert [n for n in clients_of(cut).values() if n == 2] == [2] * 80
            assert cut.value("ipvs_connection_table_clients") == len(counts)
    for one in (states, parsed, cut):
        assert complaints(one.text) == ""
        assert one.value("ipvs_exporter_series") == len(one.samples)


def clients_of(parsed: Parsed) -> dict[str, float]:
    """Clients with their entries."""
    found = parsed.values("ipvs_connection_table_client_entries")
    return {dict(labels)["client"]: value for labels, value in found.items()}


def test_a_file_for_the_textfile_collector(space: SimpleNamespace, tmp_path: Path) -> None:
    """The whole text; what stood there is there until then, and nothing else is left behind."""
    path = tmp_path / "ipvs.prom"
    path.write_text("old")
    with Ipvs() as ipvs:
        scraped = Exposition(ipvs, ExportOptions()).scrape()
    write_textfile(check_path(str(path)), scraped)
    assert path.read_text() == text_of(scraped)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InvalidValue):
        check_path(str(tmp_path / "ipvs.txt"))


def test_scrapes_are_dated(space: SimpleNamespace) -> None:
    """By the clock that does not jump."""
    with Ipvs() as ipvs:
        before = time.monotonic()
        scraped = Exposition(ipvs, ExportOptions()).scrape()
        assert before <= scraped.at <= time.monotonic()
        assert 0 <= scraped.age <= time.monotonic() - before
        assert scraped.up and scraped.error is None
