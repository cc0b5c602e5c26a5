"""Records of live counters to rows: by made-up kernel memory, whose values are all known."""

from __future__ import annotations

import errno
import ipaddress

from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast._native import ffi, lib
from ipvsfast.kernel.layout import unpack_dest, unpack_service
from ipvsfast.model.destination import Destination
from ipvsfast.model.service import Service
from support.live_layout import HEAD, IPV4, IPV6, OLDER, be16, layout, put, record, stats, u16, u32

SERVICE, DEST = lib.IPVSF_LIVE_SERVICE, lib.IPVSF_LIVE_DEST
HZ = 250


def service(data: bytes) -> tuple[int, Service, int]:
    row, behind = ffi.new("struct ipvsf_service_row *"), ffi.new("uint32_t *")
    code = lib.ipvsf_live_service_decode(layout(), ffi.from_buffer(data), HZ, row, behind)
    return code, unpack_service(ffi.buffer(row)[:], 0) if not code else Service.tcp("0.0.0.1", 1), behind[0]


def dest(data: bytes, **changes: int) -> tuple[int, Destination, int]:
    row, behind = ffi.new("struct ipvsf_dest_row *"), ffi.new("uint32_t *")
    code = lib.ipvsf_live_dest_decode(layout(changes), ffi.from_buffer(data), row, behind)
    return code, unpack_dest(ffi.buffer(row)[:], 0) if not code else Destination("0.0.0.1"), behind[0]


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def test_a_service() -> None:
    """Every value, of IPv4: what lies behind the 4 bytes of its address is not part of it."""
    data = record(
        SERVICE,
        {"af": IPV4, "protocol": u16(6), "addr": packed("10.1.2.3") + b"\xff" * 12, "port": be16(8080),
         "flags": u32(1 | 2 | 8), "timeout": u32(300 * HZ), "netmask": packed("255.255.0.0")},
        (9, 90, 900, 9000, 90_000), (b"wlc", b"sip"),
    )  # fmt: skip
    rates = (1024 * 5, 1024, 511, 32 * 7, 16)
    shown, zero = (8, 90, 800, 9000, 80_000), (1, 2, 3, 4, 5)
    code, found, behind = service(put(data, stats("stats", shown, zero, rates)))
    assert (code, behind) == (0, 0)
    wanted = Service.tcp("10.1.2.3", 8080, "wlc", persistent=300, netmask="255.255.0.0", scheduler_flags=8)
    assert (found.key, found.scheduler, found.persistent, found.netmask) == (
        wanted.key, "wlc", 300, wanted.netmask,
    )  # fmt: skip
    assert found.engine == "sip"
    one = found.stats
    assert (one.connections, one.in_packets, one.out_packets, one.in_bytes, one.out_bytes) == (
        8, 88, 897, 8996, 89_995,
    )  # fmt: skip
    assert (one.cps, one.in_pps, one.out_pps, one.in_bps, one.out_bps) == (5, 1, 0, 7, 0)


def test_rates_are_rounded_as_the_kernel_does() -> None:
    """Up, where more than half of one is left."""
    data = record(SERVICE, {"af": IPV4, "protocol": u16(6)})
    rates = (512, 513, 1024 + 512, 16, 17)
    one = service(put(data, stats("stats", (0,) * 5, (0,) * 5, rates)))[1].stats
    assert (one.cps, one.in_pps, one.out_pps, one.in_bps, one.out_bps) == (0, 1, 1, 0, 1)


def test_a_mark() -> None:
    """It has no address, whatever lies there; a service without a scheduler says so."""
    data = record(
        SERVICE, {"af": IPV6, "fwmark": u32(7), "addr": b"\xff" * 16, "port": be16(80), "protocol": u16(6)}
    )
    _, found, _ = service(data)
    assert (found.key, found.scheduler) == (Service.mark(7, ipv6=True).key, "none")


