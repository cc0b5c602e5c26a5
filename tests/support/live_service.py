"""A service with a server, for the commands that read live counters; and what a process may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ipvsfast import Destination, Ipvs, Service
from support.live_traffic import Servers, addresses, apply

VIP, SERVER = ("10.9.0.1", 53), ("10.9.1.1", 53)
KEY = Service.udp(*VIP, "rr")


@contextmanager
def served() -> Iterator[Servers]:
    """The service, while its server answers."""
    addresses(VIP[0], SERVER[0])
    with Ipvs() as ipvs:
        apply(ipvs, [(KEY, [Destination(*SERVER, "masq")])])
    one = Servers([SERVER])
    yield one
    one.close()


def privileges(pid: int) -> set[int]:
    """The capabilities of each thread of a process."""
    found = set()
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        found |= {int(text, 16) for text in re.findall(r"^CapPrm:\t(\w+)$", status.read_text(), re.M)}
    return found
