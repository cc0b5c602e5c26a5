"""One client from its first byte to its last: requests, what they are answered, and what is not."""

from __future__ import annotations

import ssl
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from time import monotonic

from .basic_auth import AuthBusy
from .channel import Channel, ClientGone, ClientSlow
from .negotiation import OPENMETRICS, TEXT, wants_gzip, wants_openmetrics
from .request_head import BadRequest, HeadReader, check_head
from .sharing import Busy, ScrapeFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

    from .server import Server
    from .webconfig import WebConfig

LINGER = 1.0  # seconds, for a client to read why it is turned away
_SMALL = 1 << 16  # blocks below are sent together
_CRLF = b"\r\n"
_BASIC = 'Basic realm="ipvsfast exporter"'
_NOT_TLS = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nTLS is served here: https://\n"


class Client(BaseHTTPRequestHandler):
    """The standard library's handler, whose requests come whole and checked, and whose waits have an end."""

    protocol_version = "HTTP/1.1"
    server: Server  # type: ignore[assignment]  # it takes the place of a socketserver
    # Those of the base.
    client_address: tuple[str, int]
    close_connection: bool
    command: str
    raw_requestline: bytes
    request_version: str
    requestline: str
    rfile: BytesIO
    wfile: BytesIO

    def __init__(self, channel: Channel, server: Server) -> None:
        # Not that of the base, which would serve at once.
        self.channel: Final[Channel] = channel
        self.server = server
        self.client_address = (channel.name, 0)
        self.idle_since: float | None = monotonic()  # None while something is done for it
        self._web: WebConfig = server.open_to_all
        self._lingers = False
        self._deadline = 0.0
        self.wfile = self._out = BytesIO()
        self.close_connection = True
        self.command = ""
        self.request_version = "HTTP/1.1"
        self.requestline = ""

    def serve(self) -> None:
        """All requests, until one end has had enough."""
        try:
            self._web = self.server.web()
            if self._handshake():
                reader = HeadReader(self.channel)
                self.close_connection = False
                while not self.close_connection and not self.server.is_ending:
                    self._one(reader)
            self.channel.close(LINGER if self._lingers else 0.0)
        except (ClientGone, ClientSlow) as error:
            self._left(error)
        except BadRequest as error:
            self._bad(error)
        finally:
            self.channel.abort()

    def _left(self, error: Exception) -> None:
        """It went, or was cut off."""
        if self.channel.cut_off:
            self.server.notes("clients cut off", f"{self.channel.name} is cut off: {self.channel.cut_off}")
        elif isinstance(error, ClientSlow):
            self.server.notes("clients that are too slow", f"{self.channel.name} is cut off: {error}")
        else:
            self.server.notes("clients that left early", f"{self.channel.name} has left: {error}")

    def _bad(self, error: BadRequest) -> None:
        """What it sent is no request; the answer is the last one."""
        try:
            self._web = self.server.web()
            self._refuse(error.status, error.why)
            self.channel.close(LINGER)
        except (ClientGone, ClientSlow):
            pass  # told already what matters

    def _handshake(self) -> bool:
        tls = self._web.tls
        if tls is None:
            return True
        try:
            refusal = tls.refusal(self.channel.start_tls(tls.context, self.server.patience.head))
        except ssl.SSLError as error:
            if error.reason == "HTTP_REQUEST":
                self.channel.send_plain(_NOT_TLS)
                self._lingers = True
            refusal = f"no TLS: {(error.reason or str(error)).replace('_', ' ').lower()}"
        if refusal:
            self.server.notes("refused TLS clients", f"{self.channel.name}: {refusal}")
        return not refusal

    def _one(self, reader: HeadReader) -> None:
        """One request and its answer."""
        self.idle_since = monotonic()
        head = reader.read(self.server.patience.idle, self.server.patience.head)
        if not head:
            self.close_connection = True
            return
        web = self.server.web()
        if web.tls is not self._web.tls:
            # Who has come by rules that are gone comes again; there it is decided anew.
            self.close_connection = True
            return
        self._web = web
        self.idle_since = None
        self._deadline = monotonic() + self.server.patience.answer
        check_head(head)
        line, _, rest = head.partition(_CRLF)
        self.raw_requestline, self.rfile = line + _CRLF, BytesIO(rest)
        self.command = ""
        if not self.parse_request():  # the base has written what is wrong
            self._flush()
            return
        self._answer()

    def handle_expect_100(self) -> bool:
        """Nobody has to wait before it sends no body."""
        return True

    def _answer(self) -> None:
        try:
            if not self._is_allowed():
                self._refuse(
                    401, "who are you?", {"WWW-Authenticate": 'Basic realm="ipvsfast exporter"'}, False
                )
            elif self.command not in ("GET", "HEAD"):
                self._refuse(405, "GET and HEAD are what is taken here", {"Allow": "GET, HEAD"})
            elif not self.server.may_pass(self._web.rate):
                self._refuse(429, "more requests than rate_limit allows", {}, False)
            else:
                self._page()
        except AuthBusy:
            self._refuse(503, "too many passwords are being checked")
        except Busy:
            self._refuse(503, "the table takes too long to be read")
        except ScrapeFailed as error:
            self._refuse(500, f"the reading has failed: {error}")

    def _is_allowed(self) -> bool:
        auth = self._web.auth
        if auth is None:
            return True
        header = self.headers.get("Authorization", "")
        if auth.allows(header, self.server.patience.reading):
            return True
        if header:  # who sends none only asks what it takes
            self.server.notes("refused users", f"{self.channel.name}: user or password is wrong")
        return False

    def _page(self) -> None:
        path, question, _ = self._target().partition("?")
        if path == "/metrics":
            if question:
                self._refuse(400, "there are no parameters to /metrics", {}, False)
            else:
                self._metrics()
        elif path == "/":
            self._whole("text/html; charset=utf-8", self.server.landing)
        elif path == "/-/healthy":
            self._whole("text/plain; charset=utf-8", b"healthy\n")
        else:
            self._refuse(404, "there are /, /metrics and /-/healthy", {}, False)

    def _target(self) -> str:
        """The path, also where it comes as a whole address."""
        target = self.path
        for scheme in ("http://", "https://"):
            if target[: len(scheme)].lower() == scheme:
                _, slash, path = target[len(scheme) :].partition("/")
                return slash + path or "/"
        return target

    def _metrics(self) -> None:
        accept = ",".join(self.headers.get_all("Accept", []))
        openmetrics = wants_openmetrics(accept)
        kind = OPENMETRICS if openmetrics else TEXT
        gzip = wants_gzip(",".join(self.headers.get_all("Accept-Encoding", [])))
        extra = {"Content-Encoding": "gzip"} if gzip else {}
        if self.command == "HEAD":
            self._begin(200, kind, None, extra)
            self._flush()
            return
        with self.server.sharing.reading(self.channel, self.server.patience.reading) as held:
            # What came before is over: from here on it is the client who takes its time.
            self._deadline = monotonic() + self.server.patience.answer
            if gzip:
                data = held.compressed(openmetrics)
                self._begin(200, kind, len(data), extra)
                self._flush()
                self._send(data)
            else:
                self._begin(200, kind, None, extra)
                self._stream(held.blocks(openmetrics))

    def _stream(self, blocks: Iterable[bytes | memoryview]) -> None:
        """Blocks whose sum is not known; what fails in the middle ends the connection without the end of
        the text."""
        chunked = self.request_version == "HTTP/1.1"
        last = True
        try:
            for block in blocks:
                size = len(block)
                if not size:
                    continue
                if chunked:
                    self._out.write(b"%x\r\n" % size)
                if size < _SMALL:
                    self._out.write(block)
                else:
                    self._flush()
                    self._send(block)
                if chunked:
                    self._out.write(_CRLF)
                if self._out.tell() >= _SMALL:
                    self._flush()
            last = False
        finally:
            self.close_connection = self.close_connection or last
        if chunked:
            self._out.write(b"0\r\n\r\n")
        self._flush()

    def _whole(self, kind: str, body: bytes, status: int = 200, extra: dict[str, str] | None = None) -> None:
        self._begin(status, kind, len(body), extra or {})
        if self.command != "HEAD":
            self._out.write(body)
        self._flush()

    def _refuse(self, status: int, why: str, extra: dict[str, str] | None = None, close: bool = True) -> None:
        """An answer that is not what was asked for. close: and the last one."""
        if close:
            self.close_connection = self._lingers = True
        if status in (400, 405, 408, 429, 431, 500, 503, 505):
            self.server.notes(f"requests answered {status}", f"{self.channel.name}: {status}, {why}")
        self.wfile = self._out = BytesIO()
        if self.request_version == "HTTP/0.9":  # what the base takes it for until it knows better
            self.request_version = "HTTP/1.1"
        self._deadline = monotonic() + self.server.patience.stall
        self._whole("text/plain; charset=utf-8", f"{why}\n".encode(), status, extra)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base finds wrong."""
        self._refuse(code, message or "this is no request")

    def _begin(self, status: int, kind: str, length: int | None, extra: dict[str, str]) -> None:
        """The head of an answer; length: None where it is not known."""
        if length is None and self.request_version != "HTTP/1.1":
            self.close_connection = True
        self.close_connection = self.close_connection or self.server.is_ending
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        elif self.request_version == "HTTP/1.1":
            self.send_header("Transfer-Encoding", "chunked")
        for name, value in {**self._web.headers, **extra}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        elif self.request_version != "HTTP/1.1":
            self.send_header("Connection", "keep-alive")
        self.end_headers()

    def _flush(self) -> None:
        """Sends what was written."""
        data = self._out.getvalue()
        self.wfile = self._out = BytesIO()
        self._send(data)

    def _send(self, data: bytes | memoryview) -> None:
        self.channel.send(data, self._deadline, self.server.patience.stall)

    def version_string(self) -> str:
        """What it is called, without numbers for whoever looks for old ones."""
        return "ipvsfast"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """A request that was answered is not worth a line."""

    def log_message(self, format: str, *args: object) -> None:
        """The base has nothing to tell that is not told here."""
