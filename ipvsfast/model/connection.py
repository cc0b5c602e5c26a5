"""One entry of the connection table. No I/O."""

from __future__ import annotations

from ..errors import InvalidValue
from .address import format_ip
from .kernel_names import CONN_F_FWD_MASK, CONN_F_SYNC, CONNECTION_PROTOCOLS, ENGINE_MAX, FORWARDING
from .keys import family_of, packed_address
from .value import Field, Value, check_flag, check_kind, check_name, check_names, check_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Self, Unpack

    from .types import Address, ConnectionChanges, ConnectionProtocol, ConnectionState

    Details = tuple[int, int, int, int]


def protocol_text(number: int) -> str:
    """A protocol as the kernel writes it here: TCP, UDP, SCTP, IP for marks' templates, IP_50."""
    return CONNECTION_PROTOCOLS.get(number) or f"IP_{number}"


def protocol_number(text: str) -> int | None:
    """The number of a protocol by its name in any case, or by its number; None if it is neither."""
    upper = text.upper()
    for known, name in CONNECTION_PROTOCOLS.items():
        if name.upper() == upper:
            return known
    digits = upper.removeprefix("IP_")
    number = int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < 4 else 256
    return number if number < 256 else None


def check_protocol(protocol: str | int) -> int:
    """The number of a protocol; InvalidValue for what is none."""
    if not isinstance(protocol, str):
        return check_range(protocol, 0, 255, "protocol")
    number = protocol_number(protocol)
    if number is None:
        known = "tcp, udp, sctp, ip, icmp, icmpv6"
        raise InvalidValue(f"no protocol {protocol!r}: {known}, or a number up to 255")
    return number


def written(data: bytes) -> str:
    r"""Bytes from the network as JSON and CSV have them: ASCII, \xNN for what is none, \\ for a backslash."""
    return "".join(
        ["\\\\" if byte == 0x5C else chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in data]
    )


def unwritten(text: str) -> bytes:
    """The bytes that written() wrote."""
    try:
        start, *parts = text.replace("\\\\", "\\x5c").split("\\x")
        found = start.encode("ascii")
        return found + b"".join([bytes.fromhex(part[:2]) + part[2:].encode("ascii") for part in parts])
    except (AttributeError, ValueError):
        raise InvalidValue(f"not the data of a persistence engine: {text!r}") from None


