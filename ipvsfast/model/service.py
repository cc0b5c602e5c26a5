"""A virtual service, and how it schedules.

Constructors check what the kernel would silently accept (see InvalidValue); what comes from the kernel is
made by `_make`, without checks, as the kernel reported it.
"""

from __future__ import annotations

from ..errors import InvalidValue
from .address import format_ip, parse_netmask
from .kernel_names import (
    AF_INET,
    ENGINE_MAX,
    F_ONEPACKET,
    F_PERSISTENT,
    F_SCHED,
    MAX_TIMEOUT,
    UDP,
    flag_bits,
    flag_names,
)
from .keys import ServiceKey
from .stats import NO_STATS, Stats
from .value import Field, Record, check_flag, check_kind, check_name, check_names, check_object, check_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from typing_extensions import Self, Unpack

    from .types import (
        Address,
        SchedulerFlag,
        ServiceChanges,
        ServiceOptions,
        ServiceOrKey,
    )


class Service(Record):
    """A virtual service and how it schedules.

    key: ServiceKey. scheduler: name (1 to 15 bytes). persistent: timeout in seconds, 0 = not
    persistent. netmask: IPv4 mask as a 32-bit number, IPv6 prefix length; groups the clients of a
    persistent service. engine: persistence engine ("sip") or "". one_packet: one-packet scheduling
    (UDP and marks). scheduler_flags: bits 0x08, 0x10, 0x20; the kernel may report others, and 0x01
    where a service is persistent for 0 seconds. stats: counters when read from the kernel. Equality
    ignores stats.
    """

    __slots__ = ()
    _compared = 7
    key: Field[ServiceKey] = Field(0, "What identifies it.")
    scheduler: Field[str] = Field(1, "Name of the scheduler.")
    persistent: Field[int] = Field(2, "Seconds for which a client keeps its destination; 0: it does not.")
    netmask: Field[int] = Field(3, "Which clients count as one: IPv4 mask, or IPv6 prefix length.")
    engine: Field[str] = Field(4, 'Name of the persistence engine, or "".')
    one_packet: Field[bool] = Field(5, "Whether every packet is scheduled by itself.")
    scheduler_flags: Field[int] = Field(6, "Bits 0x08, 0x10, 0x20; the kernel may report others.")
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
        scheduler_flags (names; what has none, as one number in hexadecimal) and stats."""
        names = flag_names(self.scheduler, self.scheduler_flags)
        if others := self.scheduler_flags & ~F_SCHED:
            names.append(f"{others:#04x}")
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
