"""Entries of every kind by the thousand, for tables that are read by BPF; addresses are packed."""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from support import connections
from support.connections import ESP, INACTIVE, SCTP, TCP, TEMPLATE, UDP, pack

AH, IP = 51, 0


class Entry(NamedTuple):
    """A connection as the protocol sends it; addresses are packed."""

    client: bytes
    virtual: bytes
    destination: bytes
    cport: int
    vport: int = 80
    dport: int = 8080
    protocol: int = TCP
    state: int = 1
    flags: int = INACTIVE
    fwmark: int = 0
    timeout: int = 3600
    data: bytes = b""


def packed(e: Entry) -> bytes:
    """As it stands in a message."""
    return pack(
        e.client + e.virtual + e.destination, "sip" if e.data else "", e.data, e.protocol, e.flags, e.state,
        e.cport, e.vport, e.dport, e.fwmark, e.timeout,
    )  # fmt: skip


def messages(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Messages with as many entries as fit."""
    return connections.messages(map(packed, entries))


def many(count: int, like: Entry) -> Iterator[bytes]:
    """Messages of entries alike but for the client and the engine's data, made as fast as they can be sent."""
    mark = b"\xee\xdd\xcc"

    def varied(n: int) -> Entry:
        # By its data an entry finds its bucket: it may not be the same for all.
        data = like.data and mark + bytes((33 + n,)) + like.data
        return like._replace(client=mark + bytes((n,)), data=data)

    each = (connections.MOST_BYTES - 8) // len(packed(varied(0)))
    (whole,) = messages(map(varied, range(each)))
    for number in range(count // each):
        yield whole.replace(mark, bytes(33 + number // 94**power % 94 for power in (2, 1, 0)))
    yield from messages(varied(n) for n in range(count % each))


def v4(*parts: int) -> bytes:
    return bytes(parts)


def v6(*words: int) -> bytes:
    return struct.pack("!8H", *words)


def plain(count: int, first: int = 0, timeout: int = 3600) -> Iterator[Entry]:
    """TCP over IPv4, all different."""
    virtual, destinations = v4(10, 0, 0, 1), [v4(10, 1, 0, n) for n in range(1, 201)]
    for n in range(first, first + count):
        client, port = _pair(n)
        yield Entry(client, virtual, destinations[n % 200], port, timeout=timeout)


def mixed(count: int) -> Iterator[Entry]:
    """All protocols and states, both families, templates of services and marks, engine data."""
    makers = itertools.cycle(KINDS)
    for n in range(count):
        yield next(makers)(n)


def _pair(n: int) -> tuple[bytes, int]:
    return struct.pack("!I", 0x0B000000 + n // 50000), 1024 + n % 50000


def _tcp(n: int) -> Entry:
    client, port = _pair(n)
    return Entry(
        client, v4(10, 0, 0, 1), v4(10, 1, 0, 1), port, state=n // len(KINDS) % 11, timeout=600 + n % 3000
    )


def _udp(n: int) -> Entry:
    client, port = _pair(n)
    return Entry(client, v4(10, 0, 0, 2), v4(10, 1, 0, 2), port, 53, 5353, UDP, 0, timeout=900, fwmark=n % 7)


def _sctp(n: int) -> Entry:
    client, port = _pair(n)
    return Entry(client, v4(10, 0, 0, 3), v4(10, 1, 0, 3), port, 5060, 5060, SCTP, n // len(KINDS) % 14)


def _tcp6(n: int) -> Entry:
    client = v6(0x2001, 0xDB8, 0, 0, 0, 0, n >> 16, n & 0xFFFF)
    virtual, destination = v6(0x2001, 0xDB8, 1, 0, 0, 0, 0, 1), v6(0xFE80, 0, 0, 0, 0, 0xA, 0xB0, n % 99)
    return Entry(client, virtual, destination, 1024 + n % 50000, state=n // len(KINDS) % 11)


def _udp6(n: int) -> Entry:
    return _tcp6(n)._replace(protocol=UDP, vport=53, dport=53, state=0)


def _template(n: int) -> Entry:
    client = struct.pack("!I", 0x0C000000 + n)
    return Entry(
        client, v4(10, 0, 0, 4), v4(10, 1, 0, 4), 0, 443, 443, TCP, n // len(KINDS) % 2, TEMPLATE | INACTIVE
    )


def _template6(n: int) -> Entry:
    return _tcp6(n)._replace(cport=0, state=n // len(KINDS) % 2, flags=TEMPLATE | INACTIVE)


def _mark_template(n: int) -> Entry:
    client = struct.pack("!I", 0x0D000000 + n)
    return Entry(client, struct.pack("!I", 77), v4(10, 1, 0, 5), 0, 0, 0, IP, 1, TEMPLATE | INACTIVE, 77)


def engine(n: int) -> Entry:
    tail = (b"", b"x" * 60, b"\0" * 3 + b"behind")[n // len(KINDS) % 3]  # shown up to a NUL
    return _template(n)._replace(
        protocol=UDP, virtual=v4(10, 0, 0, 6), vport=5060, data=b"%d@example.com" % n + tail
    )


def _esp(n: int) -> Entry:
    client, port = _pair(n)
    return Entry(client, v4(10, 0, 0, 7), v4(10, 1, 0, 7), port, 500, 500, (ESP, AH)[n // len(KINDS) % 2], 0)


KINDS = (
    _tcp, _tcp, _tcp, _tcp, _udp, _udp, _sctp, _tcp6, _tcp6, _udp6, _template, _template6, _mark_template,
    engine, _esp,
)  # fmt: skip


def churn() -> None:
    """New entries, which the kernel drops again after two or three seconds, until somebody ends it."""
    first = 1_000_000
    while True:
        connections.send_messages(messages(plain(1000, first, timeout=1 + first // 1000 % 3)))
        first += 1000
        time.sleep(0.05)


if __name__ == "__main__":
    churn()
