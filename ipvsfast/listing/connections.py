"""`ipvsadm -L -c`: lines of /proc/net/ip_vs_conn to rows of a table.

ipvsadm reads pieces of 255 bytes and words into small buffers, so that one long SIP Call-ID hides
connections or ends it with a crash. Here lines are of any length. That text is chosen by whoever sends
the packet: control characters in it never reach the terminal.
"""

from __future__ import annotations

from .endpoints import Named, Numeric

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .endpoints import Endpoints, Names

_TITLE = "IPVS connection entries\n"
_HEADER = "pro expire state       source             virtual            destination\n"
_ENGINE_HEADER = f"{_HEADER[:-1]}        pe name          pe_data\n"
_ROW = "%-3s %02d:%02d%s %-11s %-18s %-18s %s\n"
_ENGINE_ROW = "%-3s %02d:%02d%s %-11s %-18s %-18s %-16s %-18s %s\n"  # two columns off its header
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_ROWS_AT_ONCE = 1024


class ConnectionRow(tuple):  # type: ignore[type-arg]
    """One entry of the connection table; a plain tuple in the order of its properties.

    Addresses are packed (4 or 16 bytes). The source is the client, the virtual address the service's;
    a persistence template has source port 0, and one of a mark has the mark as its virtual address.
    """

    __slots__ = ()

    @property
    def protocol(self) -> str:
        """As the kernel writes it: TCP, UDP, SCTP, IP for templates of marks."""
        return self[0]  # type: ignore[no-any-return]

    @property
    def source(self) -> bytes:
        return self[1]  # type: ignore[no-any-return]

    @property
    def source_port(self) -> int:
        return self[2]  # type: ignore[no-any-return]

    @property
    def virtual(self) -> bytes:
        return self[3]  # type: ignore[no-any-return]

    @property
    def virtual_port(self) -> int:
        return self[4]  # type: ignore[no-any-return]

    @property
    def destination(self) -> bytes:
        return self[5]  # type: ignore[no-any-return]

    @property
    def destination_port(self) -> int:
        return self[6]  # type: ignore[no-any-return]

    @property
    def state(self) -> str:
        """As the kernel writes it: ESTABLISHED, FIN_WAIT, UDP, ASSURED ..."""
        return self[7]  # type: ignore[no-any-return]

    @property
    def expires(self) -> int:
        """Seconds until the entry ends if nothing more is seen."""
        return self[8]  # type: ignore[no-any-return]

    @property
    def engine(self) -> str:
        """Name of the persistence engine, or ""."""
        return self[9]  # type: ignore[no-any-return]

    @property
    def data(self) -> bytes:
        """What the persistence engine keeps, as it came from the network; print only escaped()."""
        return self[10]  # type: ignore[no-any-return]


_new = tuple.__new__


def parse_line(line: bytes) -> ConnectionRow:
    """One line of the file, of any length. ValueError if it is no entry."""
    words = line.split(None, 9)
    engine, data = "", b""
    if len(words) == 10:
        name, _, data = words.pop().partition(b" ")
        engine = name.strip().decode("utf-8", "surrogateescape")
        data = data.removesuffix(b"\n")
    protocol, source, sport, virtual, vport, destination, dport, state, expires = words
    return _new(
        ConnectionRow,
        (
            protocol.decode("utf-8", "surrogateescape"),
            _packed(source), int(sport, 16), _packed(virtual), int(vport, 16),
            _packed(destination), int(dport, 16),
            state.decode("utf-8", "surrogateescape"), int(expires), engine, data,
        ),
    )  # fmt: skip


def _packed(digits: bytes) -> bytes:
    if len(digits) == 8:
        return int(digits, 16).to_bytes(4, "big")
    if len(digits) != 39:
        raise ValueError(digits)
    return int(digits.replace(b":", b""), 16).to_bytes(16, "big")


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
    return _TITLE + (_ENGINE_HEADER if persistent_conn else _HEADER)


def connection_text(row: ConnectionRow, endpoints: Endpoints, persistent_conn: bool = False) -> str:
    """One row of the table, with its line end; engine and data only with persistent_conn."""
    protocol, source, sport, virtual, vport, destination, dport, state, expires, engine, data = row
    service_names = _PROTOCOLS.get(protocol, "")
    values = (
        protocol, expires // 60, expires % 60, "" if expires >= 6000 else " ", state,
        endpoints.one(source, sport, service_names),
        endpoints.one(virtual, vport, service_names),
        endpoints.one(destination, dport, service_names),
    )  # fmt: skip
    if persistent_conn and engine and data:
        return _ENGINE_ROW % (*values, engine, escaped(data))
    return _ROW % values


def rows(lines: Iterable[bytes], names: Names | None = None, persistent_conn: bool = False) -> Iterator[str]:
    """The rows in pieces of many, from the lines of the file after the first, in their order.

    names: addresses and ports by name; looked up piece by piece. A line that is no entry does not hide
    those after it, but ValueError, with ipvsadm's sentence, comes after the last row.
    """
    endpoints: Endpoints = Numeric() if names is None else Named(names)
    strange = 0
    held: list[ConnectionRow] = []
    for line in lines:
        try:
            held.append(parse_line(line))
        except (ValueError, OverflowError):
            strange += not line.isspace()
        if len(held) == _ROWS_AT_ONCE:
            yield _text(held, endpoints, persistent_conn, names)
            held.clear()
    if held:
        yield _text(held, endpoints, persistent_conn, names)
    if strange:
        raise ValueError(f"unexpected input from /proc/net/ip_vs_conn: {strange} lines are no entries")


def _text(held: list[ConnectionRow], endpoints: Endpoints, persistent_conn: bool, names: Names | None) -> str:
    if names is not None:
        names.prefetch(dict.fromkeys([packed for row in held for packed in (row[1], row[3], row[5])]))
    return "".join([connection_text(row, endpoints, persistent_conn) for row in held])
