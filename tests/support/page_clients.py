"""Clients of the services that a page of docs/ shows: their connections are real, and last until they are ended."""

from __future__ import annotations

import socket
import struct
import subprocess

from support.netns import ADMIN_PATH


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


class Clients:
    """In the network namespace of the caller, which has the addresses of services and destinations too."""

    def __init__(self) -> None:
        self._open: list[socket.socket] = []

    def connect(self, service: str, destination: str) -> None:
        """A TCP connection to the service; AssertionError unless that destination gets it."""
        for host, _ in map(_place, (service, destination)):
            subprocess.run(
                ["ip", "address", "replace", f"{host}/32", "dev", "lo"], env={"PATH": ADMIN_PATH}, check=True, timeout=60
            )  # fmt: skip
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(_place(destination))
        server.listen()
        self._open.insert(0, server)  # ended behind its client
        before = _active(service, destination)
        client = socket.create_connection(_place(service), timeout=60)
        # It ends with a reset, after which the kernel forgets it in ten seconds.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._open.append(client)
        assert _active(service, destination) == before + 1, f"{destination} did not get the connection"

    def close(self) -> None:
        """Ends all."""
        while self._open:
            self._open.pop().close()


def _active(service: str, destination: str) -> int:
    """Active connections of a destination of a TCP service."""
    from ipvsfast import Ipvs  # pages are read, too, by tests of packages, which find no compiled module

    with Ipvs() as ipvs:
        for one, destinations in ipvs.table():
            if str(one.key) == f"TCP {service}":
                return sum(found.active for found in destinations if str(found.key) == destination)
    raise AssertionError(f"there is no TCP service {service}")
