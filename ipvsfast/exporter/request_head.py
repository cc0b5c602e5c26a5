"""The head of an HTTP request from a client, whole and well-formed, or not at all.

The standard library's server goes on from here: it is lenient, and takes what one program reads as the end of
a request and another does not. Nothing of that kind gets past this.
"""

from __future__ import annotations

import re
from time import monotonic

from .channel import ClientGone, ClientSlow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .channel import Channel

MOST_BYTES = 16384
MOST_LINES = 64
_REQUEST = re.compile(rb"[A-Z]{1,20} [!-~]{1,8192} HTTP/[0-9]\.[0-9]")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*)")
_NO_LENGTH = re.compile(rb"0+")


class BadRequest(Exception):
    """What is answered to it: a status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(status, why)
        self.status: Final[int] = status
        self.why: Final[str] = why


class HeadReader:
    """Reads one head after the other; what a client sends ahead is kept, and bounded."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held = b""

    def read(self, idle: float, seconds: float) -> bytes:
        """The next head with the empty line behind it; empty if the client has none. idle: seconds until it
        has to begin; seconds: until it has to be whole."""
        deadline = monotonic() + (seconds if self._held else idle)
        while True:
            end = self._found()
            if end:
                head, self._held = self._held[:end], self._held[end:]
                return head
            try:
                more = self._channel.receive(MOST_BYTES, deadline)
            except ClientSlow:
                if not self._held:
                    return b""  # it had nothing more to ask
                raise BadRequest(408, "the request has not come to its end in time") from None
            if not more:
                if not self._held:
                    return b""
                raise ClientGone("it has left in the middle of a request")
            if not self._held:
                deadline = monotonic() + seconds
            self._held += more

    def _found(self) -> int:
        """The length of the head, 0 while it is not whole; BadRequest as soon as it cannot become one."""
        if self._held[:2] == b"\r\n":  # one empty line in front is allowed
            self._held = self._held[2:]
        first = self._held[:1]
        if first and not b"A" <= first <= b"Z":
            tls = first == b"\x16"
            raise BadRequest(400, "this is TLS, and plain HTTP is served here" if tls else "this is no HTTP")
        end = self._held.find(b"\r\n\r\n") + 4
        if end > MOST_BYTES or (end == 3 and len(self._held) >= MOST_BYTES):
            raise BadRequest(431, f"more than {MOST_BYTES} bytes of headers")
        return end if end > 3 else 0


def check_head(head: bytes) -> None:
    """BadRequest where it is not what the rules of HTTP/1.1 (RFC 9112) allow, or where a body follows:
    nothing here takes one, and where it ends would be a matter of opinion."""
    first, *lines = head[:-4].split(b"\r\n")
    if not _REQUEST.fullmatch(first):
        raise BadRequest(400, "the first line is no request")
    if len(lines) > MOST_LINES:
        raise BadRequest(431, f"more than {MOST_LINES} headers")
    hosts = 0
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise BadRequest(400, "a line is no header")
        name, value = field[1].lower(), field[2].strip(b" \t")
        hosts += name == b"host"
        if name == b"transfer-encoding" or (name == b"content-length" and not _NO_LENGTH.fullmatch(value)):
            raise BadRequest(400, "a request has no body here")
    if hosts > 1 or (not hosts and first.endswith(b"HTTP/1.1")):
        raise BadRequest(400, "there has to be one Host header")
