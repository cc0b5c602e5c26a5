"""Live snapshots and their differences, by the Python API, on a real kernel."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ipvsfast import Destination, Ipvs, IpvsError, IpvsUnavailable, Poller, Service, TableFilter
from ipvsfast.model.types import SnapshotSource
from ipvsfast.stats import sources
from support.estimation import switch
from support.live_traffic import Servers, addresses, apply, send_udp
from support.module import LOADER, module_afterwards, unload

VIP, OTHER_VIP = ("10.9.0.1", 53), ("10.9.0.2", 53)
SERVER, OTHER = ("10.9.1.1", 53), ("10.9.2.1", 53)
PACKET = 128  # bytes, with the headers of UDP and IPv4


@pytest.fixture
def servers() -> Iterator[Servers]:
    """Two services, each with one server."""
    addresses(VIP[0], OTHER_VIP[0], SERVER[0], OTHER[0])
    with Ipvs() as ipvs:
        apply(
            ipvs,
            [
                (Service.udp(*VIP, "rr"), [Destination(*SERVER, "masq")]),
                (Service.udp(*OTHER_VIP, "rr"), [Destination(*OTHER, "masq")]),
            ],
        )
    one = Servers([SERVER, OTHER])
    yield one
    one.close()


@pytest.fixture
def ipvs(servers: Servers) -> Iterator[Ipvs]:
    with Ipvs() as found:
        yield found


def packets(poller: Poller) -> tuple[list[int], list[int]]:
    """Those from clients, of services and destinations."""
    snapshot = poller.poll()
    assert (snapshot.source, snapshot.live, snapshot.fresh, snapshot.notes) == ("live", True, True, [])
    return sorted(snapshot.services["in_packets"]), sorted(snapshot.destinations["in_packets"])


def test_each_difference_is_what_was_sent(ipvs: Ipvs, servers: Servers) -> None:
    """All of it, and nothing else, however short the interval: twenty bursts, a poll after each."""
    poller = ipvs.poller("live")
    last = poller.poll()
    for burst in range(1, 21):
        send_udp(servers, VIP, 3 * burst)
        snapshot = poller.poll()
        delta = snapshot - last
        at = snapshot.services.find(Service.udp(*VIP))
        assert at is not None
        assert sum(delta.services["in_packets"]) == delta.services["in_packets"][at] == 3 * burst
        assert sum(delta.destinations["out_bytes"]) == 3 * burst * PACKET
        assert sum(delta.services["connections"]) == 1
        assert delta.fresh and not len(delta.services.zeroed) and not len(delta.services.appeared)
        assert delta.services["in_packets_rate"][at] == pytest.approx(3 * burst / delta.seconds)
        last = snapshot


def test_auto_goes_by_the_interval(ipvs: Ipvs, servers: Servers) -> None:
    """every() sets it; without one, and for two seconds, counters are the kernel's."""
    poller = ipvs.poller()
    assert poller.poll().source == "sockopt"
    delta = next(poller.every(0.05))
    assert (delta.snapshot.source, delta.fresh) == ("live", True)
    poller.interval = 2
    assert poller.poll().source == "sockopt"
    assert ipvs.poller(interval=1.9).poll().source == "live"
    assert ipvs.snapshot().source == "sockopt"
    assert ipvs.snapshot("live").source == "live"


def test_where_the_kernel_refreshes_nothing(ipvs: Ipvs, servers: Servers) -> None:
    """auto is live whatever the interval, and there is nothing to note."""
    switch(False)
    poller = ipvs.poller()
    before = sum(packets(poller)[0])
    send_udp(servers, VIP, 7)
    assert sum(packets(poller)[0]) == before + 7
    assert ipvs.snapshot().estimating is False


def test_live_and_the_kernels_counters_in_turn(ipvs: Ipvs, servers: Servers) -> None:
    """A poller that changes from one to the other sees nothing zeroed and no difference that never was."""
    switch(False)
    poller, kernels = ipvs.poller("live"), ipvs.poller("sockopt")
    send_udp(servers, VIP, 9)
    live = poller.poll()
    behind = kernels.poll()
    delta = behind - live
    assert not len(delta.services.zeroed) and not len(delta.destinations.zeroed)
    assert sum(delta.services["in_packets"]) == 0
    assert (poller.poll() - live).services["in_packets"].tolist() == [0, 0]


