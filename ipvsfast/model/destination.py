"""A destination of a service, and how it is reached."""

from __future__ import annotations

from ..errors import InvalidValue
from .address import is_unicast
from .kernel_names import (
    CHECKSUMS,
    INT_MAX,
    TUNNELS,
)
from .keys import DestinationKey, ServiceKey
from .service import service_key
from .stats import NO_STATS, Stats
from .value import Field, Record, check_kind, check_names, check_range, new

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal, TypedDict

    from typing_extensions import Self, Unpack

    from .types import (
        Address,
        DestinationOrKey,
        ForwardingName,
        ServiceOrKey,
        TunnelChanges,
        TunnelChecksum,
        TunnelType,
    )

    DestinationNumberName = Literal["weight", "upper", "lower"]

    class DestinationChanges(TypedDict, total=False):
        """What Destination.replace() takes."""

        key: DestinationKey | Address
        port: int
        forwarding: ForwardingName
        weight: int
        upper: int
        lower: int
        tunnel: Tunnel
        active: int
        inactive: int
        persistent: int
        stats: Stats


# The numbers that are set, between forwarding and tunnel; what is counted now, behind it.
SET_NUMBERS: tuple[DestinationNumberName, ...] = ("weight", "upper", "lower")
SHARE: Literal["weight"] = "weight"  # the one that says which part of the new connections it gets
SETTINGS = slice(1, 3 + len(SET_NUMBERS))  # forwarding, SET_NUMBERS, tunnel: their places in the value
CONNECTIONS: tuple[Literal["active", "inactive", "persistent"], ...] = ("active", "inactive", "persistent")


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
        if not (first or any(packed)) or (first >= 224 and not is_unicast(packed)):
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


def number_problem(destination: Destination) -> str:
    """Which of its SET_NUMBERS, as the kernel has them, cannot be set; "" where all can."""
    if not 0 <= destination.weight <= INT_MAX:
        return f"weight {destination.weight}"
    if not destination.lower <= destination.upper <= INT_MAX:
        return f"thresholds {destination.upper} and {destination.lower}"
    return ""


def has_no_share(destination: Destination) -> bool:
    """Whether it gets no new connections by its weight."""
    return destination.weight == 0


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
