"""Many clients at once, slow ones, and those that vanish: nobody waits for another."""

import gzip
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from ipvsfast.exporter import sharing
from ipvsfast.exporter.notes import Notes
from support.serving import SECONDS, Running, Table, answer, everything, request, serving, until

# More than the buffers of both ends take.
LARGE = b"z" * (32 << 20)
NO_PATIENCE = {"stall": 0.3, "answer": 60.0, "head": 0.3, "idle": 0.3}


def gather(server: Running, number: int, *headers: str) -> list[tuple[int, dict[str, str], bytes]]:
    """The answers to so many requests at once."""
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(server.get("/metrics", *headers))) for _ in range(number)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_scrapes_that_come_together_share_a_reading() -> None:
    """Fifty at once, while one reads: two readings at most, of which each client gets one as a whole."""
    table = Table(b"y" * 100_000)
    table.gate.clear()
    with serving(table) as server:
        opener = threading.Timer(
            0, lambda: (until(lambda: len(server.server._clients) == 50), table.gate.set())
        )
        opener.start()
        found = gather(server, 50)
        opener.join()
        assert [status for status, _, _ in found] == [200] * 50
        assert {body.count(b"y") for _, _, body in found} == {100_000}
        assert table.count <= 2
        assert server.get()[2].startswith(b"text\nreading %d\n" % (table.count))  # a later one reads anew
        assert not server.sharing._held and server.sharing._latest is None  # and nothing is kept


def test_it_is_compressed_once() -> None:
    """However many want it so."""
    table = Table(b"y" * 100_000)
    with serving(table, min_age=3600) as server:
        server.get()
        held = server.sharing._latest
        assert held is not None
        found = gather(server, 20, "Accept-Encoding: gzip")
        assert {gzip.decompress(body).count(b"y") for _, _, body in found} == {100_000}
        assert list(held._compressed) == [False] and table.count == 1


@pytest.mark.parametrize("age", [0.0, 3600.0])
def test_a_minimum_age(age: float) -> None:
    """A reading is good enough for who comes within it; without one each gets a new one."""
    table = Table()
    with serving(table, min_age=age) as server:
        bodies = {server.get()[2] for _ in range(4)}
    assert len(bodies) == table.count == (1 if age else 4)


def test_an_age_that_is_over() -> None:
    """It is read again then."""
    table = Table()
    with serving(table, min_age=0.001) as server:
        server.get()
        time.sleep(0.002)
        server.get()
    assert table.count == 2


def test_a_reading_that_takes_too_long() -> None:
    """Who has waited for it is told so; other pages do not wait for it."""
    table = Table()
    table.gate.clear()
    with serving(table, reading=0.2) as server:
        first = server.connect()
        first.sendall(request("/metrics", "Connection: close"))
        assert table.begun.wait(SECONDS)
        assert server.get()[0] == 503
        assert server.get("/-/healthy")[0] == 200
        assert server.sharing.reading_since() is not None
        table.gate.set()
        assert answer(everything(first))[0] == 200  # who reads gets it all the same
        first.close()
        assert server.sharing.reading_since() is None


def test_a_client_that_takes_nothing() -> None:
    """It is cut off after some time, and nobody has waited for it meanwhile."""
    with serving(Table(LARGE), stall=1.0) as server, server.connect() as slow:
        slow.sendall(request())
        until(lambda: server.sharing._held)
        assert server.get("/-/healthy")[0] == 200
        assert server.get()[2].count(b"z") == len(LARGE)
        server.until_said("it does not take what it has asked for")
        until(lambda: not server.server._clients)


def test_a_client_that_takes_little() -> None:
    """Some bytes now and then do not hold it for ever, and what it has got does not look like all."""
    with serving(Table(LARGE), stall=30.0, answer=0.5) as server, server.connect() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(request())
        with pytest.raises(ConnectionResetError):
            while slow.recv(1000):
                time.sleep(0.01)
        server.until_said("it does not take what it has asked for")


def test_a_client_that_asks_too_slowly() -> None:
    """A head byte by byte has an end of its own, which each byte does not put off."""
    with serving(Table(), **NO_PATIENCE) as server, server.connect() as slow:
        try:
            for byte in b"GET / HTTP/1.1\r\nX: " + b"y" * 10000:
                slow.sendall(bytes((byte,)))
                time.sleep(0.01)
        except ConnectionError:
            pass
        server.until_said("408")


def test_a_client_that_asks_nothing() -> None:
    """It is let go without a word, before its first request and after it."""
    with serving(Table(), **NO_PATIENCE) as server, server.connect() as silent, server.connect() as other:
        other.sendall(request("/-/healthy"))
        assert everything(silent) == b""
        assert everything(other).endswith(b"healthy\n")
        assert server.said == []


