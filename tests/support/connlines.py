"""Lines of /proc/net/ip_vs_conn: made, and read again by a parser that shares nothing with csrc/.

The kernel writes `%-3s %08X %04X %08X %04X %08X %04X %-11s %7u`, IPv6 addresses as eight groups of four
digits, and behind that perhaps ` ENGINE DATA`, where DATA is whatever a client sent.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable

from hypothesis import strategies as st

from ipvsfast.model.connection import Connection

HEADER = b"Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
LONGEST_LINE = 65536
PROTOCOLS = {b"TCP": 6, b"UDP": 17, b"SCTP": 132, b"IP": 0, b"ICMP": 1, b"ICMPv6": 58}

_ADDRESS = rb"((?:[0-9A-Fa-f]{4}:){7}[0-9A-Fa-f]{4}|[0-9A-Fa-f]{8}) ([0-9A-Fa-f]{4})"
_LINE = re.compile(
    rb"(TCP|UDP|SCTP|IP|ICMP|ICMPv6|IP_[0-9]+) +" + rb" ".join([_ADDRESS] * 3) + rb" ([!-~]{1,15}) +([0-9]+)"
    rb"(?: (?:([!-~]{1,16})(?: (.*))?)?)?",
    re.DOTALL,
)


def parse(line: bytes) -> Connection | None:
    """A line without its end as a connection; None for what is no entry."""
    match = _LINE.fullmatch(line)
    if not match or len(line) > LONGEST_LINE:
        return None
    name, *places = match.groups()[:7]
    state, expires, engine, data = match.groups()[7:]
    number = PROTOCOLS[name] if name in PROTOCOLS else int(name[3:])
    client, service, destination = [bytes.fromhex(text.replace(b":", b"").decode()) for text in places[::2]]
    if number > 255 or int(expires) >= 2**32 or len(client) != len(service):
        return None
    cport, vport, dport = [int(text, 16) for text in places[1::2]]
    return tuple.__new__(
        Connection,
        (
            number, cport == 0 and state in (b"NONE", b"ASSURED"), client, cport, service, vport, destination,
            dport, state.decode(), int(expires), (engine or b"").decode(), data or b"", None,
        ),
    )  # fmt: skip


def parse_text(text: bytes) -> tuple[list[Connection], int]:
    """(connections, lines that are none) of what a file holds. A last line without its end is none."""
    if text.startswith(HEADER[:10]) and b"\n" in text:
        text = text[text.index(b"\n") + 1 :]
    *lines, rest = text.split(b"\n")
    found = [(line, parse(line)) for line in lines]
    rows = [row for _, row in found if row is not None]
    strange = sum(row is None and bool(line.strip(b" \t\n\v\f\r")) for line, row in found)
    return rows, strange + bool(rest)


def connections(lines: Iterable[bytes]) -> list[Connection]:
    """The entries of good lines, each with its end."""
    found = [parse(line.removesuffix(b"\n")) for line in lines]
    return [row for row in found if row is not None]


def line(
    protocol: bytes | str = "UDP",
    client: str = "10.0.0.1",
    cport: int = 80,
    service: str = "10.0.0.2",
    vport: int = 80,
    destination: str = "10.0.0.3",
    dport: int = 80,
    state: bytes | str = "UDP",
    expires: int = 299,
    engine: bytes = b"",
    data: bytes = b"",
) -> bytes:
    """A line as the kernel writes it, with its end."""
    if isinstance(protocol, str):
        protocol = protocol.encode()
    if isinstance(state, str):
        state = state.encode()
    values = [protocol, _hex(client), cport, _hex(service), vport, _hex(destination), dport, state, expires]
    text = b"%-3s %s %04X %s %04X %s %04X %-11s %7d" % tuple(values)
    return text + (b" %s %s" % (engine, data) if engine else b"") + b"\n"


def _hex(address: str) -> bytes:
    if ":" not in address:
        return socket.inet_pton(socket.AF_INET, address).hex().upper().encode()
    text = socket.inet_pton(socket.AF_INET6, address).hex()
    return ":".join([text[at : at + 4] for at in range(0, 32, 4)]).encode()


STATES = (
    "NONE",
    "ASSURED",
    "ESTABLISHED",
    "FIN_WAIT",
    "TIME_WAIT",
    "UDP",
    "ICMP",
    "S-ACK-SENT",
    "C-REPLIED",
    "ERR!",
)
ADDRESSES4 = ("10.0.0.1", "10.0.0.2", "10.0.1.1", "127.0.0.1", "0.0.0.77", "255.255.255.255", "192.168.128.9")
ADDRESSES6 = ("::1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "fe80::ff", "::ffff:10.0.0.1", "::")
_ports = st.sampled_from([0, 0, 1, 80, 443, 32768, 65535]) | st.integers(0, 65535)
_data = st.sampled_from(
    [
        b"",
        b" ",
        b"a,b",
        b'say "hi"',
        b"back\\slash",
        b"\x1b[2J",
        b"\xc2\x9b",
        b"\xe2\x82",
        "é€😀".encode(),
        b"\0\r",
        b"\x7f",
    ]
) | st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"?"))


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """One line of a kernel, with its end."""
    addresses = draw(st.sampled_from([ADDRESSES4, ADDRESSES6]))
    destinations = draw(st.sampled_from([addresses, addresses, ADDRESSES4 + ADDRESSES6]))
    protocol = draw(
        st.sampled_from([*PROTOCOLS, b"TCP", b"UDP"]) | st.integers(0, 255).map(lambda n: b"IP_%d" % n)
    )
    engine = draw(st.sampled_from([b"", b"", b"", b"sip", b"fifteenletters_"]))
    return line(
        protocol,
        draw(st.sampled_from(addresses)), draw(_ports),
        draw(st.sampled_from(addresses)), draw(_ports),
        draw(st.sampled_from(destinations)), draw(_ports),
        draw(st.sampled_from(STATES)),
        draw(st.sampled_from([0, 59, 60, 5999, 6000, 2**32 - 1]) | st.integers(0, 7200)),
        engine,
        draw(_data),
    )  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A line with a few bytes changed, dropped, doubled or added."""
    text = bytearray(draw(lines()))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(text) - 1, 0)))
        kind = draw(st.sampled_from(["change", "drop", "add", "double", "cut"]))
        byte = draw(st.sampled_from(b" 0Ff:9g_I\0\r\n\t~!\x80") | st.integers(0, 255))
        if kind == "change" and text:
            text[at] = byte
        elif kind == "drop":
            del text[at : at + draw(st.integers(1, 9))]
        elif kind == "add":
            text.insert(at, byte)
        elif kind == "double":
            text[at:at] = text[at : at + draw(st.integers(1, 9))]
        elif kind == "cut":
            del text[at:]
    return bytes(text)
