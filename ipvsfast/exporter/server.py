"""The server: takes clients in, each in a thread of its own, and lets none hold the others.

Only what belongs to all of them is here; what one client gets is in handler.py.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
from threading import Lock, Thread
from time import monotonic, sleep

from .channel import Channel
from .handler import Client
from .pages import landing_page
from .timing import Patience
from .webconfig import WebConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from .listening import Listener
    from .notes import Notes
    from .sharing import Sharing
    from .webconfig import WebConfigFile

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 27\r\n\r\nthere are too many clients\n"
)
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE = 0.1  # seconds, where there is no descriptor left
_CREDENTIALS = struct.Struct("=3i")


class Server:
    """listeners: where clients come; sharing: what they get; web: rules of access, None for none."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        sharing: Sharing,
        notes: Notes,
        web: WebConfigFile | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._listeners = {listener.socket.fileno(): listener for listener in listeners}
        self.sharing: Final[Sharing] = sharing
        self.notes: Final[Notes] = notes
        self.patience: Final[Patience] = patience or Patience()
        self.landing: Final[bytes] = landing_page()
        self.is_ending: bool = False
        self._web = web
        self.open_to_all: Final[WebConfig] = WebConfig()
        self._lock = Lock()
        self._clients: dict[Client, None] = {}
        self._poll = select.poll()
        for fd in self._listeners:
            self._poll.register(fd, select.POLLIN)
        self._tokens, self._counted_at = 0.0, 0.0
        self._rate: tuple[float, int] | None = None

    def web(self) -> WebConfig:
        """The rules of access that are in force now."""
        return self._web.current() if self._web is not None else self.open_to_all

    def may_pass(self, rate: tuple[float, int] | None) -> bool:
        """Whether one more request is within the rate: a bucket that fills up by one in each interval."""
        if rate is None:
            return True
        interval, burst = rate
        with self._lock:
            now = monotonic()
            if rate != self._rate:
                self._rate, self._tokens = rate, float(burst)
            else:
                self._tokens = min(self._tokens + (now - self._counted_at) / interval, float(burst))
            self._counted_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def wait(self, others: Sequence[int], seconds: float | None) -> None:
        """Takes in who comes, until one of the other descriptors can be read, or for so long; None: without
        end."""
        deadline = None if seconds is None else monotonic() + seconds
        for fd in others:
            self._poll.register(fd, select.POLLIN)
        try:
            while True:
                left = None if deadline is None else max(deadline - monotonic(), 0.0)
                ready = [fd for fd, _ in self._poll.poll(None if left is None else int(left * 1000) + 1)]
                for fd in ready:
                    if fd in self._listeners:
                        self._accept(self._listeners[fd])
                self.notes.sum_up()
                if set(ready).intersection(others) or (deadline is not None and monotonic() >= deadline):
                    return
        finally:
            for fd in others:
                self._poll.unregister(fd)

    def end(self) -> int:
        """No more clients; those that are being answered get so much time. How many have not been done
        then."""
        self.is_ending = True
        for fd, listener in self._listeners.items():
            self._poll.unregister(fd)
            listener.close()
        self._listeners.clear()
        deadline = monotonic() + self.patience.ending
        while True:
            with self._lock:
                left = list(self._clients)
            for client in left:
                if client.idle_since is not None:
                    client.channel.cut("the exporter ends")
            if not left or monotonic() >= deadline:
                return len(left)
            sleep(0.02)

    def _accept(self, listener: Listener) -> None:
        try:
            sock, address = listener.socket.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self.notes("clients that cannot be taken in", f"no client can be taken in: {error.strerror}")
                if not self._cut_the_idlest("others need its descriptor"):
                    sleep(_PAUSE)
            return  # else the client has gone again
        name = _name(sock, address)
        with self._lock:
            full = len(self._clients) >= self.patience.clients
        if full and not self._cut_the_idlest("it asks for nothing, and others come"):
            self._turn_away(sock, name)
            return
        self._take_in(sock, name)

    def _take_in(self, sock: socket.socket, name: str) -> None:
        if sock.family != socket.AF_UNIX:
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                pass  # it is gone, which its thread finds
        client = Client(Channel(sock, name), self)
        with self._lock:
            self._clients[client] = None
        try:
            Thread(target=self._serve, args=(client,), daemon=True).start()
        except (RuntimeError, MemoryError):
            self._forget(client)
            self._turn_away(sock, name)

    def _serve(self, client: Client) -> None:
        try:
            client.serve()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            self.notes("answers that failed", f"{client.channel.name}: the answer has failed: {text}")
        finally:
            self._forget(client)

    def _forget(self, client: Client) -> None:
        with self._lock:
            self._clients.pop(client, None)

    def _cut_the_idlest(self, why: str) -> bool:
        """Makes room where a client waits longest without a whole request; False if all are being served."""
        with self._lock:
            idle = [(client.idle_since, at, client) for at, client in enumerate(self._clients)
                    if client.idle_since is not None]  # fmt: skip
            if not idle:
                return False
            client = min(idle)[2]
            del self._clients[client]
        client.channel.cut(why)
        self.notes("clients cut off", f"{client.channel.name} is cut off: {why}")
        return True

    def _turn_away(self, sock: socket.socket, name: str) -> None:
        self.notes("clients turned away", f"{name} is turned away: {self.patience.clients} are being served")
        channel = Channel(sock, name)
        channel.send_plain(_FULL)
        channel.close()


def _name(sock: socket.socket, address: object) -> str:
    """Of a client, for people."""
    if isinstance(address, tuple):
        return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
    try:
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return "a client of the socket file"
    pid, uid, _ = _CREDENTIALS.unpack(data)
    return f"process {pid} of user {uid}"
