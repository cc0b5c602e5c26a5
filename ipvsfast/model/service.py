"""The values of an IPVS table: services, destinations, their keys, counters; and the settings.

All are of one kind, see value.Value. Constructors check what the kernel would silently accept (see
InvalidValue); what comes from the kernel is made by `_make`, without checks, as the kernel reported it.
"""

from __future__ import annotations

from ..errors import InvalidValue
from .address import format_ip, parse_netmask
from .kernel_names import (
    AF_INET,
    CHECKSUMS,
    ENGINE_MAX,
    F_ONEPACKET,
    F_PERSISTENT,
    F_SCHED,
    INT_MAX,
    MAX_TIMEOUT,
    TUNNELS,
    UDP,
    flag_bits,
    flag_names,
)
from .keys import DestinationKey, ServiceKey
from .settings import Info, SyncDaemon, Timeouts
from .value import (
    Field,
    Record,
    check_flag,
    check_kind,
    check_name,
    check_names,
    check_object,
    check_range,
    new,
)

__all__ = [
    "IPIP", "NO_STATS", "Destination", "DestinationKey", "Info", "Service", "ServiceKey", "Stats",
    "SyncDaemon", "Timeouts", "Tunnel", "destination_key", "service_key",
]  # fmt: skip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from typing_extensions import Self, Unpack

    from .types import (
        Address,
        DestinationChanges,
        DestinationOrKey,
        ForwardingName,
        SchedulerFlag,
        ServiceChanges,
        ServiceOptions,
        ServiceOrKey,
        StatsChanges,
        TunnelChanges,
        TunnelChecksum,
        TunnelType,
    )


