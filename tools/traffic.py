"""Runs a command beside some services that have traffic.

They are made in a network namespace of their own, on its loopback device: clients, director and servers are
all there. Needs root and IPVS: python -m tests.vm -- python tools/traffic.py COMMAND...
"""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from ipvsfast import Destination, Ipvs, Service

_NEW_NETWORK, _NEW_NAME = 0x40000000, 0x04000000
_CLIENTS = [f"192.0.2.{n}" for n in range(1, 21)]
_SO_MARK = 36
_HELD = 2.5  # seconds for which some connections stay


class Site(NamedTuple):
    """A service, its servers with their weights, and what comes: requests a second, bytes of an answer.
    period: seconds in which that goes up and down."""

    service: Service
    servers: tuple[tuple[str, int, int], ...]
    rate: float
    answer: int
    period: float


def _servers(*weights: int, first: int, port: int, net: str = "10.0.1.") -> tuple[tuple[str, int, int], ...]:
    """One for each weight, at addresses in a row."""
    hosts = [f"{net}{first + n:x}" if ":" in net else f"{net}{first + n}" for n in range(len(weights))]
    return tuple([(host, port, weight) for host, weight in zip(hosts, weights)])


_EIGHT = (3, 3, 3, 2, 2, 2, 1, 0)
SITES = (
    Site(Service.tcp("198.51.100.10", 443, "wlc"), _servers(*_EIGHT, first=11, port=8443), 40, 24_000, 50),
    Site(Service.tcp("198.51.100.10", 80, "rr"), _servers(*[1] * 6, first=21, port=8080), 25, 3_000, 31),
    Site(
        Service.tcp("2001:db8::10", 443, "wrr"),
        _servers(*[5, 5, 5, 3, 1, 0], first=1, port=8443, net="2001:db8:1::"), 16, 30_000, 67,
    ),
    Site(Service.tcp("198.51.100.25", 25, "lc"), _servers(1, 1, 1, first=31, port=2525), 4, 800, 23),
    Site(Service.udp("198.51.100.53", 53, "rr"), _servers(*[1] * 6, first=41, port=53), 60, 180, 41),
    Site(Service.udp("198.51.100.60", 514, "sh"), _servers(2, 1, 1, first=51, port=514), 30, 0, 29),
    Site(Service.mark(7, "wlc"), _servers(1, 4, 4, first=61, port=0), 6, 9_000, 37),
    Site(
        Service.tcp("198.51.100.90", 5432, "mh", persistent=300),
        _servers(1, 1, 0, first=71, port=5432), 0.5, 5_000, 19,
    ),
    Site(Service.tcp("198.51.100.99", 8000, "wlc"), _servers(0, 0, first=81, port=8000), 0, 0, 1),
)  # fmt: skip
_MARKED = "198.51.100.7"


def _ip(*words: str) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    subprocess.run(["ip", *words], env={**os.environ, "PATH": path}, check=True)


def _addresses() -> Iterator[str]:
    yield from _CLIENTS
    yield _MARKED
    for site in SITES:
        if site.service.address:
            yield site.service.address
        for host, _, _ in site.servers:
            yield host


def make_services() -> None:
    """In a new namespace, which this process enters."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK | _NEW_NAME):
        raise OSError(ctypes.get_errno(), "unshare")
    socket.sethostname("director")
    _ip("link", "set", "lo", "up")
    for address in dict.fromkeys(_addresses()):
        words = ("/128", "nodad") if ":" in address else ("/32",)
        _ip("address", "add", f"{address}{words[0]}", "dev", "lo", *words[1:])
    with Ipvs() as ipvs:
        for site in SITES:
            ipvs.add_service(site.service)
            for host, port, weight in site.servers:
                ipvs.add_destination(site.service, Destination(host, port, forwarding="masq", weight=weight))


class _Answers(asyncio.DatagramProtocol):
    """A UDP server. size: bytes of an answer, 0 for none."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._size and self._transport is not None:
            self._transport.sendto(b"." * self._size, addr)


async def _serve(site: Site) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read(1000)
            writer.write(b"." * site.answer)
            await writer.drain()
            await reader.read(1)
            writer.close()

    loop = asyncio.get_running_loop()
    for host, port, _ in site.servers:
        if site.service.protocol == "udp":
            await loop.create_datagram_endpoint(lambda: _Answers(site.answer), (host, port))
        else:
            await asyncio.start_server(answer, host, port or 80)


async def _ask(site: Site) -> None:
    """One client with one request."""
    loop = asyncio.get_running_loop()
    target = (site.service.address or _MARKED, site.service.port or 80)
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    udp = site.service.protocol == "udp"
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as client:
        client.setblocking(False)
        if site.service.key.fwmark:
            client.setsockopt(socket.SOL_SOCKET, _SO_MARK, site.service.key.fwmark)
        if family == socket.AF_INET:
            client.bind((random.choice(_CLIENTS), 0))
        await loop.sock_connect(client, target)
        await loop.sock_sendall(client, b"x" * 120)
        left = site.answer
        while left > 0:
            piece = await asyncio.wait_for(loop.sock_recv(client, 65536), 5)
            if not piece:
                break
            left -= len(piece)
        if not udp and random.random() < 0.3:
            await asyncio.sleep(random.random() * _HELD)


async def _visit(site: Site) -> None:
    """Clients again and again, more and less of them."""
    asked = set()
    while site.rate:
        swing = 1 + 0.6 * math.sin(2 * math.pi * time.monotonic() / site.period) + 0.2 * random.random()
        await asyncio.sleep(random.expovariate(site.rate * swing))
        task = asyncio.create_task(_ask(site))
        asked.add(task)
        task.add_done_callback(asked.discard)


async def _all() -> None:
    for site in SITES:
        await _serve(site)
    await asyncio.gather(*[_visit(site) for site in SITES])


@contextmanager
def traffic() -> Iterator[None]:
    """Services with traffic, in a namespace that this process enters, by another process."""
    make_services()
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            asyncio.run(_all())
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


if __name__ == "__main__":
    with traffic():
        time.sleep(1)
        sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
