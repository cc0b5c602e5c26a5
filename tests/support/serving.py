"""A server of an exposition that tests make up, and clients that speak to it byte by byte."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ipvsfast.exporter.listening import open_listeners
from ipvsfast.exporter.notes import Notes
from ipvsfast.exporter.server import Server
from ipvsfast.exporter.sharing import Sharing
from ipvsfast.exporter.timing import Patience
from ipvsfast.exporter.webconfig import WebConfigFile

SECONDS = 60.0  # for what comes at once


class Reading:
    """What one scrape gives: blocks of two forms."""

    def __init__(self, blocks: list[bytes]) -> None:
        self._blocks = blocks

    def blocks(self, openmetrics: bool) -> Iterator[bytes | memoryview]:
        yield b"openmetrics\n" if openmetrics else b"text\n"
        for block in self._blocks:
            yield memoryview(block)
        if openmetrics:
            yield b"# EOF\n"


class Table:
    """What is scraped. count: how often it was. blocks: what it gives. gate: a reading waits for it."""

    def __init__(self, *blocks: bytes) -> None:
        self.blocks = list(blocks)
        self.count = 0
        self.failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def scrape(self) -> Reading:
        self.count += 1
        self.begun.set()
        assert self.gate.wait(SECONDS)
        if self.failure is not None:
            raise self.failure
        return Reading([b"reading %d\n" % self.count, *self.blocks])


class Running:
    """The server in its thread. said: its log. left: clients that were not done when it ended."""

    def __init__(self, server: Server, address: str, said: list[str], sharing: Sharing) -> None:
        self.server = server
        self.address = address
        self.said = said
        self.sharing = sharing
        self.left = 0
        self._stop, self._wake = os.pipe()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.server.wait([self._stop], None)
        self.left = self.server.end()

    def end(self) -> None:
        """Tells it to end."""
        os.write(self._wake, b"x")

    def close(self) -> None:
        """It has ended."""
        self.end()
        self.thread.join()
        os.close(self._stop)
        os.close(self._wake)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def connect(self) -> socket.socket:
        """A client's end."""
        if self.address.startswith("unix:"):
            end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            end.settimeout(SECONDS)
            end.connect(self.address.removeprefix("unix:"))
            return end
        return socket.create_connection(("127.0.0.1", self.port), SECONDS)

    def ask(self, data: bytes) -> bytes:
        """All that is answered to these bytes, until the server closes."""
        with self.connect() as end:
            end.sendall(data)
            return everything(end)

    def get(
        self, path: str = "/metrics", *headers: str, method: str = "GET"
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one request."""
        return answer(self.ask(request(path, *headers, "Connection: close", method=method)))

    def until_said(self, text: str) -> str:
        """The line of the log that has it."""
        return until(lambda: next((line for line in self.said if text in line), ""))


def request(path: str = "/metrics", *headers: str, method: str = "GET") -> bytes:
    """Bytes of a request that is in order."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *headers, "", ""]).encode("latin-1")


def everything(end: socket.socket) -> bytes:
    """What comes until the end."""
    pieces = []
    while True:
        try:
            piece = end.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


def answer(data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their names in lower case, and body of the first answer; the body is without chunks."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
    if headers.get("transfer-encoding") == "chunked":
        body = unchunked(body)
    return int(first.split()[1]), headers, body


def unchunked(data: bytes) -> bytes:
    """The text behind chunks, which have to come to their end."""
    pieces = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        piece, data = data[:length], data[length:]
        assert len(piece) == length, "a chunk is cut short"
        assert data[:2] == b"\r\n"
        data = data[2:]
        if not length:
            return b"".join(pieces)
        pieces.append(piece)
    raise AssertionError("the last chunk is missing")


def until(done: Callable[[], object]) -> object:
    """What `done` gives as soon as that is true."""
    deadline = time.monotonic() + SECONDS
    while not (found := done()):
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.005)
    return found


@contextmanager
def serving(
    table: Table,
    place: str = "127.0.0.1:0",
    *,
    min_age: float = 0.0,
    web: Path | None = None,
    **patience: float,
) -> Iterator[Running]:
    """A server in a thread of its own."""
    said: list[str] = []
    notes = Notes(said.append)
    listeners = open_listeners([place])
    sharing = Sharing(table.scrape, min_age)
    rules = WebConfigFile(str(web), notes) if web is not None else None
    server = Server(listeners, sharing, notes, rules, Patience(**patience))
    running = Running(server, listeners[0].name, said, sharing)
    try:
        yield running
    finally:
        table.gate.set()
        running.close()
