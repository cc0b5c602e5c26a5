"""One entry of the connection table, and the packed rows of csrc/conns.h that it is made from. No I/O."""

from __future__ import annotations

import struct

from .addresses import format_ip
from .keys import AF_INET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = struct.Struct("=BBBBHHHBBI16s16s16s16sIIIIIII4x")
DETAILS = 1  # enum ipvsf_conn_known

_PROTOCOLS = {0: "IP", 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP"}
_new = tuple.__new__


def protocol_text(number: int) -> str:
    """A protocol as the kernel writes it here: TCP, UDP, SCTP, IP for marks' templates, IP_50."""
    return _PROTOCOLS.get(number) or f"IP_{number}"


def protocol_number(text: str) -> int | None:
    """The number of a protocol by its name in any case, or by its number; None if it is neither."""
    upper = text.upper()
    for number, name in _PROTOCOLS.items():
        if name.upper() == upper:
            return number
    digits = upper.removeprefix("IP_")
    return int(digits) if digits.isdecimal() and len(digits) < 4 and int(digits) < 256 else None


class Connection(tuple):  # type: ignore[type-arg]
    """One entry of the connection table: a connection, or the template of a persistent client.

    A plain tuple: (protocol number, template, client, port, service, port, destination, port, state,
    expires, engine, data) with packed addresses. A template has client port 0; the template of a
    firewall mark has protocol IP and the mark as its service address (77 is 0.0.0.77).
    """

    __slots__ = ()

    @property
    def protocol(self) -> str:
        """As the kernel writes it: TCP, UDP, SCTP, IP, ICMP, ICMPv6, IP_50."""
        return protocol_text(self[0])

    @property
    def protocol_number(self) -> int:
        return self[0]  # type: ignore[no-any-return]

    @property
    def template(self) -> bool:
        """Whether this is a persistence template. The kernel's text does not say so: of entries with
        client port 0, those in state NONE or ASSURED are taken for templates."""
        return self[1]  # type: ignore[no-any-return]

    @property
    def client(self) -> str:
        """Address of the client."""
        return format_ip(self[2])

    @property
    def client_packed(self) -> bytes:
        return self[2]  # type: ignore[no-any-return]

    @property
    def client_port(self) -> int:
        return self[3]  # type: ignore[no-any-return]

    @property
    def service(self) -> str:
        """Virtual address that the client speaks to."""
        return format_ip(self[4])

    @property
    def service_packed(self) -> bytes:
        return self[4]  # type: ignore[no-any-return]

    @property
    def service_port(self) -> int:
        return self[5]  # type: ignore[no-any-return]

    @property
    def destination(self) -> str:
        """Address of the real server; its family may differ from the service's."""
        return format_ip(self[6])

    @property
    def destination_packed(self) -> bytes:
        return self[6]  # type: ignore[no-any-return]

    @property
    def destination_port(self) -> int:
        return self[7]  # type: ignore[no-any-return]

    @property
    def state(self) -> str:
        """As the kernel writes it: ESTABLISHED, FIN_WAIT, UDP, ASSURED ..."""
        return self[8]  # type: ignore[no-any-return]

    @property
    def expires(self) -> int:
        """Seconds until the entry ends if nothing more is seen."""
        return self[9]  # type: ignore[no-any-return]

    @property
    def engine(self) -> str:
        """Name of the persistence engine, or ""."""
        return self[10]  # type: ignore[no-any-return]

    @property
    def data(self) -> bytes:
        """What the persistence engine keeps (a SIP Call-ID): bytes chosen by a client. Never print them
        raw; listing.connections.escaped() makes them fit for a terminal."""
        return self[11]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return (
            f"<Connection {self.protocol} {self.state} {self.client}:{self.client_port} -> "
            f"{self.service}:{self.service_port} -> {self.destination}:{self.destination_port}>"
        )


def unpack(rows: bytes | memoryview, text: bytes) -> Iterator[Connection]:
    """The connections of packed rows; `text` holds their engines' names and data."""
    for (
        family, dest_family, protocol, template, cport, vport, dport, pe_len, _known, expires,
        client, service, destination, state, pe_at, data_at, data_len, *_details,
    ) in ROW.iter_unpack(rows):  # fmt: skip
        if family == AF_INET:
            client, service = client[:4], service[:4]
        engine, data = "", b""
        if pe_len:
            engine = text[pe_at : pe_at + pe_len].decode("ascii", "replace")
            data = text[data_at : data_at + data_len]
        yield _new(
            Connection,
            (
                protocol, bool(template), client, cport, service, vport,
                destination[:4] if dest_family == AF_INET else destination, dport,
                state.rstrip(b"\0").decode("ascii"), expires, engine, data,
            ),
        )  # fmt: skip


# Where the columns of a row lie: (offset, bytes, memoryview format or "" for raw addresses).
COLUMNS: dict[str, tuple[int, int, str]] = {
    "family": (0, 1, "B"),
    "destination_family": (1, 1, "B"),
    "protocol": (2, 1, "B"),
    "template": (3, 1, "B"),
    "client_port": (4, 2, "H"),
    "service_port": (6, 2, "H"),
    "destination_port": (8, 2, "H"),
    "expires": (12, 4, "I"),
    "client": (16, 16, ""),
    "service": (32, 16, ""),
    "destination": (48, 16, ""),
    "state": (64, 16, ""),
}


def take_column(rows: bytes, name: str) -> bytes:
    """One column of packed rows, contiguous."""
    offset, width, _ = COLUMNS[name]
    size = ROW.size
    if width == 1:
        return rows[offset::size]
    column = bytearray(len(rows) // size * width)
    for byte in range(width):
        column[byte::width] = rows[offset + byte :: size]
    return bytes(column)
