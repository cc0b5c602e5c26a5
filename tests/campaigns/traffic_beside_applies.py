"""TCP traffic beside applies: is a connection to a service that stays lost, or one to a service that changes refused?

    .venv/bin/python -m tests.vm --timeout 900 -- .venv/bin/python tests/campaigns/traffic_beside_applies.py [APPLIES]

or as root. 1 % of the destinations of a table are replaced again and again, and all of those of one service, while clients
connect and others stay connected, over the loopback device. Connections of destinations that are deleted are cut: who does not
want that drains them. Then the same is done with `ipvsadm -C` and `ipvsadm -R`. It ends with status 1 if an apply loses or refuses a
connection, or ipvsadm none. tests/plans/test_apply_traffic.py does a few.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ipvsfast import Ipvs, NotFound, ServiceKey
from support.command import run
from support.netns import fresh_namespace

STAYS, CHANGES = "10.0.0.1", "10.0.0.2"
SERVERS = [f"10.1.0.{n}" for n in range(1, 5)]
PORT = 8080
SERVICES, DESTINATIONS = 20, 50
KEPT_OPEN = 8
PATIENCE = 30.0  # seconds after which an answer is lost,
CUT = 3.0  # and after which nobody waits for a server that is gone


@dataclass
class Told:
    """What clients have seen. lost: connections to the service that stays, and refused ones to any. cut: others to
    the service that changes. fewest: destinations with a weight that it had, at any time; samples: of these; without:
    seconds in which it had none, from one sample to the next."""

    connections: int = 0
    answers: int = 0
    lost: list[str] = field(default_factory=list)
    cut: int = 0
    samples: int = 0
    fewest: int = 1 << 30
    without: float = 0.0


def table(turn: int) -> str:
    """The rules of a turn: traffic goes to one service that stays and one that has other destinations each time."""
    lines = [f"-A -t {STAYS}:80 -s rr\n"]
    lines += [f"-a -t {STAYS}:80 -r {server}:{PORT} -m -w 1\n" for server in SERVERS]
    lines.append(f"-A -t {CHANGES}:80 -s rr\n")
    chosen = SERVERS[:2] if turn % 2 else SERVERS[2:]
    lines += [f"-a -t {CHANGES}:80 -r {server}:{PORT} -m -w 1\n" for server in chosen]
    for number in range(SERVICES):
        lines.append(f"-A -t 10.9.0.{number}:80 -s rr\n")
        for dest in range(DESTINATIONS):
            other = turn % 2 and (number * DESTINATIONS + dest) % 100 == 7
            lines.append(f"-a -t 10.9.0.{number}:80 -r 10.2.{number}.{dest}:{81 if other else 80} -m -w 1\n")
    return "".join(lines)


def _close_at_once(connection: socket.socket) -> None:
    """Closing waits for nobody: where a destination was deleted no answer comes, and a socket that waits for
    one keeps the namespace with its services, and so the module, for minutes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _echo(connection: socket.socket) -> None:
    with contextlib.suppress(OSError), connection:
        while data := connection.recv(64):
            connection.sendall(data)