class Connection(
    Value,
    tuple[int, bool, bytes, int, bytes, int, bytes, int, str, int, str, bytes, "Details | None"],
):
    """One entry of the connection table: a connection, or the template of a persistent client.

    A plain tuple: (protocol number, template, client, port, service, port, destination, port, state,
    expires, engine, data, details) with packed addresses. details is None, as the kernel's text does not
    tell them, or (flags, fwmark, timeout, packets), where BPF read the entry. A template has client port
    0; that of a firewall mark has protocol IP and the mark as its service address (77 is 0.0.0.77).
    """

    __slots__ = ()
    protocol_number: Field[int] = Field(0, "6 (TCP), 17 (UDP), 132 (SCTP), 0 for the template of a mark.")
    template: Field[bool] = Field(
        1,
        "Whether this is a persistence template. The kernel's text does not say so: of entries with client "
        "port 0, those in state NONE or ASSURED are taken for templates.",
    )
    client_packed: Field[bytes] = Field(2, "Address of the client, 4 or 16 bytes.")
    client_port: Field[int] = Field(3, "Port of the client, 0 for a template.")
    service_packed: Field[bytes] = Field(4, "Virtual address that the client speaks to, 4 or 16 bytes.")
    service_port: Field[int] = Field(5, "Port that the client speaks to.")
    destination_packed: Field[bytes] = Field(6, "Address of the real server, 4 or 16 bytes.")
    destination_port: Field[int] = Field(7, "Port of the real server.")
    state: Field[str] = Field(8, "As the kernel writes it: ESTABLISHED, FIN_WAIT, UDP, ASSURED ...")
    expires: Field[int] = Field(9, "Seconds until the entry ends if nothing more is seen.")
    engine: Field[str] = Field(10, 'Name of the persistence engine, or "".')
    data: Field[bytes] = Field(
        11,
        "What the persistence engine keeps (a SIP Call-ID): bytes chosen by a client. Never print them raw; "
        "listing.connections.escaped() makes them fit for a terminal.",
    )
    details: Field[Details | None] = Field(
        12,
        "(flags, fwmark, timeout, packets): IP_VS_CONN_F_* bits, mark of its service, seconds that expires "
        "starts from, packets received; None where only the text was read.",
    )

    def __new__(
        cls,
        protocol: ConnectionProtocol | int,
        template: bool,
        client: Address | bytes,
        client_port: int,
        service: Address | bytes,
        service_port: int,
        destination: Address | bytes,
        destination_port: int,
        state: ConnectionState,
        expires: int = 0,
        engine: str = "",
        data: bytes = b"",
        details: Details | None = None,
    ) -> Self:
        """protocol: its name in any case, or its number. Addresses: text, or packed."""
        number = check_protocol(protocol)
        check_flag(template, "template")
        places = [packed_address(address) for address in (client, service, destination)]
        if family_of(places[0]) != family_of(places[1]):
            ends = f"client {format_ip(places[0])} and service {format_ip(places[1])}"
            raise InvalidValue(f"{ends} are of different address families")
        for what, port in zip(_PLACES, (client_port, service_port, destination_port)):
            check_range(port, 0, 65535, f"port of the {what}")
        check_name(state, "state")
        check_range(expires, 0, 2**32 - 1, "expires (seconds)")
        check_name(engine, "persistence engine", empty=True, longest=ENGINE_MAX)
        check_kind(data, bytes, "data")
        if details is not None:
            check_details(details)
        return cls._make(
            number, template, places[0], client_port, places[1], service_port, places[2], destination_port,
            state, expires, engine, data, details,
        )  # fmt: skip

    @property
    def protocol(self) -> str:
        """As the kernel writes it: TCP, UDP, SCTP, IP, ICMP, ICMPv6, IP_50."""
        return protocol_text(self[0])

    @property
    def client(self) -> str:
        """Address of the client."""
        return format_ip(self[2])

    @property
    def service(self) -> str:
        """Virtual address that the client speaks to."""
        return format_ip(self[4])

    @property
    def destination(self) -> str:
        """Address of the real server; its family may differ from the service's."""
        return format_ip(self[6])

    @property
    def forwarding(self) -> str | None:
        """How its packets are sent on: masq, local, tunnel, route or bypass; None: not known."""
        if self[12] is None:
            return None
        number = self[12][0] & CONN_F_FWD_MASK
        return FORWARDING[number] if number < len(FORWARDING) else ""

    @property
    def origin(self) -> str | None:
        """ "sync" if another director told of it, else "local"; None: not known."""
        return None if self[12] is None else "sync" if self[12][0] & CONN_F_SYNC else "local"

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[ConnectionChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._parameters()[0]}

    def to_dict(self) -> dict[str, Any]:
        """As `ipvsfast conns --json` has it: pe and pe_data (ASCII) for engine and data, None where there
        is none; forwarding, origin, fwmark, timeout and packets only where the details are known."""
        values = self._arguments()
        engine, data, details = values.pop("engine"), values.pop("data"), values.pop("details")
        values["pe"], values["pe_data"] = (engine, written(data)) if engine else (None, None)
        if details is not None:
            values["forwarding"], values["origin"] = self.forwarding, self.origin
            values["fwmark"], values["timeout"], values["packets"] = details[1:]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The connection that to_dict() gave; of the flags only those that it tells."""
        names, defaults = cls._parameters()
        plain = [name for name in names if name not in ("engine", "data", "details")]
        more = ("pe", "pe_data", *_DETAILS)
        check_names(cls, values, (*plain, *more), (*defaults, *more))
        given = {name: values[name] for name in plain if name in values}
        details = {name: values[name] for name in _DETAILS if name in values}
        if details:
            given["details"] = _details(details)
        given["engine"], given["data"] = values.get("pe") or "", unwritten(values.get("pe_data") or "")
        return cls._of(given)


_PLACES = ("client", "service", "destination")
_DETAILS = ("forwarding", "origin", "fwmark", "timeout", "packets")


def _details(values: Mapping[str, Any]) -> Details:
    """The details as JSON has them."""
    check_names(Connection, values, _DETAILS)
    method, origin = values["forwarding"], values["origin"]
    if method not in FORWARDING or origin not in ("sync", "local"):
        raise InvalidValue(f"no forwarding and origin of a connection: {method!r}, {origin!r}")
    flags = FORWARDING.index(method) | (CONN_F_SYNC if origin == "sync" else 0)
    return flags, values["fwmark"], values["timeout"], values["packets"]


def check_details(details: object) -> None:
    """InvalidValue for what are no details of a connection."""
    if not isinstance(details, tuple) or len(details) != 4:
        raise InvalidValue(f"details must be (flags, fwmark, timeout, packets) or None, not {details!r}")
    for number in details:
        check_range(number, 0, 2**32 - 1, "each of the details")
