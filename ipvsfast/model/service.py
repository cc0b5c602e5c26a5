"""The values of an IPVS table: services, destinations, their keys, counters, timeouts, daemons.

All are immutable. Constructors check what the kernel would silently accept (see InvalidValue);
objects that come from the kernel are built by `_make`, without checks, as the kernel reported them.
"""

from __future__ import annotations

from ..errors import InvalidValue
from .address import format_ip, parse_ip, parse_netmask
from .keys import AF_INET, AF_INET6, PROTOCOL_NAMES, PROTOCOLS, SCTP, TCP, UDP, DestinationKey, ServiceKey
from .value import NAME_MAX, Frozen, check_name, check_range, set_slot

__all__ = [
    "AF_INET", "AF_INET6", "CHECKSUMS", "CHECKSUM_CODES", "COMMANDS", "DAEMON_STATES", "FORWARDING",
    "FORWARDING_CODES",
    "F_HASHED", "F_ONEPACKET", "F_PERSISTENT", "F_SCHED", "F_SCHED1", "F_SCHED2", "F_SCHED3", "INT_MAX",
    "IPIP", "MAX_TIMEOUT", "NAME_MAX", "NO_STATS", "PROTOCOLS", "PROTOCOL_NAMES", "SCTP", "TCP", "TUNNELS",
    "TUNNEL_CODES", "UDP", "Destination", "DestinationKey", "Frozen", "Info", "Service", "ServiceKey",
    "Stats", "SyncDaemon", "Timeouts", "Tunnel", "flag_bits", "flag_names",
]  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Literal

    ForwardingName = Literal["masq", "local", "tunnel", "route", "bypass"]
    TunnelType = Literal["ipip", "gue", "gre"]
    TunnelChecksum = Literal["nocsum", "csum", "remcsum"]
    DaemonState = Literal["master", "backup"]

# linux/ip_vs.h; tests/native compares every one with the header.
F_PERSISTENT, F_HASHED, F_ONEPACKET = 0x01, 0x02, 0x04
F_SCHED1, F_SCHED2, F_SCHED3 = 0x08, 0x10, 0x20
F_SCHED = F_SCHED1 | F_SCHED2 | F_SCHED3
FORWARDING = ("masq", "local", "tunnel", "route", "bypass")
FORWARDING_CODES: dict[str, int] = {"masq": 0, "local": 1, "tunnel": 2, "route": 3, "bypass": 4}
TUNNELS = ("ipip", "gue", "gre")
TUNNEL_CODES: dict[str, int] = {"ipip": 0, "gue": 1, "gre": 2}
CHECKSUMS = ("nocsum", "csum", "remcsum")
CHECKSUM_CODES: dict[str, int] = {"nocsum": 0, "csum": 1, "remcsum": 2}
DAEMON_STATES: dict[str, int] = {"master": 1, "backup": 2}

# Kernel command numbers (IPVS_CMD_*) by ipvsadm's names for them.
COMMANDS = {
    "add-service": 1,
    "edit-service": 2,
    "delete-service": 3,
    "add-server": 5,
    "edit-server": 6,
    "delete-server": 7,
    "start-daemon": 9,
    "stop-daemon": 10,
    "set": 12,
    "zero": 16,
    "flush": 17,
}

INT_MAX = 2**31 - 1
ENGINE_MAX = NAME_MAX + 1  # the kernel lets this one fill its field
MAX_TIMEOUT = 31 * 24 * 3600  # what ipvsadm allows; the kernel multiplies by HZ in 32 bits


class Stats(Frozen):
    """Counters since the last zero, and the kernel's rates per second (about an 8 s average).

    connections, packets and bytes (64 bits; the kernel refreshes them every 2 s);
    cps: connections/s; in_pps, out_pps: packets/s; in_bps, out_bps: **bytes**/s.
    """

    __slots__ = _compared = (
        "connections", "in_packets", "out_packets", "in_bytes", "out_bytes",
        "cps", "in_pps", "out_pps", "in_bps", "out_bps",
    )  # fmt: skip
    if TYPE_CHECKING:
        connections: int
        in_packets: int
        out_packets: int
        in_bytes: int
        out_bytes: int
        cps: int
        in_pps: int
        out_pps: int
        in_bps: int
        out_bps: int

    def __init__(self, *values: int) -> None:
        padded = values + (0,) * (10 - len(values))
        for name, value in zip(Stats.__slots__, padded):
            set_slot(self, name, value)


NO_STATS = Stats()


