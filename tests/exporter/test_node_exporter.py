"""--compat node_exporter: Debian's node_exporter beside it, on the same table, line by line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from parity.traffic import Flow, addresses, clients, listeners

from ipvsfast import Destination, Ipvs, Service, ServiceKey
from ipvsfast.exporter.exposition import ExportOptions, Exposition
from ipvsfast.exporter.options import NODE_LABELS
from support.expositions import Parsed, complaints, node_exporter, node_lines, scraped_text

VIP = "10.9.0.1"
WEB, NAMES = Service.tcp(VIP, 80, "rr"), Service.udp(VIP, 53, "wlc")


@pytest.fixture
def space() -> Iterator[SimpleNamespace]:
    """Traffic over services of all the kinds that node_exporter knows."""
    space = SimpleNamespace(sockets=[])
    addresses(space, VIP, "10.9.1.1", "10.9.1.2")
    listeners(space, ("tcp", "10.9.1.1", 80), ("tcp", "10.9.1.2", 80), ("udp", "10.9.1.1", 53))
    six = Service.tcp("2001:db8::1", 443, "rr")
    marks = [
        Service.mark(mark, ipv6=six, scheduler="rr") for mark in (7, 0xABCDEF01) for six in (False, True)
    ]
    with Ipvs() as ipvs:
        for service in (WEB, NAMES, six, *marks):
            ipvs.add_service(service)
        for number in (1, 2):
            ipvs.add_destination(WEB, Destination(f"10.9.1.{number}", 80, "masq", weight=7 * number))
        ipvs.add_destination(NAMES, Destination("10.9.1.1", 53, "masq"))
        ipvs.add_destination(six, Destination("2001:db8::7", 443, "masq", weight=0))
        ipvs.add_destination(six, Destination("2001:db8:0:1::", 443, "tunnel"))
        for service in marks:
            ipvs.add_destination(
                service, Destination("2001:db8::9" if service.key.family == 10 else "10.9.1.1", 80, "masq")
            )
        clients(space, *[Flow("tcp", (VIP, 20000 + n), (VIP, 80)) for n in range(5)])
        clients(space, *[Flow("udp", (VIP, 20100 + n), (VIP, 53)) for n in range(3)])
        end = time.monotonic() + 30
        while sum(ipvs.snapshot().services["connections"]) != 8:
            assert time.monotonic() < end
            time.sleep(0.1)
    yield space
    for item in space.sockets:
        item.close()


@pytest.mark.parametrize(
    "labels", [None, ["local_address", "proto"], ["remote_address"], ["local_mark", "remote_port"]]
)
def test_the_same_lines(space: SimpleNamespace, labels: list[str] | None) -> None:
    """All eight families, their help and type, for all labels and for some."""
    chosen = [f"--collector.ipvs.backend-labels={','.join(labels)}"] if labels else []
    with Ipvs() as ipvs, node_exporter(*chosen) as url:
        exposition = Exposition(ipvs, ExportOptions(compat="node_exporter", labels=labels))
        for _ in range(5):  # the kernel may refresh a counter between the two
            theirs, ours = node_lines(scraped_text(url)), Parsed(exposition)
            if theirs == node_lines(ours.text):
                break
    assert node_lines(ours.text) == theirs
    assert len([line for line in theirs if line[0] == "#"]) == 16
    assert complaints(ours.text) == ""
    assert not ours.lines("ipvs_service_info") and ours.value("ipvs_up") == 1


def test_sctp_is_left_out(space: SimpleNamespace) -> None:
    """node_exporter takes its destinations for those of the service that stands before it; so they would be
    wrong. All other lines stay."""
    with Ipvs() as ipvs:
        exposition = Exposition(ipvs, ExportOptions(compat="node_exporter"))
        before = node_lines(Parsed(exposition).text)
        service = Service(ServiceKey.of("sctp", VIP, 9), "rr")
        ipvs.add_service(service)
        ipvs.add_destination(service, Destination("10.9.1.77", 9, "masq"))
        after = Parsed(exposition)
    assert node_lines(after.text) == before
    assert after.value("ipvs_destinations") == 10


@pytest.mark.parametrize("level", ["service", "none"])
def test_aggregates(space: SimpleNamespace, level) -> None:
    """The same as with fewer labels."""
    labels = [label for label in NODE_LABELS if level == "service" and not label.startswith("remote")]
    with Ipvs() as ipvs:
        one = Parsed(Exposition(ipvs, ExportOptions(compat="node_exporter", aggregate=level)))
        other = Parsed(Exposition(ipvs, ExportOptions(compat="node_exporter", labels=labels)))
    assert one.lines("node_ipvs_backend_weight") == other.lines("node_ipvs_backend_weight")
    assert len(one.lines("node_ipvs_backend_weight")) == (5 if level == "service" else 1)
