"""What identifies a service, and a destination within it."""

from __future__ import annotations

from ..errors import InvalidValue
from .address import format_endpoint, format_ip, parse_ip
from .value import check_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    ProtocolName = Literal["tcp", "udp", "sctp"]

AF_INET, AF_INET6 = 2, 10
TCP, UDP, SCTP = 6, 17, 132
PROTOCOLS: dict[str, int] = {"tcp": TCP, "udp": UDP, "sctp": SCTP}
PROTOCOL_NAMES: dict[int, str] = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}


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
        return cls(0, family, PROTOCOLS[protocol], packed, check_range(port, 0, 65535, "port"))

    @classmethod
    def mark(cls, fwmark: int, ipv6: bool = False) -> ServiceKey:
        """Key of a firewall-mark service: mark(7), mark(7, ipv6=True)."""
        return cls(check_range(fwmark, 1, 2**32 - 1, "fwmark"), AF_INET6 if ipv6 else AF_INET, 0, b"", 0)

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
        family = AF_INET if len(packed) == 4 else AF_INET6
        return tuple.__new__(cls, (family, packed, check_range(port, 0, 65535, "port")))

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
