"""What the exporter answers over HTTP: pages, forms, methods, and requests that are none."""

import gzip
import socket
import threading
from collections.abc import Iterator

import pytest

from support.serving import Running, Table, answer, everything, request, serving, unchunked, until

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
# As Prometheus 2.42 and 3 send it.
ACCEPT_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
ACCEPT_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """One for all that leave no trace."""
    with serving(Table(b"y" * 300_000, b"\n")) as running:
        yield running


BODY = b"y" * 300_000 + b"\n"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ((), TEXT),
        (("Accept: */*",), TEXT),
        (("Accept: text/html,application/xhtml+xml,*/*;q=0.8",), TEXT),
        (("Accept: text/plain;version=0.0.4",), TEXT),
        (("Accept: application/json",), TEXT),
        ((f"Accept: {ACCEPT_2}",), OPENMETRICS),
        ((f"Accept: {ACCEPT_3}",), OPENMETRICS),
        (("Accept: Application/OpenMetrics-Text",), OPENMETRICS),
        (('Accept: application/openmetrics-text; version="0.0.1"',), OPENMETRICS),
        (("Accept: application/openmetrics-text;version=2.0.0",), TEXT),
        (("Accept: application/openmetrics-text;q=0",), TEXT),
        (("Accept: application/openmetrics-text;q=0.2, text/plain;q=0.5",), TEXT),
        (("Accept: text/plain;q=0.1", "Accept: application/openmetrics-text;q=0.2"), OPENMETRICS),
        (("Accept: ;;q=,,=;q=x;",), TEXT),
    ],
)
def test_the_form_is_negotiated(server: Running, accept: tuple[str, ...], kind: str) -> None:
    """OpenMetrics for who likes it, the older text for everybody else."""
    status, headers, body = server.get("/metrics", *accept)
    assert (status, headers["content-type"]) == (200, kind)
    assert body.startswith(b"openmetrics\n" if kind == OPENMETRICS else b"text\n")
    assert body.endswith(b"# EOF\n") == (kind == OPENMETRICS)
    assert body.count(b"y") == 300_000


@pytest.mark.parametrize(
    ("accepted", "is_gzip"),
    [("gzip", 1), ("deflate, GZIP;q=0.5", 1), ("*", 1), ("gzip;q=0", 0), ("identity", 0), ("gzip;q=0, *", 0)],
)
def test_compression(server: Running, accepted: str, is_gzip: int) -> None:
    """Where it is asked for, and only there."""
    _, headers, body = server.get("/metrics", f"Accept-Encoding: {accepted}")
    assert ("content-encoding" in headers) == bool(is_gzip)
    if is_gzip:
        assert int(headers["content-length"]) == len(body) < 3000
        body = gzip.decompress(body)
    assert body.startswith(b"text\nreading ") and body.endswith(BODY)


def test_an_older_client(server: Running) -> None:
    """HTTP/1.0 gets the text without chunks, up to the end of the connection."""
    status, headers, body = answer(server.ask(b"GET /metrics HTTP/1.0\r\n\r\n"))
    assert status == 200 and "transfer-encoding" not in headers and headers["connection"] == "close"
    assert body.endswith(BODY)


def test_an_older_client_keeps_its_connection(server: Running) -> None:
    """Where it asks for that, and the length is known."""
    ask = b"GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    data = server.ask(ask + ask.replace(b"Connection: keep-alive\r\n", b""))
    assert data.count(b"200 OK") == 2 and data.count(b"Connection: keep-alive\r\n") == 1


def test_many_requests_on_one_connection(server: Running) -> None:
    """One after the other, also when they are sent before the answers came."""
    with server.connect() as end:
        end.sendall(request("/-/healthy") * 3 + request("/metrics", "Connection: close"))
        data = everything(end)
    assert data.count(b"HTTP/1.1 200 OK") == 4 and data.count(b"\r\n\r\nhealthy\n") == 3
    assert unchunked(data[data.index(b"text/plain; version") :].partition(b"\r\n\r\n")[2]).endswith(BODY)


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/", 200, "text/html"),
        ("/-/healthy", 200, "text/plain"),
        ("/?x=1", 200, "text/html"),
        ("http://any/-/healthy", 200, "text/plain"),
        ("HTTP://any", 200, "text/html"),
        ("/metrics?collect[]=ipvs", 400, "text/plain"),
        ("/metrics/", 404, "text/plain"),
        ("/favicon.ico", 404, "text/plain"),
        ("/../../etc/passwd", 404, "text/plain"),
        ("//metrics", 200, "text/plain"),
        ("*", 404, "text/plain"),
    ],
)
def test_pages(server: Running, path: str, status: int, kind: str) -> None:
    """What there is, and what there is not; a HEAD tells the same without the text."""
    found, headers, body = server.get(path)
    assert (found, headers["content-type"].partition(";")[0]) == (status, kind)
    assert body
    head = server.ask(request(path, "Connection: close", method="HEAD"))
    assert head.endswith(b"\r\n\r\n") and head.startswith(b"HTTP/1.1 %d " % status)
    again = [line for line in head.decode().split("\r\n")[1:-2] if not line.startswith("Date: ")]
    assert again == [f"{name.title()}: {value}" for name, value in headers.items() if name != "date"]


