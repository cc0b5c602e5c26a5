"""The values of an IPVS table: services, destinations, their keys, counters, timeouts, daemons.

All are immutable. Constructors check what the kernel would silently accept (see InvalidValue);
objects that come from the kernel are built by `_make`, without checks, as the kernel reported them.
Neither dataclasses nor enum are used: importing them costs more than a whole listing.
"""

from __future__ import annotations

from .addresses import format_endpoint, format_ip, parse_ip, parse_netmask
from .errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar, Literal, TypeVar

    ProtocolName = Literal["tcp", "udp", "sctp"]
    ForwardingName = Literal["masq", "local", "tunnel", "route", "bypass"]
    TunnelType = Literal["ipip", "gue", "gre"]
    TunnelChecksum = Literal["nocsum", "csum", "remcsum"]
    DaemonState = Literal["master", "backup"]
    _F = TypeVar("_F", bound="Frozen")

AF_INET, AF_INET6 = 2, 10
TCP, UDP, SCTP = 6, 17, 132
PROTOCOLS: dict[str, int] = {"tcp": TCP, "udp": UDP, "sctp": SCTP}
PROTOCOL_NAMES: dict[int, str] = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}

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

INT_MAX = 2**31 - 1
MAX_TIMEOUT = 31 * 24 * 3600  # what ipvsadm allows; the kernel multiplies by HZ in 32 bits
NAME_MAX = 15

_set = object.__setattr__


def _check(value: int, low: int, high: int, what: str) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise InvalidValue(f"{what} must be a whole number from {low} to {high}, not {value!r}")
    return value


def _check_name(value: str, what: str, empty: bool = False) -> str:
    if not value and empty:
        return value
    raw = value.encode("utf-8", "surrogateescape")
    if not value or len(raw) > NAME_MAX or any(c <= 32 or c == 127 for c in raw):
        raise InvalidValue(f"{what} must be 1 to {NAME_MAX} bytes without blanks, not {value!r}")
    return value


