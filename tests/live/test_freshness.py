"""What netlink does not show yet, or never will: counters at the moment of the reading."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ipvsfast import Destination, Ipvs, Service
from ipvsfast.kernel.live_reader import LiveReader
from ipvsfast.kernel.session import Session
from support.estimation import switch
from support.live import by_netlink, counters, read_quietly
from support.live_traffic import Servers, addresses, apply, send_udp

VIP, SERVER = ("10.9.0.1", 53), ("10.9.1.1", 53)
PACKET = 128  # bytes, with the headers of UDP and IPv4


@pytest.fixture
def servers() -> Iterator[Servers]:
    addresses(VIP[0], SERVER[0])
    apply(Ipvs(), [(Service.udp(*VIP, "rr"), [Destination(*SERVER, "masq")])])
    one = Servers([SERVER])
    yield one
    one.close()


def test_at_once(reader: LiveReader, servers: Servers) -> None:
    """Every packet is in the next reading, of the service and of the destination."""
    for burst in range(1, 40):
        send_udp(servers, VIP, 50)
        assert counters(read_quietly(reader)) == 2 * (
            [(burst, 50 * burst, 50 * burst, 50 * PACKET * burst, 50 * PACKET * burst)],
        )


def test_without_estimation(session: Session, reader: LiveReader, servers: Servers) -> None:
    """Where the kernel estimates nothing, netlink shows nothing."""
    switch(False)
    send_udp(servers, VIP, 50)
    assert counters(read_quietly(reader))[0] == [(1, 50, 50, 50 * PACKET, 50 * PACKET)]
    assert counters(by_netlink(session))[0][0][1] in (0, 50)  # 6.1 has begun, and goes on until it has read 0