def test_a_head_reads_no_table() -> None:
    """Whoever only looks whether it is there costs nothing."""
    table = Table()
    with serving(table) as server:
        data = server.ask(request("/metrics", "Connection: close", method="HEAD"))
    assert data.startswith(b"HTTP/1.1 200 OK") and data.endswith(b"\r\n\r\n") and table.count == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "FOO"])
def test_other_methods(server: Running, method: str) -> None:
    """They are told which there are."""
    status, headers, _ = server.get(method=method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
WRONG = {
    "a body": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n" + SMUGGLED,
    "two lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 36\r\n\r\n" + SMUGGLED,
    "a list of lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 36\r\n\r\n" + SMUGGLED,
    "a signed length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n" + SMUGGLED,
    "chunks": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and a length": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks in disguise": b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded header": b"GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n Content-Length: 36\r\n\r\n" + SMUGGLED,
    "a space in front": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n" + SMUGGLED,
    "no host": b"GET / HTTP/1.1\r\n\r\n" + SMUGGLED,
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n" + SMUGGLED,
    "a bare line feed": b"GET / HTTP/1.1\r\nHost: x\nContent-Length: 36\r\n\r\n" + SMUGGLED,
    "a bare return": b"GET / HTTP/1.1\r\nHost: x\rContent-Length: 36\r\n\r\n" + SMUGGLED,
    "a NUL": b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n" + SMUGGLED,
    "no colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n" + SMUGGLED,
    "no name": b"GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n" + SMUGGLED,
    "two spaces": b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "no version": b"GET /\r\n\r\n" + SMUGGLED,
    "no words": b"HELLO\r\n\r\n" + SMUGGLED,
    "small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "bytes in the path": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "another protocol": b"SSH-2.0-x\r\n\r\n" + SMUGGLED,
    "a TLS greeting": bytes.fromhex("160301020001"),
    "zeros": b"\0" * 100,
    "empty lines": b"\r\n\r\n\r\n",
    "a later version": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n" + SMUGGLED,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a long line": b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "headers without end": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 4000,
    "65 headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 64 + b"\r\n" + SMUGGLED,
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_request(server: Running, name: str) -> None:
    """One short answer, in plain text, and the end: what follows is not read as a request of its own."""
    data = server.ask(WRONG[name])
    status, headers, body = answer(data)
    assert status in (400, 405, 431, 505), data
    assert data.count(b"HTTP/1.1 ") == 1
    assert headers["connection"] == "close" and headers["content-type"].startswith("text/plain")
    assert len(body) < 100 and body.endswith(b"\n")


def test_what_is_still_a_request(server: Running) -> None:
    """As many headers as there may be, an empty line in front, a body of no bytes."""
    ask = (
        b"\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n"
        + b"A: b\r\n" * 61
        + b"\r\n"
    )
    assert answer(server.ask(ask))[::2] == (200, b"healthy\n")


def test_random_bytes(server: Running) -> None:
    """Whatever comes ends in an answer or in nothing, and the next client is served."""
    import random

    chance = random.Random(9119)
    pieces = [
        b"GET ",
        b"/metrics",
        b" HTTP/1.1",
        b"\r\n",
        b"\n",
        b"Host: x",
        b": ",
        b"\0",
        b"\xff",
        b"Content-Length",
        b"9",
    ]
    for _ in range(150):
        data = b"".join(chance.choice(pieces) for _ in range(chance.randrange(1, 12)))
        with server.connect() as end:
            end.sendall(data)
            end.shutdown(socket.SHUT_WR)
            found = everything(end)
        assert not found or found.startswith(b"HTTP/1.1 "), data
    assert server.get("/-/healthy")[0] == 200
    assert not [line for line in server.said if "failed" in line], server.said


def test_nobody_can_write_the_log(server: Running) -> None:
    """What a client sends does not get into it."""
    server.ask(b"EVIL\nline / HTTP/1.1\r\n\r\n")
    server.ask(b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n")
    assert all(line.isprintable() and "EVIL" not in line and "31m" not in line for line in server.said)


def test_a_reading_that_fails() -> None:
    """It is an error of the server for all who have waited for it, and the next one may work."""
    table = Table()
    table.failure = MemoryError("no memory")
    table.gate.clear()
    with serving(table) as server:
        found: list[int] = []
        threads = [threading.Thread(target=lambda: found.append(server.get()[0])) for _ in range(5)]
        for thread in threads:
            thread.start()
        assert table.begun.wait(60)
        until(lambda: len(server.server._clients) == 5)
        table.gate.set()
        for thread in threads:
            thread.join()
        assert set(found) == {500}
        assert "no memory" in server.until_said("500")
        table.failure = None
        assert server.get()[0] == 200


def test_a_text_that_fails_in_the_middle() -> None:
    """The client sees that the end is missing."""
    table = Table(b"x" * 100_000, "no bytes")  # type: ignore[arg-type]
    with serving(table) as server:
        data = server.ask(request("/metrics"))
        assert data.startswith(b"HTTP/1.1 200 OK") and not data.endswith(b"0\r\n\r\n")
        assert "TypeError" in server.until_said("the answer has failed")
