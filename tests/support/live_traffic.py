"""Traffic through services of the caller's namespace, over its loopback device, with every packet accounted for."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterable

from ipvsfast import Batch, Destination, Ipvs, Service

SO_MARK = 36
MARKED = Service.mark(7, "rr")
MARKED_6 = Service.mark(8, "rr", ipv6=True)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=60)


def addresses(*texts: str) -> None:
    """They are this machine's."""
    for text in texts:
        words = ("nodad",) if ":" in text else ()
        ip("address", "add", f"{text}/{128 if ':' in text else 32}", "dev", "lo", *words)


class Servers:
    """Sockets of both protocols that are listened at, and that answer."""

    def __init__(self, endpoints: Iterable[tuple[str, int]]) -> None:
        self.udp: list[socket.socket] = []
        self.tcp: list[socket.socket] = []
        self.held: list[socket.socket] = []
        for address, port in endpoints:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for kind, into in ((socket.SOCK_DGRAM, self.udp), (socket.SOCK_STREAM, self.tcp)):
                one = socket.socket(family, kind)
                one.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    one.listen(64)
                one.settimeout(20)
                into.append(one)

    def close(self) -> None:
        for one in (*self.udp, *self.tcp, *self.held):
            one.close()

    def answer(self) -> int:
        """Sends back what has come by UDP; how many packets."""
        count = 0
        for one in self.udp:
            one.setblocking(False)
            while True:
                try:
                    data, whence = one.recvfrom(2048)
                except BlockingIOError:
                    break
                one.sendto(data, whence)
                count += 1
        return count


def client(kind: int, target: tuple[str, int], mark: int = 0) -> socket.socket:
    """One that is connected."""
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    one = socket.socket(family, kind)
    one.settimeout(20)
    if mark:
        one.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    one.connect(target)
    return one


def send_udp(servers: Servers, target: tuple[str, int], packets: int, mark: int = 0) -> None:
    """One connection of so many packets of 100 bytes, each answered."""
    with client(socket.SOCK_DGRAM, target, mark) as one:
        for _ in range(packets):
            one.send(b"x" * 100)
        assert servers.answer() == packets
        for _ in range(packets):
            assert len(one.recv(2048)) == 100


def open_tcp(servers: Servers, target: tuple[str, int]) -> None:
    """A connection that stays, with some bytes from the client."""
    one = client(socket.SOCK_STREAM, target)
    servers.held.append(one)
    one.sendall(b"y" * 500)


def apply(ipvs: Ipvs, table: Iterable[tuple[Service, Iterable[Destination]]]) -> None:
    batch = Batch()
    for service, dests in table:
        batch.add_service(service)
        for dest in dests:
            batch.add_destination(service, dest)
    ipvs.apply(batch).check()
