"""What a service manager is told, over sockets of both kinds."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipvsfast.sdnotify import Notifier

Pair = tuple[socket.socket, str]


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """A socket that listens, and what NOTIFY_SOCKET says of it."""
    name = f"{tmp_path}/s" if request.param == "file" else f"@ipvsfast-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(name.replace("@", "\0", 1) if name[0] == "@" else name)
        end.settimeout(30)
        yield end, name


def test_what_it_says(manager: Pair) -> None:
    """Every message as the manager reads it; the same status is sent once."""
    end, name = manager
    environment = {"NOTIFY_SOCKET": name}
    notifier = Notifier(environment)
    assert not environment
    notifier.ready()
    notifier.status("all\nis well")
    notifier.status("all\nis well")
    notifier.reloading()
    notifier.takes_longer()
    notifier.alive()
    notifier.stopping()
    came = [end.recv(4096).decode() for _ in range(6)]
    assert came[:2] == ["READY=1", "STATUS=all is well"]
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", came[2])
    assert came[3:] == ["EXTEND_TIMEOUT_USEC=60000000", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize("name", ["", "relative", "vsock:2:1", "/nowhere/at/all", "@nobody-listens-here"])
def test_nobody_listens(name: str) -> None:
    """Nothing happens."""
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready()
    notifier.status("all is well")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [({}, 0), ({"WATCHDOG_USEC": "3000000"}, 1.5), ({"WATCHDOG_USEC": "soon"}, 0),
     ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
     ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, 0)],
)  # fmt: skip
def test_signs_of_life(given: dict[str, str], seconds: float) -> None:
    """Twice in the time that the manager gives, and only by the process that it means."""
    assert Notifier({"NOTIFY_SOCKET": "/run/s", **given}).watchdog == seconds
    assert Notifier(given).watchdog == 0
