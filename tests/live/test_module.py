"""The module goes, or goes and comes again, while a reader is open; a processor goes."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipvsfast import Destination, Ipvs, Service
from ipvsfast.errors import IpvsError
from ipvsfast.kernel.live_reader import LiveReader
from ipvsfast.kernel.session import Session
from ipvsfast.kernel.table_reading import Reading
from support.live import by_netlink, counters, opened, outcome, read_quietly, without_stats
from support.live_traffic import Servers, addresses, apply, send_udp
from support.module import module_afterwards, unload

VIP, SERVER = ("10.9.0.1", 53), ("10.9.1.1", 53)
ONLINE = Path("/sys/devices/system/cpu/cpu1/online")


@pytest.fixture
def module() -> Iterator[None]:
    with module_afterwards():
        yield


def fill() -> None:
    apply(Ipvs(), [(Service.udp(*VIP, "rr"), [Destination(*SERVER, "masq")])])


@pytest.mark.parametrize("again", [False, True])
def test_the_module_goes(session: Session, reader: LiveReader, module: None, again: bool) -> None:
    """A clean error, every time, also when another one has come; a new reader knows the new addresses."""
    fill()
    assert len(read_quietly(reader)[0]) == 1
    Ipvs().flush()  # a service holds its scheduler, and that the module
    unload(for_good=not again)
    if again:
        subprocess.run(["modprobe", "ip_vs"], check=True, timeout=60)
    for _ in range(3):
        assert outcome(lambda: reader.read(Reading())) == errno.ENODEV
    if not again:
        with pytest.raises(IpvsError) as caught:
            LiveReader(session)
        assert "modprobe ip_vs" in str(caught.value) or "no IPVS" in str(caught.value)
        return
    other = Session()
    with opened(other) as one:
        assert read_quietly(one) == ([], [])
        fill()
        assert without_stats(read_quietly(one)) == without_stats(by_netlink(other))
        assert outcome(lambda: reader.read(Reading())) == errno.ENODEV
    other.close()


@pytest.fixture
def servers() -> Iterator[Servers]:
    addresses(VIP[0], SERVER[0])
    fill()
    one = Servers([SERVER])
    yield one
    one.close()


def test_a_processor_goes(session: Session, reader: LiveReader, servers: Servers) -> None:
    """What it has counted stays, in each reading while it goes and comes again."""
    assert ONLINE.exists(), "the machine has one processor only"
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {1})
    send_udp(servers, VIP, 50)
    os.sched_setaffinity(0, {0})
    send_udp(servers, VIP, 7)
    wanted = counters(read_quietly(reader))
    assert wanted[0][0][:2] == (2, 57)
    found, ended = [], threading.Event()

    def read_on() -> None:
        while not ended.is_set():
            found.append(counters(read_quietly(reader)))

    thread = threading.Thread(target=read_on)
    thread.start()
    try:
        for _ in range(3):
            for state in ("0", "1"):
                ONLINE.write_text(state)
                found.append(counters(read_quietly(reader)))
                with opened(session) as one:  # opened meanwhile
                    found.append(counters(read_quietly(one)))
    finally:
        ONLINE.write_text("1")
        ended.set()
        thread.join()
        os.sched_setaffinity(0, allowed)
    assert len(found) > 12 and {str(one) for one in found} == {str(wanted)}
