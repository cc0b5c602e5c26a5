"""Where the exporter listens: addresses, socket files, and sockets that a service manager passes on."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ipvsfast.errors import InvalidValue
from ipvsfast.exporter.listening import open_listeners, passed_listeners


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("127.0.0.1:0", "127.0.0.1:"),
        ("[::1]:0", "[::1]:"),
        (":0", "[::]:"),
        ("0.0.0.0:0", "0.0.0.0:"),
        ("[::]:0", "[::]:"),
    ],
)
def test_addresses(place: str, name: str) -> None:
    """The kernel chooses a port for 0, and the name says which."""
    (listener,) = open_listeners([place])
    try:
        port = int(listener.name.removeprefix(name))
        assert listener.socket.getsockname()[1] == port
        assert not listener.socket.get_inheritable()
        assert (place == ":0") == (
            listener.socket.family == socket.AF_INET6
            and not listener.socket.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        )
    finally:
        listener.close()


@pytest.mark.parametrize(
    "place",
    [
        "", "9119", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
        "::1:9119", "[::1]", "[127.0.0.1]:1", "localhost:9119", "[::1:1", "256.0.0.1:1", "unix:", "unix:here",
        "unix:/" + "x" * 107, "unix:@name", "127.0.0.1:٣",
    ],
)  # fmt: skip
def test_what_is_no_place(place: str) -> None:
    """It is said so before any socket is opened."""
    with pytest.raises(InvalidValue, match="takes"):
        open_listeners(["127.0.0.1:0", place])


def test_all_or_none(tmp_path: Path) -> None:
    """Where one cannot be had the others are closed again; the error says which."""
    path = tmp_path / "s"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match="in use") as raised:
            open_listeners([f"unix:{path}", place])
    assert raised.value.filename == place
    assert not path.exists()


def test_somebody_elses_socket_file_stays(tmp_path: Path) -> None:
    """What stands in the place of ours at the end is not removed."""
    path = tmp_path / "s"
    (listener,) = open_listeners([f"unix:{path}"])
    path.unlink()
    path.write_text("another")
    listener.close()
    assert path.read_text() == "another"


PROGRAM = """
import os, sys
from ipvsfast.errors import InvalidValue
from ipvsfast.exporter.listening import passed_listeners
os.environ.update(LISTEN_PID=sys.argv[1] if sys.argv[1] != "own" else str(os.getpid()), LISTEN_FDS=sys.argv[2], LISTEN_FDNAMES="x")
try:
    found = passed_listeners()
except InvalidValue as error:
    sys.exit(str(error))
assert not [name for name in os.environ if name.startswith("LISTEN_")]
print(*[listener.name for listener in found], *[os.get_inheritable(listener.socket.fileno()) for listener in found])
"""


def passed(pid: str, count: str, *sockets: socket.socket) -> subprocess.CompletedProcess[str]:
    """What a program finds that gets these sockets as descriptors from 3 on."""

    def arrange() -> None:
        high = [os.dup2(one.fileno(), 100 + at) for at, one in enumerate(sockets)]
        for at, fd in enumerate(high):
            os.dup2(fd, 3 + at)

    return subprocess.run(
        [sys.executable, "-c", PROGRAM, pid, count],
        preexec_fn=arrange, pass_fds=range(3, 3 + len(sockets)), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_sockets_of_a_service_manager(tmp_path: Path) -> None:
    """Of any family; what it says of them is for us only, and they are for no child."""
    with socket.socket() as inet, socket.socket(socket.AF_UNIX) as local:
        inet.bind(("127.0.0.1", 0))
        local.bind(f"{tmp_path}/s")
        inet.listen()
        local.listen()
        port = inet.getsockname()[1]
        assert passed("own", "2", inet, local).stdout.split() == [
            f"127.0.0.1:{port}", f"unix:{tmp_path}/s", "False", "False",
        ]  # fmt: skip
        assert passed("1", "2", inet, local).stdout == "\n"


def test_what_is_no_socket_to_come_to() -> None:
    """A socket that does not listen, one of datagrams, none at all, and a number that is none."""
    with socket.socket() as idle, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        assert (
            "descriptor 3 of LISTEN_FDS is no stream socket that listens" in passed("own", "1", idle).stderr
        )
        assert "is no stream socket" in passed("own", "1", datagrams).stderr
        for count in ("x", "-1", "65", "1e3"):
            assert "LISTEN_FDS is a number" in passed("own", count).stderr


def test_without_a_service_manager() -> None:
    """There are none."""
    assert passed_listeners({}) == []


GIVING_UP = """
import os, sys, threading
from ipvsfast.privileges import keep_only
keep_only((12, 39))
seen = []
def look():
    seen.append([line for line in open("/proc/thread-self/status") if line.startswith(("Cap", "NoNewPrivs"))])
thread = threading.Thread(target=look); thread.start(); thread.join()
look()
assert seen[0] == seen[1]
print(*[line.split()[1] for line in seen[0]])
"""


def test_privileges_are_given_up() -> None:
    """Two are kept, by threads too; no program that is started gets others."""
    done = subprocess.run(
        [sys.executable, "-c", GIVING_UP], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    inherited, permitted, effective, bounding, ambient, final = done.stdout.split()
    kept = 1 << 12 | 1 << 39
    assert int(inherited, 16) == int(ambient, 16) == 0 and final == "1"
    with open("/proc/self/status") as status:
        before = {line.partition(":")[0]: line.partition(":")[2].strip() for line in status}
    had = int(before["CapPrm"], 16)
    assert int(permitted, 16) == int(effective, 16) == had & kept
    if had >> 8 & 1:
        assert int(bounding, 16) == int(before["CapBnd"], 16) & kept