class Frozen:
    """Immutable value with slots: equality, hash and repr over `_compared`."""

    __slots__ = ()
    _compared: ClassVar[tuple[str, ...]] = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, n) for n in self._compared])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        inner = ", ".join([f"{n}={getattr(self, n)!r}" for n in self._compared])
        return f"{type(self).__name__}({inner})"

    def __getstate__(self) -> dict[str, Any]:
        return {n: getattr(self, n) for n in type(self).__slots__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            _set(self, name, value)

    def __copy__(self: _F) -> _F:
        return self

    def __deepcopy__(self: _F, memo: object) -> _F:
        return self

    @classmethod
    def _make(cls: type[_F], *values: Any) -> _F:
        """Build without checks, values in the order of `__slots__`."""
        self = cls.__new__(cls)
        for name, value in zip(cls.__slots__, values):
            _set(self, name, value)
        return self


class ServiceKey(tuple):  # type: ignore[type-arg]
    """What identifies a virtual service: (fwmark, family, protocol, address, port).

    A plain tuple in that order, so that sorting keys gives the natural order. Address services have
    fwmark 0; firewall-mark services have protocol 0, address b"" and port 0. `address` is packed
    (4 or 16 bytes); `family` is 2 (IPv4) or 10 (IPv6), as AF_INET and AF_INET6 on Linux.
    """

    __slots__ = ()

    def __new__(cls, fwmark: int, family: int, protocol: int, address: bytes, port: int) -> ServiceKey:
        return tuple.__new__(cls, (fwmark, family, protocol, address, port))

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    @classmethod
    def of(cls, protocol: ProtocolName, address: str, port: int) -> ServiceKey:
        """Key of an address service, values checked: of("tcp", "10.0.0.1", 80)."""
        if protocol not in PROTOCOLS:
            raise InvalidValue(f"protocol must be tcp, udp or sctp, not {protocol!r}")
        packed = parse_ip(address)
        family = AF_INET if len(packed) == 4 else AF_INET6
        return cls(0, family, PROTOCOLS[protocol], packed, _check(port, 0, 65535, "port"))

    @classmethod
    def mark(cls, fwmark: int, ipv6: bool = False) -> ServiceKey:
        """Key of a firewall-mark service: mark(7), mark(7, ipv6=True)."""
        return cls(_check(fwmark, 1, 2**32 - 1, "fwmark"), AF_INET6 if ipv6 else AF_INET, 0, b"", 0)

    @property
    def fwmark(self) -> int:
        return self[0]  # type: ignore[no-any-return]

    @property
    def family(self) -> int:
        return self[1]  # type: ignore[no-any-return]

    @property
    def protocol_number(self) -> int:
        return self[2]  # type: ignore[no-any-return]

    @property
    def protocol(self) -> str:
        """"tcp", "udp", "sctp", the number as text for others, "" for a mark."""
        return PROTOCOL_NAMES.get(self[2]) or (str(self[2]) if self[2] else "")

    @property
    def packed(self) -> bytes:
        return self[3]  # type: ignore[no-any-return]

    @property
    def address(self) -> str:
        return format_ip(self[3]) if self[3] else ""

    @property
    def port(self) -> int:
        return self[4]  # type: ignore[no-any-return]

    def __str__(self) -> str:
        if self[0]:
            return f"FWM {self[0]}{' IPv6' if self[1] == AF_INET6 else ''}"
        return f"{self.protocol.upper()} {format_endpoint(self[3], self[4])}"

    def __repr__(self) -> str:
        return f"<ServiceKey {self}>"


class DestinationKey(tuple):  # type: ignore[type-arg]
    """What identifies a destination within its service: (family, packed address, port)."""

    __slots__ = ()

    def __new__(cls, family: int, address: bytes, port: int) -> DestinationKey:
        return tuple.__new__(cls, (family, address, port))

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    @classmethod
    def of(cls, address: str, port: int = 0) -> DestinationKey:
        packed = parse_ip(address)
        return cls(AF_INET if len(packed) == 4 else AF_INET6, packed, _check(port, 0, 65535, "port"))

    @property
    def family(self) -> int:
        return self[0]  # type: ignore[no-any-return]

    @property
    def packed(self) -> bytes:
        return self[1]  # type: ignore[no-any-return]

    @property
    def address(self) -> str:
        return format_ip(self[1])

    @property
    def port(self) -> int:
        return self[2]  # type: ignore[no-any-return]

    def __str__(self) -> str:
        return format_endpoint(self[1], self[2])

    def __repr__(self) -> str:
        return f"<DestinationKey {self}>"


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
            _set(self, name, value)


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


class Service(Frozen):
    """A virtual service and how it schedules.

    key: ServiceKey. scheduler: name (1 to 15 bytes). persistent: timeout in seconds, 0 = not
    persistent. netmask: IPv4 mask as a 32-bit number, IPv6 prefix length; groups the clients of a
    persistent service. engine: persistence engine ("sip") or "". one_packet: one-packet scheduling
    (UDP and marks). scheduler_flags: bits 0x08, 0x10, 0x20. stats: counters when read from the
    kernel. Equality ignores stats.
    """

    __slots__ = ("key", "scheduler", "persistent", "netmask", "engine", "one_packet",
                 "scheduler_flags", "stats")  # fmt: skip
    _compared = ("key", "scheduler", "persistent", "netmask", "engine", "one_packet", "scheduler_flags")
    if TYPE_CHECKING:
        key: ServiceKey
        scheduler: str
        persistent: int
        netmask: int
        engine: str
        one_packet: bool
        scheduler_flags: int
        stats: Stats

    def __init__(
        self,
        key: ServiceKey,
        scheduler: str = "wlc",
        *,
        persistent: int = 0,
        netmask: int | str | None = None,
        engine: str = "",
        one_packet: bool = False,
        scheduler_flags: int | Iterable[str] = 0,
        stats: Stats = NO_STATS,
    ) -> None:
        """netmask: prefix length, or for IPv4 also dotted text; a number above 32 is an IPv4 mask."""
        if not isinstance(key, ServiceKey):
            raise InvalidValue(f"key must be a ServiceKey, not {key!r}: use ServiceKey.of or .mark")
        _check_name(scheduler, "scheduler")
        _check(persistent, 0, MAX_TIMEOUT, "persistence timeout (seconds)")
        _check_name(engine, "persistence engine", empty=True)
        if not key.fwmark and not key.port and not persistent:
            raise InvalidValue("Zero port specified for non-persistent service")
        if one_packet and not key.fwmark and key.protocol_number != UDP:
            raise InvalidValue("One-Packet Scheduling is only for UDP virtual services")
        if not isinstance(scheduler_flags, int):
            scheduler_flags = flag_bits(scheduler, scheduler_flags)
        if scheduler_flags & ~F_SCHED:
            raise InvalidValue(f"scheduler flags must be among 0x08, 0x10, 0x20, not {scheduler_flags:#x}")
        _set(self, "key", key)
        _set(self, "scheduler", scheduler)
        _set(self, "persistent", persistent)
        _set(self, "netmask", parse_netmask(netmask, key[1]))
        _set(self, "engine", engine)
        _set(self, "one_packet", bool(one_packet))
        _set(self, "scheduler_flags", scheduler_flags)
        _set(self, "stats", stats)

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
        values = {n: getattr(self, n) for n in self.__slots__}
        if "key" in changes and changes["key"][1] != self.key[1]:
            del values["netmask"]
        values.update(changes)
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
            _check(port, 1, 65535, "the port of a gue tunnel")
        elif port:
            raise InvalidValue(f"only gue tunnels have a port, not {type}")
        if checksum not in CHECKSUM_CODES:
            raise InvalidValue(f"tunnel checksum must be nocsum, csum or remcsum, not {checksum!r}")
        if checksum != "nocsum" and (type == "ipip" or (type == "gre" and checksum == "remcsum")):
            raise InvalidValue(f"{type} tunnels know no {checksum}")
        _set(self, "type", type)
        _set(self, "port", port)
        _set(self, "checksum", checksum)


IPIP = Tunnel()


class Destination(Frozen):
    """A real server of one service.

    key: DestinationKey. forwarding: "masq", "route" or "tunnel" (what ipvsadm calls -m, -g, -i).
    weight: 0 (no new connections) to 2**31-1. upper, lower: connection thresholds, 0 = none.
    tunnel: Tunnel, of meaning for "tunnel" only. active, inactive, persistent: connections now;
    stats: counters; both as read from the kernel. Equality ignores the last four.
    """

    __slots__ = ("key", "forwarding", "weight", "upper", "lower", "tunnel",
                 "active", "inactive", "persistent", "stats")  # fmt: skip
    _compared = ("key", "forwarding", "weight", "upper", "lower", "tunnel")
    if TYPE_CHECKING:
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

    def __init__(
        self,
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
    ) -> None:
        """Destination("192.168.0.1", 8080, forwarding="masq"); the first argument may be a key."""
        if not isinstance(key, DestinationKey):
            key = DestinationKey.of(key, port)
        if forwarding not in ("masq", "route", "tunnel"):
            raise InvalidValue(f"forwarding must be masq, route or tunnel, not {forwarding!r}")
        _check(weight, 0, INT_MAX, "weight")
        _check(upper, 0, INT_MAX, "upper threshold")
        _check(lower, 0, INT_MAX, "lower threshold")
        if lower > upper:
            raise InvalidValue(f"lower threshold {lower} is above the upper one {upper}")
        if forwarding != "tunnel" and tunnel != IPIP:
            raise InvalidValue("Tunnel options conflict with forward method")
        packed = key[1]
        if not any(packed) or (packed[0] >= 224 and len(packed) == 4) or (packed[0] == 255 and len(packed) == 16):
            raise InvalidValue(f"a destination must be a unicast address, not {key.address}")
        for name, value in zip(
            self.__slots__,
            (key, forwarding, weight, upper, lower, tunnel, active, inactive, persistent, stats),
        ):
            _set(self, name, value)

    def check_family(self, service: ServiceKey) -> None:
        """InvalidValue where the address family differs from the service's and this is no tunnel."""
        if self.key[0] != service[1] and self.forwarding != "tunnel":
            raise InvalidValue("Different address family is allowed only for tunneling servers")

    def replace(self, **changes: Any) -> Destination:
        """A copy with some values changed, checked like a new one."""
        values = {n: getattr(self, n) for n in self.__slots__}
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
            _set(self, name, _check(value, 0, MAX_TIMEOUT, f"{name} timeout (seconds)"))


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
        _check_name(interface, "multicast interface")
        if group:
            packed = parse_ip(group)
            if packed[0] != 255 if len(packed) == 16 else not 224 <= packed[0] < 240:
                raise InvalidValue(f"multicast group must be a multicast address, not {group!r}")
        _set(self, "state", state)
        _set(self, "interface", interface)
        _set(self, "sync_id", _check(sync_id, 0, 255, "syncid"))
        _set(self, "max_len", _check(max_len, 0, 65507, "sync-maxlen"))
        _set(self, "group", group)
        _set(self, "port", _check(port, 0, 65535, "mcast-port"))
        _set(self, "ttl", _check(ttl, 0, 255, "mcast-ttl"))
