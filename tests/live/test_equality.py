"""The table with live counters is netlink's, value by value and in the same order, once traffic has come to rest."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service, Tunnel
from ipvsfast.kernel.live_reader import LiveReader
from ipvsfast.kernel.session import Session
from support.estimation import switch
from support.live import (
    at_rest,
    by_netlink,
    counters,
    opened,
    read_quietly,
    settled,
    without_stats,
)
from support.live_traffic import MARKED, MARKED_6, Servers, addresses, apply, open_tcp, send_udp
from support.netns import entered, make_namespace

VIP, VIP_6 = "10.9.0.1", "2001:db8:9::1"
SERVERS = [("10.9.1.1", 53), ("10.9.1.2", 53), ("2001:db8:9:1::1", 53), ("2001:db8:9:1::2", 53)]
FOUR = [Destination(address, port, "masq", weight=1) for address, port in SERVERS[:2]]
SIX = [Destination(address, port, "masq", weight=1) for address, port in SERVERS[2:]]
# Every value that a service or a destination can have, somewhere.
ODD = [
    (Service.tcp("10.9.2.1", 0, "wlc", persistent=300), [Destination("10.9.3.1", 0, weight=0)]),
    (Service.tcp("10.9.2.1", 80, "sh", scheduler_flags=("sh-fallback", "sh-port")), []),
    (Service.udp("10.9.2.2", 514, "rr", one_packet=True), [Destination("10.9.3.2", 514, "masq", weight=7)]),
    (Service.tcp("10.9.2.3", 21, "wrr", persistent=77, netmask="255.255.255.0"),
     [Destination("10.9.3.3", 21, "route", weight=65535, upper=2**31 - 1, lower=9)]),
    (Service.tcp("2001:db8:9::9", 443, "mh", persistent=50, netmask=48),
     [Destination("2001:db8:9:3::1", 443, "tunnel", weight=3)]),
    (Service.tcp("2001:db8:9::a", 443, "wlc"),
     [Destination("10.9.3.4", 443, "tunnel", tunnel=Tunnel("gue", 5555, "remcsum")),
      Destination("10.9.3.5", 443, "tunnel", tunnel=Tunnel("gre", checksum="csum"))]),
    (Service.mark(4_000_000_000, "lc"), [Destination("10.9.3.6", 8, "masq")]),
    (Service.mark(12, "lc", ipv6=True, persistent=9), [Destination("2001:db8:9:3::2", 8, "masq")]),
]  # fmt: skip


def fill(ipvs: Ipvs) -> None:
    web = [(Service.udp(VIP, 53, "rr"), FOUR), (Service.tcp(VIP, 53, "rr"), FOUR)]
    web += [(Service.udp(VIP_6, 53, "rr"), SIX), (Service.tcp(VIP_6, 53, "rr"), SIX)]
    apply(ipvs, [*web, (MARKED, FOUR), (MARKED_6, SIX), *ODD])


@pytest.fixture
def servers() -> Iterator[Servers]:
    addresses(VIP, VIP_6, "10.9.0.7", "2001:db8:9::7", *[address for address, _ in SERVERS])
    fill(Ipvs())
    one = Servers(SERVERS)
    yield one
    one.close()


def send(servers: Servers) -> int:
    """How many connections were made through services."""
    for packets in (1, 2, 40):
        send_udp(servers, (VIP, 53), packets)
        send_udp(servers, (VIP_6, 53), packets)
        send_udp(servers, ("10.9.0.7", 1000), packets, mark=7)
        send_udp(servers, ("2001:db8:9::7", 1000), packets, mark=8)
    for _ in range(5):
        open_tcp(servers, (VIP, 53))
        open_tcp(servers, (VIP_6, 53))
    return 3 * 4 + 5 * 2


def test_every_value_after_traffic(session: Session, reader: LiveReader, servers: Servers) -> None:
    """Of both families, both protocols and marks, through NAT, with connections that stay: all rows are the same."""
    sent = send(servers)
    settled(session, reader)
    switch(False)  # else rates go on decaying
    settled(session, reader)
    live = read_quietly(reader)
    assert live == by_netlink(session)
    assert sum(row[0] for row in counters(live)[0]) == sum(row[0] for row in counters(live)[1]) == sent
    assert sum(row[1] for row in counters(live)[0]) >= 4 * 43 + 10 * 3


@pytest.mark.parametrize("one", [False, True])
def test_zeroed(session: Session, reader: LiveReader, servers: Servers, one: bool) -> None:
    """The zero point of all, or of one service, is netlink's."""
    send(servers)
    settled(session, reader)
    Ipvs().zero(*([Service.udp(VIP, 53)] if one else []))
    settled(session, reader)
    assert min(row[0] for row in counters(read_quietly(reader))[0]) == 0
    send_udp(servers, (VIP, 53), 3)
    settled(session, reader)
    assert max(row[1] for row in counters(read_quietly(reader))[0]) >= 3