def _serve(server: socket.socket, accepted: list[socket.socket]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection = server.accept()[0]
            accepted.append(connection)
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()


@contextlib.contextmanager
def servers() -> Iterator[None]:
    """Servers that send back what they get, in this namespace."""
    for address in (STAYS, CHANGES, *SERVERS):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    listening, accepted = [], []
    for address in SERVERS:
        server = socket.create_server((address, PORT), backlog=512)
        listening.append(server)
        threading.Thread(target=_serve, args=(server, accepted), daemon=True).start()
    try:
        yield
    finally:
        for server in listening:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        for connection in accepted:
            with contextlib.suppress(OSError):  # its thread has closed it, or wakes up and does
                _close_at_once(connection)
                connection.shutdown(socket.SHUT_RDWR)


class Clients:
    """Clients that work until they are told to end, in threads of this process and so in this namespace."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._ended = threading.Event()
        works: list[Callable[[], None]] = [self._stay_connected, self._sample]
        works += [lambda to=to: self._connect(to) for to in (STAYS, CHANGES)]  # type: ignore[misc]
        self._threads = [threading.Thread(target=work) for work in works]
        self._open = [socket.create_connection((STAYS, 80), timeout=PATIENCE) for _ in range(KEPT_OPEN)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for connection in self._open:
            connection.close()

    def _ask(self, connection: socket.socket) -> bool:
        connection.sendall(b"ping")
        answered = connection.recv(64) == b"ping"
        self._told.answers += answered
        return answered

    def _connect(self, address: str) -> None:
        stays = address == STAYS
        while not self._ended.is_set():
            wrong = "closed"
            try:
                with socket.create_connection(
                    (address, 80), timeout=PATIENCE if stays else CUT
                ) as connection:
                    if address == CHANGES:
                        _close_at_once(connection)
                    if self._ask(connection):
                        self._told.connections += stays
                        continue
            except OSError as error:
                wrong = str(error)
                stays = stays or isinstance(error, ConnectionRefusedError)
            if stays:
                self._told.lost.append(f"a new connection to {address}: {wrong}")
            else:
                self._told.cut += 1
            stays = address == STAYS

    def _stay_connected(self) -> None:
        while self._open and not self._ended.is_set():
            for one in list(self._open):
                wrong = "closed"
                try:
                    if self._ask(one):
                        continue
                except OSError as error:
                    wrong = str(error)
                self._told.lost.append(f"one that stays connected: {wrong}")
                self._open.remove(one)

    def _sample(self) -> None:
        key, since = ServiceKey.of("tcp", CHANGES, 80), 0.0
        with Ipvs() as ipvs:
            while not self._ended.is_set():
                try:
                    count = sum(one.weight > 0 for one in ipvs.destinations(key))
                except NotFound:
                    count = 0
                now = time.monotonic()
                self._told.without += now - since if since else 0.0
                since = 0.0 if count else now
                self._told.fewest = min(self._told.fewest, count)
                self._told.samples += 1


def beside(change: Callable[[int], None], count: int) -> Told:
    """What clients see while the table is changed so many times."""
    told = Told()
    with fresh_namespace():
        assert run("restore", "-q", stdin=table(0)).returncode == 0
        with servers(), Clients(told):
            for turn in range(1, count + 1):
                before = told.connections
                change(turn)
                while told.connections - before < 3 and not told.lost:  # there was traffic beside each
                    threading.Event().wait(0.001)
    return told


def apply(turn: int) -> None:
    """By an apply of the rules."""
    done = run("apply", "-q", stdin=table(turn))
    assert done.returncode == 0, done.stderr


def clear_and_restore(turn: int) -> None:
    """As boot scripts do it."""
    ipvsadm = shutil.which("ipvsadm", path="/usr/sbin:/sbin:/usr/bin")
    assert ipvsadm is not None
    subprocess.run([ipvsadm, "-C"], check=True)
    subprocess.run([ipvsadm, "-R"], input=table(turn), text=True, check=True)


def main() -> int:
    """The exit status."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    lost, without = {}, {}
    for name, change in (("ipvsfast apply", apply), ("ipvsadm -C; ipvsadm -R", clear_and_restore)):
        told = beside(change, count)
        lost[name] = len(told.lost)
        without[name] = told.without
        print(f"{name}, {count} times: {told.connections:,} connections, {told.answers:,} answers, {len(told.lost):,} lost "
              f"or refused; {told.cut:,} cut of the service that changes, which had {told.fewest} destinations or more in "
              f"{told.samples:,} samples, and none for {told.without:.3f} s",
              *sorted(set(told.lost))[:5], sep="\n  ", flush=True)  # fmt: skip
    ours, theirs = lost
    return 1 if lost[ours] or without[ours] or not lost[theirs] else 0


if __name__ == "__main__":
    sys.exit(main())
