"""What of the older interface's entries is taken: only what is proved to be whole."""

from __future__ import annotations

import socket
import struct

import pytest

from ipvsfast._native import ffi, lib

ENTRY = struct.Struct("=4s2sxxIiIIIIIxxxx" + "IIIxxxxQQIIIIIxxxx")  # struct ip_vs_dest_entry
TUNNEL, HASHED = 2, 0x40
NO_TUNNELS, NO_COUNTERS, NO_RATES = lib.IPVSF_NO_TUNNELS, lib.IPVSF_NO_COUNTERS, lib.IPVSF_NO_RATES
COUNTED = ("conns", "inpkts", "outpkts", "inbytes", "outbytes")
ENOUGH = 20 << 31  # bytes from which on packets may not fit
CUT = 2**32


def entry(fwd: int = 0, counters: tuple[int, ...] = (0,) * 5, rates: tuple[int, ...] = (0,) * 5) -> bytes:
    address = socket.inet_aton("10.1.2.3")
    short = [n % CUT for n in counters[:3]]
    rates = tuple(n % CUT for n in rates)
    return ENTRY.pack(
        address, (8080).to_bytes(2, "big"), fwd | HASHED, 7, 100, 50, 4, 5, 6, *short, *counters[3:], *rates
    )


def take(packed: bytes, scope: int = 0, before: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
    """The five counters of the row; None where it is for netlink. before: those of the earlier reading."""
    row, earlier = ffi.new("struct ipvsf_dest_row *"), ffi.NULL
    if before is not None:
        earlier = ffi.new("struct ipvsf_dest_row *")
        for name, value in zip(COUNTED, before, strict=True):
            setattr(earlier.stats, name, value)
    if not lib.ipvsf_dest_entry_take(packed, scope, earlier, row):
        return None
    return tuple(getattr(row.stats, name) for name in COUNTED)


def test_every_value_of_an_entry() -> None:
    """What netlink gives of the same destination; flags that are not the method are left out."""
    row = ffi.new("struct ipvsf_dest_row *")
    packed = entry(3, (1, 2, 3, 400, 500), (6, 7, 8, 9, 10))
    assert lib.ipvsf_dest_entry_take(packed, 0, ffi.NULL, row) == 1
    c, s = row.conf, row.stats
    assert (c.af, c.port, bytes(c.addr)) == (socket.AF_INET, 8080, bytes([10, 1, 2, 3]).ljust(16, b"\0"))
    assert (c.fwd, c.weight, c.u_thresh, c.l_thresh) == (3, 7, 100, 50)
    assert (row.active, row.inactive, row.persistent) == (4, 5, 6)
    assert (s.conns, s.inpkts, s.outpkts, s.inbytes, s.outbytes) == (1, 2, 3, 400, 500)
    assert (s.cps, s.inpps, s.outpps, s.inbps, s.outbps) == (6, 7, 8, 9, 10)


def test_tunnels_are_for_netlink_where_they_are_shown() -> None:
    assert take(entry(TUNNEL)) is None
    assert take(entry(TUNNEL), NO_COUNTERS | NO_RATES) is None
    assert take(entry(TUNNEL), NO_TUNNELS) == (0,) * 5


@pytest.mark.parametrize("place", [3, 4])
def test_counters_that_may_be_cut_are_for_netlink(place: int) -> None:
    """Bytes prove that packets have less than 32 bits, or they do not."""
    counters = [1, 2, 3, 4, 5]
    for number, taken in ((ENOUGH - 1, True), (ENOUGH, False), (2**63, False)):
        counters[place] = number
        wanted = tuple(counters)
        assert take(entry(0, wanted), NO_RATES) == (wanted if taken else None)
        assert take(entry(0, wanted), NO_COUNTERS | NO_RATES) is not None


@pytest.mark.parametrize("place", [3, 4])
def test_rates_that_may_be_cut_are_for_netlink(place: int) -> None:
    """No more than half of the bytes can have come in a second."""
    counters = [1, 2, 3, 4, 5]
    for number, taken in ((CUT - 1, True), (CUT, False)):
        counters[place] = number
        for scope in (0, NO_COUNTERS):
            assert (take(entry(0, tuple(counters)), scope) is not None) == taken


LONG = (5 * CUT - 3, 9 * CUT - 1, 3 * CUT - 2, 70 << 32, 80 << 32)


@pytest.mark.parametrize("added", [(0,) * 5, (10, 1000, 900, 20000, 18000), (0, 0, 0, CUT - 1, CUT - 1)])
def test_counters_go_on_from_an_earlier_reading(added: tuple[int, ...]) -> None:
    """Also where their 32 bits wrapped in between."""
    now = tuple(map(sum, zip(LONG, added, strict=True)))
    assert take(entry(0, now)) is None
    assert take(entry(0, now), 0, LONG) == now


@pytest.mark.parametrize(
    "added",
    [
        (0, 0, 0, CUT, 0), (0, 0, 0, 0, CUT),  # so many bytes that packets, or a rate, may have wrapped
        (0, 0, 0, -1, 0), (0, 0, 0, 0, -1),  # zeroed
        (0, 51, 0, 1000, 0), (0, 0, 51, 0, 1000), (0, -1, 0, 1000, 0),  # zeroed, and ahead again
        (-1, 0, 0, 1000, 0),
    ],
)  # fmt: skip
def test_what_need_not_be_whole_is_for_netlink(added: tuple[int, ...]) -> None:
    now = tuple(map(sum, zip(LONG, added, strict=True)))
    assert take(entry(0, now), 0, LONG) is None