def test_a_dest() -> None:
    """Every value; a tunnel's are told where there is one."""
    values = {
        "dest_af": IPV6, "dest_addr": packed("2001:db8::9"), "dest_port": be16(443), "dest_flags": u32(0x102),
        "weight": u32(65535), "upper": u32(9), "lower": u32(3), "tun_type": u16(1), "tun_port": be16(5555),
        "tun_flags": u16(1), "active": u32(5), "total": u32(12), "persistent": u32(2),
    }  # fmt: skip
    code, found, behind = dest(record(DEST, values, (1, 2, 3, 4, 5)))
    assert (code, behind) == (0, 0)
    assert (str(found.key), found.forwarding, found.weight) == ("[2001:db8::9]:443", "tunnel", 65535)
    assert (found.upper, found.lower, found.active, found.inactive, found.persistent) == (9, 3, 5, 7, 2)
    assert (found.tunnel.type, found.tunnel.port, found.tunnel.checksum) == ("gue", 5555, "csum")
    assert found.stats.out_bytes == 5
    other = dest(record(DEST, {**values, "dest_flags": u32(0)}))[1]
    assert (other.forwarding, other.tunnel.type) == ("masq", "ipip")


def test_inactive_connections() -> None:
    """All without the active ones, never below none; or what the kernel has of them."""

    def inactive(active: int, other: int, **changes: int) -> int:
        return dest(record(DEST, {"dest_af": IPV4, "active": u32(active), "total": u32(other)}), **changes)[
            1
        ].inactive

    assert (inactive(5, 12), inactive(5, 4), inactive(0, 0)) == (7, 0, 0)
    assert inactive(5, 4, has_total=0, inactive=OLDER["total"]) == 4


def test_counters_that_cannot_be_true() -> None:
    """Each one that is below what was shown, or than its zero point, is counted."""
    data = record(DEST, {"dest_af": IPV4}, (5, 5, 5, 5, 5))
    assert dest(put(data, stats("dest_stats", (5,) * 5, (5,) * 5, (0,) * 5)))[2] == 0
    assert dest(put(data, stats("dest_stats", (6, 5, 5, 5, 6), (0,) * 5, (0,) * 5)))[2] == 2
    assert dest(put(data, stats("dest_stats", (0,) * 5, (5, 6, 5, 5, 5), (0,) * 5)))[2] == 1


def test_what_is_none() -> None:
    """Neither family: it is no service, no dest."""
    assert service(record(SERVICE, {"af": u16(7)}))[0] == -errno.EBADMSG
    assert dest(record(DEST, {}))[0] == -errno.EBADMSG


@settings(max_examples=500, deadline=None)
@given(
    st.binary(min_size=OLDER["record_len"] - HEAD.size, max_size=OLDER["record_len"] - HEAD.size),
    st.booleans(),
)
def test_any_memory_does_no_harm(raw: bytes, known: bool) -> None:
    """A row, or a refusal; names end within it."""
    data = bytearray(HEAD.pack(SERVICE, 1, 0, *[2**64 - 1] * 5, b"\xff" * 16, b"\xff" * 16) + raw)
    if known:
        for name in ("af", "dest_af"):
            data[HEAD.size + OLDER[name] : HEAD.size + OLDER[name] + 2] = IPV4
    row, behind = ffi.new("struct ipvsf_service_row *"), ffi.new("uint32_t *")
    code = lib.ipvsf_live_service_decode(layout(), ffi.from_buffer(data), HZ, row, behind)
    assert code in (0, -errno.EBADMSG) and (code == 0) >= known
    assert len(ffi.string(row.conf.sched)) < 16 and len(ffi.string(row.conf.pe)) <= 16
    dest_row = ffi.new("struct ipvsf_dest_row *")
    code = lib.ipvsf_live_dest_decode(layout(), ffi.from_buffer(data), dest_row, behind)
    assert code in (0, -errno.EBADMSG) and (code == 0) >= known and behind[0] <= 5
