"""What a text of /proc/net/ip_vs_conn says, worked out anew: the measure for what the program makes of it."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

NUMBERS = {"IP": 0, "ICMP": 1, "TCP": 6, "UDP": 17, "ICMPv6": 58, "SCTP": 132}

_TIMER = re.compile(r"^(\S+ +)(\d+):(\d\d)( *)(?= )")
_ENTRY = re.compile(
    rb"(\S+) +(\S+) (\S{4}) (\S+) (\S{4}) (\S+) (\S{4}) (\S+) +(\d+)(?: (\S+) (.*))?", re.DOTALL
)


class Row(NamedTuple):
    """One entry, in the order of ipvsfast.Connection; addresses are packed."""

    number: int
    template: bool
    client: bytes
    client_port: int
    service: bytes
    service_port: int
    destination: bytes
    destination_port: int
    state: str
    expires: int
    engine: str
    data: bytes

    @property
    def protocol(self) -> str:
        return next((name for name, number in NUMBERS.items() if number == self.number), f"IP_{self.number}")

    @property
    def family(self) -> str:
        if len(self.service) != len(self.destination):
            return "mixed"
        return "ipv4" if len(self.service) == 4 else "ipv6"


def identity(row: Sequence[Any]) -> tuple[Any, ...]:
    """What makes it this entry: all but the time that is left. Of a Row or a Connection."""
    return (*row[:9], *row[10:12])


def identities(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return list(map(identity, rows))


def parse(text: bytes) -> list[Row]:
    """The rows below the header, in the file's order."""
    rows = []
    for line in text.split(b"\n")[1:-1]:
        found = _ENTRY.fullmatch(line)
        assert found is not None, line
        protocol, client, cport, service, vport, destination, dport, state, expires, engine, data = (
            found.groups()
        )
        port = int(cport, 16)
        rows.append(Row(
            _number(protocol), not port and state in (b"NONE", b"ASSURED"), _packed(client), port,
            _packed(service), int(vport, 16), _packed(destination), int(dport, 16),
            state.decode(), int(expires), (engine or b"").decode(), data or b"",
        ))  # fmt: skip
    return rows


def _number(name: bytes) -> int:
    text = name.decode()
    return NUMBERS[text] if text in NUMBERS else int(text.removeprefix("IP_"))


def _packed(digits: bytes) -> bytes:
    return bytes.fromhex(digits.replace(b":", b"").decode())


@cache
def text(host: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(host) == 4 else socket.AF_INET6, host)


def packed(host: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)


def in_network(host: bytes, network: str) -> bool:
    """Whether an address has the first bits of ADDRESS/LENGTH."""
    start, bits = _network(network)
    if len(host) != len(start):
        return False
    shift = 8 * len(host) - bits
    return int.from_bytes(host, "big") >> shift == int.from_bytes(start, "big") >> shift


@cache
def _network(network: str) -> tuple[bytes, int]:
    host, _, bits = network.partition("/")
    return packed(host), int(bits)


@cache
def network_of(host: bytes, four: int, six: int) -> str:
    """The network of so many bits that an address lies in."""
    bits = four if len(host) == 4 else six
    shift = 8 * len(host) - bits
    value = int.from_bytes(host, "big") >> shift << shift
    return f"{text(value.to_bytes(len(host), 'big'))}/{bits}"


def endpoint(host: bytes, port: int) -> str:
    return f"{text(host)}:{port}" if len(host) == 4 else f"[{text(host)}]:{port}"


def listed(rows: list[Row], engines: bool = False) -> list[str]:
    """The lines of `-L -c -n` below its two of heading, with MM:SS in place of the timers."""
    lines = []
    for row in rows:
        client = endpoint(row.client, row.client_port)
        service = endpoint(row.service, row.service_port)
        destination = endpoint(row.destination, row.destination_port)
        start = f"{row.protocol:3} MM:SS {row.state:11} {client:18} {service:18} "
        if engines and row.engine:
            lines.append(f"{start}{destination:16} {row.engine:18} {row.data.decode()}")
        else:
            lines.append(start + destination)
    return lines


def timerless(line: str) -> str:
    """A line of the listing with MM:SS in place of its timer and the blank that may follow it."""
    return _TIMER.sub(lambda found: f"{found[1]}MM:SS", line, count=1)


def seconds(line: str) -> int:
    """The timer of a line of the listing."""
    found = _TIMER.match(line)
    assert found is not None, line
    return int(found[2]) * 60 + int(found[3])
