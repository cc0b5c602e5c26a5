"""A connection table full of entries, without traffic: they are told to the kernel's own backup sync daemon.

Messages of the sync protocol's version 1 go to the daemon's group and port on the loopback device of the
caller's namespace. Linux 6.1's daemon does not give the processor up while messages wait: they are sent in
bursts, each after the one before has been taken.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from support.command import run
from support.netns import ADMIN_PATH

GROUP, PORT = "224.0.0.81", 8848
TCP, UDP, SCTP, ESP, MARK = 6, 17, 132, 50, 0

INACTIVE = 0x100  # IP_VS_CONN_F_*
NO_CPORT = 0x800
TEMPLATE = 0x1000

# Numbers of states by protocol, and what the kernel calls them.
STATES = {
    TCP: ("NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
          "LAST_ACK", "LISTEN", "SYNACK"),
    UDP: ("UDP",),
    SCTP: ("NONE", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT", "COOKIE", "C-ECHOED", "ESTABLISHED",
           "S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED"),
}  # fmt: skip
TEMPLATE_STATES = ("NONE", "ASSURED")

_MESSAGE = struct.Struct(">BBHBBH")  # reserved, syncid, size, entries, version, spare
_ENTRY = struct.Struct(">BBHIHHHHII")  # type, protocol, size, flags, state, three ports, mark, timeout
MOST_BYTES, _MOST_ENTRIES = 1472, 255
_INET6 = 1
_OPTION_DATA, _OPTION_NAME = 2, 3
_BURST = 30  # messages: a third of a receive buffer of the default size
_PATIENCE = 30.0


class Entry(NamedTuple):
    """One entry of the table. The destination has the client's family: the protocol knows no other."""

    client: str
    client_port: int
    service: str
    service_port: int
    destination: str
    destination_port: int
    protocol: int = TCP
    state: int = 1
    timeout: int = 900
    flags: int = INACTIVE
    mark: int = 0
    engine: str = ""
    data: bytes = b""


def packed(entry: Entry) -> bytes:
    """An entry as it stands in a message, padded to four bytes."""
    six = ":" in entry.client
    family = socket.AF_INET6 if six else socket.AF_INET
    places = (entry.client, entry.service, entry.destination)
    addresses = b"".join([socket.inet_pton(family, text) for text in places])
    return pack(
        addresses, entry.engine, entry.data, entry.protocol, entry.flags, entry.state,
        entry.client_port, entry.service_port, entry.destination_port, entry.mark, entry.timeout,
    )  # fmt: skip


def pack(
    addresses: bytes, engine: str, data: bytes, protocol: int, flags: int, state: int, *rest: int
) -> bytes:
    """The same from three packed addresses. rest: three ports, mark, timeout."""
    options = b""
    if engine:
        name = engine.encode()
        options = struct.pack("BB", _OPTION_DATA, len(data)) + data
        options += struct.pack("BB", _OPTION_NAME, len(name)) + name
    size = _ENTRY.size + len(addresses) + len(options)
    head = _ENTRY.pack(_INET6 if len(addresses) == 48 else 0, protocol, size, flags, state, *rest)
    return head + addresses + options + bytes(-size % 4)


def messages(entries: Iterable[bytes]) -> Iterator[bytes]:
    """Messages with as many packed entries as fit."""
    held: list[bytes] = []
    length = _MESSAGE.size
    for entry in entries:
        if held and (length + len(entry) > MOST_BYTES or len(held) == _MOST_ENTRIES):
            yield _message(held, length)
            held, length = [], _MESSAGE.size
        held.append(entry)
        length += len(entry)
    if held:
        yield _message(held, length)


def _message(entries: list[bytes], length: int) -> bytes:
    return _MESSAGE.pack(0, 0, length, len(entries), 1, 0) + b"".join(entries)


def numbered(count: int, clients: int, start: int = 0, timeout: int = 900) -> Iterator[bytes]:
    """`count` established TCP connections of so many clients in 10.64.0.0/10, packed; no two alike."""
    entry = struct.Struct(">BBHIHHHHIIIII")
    for at in range(start, start + count):
        round_number, client = divmod(at, clients)
        yield entry.pack(
            0, TCP, entry.size, INACTIVE, 1, 1024 + round_number, 80, 8080, 0, timeout,
            0x0A400000 + client, 0x0A000002, 0x0A800001 + at % 50,
        )  # fmt: skip


class Filler:
    """A backup sync daemon in the caller's namespace, and the way to tell it of connections."""

    def __init__(self) -> None:
        start_daemon()

    def close(self) -> None:
        """Ends the daemon; the entries stay."""
        stop_daemon()

    def __enter__(self) -> Filler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, entries: Iterable[Entry]) -> None:
        self.send(map(packed, entries))

    def send(self, entries: Iterable[bytes]) -> None:
        """Packed entries; returns once the daemon has taken them all. AssertionError if it lost some."""
        send_messages(messages(entries))

    def fill(self, entries: Iterable[bytes], total: int) -> None:
        """Packed entries, after which the table has `total`. AssertionError if it does not get them."""
        self.send(entries)
        await_count(total)


def start_daemon() -> None:
    """Entries can be sent into the caller's namespace from now on."""
    _ip("link", "set", "lo", "multicast", "on")
    _ip("route", "replace", "224.0.0.0/4", "dev", "lo")
    if run("--start-daemon", "backup", "--mcast-interface", "lo").returncode:
        raise AssertionError("no backup sync daemon")


def stop_daemon() -> None:
    """The entries stay."""
    run("--stop-daemon", "backup")


def await_count(wanted: int, count: Callable[[], int] | None = None) -> None:
    """Until the table has so many entries, by `count` or else the kernel's number. AssertionError if it does
    not get them."""
    end = time.monotonic() + _PATIENCE
    while (found := (count or held)()) != wanted:
        if time.monotonic() > end:
            raise AssertionError(f"{found} entries instead of {wanted}")
        time.sleep(0.01)


def send_messages(made: Iterable[bytes]) -> None:
    """To the daemon of the caller's namespace; returns once it has taken them all. AssertionError if it lost
    some."""
    lost = _queue()[1]
    flow = iter(made)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        while burst := list(itertools.islice(flow, _BURST)):
            for message in burst:
                sender.sendto(message, (GROUP, PORT))
            _await_empty_queue()
    if _queue()[1] != lost:
        raise AssertionError("the sync daemon lost messages")


def _await_empty_queue() -> None:
    end = time.monotonic() + _PATIENCE
    while _queue()[0]:
        if time.monotonic() > end:
            raise AssertionError("the sync daemon takes no messages")
        time.sleep(0.0005)


def _queue() -> tuple[int, int]:
    """(bytes that wait at the daemon's socket, messages that found no room there)."""
    for line in Path("/proc/thread-self/net/udp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(f":{PORT:04X}"):
            return int(words[4].partition(":")[2], 16), int(words[12])
    raise AssertionError("the sync daemon has no socket")


def held() -> int:
    """Entries of this namespace's table: the kernel's own number from Linux 7.1 on, else lines."""
    try:
        text = Path("/proc/net/ip_vs_status").read_text()
    except FileNotFoundError:
        return max(table_text().count(b"\n") - 1, 0)
    return int(text.partition("Conns:\t")[2].split()[0])


def table_text() -> bytes:
    """The kernel's text of the whole table."""
    return Path("/proc/net/ip_vs_conn").read_bytes()


def _ip(*words: str) -> None:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{ADMIN_PATH}"}
    subprocess.run(["ip", *words], env=environment, check=True, timeout=60)