def flag_names(scheduler: str, bits: int) -> list[str]:
    """Names of scheduler flag bits as ipvsadm writes them: sh-fallback, sh-port, mh-..., flag-N."""
    names = ["flag-1", "flag-2", "flag-3"]
    if scheduler in ("sh", "mh"):
        names[:2] = [f"{scheduler}-fallback", f"{scheduler}-port"]
    return [n for n, b in zip(names, (F_SCHED1, F_SCHED2, F_SCHED3)) if bits & b]


def flag_bits(scheduler: str, names: Iterable[str]) -> int:
    """The bits of scheduler flag names; InvalidValue for unknown ones or those of another scheduler."""
    bits = 0
    for name in names:
        prefix, _, rest = name.partition("-")
        if prefix == "flag" and rest in ("1", "2", "3"):
            bits |= F_SCHED1 << (int(rest) - 1)
        elif prefix in ("sh", "mh") and rest in ("fallback", "port"):
            if prefix != scheduler:
                raise InvalidValue(f"incompatible scheduler flag `{name}'")
            bits |= F_SCHED1 if rest == "fallback" else F_SCHED2
        else:
            raise InvalidValue(f"invalid scheduler flag `{name}'")
    return bits


class _ServiceFields:
    __slots__ = ("key", "scheduler", "persistent", "netmask", "engine", "one_packet",
                 "scheduler_flags", "stats")  # fmt: skip
    key: ServiceKey
    scheduler: str
    persistent: int
    netmask: int
    engine: str
    one_packet: bool
    scheduler_flags: int
    stats: Stats


class Service(_ServiceFields, Frozen):
    """A virtual service and how it schedules.

    key: ServiceKey. scheduler: name (1 to 15 bytes). persistent: timeout in seconds, 0 = not
    persistent. netmask: IPv4 mask as a 32-bit number, IPv6 prefix length; groups the clients of a
    persistent service. engine: persistence engine ("sip") or "". one_packet: one-packet scheduling
    (UDP and marks). scheduler_flags: bits 0x08, 0x10, 0x20. stats: counters when read from the
    kernel. Equality ignores stats.
    """

    __slots__ = ()
    _compared = ("key", "scheduler", "persistent", "netmask", "engine", "one_packet", "scheduler_flags")

    def __new__(
        cls,
        key: ServiceKey,
        scheduler: str = "wlc",
        *,
        persistent: int = 0,
        netmask: int | str | None = None,
        engine: str = "",
        one_packet: bool = False,
        scheduler_flags: int | Iterable[str] = 0,
        stats: Stats = NO_STATS,
    ) -> Service:
        """netmask: prefix length, or for IPv4 also dotted text; a number above 32 is an IPv4 mask."""
        if not isinstance(key, ServiceKey):
            raise InvalidValue(f"key must be a ServiceKey, not {key!r}: use ServiceKey.of or .mark")
        check_name(scheduler, "scheduler")
        check_range(persistent, 0, MAX_TIMEOUT, "persistence timeout (seconds)")
        check_name(engine, "persistence engine", empty=True, longest=ENGINE_MAX)
        if not key.fwmark and not key.port and not persistent:
            raise InvalidValue("Zero port specified for non-persistent service")
        if one_packet and not key.fwmark and key.protocol_number != UDP:
            raise InvalidValue("One-Packet Scheduling is only for UDP virtual services")
        if not isinstance(scheduler_flags, int):
            scheduler_flags = flag_bits(scheduler, scheduler_flags)
        if scheduler_flags & ~F_SCHED:
            raise InvalidValue(f"scheduler flags must be among 0x08, 0x10, 0x20, not {scheduler_flags:#x}")
        mask = parse_netmask(netmask, key[1])
        return cls._make(
            key, scheduler, persistent, mask, engine, bool(one_packet), scheduler_flags, stats
        )  # fmt: skip

    @classmethod
    def _fields(cls) -> tuple[str, ...]:
        return _ServiceFields.__slots__

    @classmethod
    def _make(cls, *values: Any) -> Service:
        made: Any = _ServiceFields()
        (made.key, made.scheduler, made.persistent, made.netmask, made.engine, made.one_packet,
         made.scheduler_flags, made.stats) = values  # fmt: skip
        made.__class__ = cls
        return made  # type: ignore[no-any-return]

    @classmethod
    def tcp(cls, address: str, port: int, scheduler: str = "wlc", **more: Any) -> Service:
        """Service.tcp("10.0.0.1", 80, "rr")"""
        return cls(ServiceKey.of("tcp", address, port), scheduler, **more)

    @classmethod
    def udp(cls, address: str, port: int, scheduler: str = "wlc", **more: Any) -> Service:
        return cls(ServiceKey.of("udp", address, port), scheduler, **more)

    @classmethod
    def sctp(cls, address: str, port: int, scheduler: str = "wlc", **more: Any) -> Service:
        return cls(ServiceKey.of("sctp", address, port), scheduler, **more)

    @classmethod
    def mark(cls, fwmark: int, scheduler: str = "wlc", *, ipv6: bool = False, **more: Any) -> Service:
        return cls(ServiceKey.mark(fwmark, ipv6), scheduler, **more)

    @property
    def flags(self) -> int:
        """The kernel's flag bits, without its own HASHED."""
        bits = self.scheduler_flags
        if self.persistent:
            bits |= F_PERSISTENT
        return bits | F_ONEPACKET if self.one_packet else bits

    @property
    def full_mask(self) -> int:
        """The netmask that groups nothing: all ones, or 128."""
        return 0xFFFFFFFF if self.key[1] == AF_INET else 128

    def replace(self, **changes: Any) -> Service:
        """A copy with some values changed, checked like a new one."""
        values = {n: getattr(self, n) for n in self._fields()}
        if "key" in changes and changes["key"][1] != self.key[1]:
            del values["netmask"]
        values.update(changes)
        if "netmask" in values and "netmask" not in changes and self.key[1] == AF_INET:
            values["netmask"] = format_ip(self.netmask.to_bytes(4, "big"))  # 24 would be a prefix
        return Service(values.pop("key"), values.pop("scheduler"), **values)