def test_clients_that_vanish() -> None:
    """In the middle of a request or of an answer; it is told, a few times."""
    with serving(Table(LARGE)) as server:
        for data in (b"GET / HT", request()):
            for _ in range(10):
                with server.connect() as end:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    end.sendall(data)
                    if data == request():
                        end.recv(1000)
        until(lambda: not server.server._clients)
        assert 1 <= len([line for line in server.said if "has left" in line]) <= 5
        assert server.get("/-/healthy")[0] == 200
        assert not server.sharing._held


def test_too_many_clients() -> None:
    """Who waits longest without a request makes room; where all are being served the new one is turned away."""
    table = Table()
    table.gate.clear()
    with serving(table, clients=3) as server:
        idle = [server.connect() for _ in range(3)]
        until(lambda: len(server.server._clients) == 3)
        assert server.get("/-/healthy")[0] == 200
        assert everything(idle[0]) == b""
        server.until_said("it asks for nothing, and others come")
        until(lambda: len(server.server._clients) == 2)  # who was answered is gone
        busy: list[socket.socket] = []
        for _ in range(3):
            busy.append(server.connect())
            busy[-1].sendall(request("/metrics", "Connection: close"))
            until(lambda: [c.idle_since for c in server.server._clients].count(None) == len(busy))
        status, headers, _ = answer(server.ask(b""))
        assert (status, headers["retry-after"]) == (503, "1")
        server.until_said("is turned away")
        table.gate.set()
        assert {answer(everything(end))[0] for end in busy} == {200}
        assert server.get()[0] == 200
        for end in (*idle, *busy):
            end.close()


@pytest.mark.parametrize("patience", [0.0, 3600.0])
def test_readings_are_not_held_without_end(monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
    """When so many are held, who has had the oldest for long is cut off; before that the newest is shared."""
    monkeypatch.setattr(sharing, "MOST_HELD", 3)
    monkeypatch.setattr(sharing, "PATIENCE", patience)
    table = Table(LARGE)
    with serving(table, stall=60.0) as server, ExitStack() as stack:
        slow = []
        for _ in range(5):
            slow.append(stack.enter_context(server.connect()))
            slow[-1].sendall(request("/metrics", "Connection: close"))
            assert slow[-1].recv(1, socket.MSG_PEEK) == b"H"  # its answer has begun
            assert len(server.sharing._held) <= 3
        if patience:
            assert table.count == 3
            assert answer(everything(slow[0]))[2].count(b"z") == len(LARGE)
        else:
            assert table.count == 5
            server.until_said("while others wait for new ones")
        assert server.get()[2].count(b"z") == len(LARGE)


def test_the_end_waits_for_answers() -> None:
    """What was asked before it is answered, and said to be the last; who asks nothing is let go at once."""
    table = Table()
    table.gate.clear()
    with serving(table) as server:
        idle, busy = server.connect(), server.connect()
        busy.sendall(request())
        assert table.begun.wait(SECONDS)
        until(lambda: len(server.server._clients) == 2)
        server.end()
        assert everything(idle) == b""
        assert server.thread.is_alive()
        table.gate.set()
        status, headers, _ = answer(everything(busy))
        assert (status, headers["connection"]) == (200, "close")
        server.thread.join()
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        idle.close()
        busy.close()


def test_the_end_has_an_end() -> None:
    """A client that takes nothing does not keep the program."""
    with serving(Table(LARGE), ending=0.1, stall=2.0) as server, server.connect() as slow:
        slow.sendall(request())
        until(lambda: server.sharing._held)
        server.end()
        server.thread.join()
        assert server.left == 1


def test_a_socket_file(tmp_path: Path) -> None:
    """Its clients are named by their process; who owns it and its group may come, nobody else."""
    path = tmp_path / "s"
    with serving(Table(), f"unix:{path}") as server:
        assert path.stat().st_mode & 0o777 == 0o660
        assert server.get()[0] == 200
        server.ask(b"no\r\n\r\n")
        server.until_said("process ")
        with pytest.raises(OSError, match="in use"), serving(Table(), f"unix:{path}"):
            pass
        assert path.exists()
    assert not path.exists()


def test_a_socket_file_that_was_left(tmp_path: Path) -> None:
    """One behind which nobody listens is replaced; a file that is no socket is not."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with serving(Table(), f"unix:{path}") as server:
        assert server.get()[0] == 200
    path.write_text("mine")
    with pytest.raises(OSError, match="in use"), serving(Table(), f"unix:{path}"):
        pass
    assert path.read_text() == "mine"


def test_a_log_is_not_flooded() -> None:
    """Five of a kind in a minute, and then how many more there were."""
    now, said = [0.0], []
    notes = Notes(said.append, lambda: now[0])
    for number in range(1000):
        notes("bad requests", f"bad {number}")
    notes("other", "one")
    assert said == ["bad 0", "bad 1", "bad 2", "bad 3", "bad 4", "one"]
    now[0] = 61.0
    notes.sum_up()
    assert said[6:] == ["bad requests: 995 more of these in 61 s"]
    notes("bad requests", "bad again")
    assert said[7:] == ["bad again"]
