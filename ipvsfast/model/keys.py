"""What identifies a service, and a destination within it."""

from __future__ import annotations

from ..errors import InvalidValue
from .address import format_endpoint, format_ip, parse_ip
from .kernel_names import AF_INET, AF_INET6, FAMILY_NAMES, PROTOCOL_NAMES, PROTOCOLS
from .value import Field, Value, check_names, check_object, check_range, new

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Self, Unpack

    from .types import Address, DestinationKeyChanges, ProtocolName, ServiceKeyChanges


def family_of(packed: bytes) -> int:
    """AF_INET or AF_INET6, by the length of a packed address."""
    return AF_INET if len(packed) == 4 else AF_INET6


def packed_address(address: Address | bytes) -> bytes:
    """An address as packed bytes, which it may be already."""
    if isinstance(address, bytes) and len(address) in (4, 16):
        return address
    return parse_ip(address)


def check_family(family: int, packed: bytes) -> None:
    """InvalidValue for a number that is no family, or not the one of the address."""
    if family not in (AF_INET, AF_INET6):
        raise InvalidValue(f"family must be {AF_INET} (IPv4) or {AF_INET6} (IPv6), not {family!r}")
    if packed and family != family_of(packed):
        name = FAMILY_NAMES[family]
        raise InvalidValue(f"{format_ip(packed)} is not of the address family {family} ({name})")


def _protocol(protocol: ProtocolName | int | str) -> int:
    if isinstance(protocol, str):
        number = PROTOCOLS.get(protocol)
        if number is None and protocol.isdecimal() and protocol.isascii() and len(protocol) < 4:
            number = int(protocol)
        if number is None:
            raise InvalidValue(f"protocol must be tcp, udp or sctp, not {protocol!r}")
        protocol = number
    return check_range(protocol, 1, 255, "protocol")


def _endpoint(text: str) -> tuple[bytes, int]:
    """Packed address and port of `10.0.0.1:80` or `[2001:db8::1]:80`."""
    host, _, port = text.rpartition(":")
    bracketed = host[:1] == "[" and host[-1:] == "]"
    if bracketed == (":" in host) and port.isdecimal() and port.isascii() and len(port) < 6:
        packed = parse_ip(host[1:-1] if bracketed else host)
        return packed, check_range(int(port), 0, 65535, "port")
    raise InvalidValue(f"no address with a port: {text!r} (10.0.0.1:80, [2001:db8::1]:80)")


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"parse() takes text, not {text!r}")
    return text