class Tunnel(Frozen):
    """How a tunnelled destination is reached: type, UDP port (gue only), checksum option."""

    __slots__ = _compared = ("type", "port", "checksum")
    if TYPE_CHECKING:
        type: TunnelType
        port: int
        checksum: TunnelChecksum

    def __init__(
        self, type: TunnelType = "ipip", port: int = 0, checksum: TunnelChecksum = "nocsum"
    ) -> None:
        if type not in TUNNEL_CODES:
            raise InvalidValue(f"tunnel type must be ipip, gue or gre, not {type!r}")
        if type == "gue":
            check_range(port, 1, 65535, "the port of a gue tunnel")
        elif port:
            raise InvalidValue(f"only gue tunnels have a port, not {type}")
        if checksum not in CHECKSUM_CODES:
            raise InvalidValue(f"tunnel checksum must be nocsum, csum or remcsum, not {checksum!r}")
        if checksum != "nocsum" and (type == "ipip" or (type == "gre" and checksum == "remcsum")):
            raise InvalidValue(f"{type} tunnels know no {checksum}")
        set_slot(self, "type", type)
        set_slot(self, "port", port)
        set_slot(self, "checksum", checksum)


IPIP = Tunnel()


class _DestinationFields:
    __slots__ = ("key", "forwarding", "weight", "upper", "lower", "tunnel",
                 "active", "inactive", "persistent", "stats")  # fmt: skip
    key: DestinationKey
    forwarding: str
    weight: int
    upper: int
    lower: int
    tunnel: Tunnel
    active: int
    inactive: int
    persistent: int
    stats: Stats


