"""Texts of `host:port` in listings: as numbers, or as names with ipvsadm's cuts.

Both kinds of object offer `one` and `servers`; they live as long as one listing and remember what
they have formatted, since the same servers stand in many services.
"""

from __future__ import annotations

from ..model.address import format_ip
from ..model.kernel_names import AF_INET6, PROTOCOL_NAMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    from ..model.destination import Destination
    from ..model.service import Service

    class Names(Protocol):
        """What a listing with names asks; resolver.Resolver answers."""

        def prefetch(self, addresses: Iterable[bytes], confirm: bool = False) -> None:
            """Look up all of `addresses` (packed) now."""

        def address_name(self, packed: bytes) -> str | None:
            """The name found by prefetch, or None."""

        def confirmed_name(self, packed: bytes) -> str | None:
            """The name, if looking it up gives this address and no other; after prefetch with confirm."""

        def service_name(self, port: int, protocol: str) -> str | None:
            """The service name of a port for "tcp", "udp" or "sctp"."""

        def port(self, name: str, protocol: str) -> int | None:
            """The port of a service name."""

    class Endpoints(Protocol):
        def one(self, packed: bytes, port: int, protocol: str) -> str:
            """The text of one endpoint. protocol: "tcp", "udp", "sctp", or "" (the port is a number)."""

        def servers(self, destinations: Sequence[Destination], protocol: str) -> list[str]:
            """The texts of many."""


BUFFER = 59  # bytes that ipvsadm has for `host:port`
IPV4_WIDTH = 28  # columns that its tables have for it; IPv6 is not cut
_REMEMBERED = 1 << 16  # texts; a connection table has millions of clients


class Numeric:
    """`10.0.0.1:80`, `[2001:db8::1]:80`."""

    def __init__(self) -> None:
        self._networks: dict[bytes, str] = {}
        self._brackets: dict[bytes, str] = {}
        self._ntop: Callable[[int, bytes], str] | None = None

    def one(self, packed: bytes, port: int, protocol: str = "") -> str:
        if len(packed) == 4:
            return f"{packed[0]}.{packed[1]}.{packed[2]}.{packed[3]}:{port}"
        host = self._brackets.get(packed)
        if host is None:
            if len(self._brackets) >= _REMEMBERED:
                self._brackets.clear()
            host = self._brackets[packed] = f"[{self._ipv6(packed)}]:"
        return f"{host}{port}"

    def _ipv6(self, packed: bytes) -> str:
        if self._ntop is None:  # format_ip imports it at every call, which costs more than the call
            from _socket import inet_ntop

            self._ntop = inet_ntop
        return self._ntop(AF_INET6, packed)

    def servers(self, destinations: Sequence[Destination], protocol: str = "") -> list[str]:
        networks = self._networks  # "10.0.0." by its three bytes: most rows then need one octet only
        texts = []
        for destination in destinations:
            _, packed, port = destination.key
            if len(packed) != 4:
                texts.append(self.one(packed, port))
                continue
            network = networks.get(packed[:3])
            if network is None:
                network = networks[packed[:3]] = f"{packed[0]}.{packed[1]}.{packed[2]}."
            texts.append(f"{network}{packed[3]}:{port}")
        return texts


class Named:
    """Names where there are any, cut as ipvsadm cuts them, so that even a port may be lost.

    ipv4_width: bytes that are left of an IPv4 text; no text is longer than BUFFER.
    """

    def __init__(self, names: Names, ipv4_width: int = BUFFER) -> None:
        self._names = names
        self._ipv4_width = ipv4_width
        self._texts: dict[tuple[bytes, int, str], str] = {}

    def one(self, packed: bytes, port: int, protocol: str) -> str:
        key = (packed, port, protocol)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            text = self._texts[key] = self._text(packed, port, protocol)
        return text

    def servers(self, destinations: Sequence[Destination], protocol: str) -> list[str]:
        return [self.one(d.key[1], d.key[2], protocol) for d in destinations]

    def _text(self, packed: bytes, port: int, protocol: str) -> str:
        host = self._names.address_name(packed) or format_ip(packed)
        service = self._names.service_name(port, protocol) if protocol else None
        if len(packed) == 4:
            return f"{host}:{service or port}"[: self._ipv4_width]
        return f"[{host}]:{service or port}"[:BUFFER]


class Restorable(Named):
    """Names only where they read back to the same address and port; never cut.

    IPv6 addresses stay numbers: ipvsadm -R takes any name for an IPv4 host.
    """

    def _text(self, packed: bytes, port: int, protocol: str) -> str:
        service = self._names.service_name(port, protocol) if protocol else None
        if service is None or self._names.port(service, protocol) != port:
            service = str(port)
        if len(packed) == 4:
            return f"{self._names.confirmed_name(packed) or format_ip(packed)}:{service}"
        return f"[{format_ip(packed)}]:{service}"


def protocol_name(number: int) -> str:
    """What to ask the services database for; "" for marks and unknown protocols."""
    return PROTOCOL_NAMES.get(number, "")


def addresses_of(table: Iterable[tuple[Service, Sequence[Destination]]]) -> list[bytes]:
    """Every distinct packed address of a table, in the order of the table."""
    found: dict[bytes, None] = {}
    for service, destinations in table:
        if not service.key[0]:
            found[service.key[3]] = None
        for destination in destinations:
            found[destination.key[1]] = None
    return list(found)