class Stats(Record):
    """Counters since the last zero, and the kernel's rates per second (about an 8 s average).

    connections, packets and bytes (64 bits; the kernel refreshes them every 2 s);
    cps: connections/s; in_pps, out_pps: packets/s; in_bps, out_bps: **bytes**/s.
    """

    __slots__ = ()
    connections: Field[int] = Field(0, "Connections.")
    in_packets: Field[int] = Field(1, "Packets from clients.")
    out_packets: Field[int] = Field(2, "Packets to clients, where they come back this way.")
    in_bytes: Field[int] = Field(3, "Bytes from clients.")
    out_bytes: Field[int] = Field(4, "Bytes to clients, where they come back this way.")
    cps: Field[int] = Field(5, "Connections a second.")
    in_pps: Field[int] = Field(6, "Packets a second from clients.")
    out_pps: Field[int] = Field(7, "Packets a second to clients.")
    in_bps: Field[int] = Field(8, "Bytes a second from clients.")
    out_bps: Field[int] = Field(9, "Bytes a second to clients.")

    def __new__(
        cls, connections: int = 0, in_packets: int = 0, out_packets: int = 0, in_bytes: int = 0,
        out_bytes: int = 0, cps: int = 0, in_pps: int = 0, out_pps: int = 0, in_bps: int = 0,
        out_bps: int = 0,
    ) -> Self:  # fmt: skip
        values = (connections, in_packets, out_packets, in_bytes, out_bytes,
                  cps, in_pps, out_pps, in_bps, out_bps)  # fmt: skip
        for name, value in zip(cls._fields, values):
            check_range(value, 0, 2**64 - 1, name)
        return cls._make(*values)

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[StatsChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""


NO_STATS = Stats()


class Service(Record):
    """A virtual service and how it schedules.

    key: ServiceKey. scheduler: name (1 to 15 bytes). persistent: timeout in seconds, 0 = not
    persistent. netmask: IPv4 mask as a 32-bit number, IPv6 prefix length; groups the clients of a
    persistent service. engine: persistence engine ("sip") or "". one_packet: one-packet scheduling
    (UDP and marks). scheduler_flags: bits 0x08, 0x10, 0x20. stats: counters when read from the
    kernel. Equality ignores stats.
    """

    __slots__ = ()
    _compared = 7
    key: Field[ServiceKey] = Field(0, "What identifies it.")
    scheduler: Field[str] = Field(1, "Name of the scheduler.")
    persistent: Field[int] = Field(2, "Seconds for which a client keeps its destination; 0: it does not.")
    netmask: Field[int] = Field(3, "Which clients count as one: IPv4 mask, or IPv6 prefix length.")
    engine: Field[str] = Field(4, 'Name of the persistence engine, or "".')
    one_packet: Field[bool] = Field(5, "Whether every packet is scheduled by itself.")
    scheduler_flags: Field[int] = Field(6, "Bits 0x08, 0x10, 0x20.")
    stats: Field[Stats] = Field(7, "Counters as the kernel had them.")

    def __new__(
        cls,
        key: ServiceKey,
        scheduler: str = "wlc",
        persistent: int = 0,
        netmask: int | str | None = None,
        engine: str = "",
        one_packet: bool = False,
        scheduler_flags: int | SchedulerFlag | Iterable[SchedulerFlag] = 0,
        stats: Stats = NO_STATS,
    ) -> Self:
        """netmask: prefix length, or for IPv4 also dotted text; a number above 32 is an IPv4 mask.
        scheduler_flags: bits, or names as ipvsadm has them ("sh-port", or several)."""
        check_kind(key, ServiceKey, "key")
        check_kind(stats, Stats, "stats")
        check_name(scheduler, "scheduler")
        check_range(persistent, 0, MAX_TIMEOUT, "persistence timeout (seconds)")
        check_name(engine, "persistence engine", empty=True, longest=ENGINE_MAX)
        if not key[0] and not key[4] and not persistent:
            raise InvalidValue("Zero port specified for non-persistent service")
        if check_flag(one_packet, "one_packet") and not key[0] and key[2] != UDP:
            raise InvalidValue("One-Packet Scheduling is only for UDP virtual services")
        if not isinstance(scheduler_flags, int):
            names = scheduler_flags.split(",") if isinstance(scheduler_flags, str) else scheduler_flags
            scheduler_flags = flag_bits(scheduler, names)
        if scheduler_flags & ~F_SCHED:
            raise InvalidValue(f"scheduler flags must be among 0x08, 0x10, 0x20, not {scheduler_flags:#x}")
        mask = parse_netmask(netmask, key[1])
        return cls._make(key, scheduler, persistent, mask, engine, one_packet, scheduler_flags, stats)

    @classmethod
    def tcp(cls, address: Address, port: int, scheduler: str = "wlc", **more: Unpack[ServiceOptions]) -> Self:
        """Service.tcp("10.0.0.1", 80, "rr")"""
        return cls(ServiceKey.of("tcp", address, port), scheduler, **more)

    @classmethod
    def udp(cls, address: Address, port: int, scheduler: str = "wlc", **more: Unpack[ServiceOptions]) -> Self:
        """Service.udp("10.0.0.1", 53, one_packet=True)"""
        return cls(ServiceKey.of("udp", address, port), scheduler, **more)

    @classmethod
    def sctp(
        cls, address: Address, port: int, scheduler: str = "wlc", **more: Unpack[ServiceOptions]
    ) -> Self:
        """Service.sctp("10.0.0.1", 3868)"""
        return cls(ServiceKey.of("sctp", address, port), scheduler, **more)

    @classmethod
    def mark(
        cls, fwmark: int, scheduler: str = "wlc", *, ipv6: bool = False, **more: Unpack[ServiceOptions]
    ) -> Self:
        """Service.mark(7), Service.mark(7, ipv6=True)"""
        return cls(ServiceKey.mark(fwmark, ipv6), scheduler, **more)

    @property
    def fwmark(self) -> int:
        """The firewall mark of its key, 0 if it has an address."""
        return self.key[0]

    @property
    def family(self) -> int:
        """2 (IPv4) or 10 (IPv6)."""
        return self.key[1]

    @property
    def protocol(self) -> str:
        """ "tcp", "udp", "sctp", "" for a mark."""
        return self.key.protocol

    @property
    def address(self) -> str:
        """Its address as text, "" for a mark."""
        return self.key.address

    @property
    def port(self) -> int:
        """Its port, 0 for a mark, and for all ports."""
        return self.key[4]

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

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[ServiceChanges]) -> Self:
            """A copy with some values changed, checked like a new one; another family takes the full mask."""

    def _mask(self) -> int | str:
        """The netmask as it is written: 24 would be a prefix length."""
        return format_ip(self.netmask.to_bytes(4, "big")) if self.key[1] == AF_INET else self.netmask

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), "netmask": None if self.netmask == self.full_mask else self._mask()}

    def _changed(self, changes: dict[str, Any]) -> dict[str, Any]:
        changed = {**self._arguments(), **changes}
        if "netmask" not in changes and changed["key"][1] != self.key[1]:
            del changed["netmask"]
        return changed

    def to_dict(self) -> dict[str, Any]:
        """What its key has, scheduler, persistent, netmask (IPv4: dotted), engine, one_packet,
        scheduler_flags (names) and stats."""
        names = flag_names(self.scheduler, self.scheduler_flags)
        values = {**super().to_dict(), "netmask": self._mask(), "scheduler_flags": names}
        return {**values.pop("key"), **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The service that to_dict() gave; scheduler and what follows it may be left out."""
        check_object(cls, values)
        of_key = ("protocol", "address", "port", "fwmark", "family")
        key = {name: value for name, value in values.items() if name in of_key}
        more = {name: value for name, value in values.items() if name not in of_key}
        names, defaults = cls._parameters()
        check_names(cls, more, names[1:], defaults)
        if "stats" in more:
            more["stats"] = Stats.from_dict(more["stats"])
        return cls._of({"key": ServiceKey.from_dict(key), **more})


class Tunnel(Record):
    """How a tunnelled destination is reached: type, UDP port (gue only), checksum option."""

    __slots__ = ()
    type: Field[str] = Field(0, "ipip, gue or gre.")
    port: Field[int] = Field(1, "UDP port, of gue.")
    checksum: Field[str] = Field(2, "nocsum, csum or remcsum.")

    def __new__(cls, type: TunnelType = "ipip", port: int = 0, checksum: TunnelChecksum = "nocsum") -> Self:
        if type not in TUNNELS:
            raise InvalidValue(f"tunnel type must be ipip, gue or gre, not {type!r}")
        if type == "gue":
            check_range(port, 1, 65535, "the port of a gue tunnel")
        elif port:
            raise InvalidValue(f"only gue tunnels have a port, not {type}")
        if checksum not in CHECKSUMS:
            raise InvalidValue(f"tunnel checksum must be nocsum, csum or remcsum, not {checksum!r}")
        if checksum != "nocsum" and (type == "ipip" or (type == "gre" and checksum == "remcsum")):
            raise InvalidValue(f"{type} tunnels know no {checksum}")
        return cls._make(type, port, checksum)

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[TunnelChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""


IPIP = Tunnel()


class Destination(Record):
    """A real server of one service.

    key: DestinationKey. forwarding: "masq", "route" or "tunnel" (what ipvsadm calls -m, -g, -i).
    weight: 0 (no new connections) to 2**31-1. upper, lower: connection thresholds, 0 = none.
    tunnel: Tunnel, of meaning for "tunnel" only. active, inactive, persistent: connections now;
    stats: counters; both as read from the kernel. Equality ignores the last four.
    """

    __slots__ = ()
    _compared = 6
    key: Field[DestinationKey] = Field(0, "What identifies it within its service.")
    forwarding: Field[str] = Field(1, "masq, route or tunnel; the kernel may report others.")
    weight: Field[int] = Field(2, "Its share; 0: no new connections.")
    upper: Field[int] = Field(3, "Connections from which on it gets no more; 0: no limit.")
    lower: Field[int] = Field(4, "Connections below which it gets some again; 0: three quarters of upper.")
    tunnel: Field[Tunnel] = Field(5, "How a tunnel to it is made.")
    active: Field[int] = Field(6, "Active connections.")
    inactive: Field[int] = Field(7, "Inactive connections.")
    persistent: Field[int] = Field(8, "Persistent connections.")
    stats: Field[Stats] = Field(9, "Counters as the kernel had them.")

    def __new__(
        cls,
        key: DestinationKey | Address,
        port: int = 0,
        forwarding: ForwardingName = "route",
        weight: int = 1,
        upper: int = 0,
        lower: int = 0,
        tunnel: Tunnel = IPIP,
        active: int = 0,
        inactive: int = 0,
        persistent: int = 0,
        stats: Stats = NO_STATS,
    ) -> Self:
        """Destination("192.168.0.1", 8080, "masq"); a key in the place of the address has its own port."""
        if not isinstance(key, DestinationKey):
            key = DestinationKey.of(key, port)
        elif port:
            raise InvalidValue(f"port {port} beside {key}, which has its own: change that by key.replace()")
        if forwarding not in ("masq", "route", "tunnel"):
            raise InvalidValue(f"forwarding must be masq, route or tunnel, not {forwarding!r}")
        check_range(weight, 0, INT_MAX, "weight")
        if upper != 0 or lower != 0:
            check_range(upper, 0, INT_MAX, "upper threshold")
            check_range(lower, 0, INT_MAX, "lower threshold")
            if lower > upper:
                raise InvalidValue(f"lower threshold {lower} is above the upper one {upper}")
        if tunnel is not IPIP:
            check_kind(tunnel, Tunnel, "tunnel")
            if forwarding != "tunnel" and tunnel != IPIP:
                raise InvalidValue("Tunnel options conflict with forward method")
        packed = key[1]
        first = packed[0]
        if first == 255 or (first >= 224 and len(packed) == 4) or not (first or any(packed)):
            raise InvalidValue(f"a destination must be a unicast address, not {key.address}")
        if active != 0 or inactive != 0 or persistent != 0:
            for name, number in (("active", active), ("inactive", inactive), ("persistent", persistent)):
                check_range(number, 0, 2**32 - 1, f"{name} connections")
        if stats is not NO_STATS:
            check_kind(stats, Stats, "stats")
        return new(cls, (
            key, forwarding, weight, upper, lower, tunnel, active, inactive, persistent, stats
        ))  # fmt: skip

    @property
    def family(self) -> int:
        """2 (IPv4) or 10 (IPv6)."""
        return self.key[0]

    @property
    def address(self) -> str:
        """Its address as text."""
        return self.key.address

    @property
    def port(self) -> int:
        """Its port; 0: that to which the client speaks."""
        return self.key[2]

    def check_service(self, service: ServiceOrKey, adding: bool = True) -> None:
        """InvalidValue where this does not go with a service: their address families differ and this is no
        tunnel; or it is to be added with another port, which no packet would come to if none is rewritten."""
        key = service if type(service) is ServiceKey else service_key(service)
        (family, _, port), forwarding = self.key, self.forwarding
        if family != key[1] and forwarding != "tunnel":
            raise InvalidValue("Different address family is allowed only for tunneling servers")
        if adding and forwarding != "masq" and port != key[4] and not key[0]:
            raise InvalidValue(
                f"{forwarding} leaves the port as it is: {self.key} must have port {key[4]}, "
                f"as its service {key}"
            )

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[DestinationChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""

    def to_dict(self) -> dict[str, Any]:
        """address, port, forwarding, weight, upper, lower, tunnel (None where there is none), active,
        inactive, persistent and stats."""
        values = super().to_dict()
        if self.forwarding != "tunnel" and self.tunnel == IPIP:
            values["tunnel"] = None
        return {**values.pop("key"), **values}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The destination that to_dict() gave; all but address and port may be left out."""
        names, defaults = cls._parameters()
        check_names(cls, values, ("address", *names[1:]), [name for name in defaults if name != "port"])
        more = {name: value for name, value in values.items() if name not in ("address", "port")}
        more["tunnel"] = IPIP if more.get("tunnel") is None else Tunnel.from_dict(more["tunnel"])
        if "stats" in more:
            more["stats"] = Stats.from_dict(more["stats"])
        return cls._of({"key": DestinationKey.of(values["address"], values["port"]), **more})


def service_key(service: ServiceOrKey) -> ServiceKey:
    """The key of a service, or the key itself: what names a service takes either."""
    if isinstance(service, ServiceKey):
        return service
    if isinstance(service, Service):
        return service.key
    raise TypeError(
        f"a service is named by a Service or a ServiceKey, not {service!r}: "
        'ServiceKey.parse("tcp 10.0.0.1:80") reads text'
    )


def destination_key(destination: DestinationOrKey) -> DestinationKey:
    """The same for destinations."""
    if isinstance(destination, DestinationKey):
        return destination
    if isinstance(destination, Destination):
        return destination.key
    raise TypeError(
        f"a destination is named by a Destination or a DestinationKey, not {destination!r}: "
        'DestinationKey.parse("10.1.0.7:8080") reads text'
    )