def test_an_empty_table(session: Session, reader: LiveReader) -> None:
    """A table without services, before and after there were some."""
    assert read_quietly(reader) == by_netlink(session) == ([], [])
    fill(Ipvs())
    at_rest(session, reader)
    assert read_quietly(reader) == by_netlink(session)
    Ipvs().flush()
    assert read_quietly(reader) == by_netlink(session) == ([], [])


def large(services: int, dests: int) -> Iterator[tuple[Service, list[Destination]]]:
    base = int(ipaddress.ip_address("10.128.0.0"))
    for number in range(services):
        vip = str(ipaddress.ip_address(base + number))
        yield (
            Service.tcp(vip, 80, "wlc"),
            [
                Destination(f"10.{64 + at // 250}.{number % 250}.{at % 250}", 80, weight=at)
                for at in range(dests)
            ],
        )


@pytest.mark.parametrize(
    ("services", "dests"),
    [
        pytest.param(1000, 50, marks=pytest.mark.long),
        pytest.param(3000, 1, marks=pytest.mark.long),
        (1, 10_000),
    ],
)
def test_large_tables(session: Session, reader: LiveReader, services: int, dests: int) -> None:
    """51,000 rows; many services; one service with so many destinations that it takes several runs."""
    apply(Ipvs(), large(services, dests))
    switch(False)
    at_rest(session, reader)
    live = read_quietly(reader)
    assert (len(live[0]), len(live[1])) == (services, services * dests)
    assert live == by_netlink(session)
    assert reader.account["runs"] > 1


def test_one_chain(session: Session, reader: LiveReader) -> None:
    """Services that all hang in one chain of the kernel's older table, which takes several runs."""
    batch = Batch()
    for number in range(5000):  # what is hashed there: the address' bytes, folded, and the port
        batch.add_service(
            Service.tcp(f"10.{number // 250}.{number % 250}.{number // 250 ^ number % 250}", 80)
        )
    Ipvs().apply(batch).check()
    at_rest(session, reader)
    live = read_quietly(reader)
    assert len(live[0]) == 5000
    assert live == by_netlink(session)


@pytest.fixture
def other() -> Iterator[int]:
    """Another namespace. While a descriptor of it is open its table stays, and the module is in use."""
    fd = make_namespace()
    yield fd
    os.close(fd)


def test_namespaces(session: Session, reader: LiveReader, servers: Servers, other: int) -> None:
    """Each reading sees its namespace's table, wherever the thread is that asks it, and none of the others'."""
    with entered(other):
        apply(Ipvs(), large(20, 3))
        there = Session()
    at_rest(session, reader)
    mine = read_quietly(reader)
    with opened(there) as foreign:  # opened from here
        at_rest(there, foreign)
        theirs = read_quietly(foreign)
        assert without_stats(theirs) == without_stats(by_netlink(there))
        assert (len(theirs[0]), len(theirs[1])) == (20, 60)
        assert without_stats(mine) == without_stats(by_netlink(session))
        with entered(other):
            assert without_stats(read_quietly(reader)) == without_stats(mine)
        send_udp(servers, (VIP, 53), 9)
        assert counters(read_quietly(foreign)) == counters(theirs)
        assert counters(read_quietly(reader)) != counters(mine)
    there.close()
