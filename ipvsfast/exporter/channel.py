"""One client's socket: every wait on it has an end, and another thread can cut it."""

from __future__ import annotations

import socket
import ssl
import struct
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_RESET = struct.pack("=2i", 1, 0)
_PIECE = 1 << 18  # so much is lent to the kernel, or to TLS, at a time


class ClientGone(Exception):
    """The client has closed its end, or was cut off; the argument says how."""


class ClientSlow(Exception):
    """The client has sent or taken nothing for too long."""


class Channel:
    """A connected socket. name: of the client, for people."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._sock = sock
        self.name: Final[str] = name
        self.cut_off: str = ""  # why, once it is

    def start_tls(self, context: ssl.SSLContext, seconds: float) -> ssl.SSLSocket:
        """From here on TLS is spoken; ssl.SSLError, ClientGone or ClientSlow where that fails."""
        self._sock.settimeout(seconds)
        try:
            wrapped = context.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
            self._sock = wrapped
            wrapped.do_handshake()
        except TimeoutError:
            raise ClientSlow("it has not finished its TLS handshake") from None
        except ssl.SSLEOFError:
            raise ClientGone("it has left during its TLS handshake") from None
        except ssl.SSLError:
            raise
        except (OSError, ValueError) as error:
            raise ClientGone(str(error)) from None
        return wrapped

    def send_plain(self, data: bytes) -> None:
        """To a client that does not speak TLS, as far as it goes at once."""
        try:
            self._sock.settimeout(0)
            socket.socket.send(self._sock, data)
        except (OSError, ValueError):
            pass

    def receive(self, size: int, deadline: float) -> bytes:
        """Empty at the end; ClientSlow when the deadline, in monotonic seconds, has passed before
        anything."""
        try:
            self._sock.settimeout(_left(deadline))
            return self._sock.recv(size)
        except TimeoutError:
            raise ClientSlow from None
        except ssl.SSLEOFError:
            return b""
        except (OSError, ValueError) as error:
            raise ClientGone(str(error)) from None

    def send(self, data: bytes | memoryview, deadline: float, stall: float) -> None:
        """All of it; ClientSlow after the deadline, or when nothing was taken for `stall` seconds."""
        view = memoryview(data)
        try:
            while view:
                self._sock.settimeout(min(_left(deadline), stall))
                view = view[self._sock.send(view[:_PIECE]) :]
        except TimeoutError:
            raise ClientSlow("it does not take what it has asked for") from None
        except (OSError, ValueError) as error:
            raise ClientGone(str(error)) from None

    def cut(self, why: str) -> None:
        """From another thread: whoever waits on it finds its end."""
        self.cut_off = why
        try:
            # Not the method of an SSLSocket, which takes away what the other thread is using.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        except (OSError, ValueError):
            pass  # it is gone already

    def close(self, seconds: float = 0.0) -> None:
        """Ends it. seconds: what the client still sends is taken so long, or it would not get our last
        words."""
        try:
            self._say_farewell()
            if seconds:
                socket.socket.shutdown(self._sock, socket.SHUT_WR)
                self._drain(monotonic() + seconds)
        except (OSError, ValueError):
            pass
        finally:
            self._sock.close()

    def abort(self) -> None:
        """Ends it so that the client does not take what it has for all; nothing happens if it is closed."""
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except (OSError, ValueError):
            pass
        self._sock.close()

    def _say_farewell(self) -> None:
        """TLS has an end of its own, without which what came could have been cut short."""
        if isinstance(self._sock, ssl.SSLSocket):
            try:
                self._sock.settimeout(0)
                self._sock.unwrap()
            except (OSError, ValueError):
                pass  # the answer to it is not waited for

    def _drain(self, deadline: float) -> None:
        for _ in range(64):
            self._sock.settimeout(_left(deadline))
            if not socket.socket.recv(self._sock, 65536):
                return


def _left(deadline: float) -> float:
    """Seconds; never 0, which would mean that nothing is waited for."""
    return max(deadline - monotonic(), 0.001)