def test_a_filter(ipvs: Ipvs, servers: Servers) -> None:
    """Rows that are not wanted are not there, those that are have their counters."""
    send_udp(servers, VIP, 5)
    send_udp(servers, OTHER_VIP, 6)
    everything = packets(ipvs.poller("live"))
    assert everything == ([5, 6], [5, 6])
    for wanted, expected in (
        (TableFilter(service=f"{VIP[0]}:{VIP[1]}"), ([5], [5])),
        (TableFilter(service=f"!{VIP[0]}"), ([6], [6])),
        (TableFilter(destination="10.9.2.0/24"), ([5, 6], [6])),
        (TableFilter(protocols="tcp"), ([], [])),
    ):
        assert packets(ipvs.poller("live", wanted=wanted)) == expected


def test_zeroing(ipvs: Ipvs, servers: Servers) -> None:
    """Zero is what the kernel has added up last: with nothing added up, live counters go on."""
    switch(False)
    poller = ipvs.poller("live")
    send_udp(servers, VIP, 4)
    ipvs.zero()
    assert sum(packets(poller)[0]) == 4


def test_forbidden(ipvs: Ipvs, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the machine's administrator: auto says so and goes on, live is refused."""
    monkeypatch.setattr(sources, "no_live_counters", lambda: True)
    snapshot = ipvs.poller(interval=0.5).poll()
    assert snapshot.source == "sockopt"
    (note,) = snapshot.notes
    assert note.endswith(
        "live counters cannot be had: reading live counters is forbidden by /etc/ipvsfast.conf"
    )
    with pytest.raises(IpvsError, match="forbidden"):
        ipvs.snapshot("live")


def test_what_was_refused_is_asked_for_again(ipvs: Ipvs, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the 30 seconds of docs/live.md, not before."""
    now = 1000.0
    monkeypatch.setattr(sources, "time", SimpleNamespace(monotonic=lambda: now))
    poller = ipvs.poller(interval=0.5)
    with monkeypatch.context() as patched:
        patched.setattr(sources, "no_live_counters", lambda: True)
        assert poller.poll().source == "sockopt"
    now += 29.5
    assert poller.poll().source == "sockopt"
    now += 0.5
    assert poller.poll().source == "live"


@pytest.fixture
def module_again() -> Iterator[None]:
    """Whatever a test does, the next one finds the module."""
    with module_afterwards():
        yield


@pytest.mark.parametrize("source", ["auto", "live"])
def test_the_module_goes_and_comes(module_again: None, source: SnapshotSource) -> None:
    """It is told while it is away; then the poller goes on with a new program."""
    loader = LOADER.read_text()
    key = Service.udp(*VIP, "rr")
    with Ipvs() as ipvs:
        poller = ipvs.poller(source, interval=0.5)
        ipvs.add_service(key)
        assert len(poller.poll().services) == 1
        ipvs.flush()
        unload(for_good=True)
        for _ in range(2):
            with pytest.raises(IpvsUnavailable, match="modprobe ip_vs"):
                poller.poll()
        LOADER.write_text(loader)
        with Ipvs() as other:
            other.add_service(key)
        snapshot = poller.poll()
        assert (snapshot.source, len(snapshot.services), snapshot.notes) == ("live", 1, [])
        poller.close()


def test_the_module_is_replaced_between_two_polls(module_again: None) -> None:
    """Nobody notices, but for the new table."""
    with Ipvs() as ipvs:
        poller = ipvs.poller("live")
        ipvs.add_service(Service.udp(*VIP, "rr"))
        last = poller.poll()
        ipvs.flush()
        unload()
        with Ipvs() as other:
            other.add_service(Service.mark(7, "rr"))
        delta = poller.poll() - last
        assert delta.snapshot.live
        assert (len(delta.services.vanished), delta.services.appeared.tolist()) == (1, [0])
        poller.close()
        assert poller.poll().live  # it is loaded again