class ServiceKey(Value, tuple[int, int, int, bytes, int]):
    """What identifies a virtual service: (fwmark, family, protocol, packed address, port).

    A plain tuple in that order, so that sorting keys gives the natural order. Address services have
    fwmark 0; firewall-mark services have protocol 0, address b"" and port 0. `packed` is the address as
    4 or 16 bytes, `address` as text; `family` is 2 (IPv4) or 10 (IPv6), as AF_INET and AF_INET6 on Linux.
    """

    __slots__ = ()
    fwmark: Field[int] = Field(0, "Firewall mark, 0 for a service with an address.")
    family: Field[int] = Field(1, "2 (IPv4) or 10 (IPv6).")
    protocol_number: Field[int] = Field(2, "6 (TCP), 17 (UDP), 132 (SCTP), 0 for a mark.")
    packed: Field[bytes] = Field(3, 'The address as 4 or 16 bytes, b"" for a mark.')
    port: Field[int] = Field(4, "0 for a mark, and for all ports of a persistent service.")

    def __new__(
        cls, fwmark: int, family: int, protocol: ProtocolName | int, address: Address | bytes, port: int
    ) -> Self:
        """Of a mark, the last three are 0, b"" and 0. `of` and `mark` ask for less."""
        if check_range(fwmark, 0, 2**32 - 1, "fwmark"):
            if protocol or address or port:
                raise InvalidValue("a firewall mark has no protocol, no address and no port")
            packed, number = b"", 0
        else:
            packed, number = packed_address(address), _protocol(protocol)
        check_family(family, packed)
        check_range(port, 0, 65535, "port")
        return cls._make(fwmark, family, number, packed, port)

    @classmethod
    def of(cls, protocol: ProtocolName, address: Address, port: int) -> Self:
        """Key of an address service: of("tcp", "10.0.0.1", 80)."""
        if protocol not in PROTOCOLS:
            raise InvalidValue(f"protocol must be tcp, udp or sctp, not {protocol!r}")
        packed = parse_ip(address)
        check_range(port, 0, 65535, "port")
        return cls._make(0, family_of(packed), PROTOCOLS[protocol], packed, port)

    @classmethod
    def mark(cls, fwmark: int, ipv6: bool = False) -> Self:
        """Key of a firewall-mark service: mark(7), mark(7, ipv6=True)."""
        return cls._make(
            check_range(fwmark, 1, 2**32 - 1, "fwmark"), AF_INET6 if ipv6 else AF_INET, 0, b"", 0
        )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that str() writes: "TCP 10.0.0.1:80", "udp [2001:db8::1]:53", "FWM 7", "fwm 7 IPv6"."""
        words = _text(text).lower().split()
        if words[:1] == ["fwm"] and len(words) in (2, 3) and words[2:] in ([], ["ipv6"]):
            if words[1].isdecimal() and words[1].isascii() and len(words[1]) < 11:
                return cls.mark(int(words[1]), len(words) == 3)
        elif len(words) == 2:
            packed, port = _endpoint(words[1])
            return cls._make(0, family_of(packed), _protocol(words[0]), packed, port)
        raise InvalidValue(f"no service: {text!r} (tcp 10.0.0.1:80, udp [2001:db8::1]:53, fwm 7, fwm 7 ipv6)")

    @property
    def protocol(self) -> str:
        """ "tcp", "udp", "sctp", the number as text for others, "" for a mark."""
        return PROTOCOL_NAMES.get(self[2]) or ("" if self[0] else str(self[2]))

    @property
    def address(self) -> str:
        """The address as text, "" for a mark."""
        return format_ip(self[3]) if self[3] else ""

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[ServiceKeyChanges]) -> Self:
            """A copy with some values changed, checked like a new one; an address brings its family."""

    def _arguments(self) -> dict[str, Any]:
        names = ("fwmark", "family", "protocol", "address", "port")
        return dict(zip(names, (self[0], self[1], self[2], self.address, self[4])))

    def _changed(self, changes: dict[str, Any]) -> dict[str, Any]:
        return {**self._arguments(), **_with_family(changes)}

    def __str__(self) -> str:
        if self[0]:
            return f"FWM {self[0]}{' IPv6' if self[1] == AF_INET6 else ''}"
        return f"{self.protocol.upper()} {format_endpoint(self[3], self[4])}"

    def __repr__(self) -> str:
        name = type(self).__name__
        if self[0]:
            return f"{name}.mark({self[0]}{', ipv6=True' if self[1] == AF_INET6 else ''})"
        if self[2] in PROTOCOL_NAMES:
            return f"{name}.of({self.protocol!r}, {self.address!r}, {self[4]})"
        return f"{name}(0, {self[1]}, {self[2]}, {self.address!r}, {self[4]})"

    def to_dict(self) -> dict[str, Any]:
        """protocol, address and port, or fwmark and family ("ipv4", "ipv6")."""
        if self[0]:
            return {"fwmark": self[0], "family": FAMILY_NAMES.get(self[1], str(self[1]))}
        return {"protocol": self.protocol, "address": self.address, "port": self[4]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The key that to_dict() gave; a mark without a family is of IPv4."""
        check_object(cls, values)
        if "fwmark" not in values:
            check_names(cls, values, ("protocol", "address", "port"))
            packed = parse_ip(values["address"])
            return cls(0, family_of(packed), values["protocol"], packed, values["port"])
        check_names(cls, values, ("fwmark", "family"), ("family",))
        family = values.get("family", "ipv4")
        if family not in ("ipv4", "ipv6"):
            raise InvalidValue(f"the family of a mark must be ipv4 or ipv6, not {family!r}")
        return cls.mark(values["fwmark"], family == "ipv6")


class DestinationKey(Value, tuple[int, bytes, int]):
    """What identifies a destination within its service: (family, packed address, port), a plain tuple."""

    __slots__ = ()
    family: Field[int] = Field(0, "2 (IPv4) or 10 (IPv6).")
    packed: Field[bytes] = Field(1, "The address as 4 or 16 bytes.")
    port: Field[int] = Field(2, "0: that to which the client speaks.")

    def __new__(cls, family: int, address: Address | bytes, port: int) -> Self:
        """`of` asks for less."""
        packed = packed_address(address)
        check_family(family, packed)
        return cls._make(family, packed, check_range(port, 0, 65535, "port"))

    @classmethod
    def of(cls, address: Address, port: int = 0) -> Self:
        """of("10.1.0.7", 8080)"""
        packed = parse_ip(address)
        check_range(port, 0, 65535, "port")
        return new(cls, (AF_INET if len(packed) == 4 else AF_INET6, packed, port))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that str() writes: "10.1.0.7:8080", "[2001:db8::7]:8080"."""
        packed, port = _endpoint(_text(text))
        return cls._make(family_of(packed), packed, port)

    @property
    def address(self) -> str:
        """The address as text."""
        return format_ip(self[1])

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[DestinationKeyChanges]) -> Self:
            """A copy with some values changed, checked like a new one; an address brings its family."""

    def _arguments(self) -> dict[str, Any]:
        return {"family": self[0], "address": self.address, "port": self[2]}

    def _changed(self, changes: dict[str, Any]) -> dict[str, Any]:
        return {**self._arguments(), **_with_family(changes)}

    def __str__(self) -> str:
        return format_endpoint(self[1], self[2])

    def __repr__(self) -> str:
        return f"{type(self).__name__}.of({self.address!r}, {self[2]})"

    def to_dict(self) -> dict[str, Any]:
        """address and port."""
        return {"address": self.address, "port": self[2]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The key that to_dict() gave."""
        check_names(cls, values, ("address", "port"))
        return cls.of(values["address"], values["port"])


def _with_family(changes: dict[str, Any]) -> dict[str, Any]:
    if changes.get("address") and "family" not in changes:
        return {**changes, "family": family_of(packed_address(changes["address"]))}
    return changes