class Destination(_DestinationFields, Frozen):
    """A real server of one service.

    key: DestinationKey. forwarding: "masq", "route" or "tunnel" (what ipvsadm calls -m, -g, -i).
    weight: 0 (no new connections) to 2**31-1. upper, lower: connection thresholds, 0 = none.
    tunnel: Tunnel, of meaning for "tunnel" only. active, inactive, persistent: connections now;
    stats: counters; both as read from the kernel. Equality ignores the last four.
    """

    __slots__ = ()
    _compared = ("key", "forwarding", "weight", "upper", "lower", "tunnel")

    def __new__(
        cls,
        key: DestinationKey | str,
        port: int = 0,
        *,
        forwarding: ForwardingName = "route",
        weight: int = 1,
        upper: int = 0,
        lower: int = 0,
        tunnel: Tunnel = IPIP,
        active: int = 0,
        inactive: int = 0,
        persistent: int = 0,
        stats: Stats = NO_STATS,
    ) -> Destination:
        """Destination("192.168.0.1", 8080, forwarding="masq"); the first argument may be a key."""
        if not isinstance(key, DestinationKey):
            key = DestinationKey.of(key, port)
        if forwarding not in ("masq", "route", "tunnel"):
            raise InvalidValue(f"forwarding must be masq, route or tunnel, not {forwarding!r}")
        check_range(weight, 0, INT_MAX, "weight")
        if upper or lower:
            check_range(upper, 0, INT_MAX, "upper threshold")
            check_range(lower, 0, INT_MAX, "lower threshold")
        if lower > upper:
            raise InvalidValue(f"lower threshold {lower} is above the upper one {upper}")
        if tunnel is not IPIP and forwarding != "tunnel" and tunnel != IPIP:
            raise InvalidValue("Tunnel options conflict with forward method")
        packed = key[1]
        first = packed[0]
        if first == 255 or (first >= 224 and len(packed) == 4) or not (first or any(packed)):
            raise InvalidValue(f"a destination must be a unicast address, not {key.address}")
        return cls._make(key, forwarding, weight, upper, lower, tunnel, active, inactive, persistent, stats)

    @classmethod
    def _fields(cls) -> tuple[str, ...]:
        return _DestinationFields.__slots__

    @classmethod
    def _make(cls, *values: Any) -> Destination:
        made: Any = _DestinationFields()
        (made.key, made.forwarding, made.weight, made.upper, made.lower, made.tunnel,
         made.active, made.inactive, made.persistent, made.stats) = values  # fmt: skip
        made.__class__ = cls
        return made  # type: ignore[no-any-return]

    def check_family(self, service: ServiceKey) -> None:
        """InvalidValue where the address family differs from the service's and this is no tunnel."""
        if self.key[0] != service[1] and self.forwarding != "tunnel":
            raise InvalidValue("Different address family is allowed only for tunneling servers")

    def replace(self, **changes: Any) -> Destination:
        """A copy with some values changed, checked like a new one."""
        values = {n: getattr(self, n) for n in self._fields()}
        values.update(changes)
        return Destination(values.pop("key"), **values)


class Info(Frozen):
    """What the kernel says of itself: version (major, minor, patch), connection table size."""

    __slots__ = _compared = ("version", "size")
    if TYPE_CHECKING:
        version: tuple[int, int, int]
        size: int


class Timeouts(Frozen):
    """Connection timeouts in seconds: TCP established, TCP after FIN, UDP. In `set`, 0 = unchanged."""

    __slots__ = _compared = ("tcp", "tcp_fin", "udp")
    if TYPE_CHECKING:
        tcp: int
        tcp_fin: int
        udp: int

    def __init__(self, tcp: int = 0, tcp_fin: int = 0, udp: int = 0) -> None:
        for name, value in (("tcp", tcp), ("tcp_fin", tcp_fin), ("udp", udp)):
            set_slot(self, name, check_range(value, 0, MAX_TIMEOUT, f"{name} timeout (seconds)"))


class SyncDaemon(Frozen):
    """A connection synchronization daemon.

    state: "master" (sends) or "backup" (receives). interface: multicast interface. sync_id: 0 to
    255. max_len, port, ttl: 0 = the kernel's default (MTU based, 8848, 1). group: "" = 224.0.0.81.
    """

    __slots__ = _compared = ("state", "interface", "sync_id", "max_len", "group", "port", "ttl")
    if TYPE_CHECKING:
        state: DaemonState
        interface: str
        sync_id: int
        max_len: int
        group: str
        port: int
        ttl: int

    def __init__(
        self,
        state: DaemonState,
        interface: str = "eth0",
        sync_id: int = 0,
        *,
        max_len: int = 0,
        group: str = "",
        port: int = 0,
        ttl: int = 0,
    ) -> None:
        if state not in DAEMON_STATES:
            raise InvalidValue(f"daemon state must be master or backup, not {state!r}")
        check_name(interface, "multicast interface")
        if group:
            packed = parse_ip(group)
            if packed[0] != 255 if len(packed) == 16 else not 224 <= packed[0] < 240:
                raise InvalidValue(f"multicast group must be a multicast address, not {group!r}")
        set_slot(self, "state", state)
        set_slot(self, "interface", interface)
        set_slot(self, "sync_id", check_range(sync_id, 0, 255, "syncid"))
        set_slot(self, "max_len", check_range(max_len, 0, 65507, "sync-maxlen"))
        set_slot(self, "group", group)
        set_slot(self, "port", check_range(port, 0, 65535, "mcast-port"))
        set_slot(self, "ttl", check_range(ttl, 0, 255, "mcast-ttl"))
