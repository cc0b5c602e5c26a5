"""`ipvsadm -L -c`: rows of the connection table as text.

ipvsadm reads pieces of 255 bytes and words into small buffers, so that one long SIP Call-ID hides
connections or ends it with a crash. Here rows are of any length. That text is chosen by whoever sends
the packet: control characters in it never reach the terminal.
"""

from __future__ import annotations

from ..connections.forms import HEADS
from ..model.connection import protocol_text
from .endpoints import Named, Numeric

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model.connection import Connection
    from .endpoints import Endpoints, Names

_ROW = "%-3s %02d:%02d%s %-11s %-18s %-18s %s\n"
_ENGINE_ROW = "%-3s %02d:%02d%s %-11s %-18s %-18s %-16s %-18s %s\n"  # two columns off its header
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_ROWS_AT_ONCE = 1024


def escaped(data: bytes) -> str:
    r"""Text from the network, fit for a terminal: control characters (C0, DEL, C1) as \xNN.

    Other bytes that are not UTF-8 stay as they are: write the text with "surrogateescape".
    """
    text = data.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable():
        return text
    return "".join([_escaped_hex(c) if _is_control(ord(c)) else c for c in text])


def _is_control(code: int) -> bool:
    # U+DC80 to U+DC9F stand for bytes that were not UTF-8: C1 for a terminal with an 8-bit character set.
    return code < 0x20 or 0x7F <= code < 0xA0 or 0xDC80 <= code < 0xDCA0


def _escaped_hex(character: str) -> str:
    return "".join([f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape")])


def headers(persistent_conn: bool = False) -> str:
    """The two lines above the rows."""
    return HEADS["table-pe" if persistent_conn else "table"]


def connection_text(row: Connection, endpoints: Endpoints, persistent_conn: bool = False) -> str:
    """One row of the table, with its line end; engine and data only with persistent_conn."""
    number, _, client, cport, service, vport, destination, dport, state, expires, engine, data, _ = row
    protocol = protocol_text(number)
    service_names = _PROTOCOLS.get(protocol, "")
    values = (
        protocol, expires // 60, expires % 60, "" if expires >= 6000 else " ", state,
        endpoints.one(client, cport, service_names),
        endpoints.one(service, vport, service_names),
        endpoints.one(destination, dport, service_names),
    )  # fmt: skip
    if persistent_conn and engine and data:
        return _ENGINE_ROW % (*values, engine, escaped(data))
    return _ROW % values


def rows(
    connections: Iterable[Connection], names: Names | None = None, persistent_conn: bool = False
) -> Iterator[str]:
    """The rows in pieces of many. names: addresses and ports by name; looked up piece by piece."""
    endpoints: Endpoints = Numeric() if names is None else Named(names)
    held: list[Connection] = []
    for connection in connections:
        held.append(connection)
        if len(held) == _ROWS_AT_ONCE:
            yield _text(held, endpoints, persistent_conn, names)
            held.clear()
    if held:
        yield _text(held, endpoints, persistent_conn, names)


def _text(held: list[Connection], endpoints: Endpoints, persistent_conn: bool, names: Names | None) -> str:
    if names is not None:
        names.prefetch(dict.fromkeys([packed for row in held for packed in (row[2], row[4], row[6])]))
    return "".join([connection_text(row, endpoints, persistent_conn) for row in held])
