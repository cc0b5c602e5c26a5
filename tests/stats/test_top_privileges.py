"""`ipvsfast top` gives up what it does not need before it shows anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ipvsfast import Destination, Ipvs, Service
from support.command import program
from support.terminal import Terminal

NET_ADMIN = 1 << 12
WEB = Service.tcp("10.9.0.1", 80, "rr")
# Runs the command, and writes into the first argument which modules are loaded once privileges are given up.
TELLS_LATE_LOADS = """
import sys
from ipvsfast import privileges
from ipvsfast.cli.main import main

told = open(sys.argv[1], "w", buffering=1)
before = set()


def keep_only(capabilities, inner=privileges.keep_only):
    inner(capabilities)
    before.update(sys.modules)
    print("given up", file=told)


privileges.keep_only = keep_only
try:
    main(sys.argv[2:], "ipvsfast")
finally:
    for name in sorted(set(sys.modules) - before):
        if getattr(sys.modules[name], "__file__", None):
            print(name, file=told)
"""


@pytest.fixture(autouse=True)
def table() -> None:
    """A service with a destination."""
    with Ipvs() as ipvs:
        ipvs.add_service(WEB)
        ipvs.add_destination(WEB, Destination("10.9.1.1", 80))


def capabilities(pid: int) -> set[int]:
    """Those that each thread could have."""
    found = set()
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        found |= {
            int(value, 16) for value in re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(\w+)$", status.read_text(), re.M)
        }
    return found


def screen(*argv: str, interval: str = "0.5") -> Terminal:
    """The verb on a terminal."""
    return Terminal([*argv, "top", "--interval", interval], LC_ALL="C.UTF-8")


def test_of_the_screen() -> None:
    """All threads have one capability while it shows the table, and it goes on reading."""
    with screen(program()) as terminal:
        terminal.until_shown("1 service, 1 destination")
        assert capabilities(terminal.process.pid) == {NET_ADMIN}
        with Ipvs() as ipvs:
            ipvs.add_destination(WEB, Destination("10.9.1.2", 80))
        terminal.until_shown("1 service, 2 destinations")
        terminal.type("q")
        assert terminal.end() == 0


def test_of_the_plain_table() -> None:
    """The same without a terminal."""
    argv = [program(), "top", "--plain", "--interval", "0.5"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            while "TCP 10.9.0.1:80" not in process.stdout.readline():
                pass
            assert capabilities(process.pid) == {NET_ADMIN}
        finally:
            process.kill()


def test_nothing_is_loaded_afterwards(tmp_path: Path) -> None:
    """Modules may lie in a folder that the process cannot enter then: whatever keys ask for is there."""
    loads = tmp_path / "loads"
    with screen(sys.executable, "-P", "-c", TELLS_LATE_LOADS, str(loads)) as terminal:
        terminal.until_shown("1 service, 1 destination")
        terminal.type("?")
        terminal.until_shown("any key")
        terminal.type(" \r")
        terminal.until_shown("Destinations of")
        terminal.type("/1")
        terminal.until_shown("filter")
        terminal.type("\r\x1b[B\x1b[M !!+-")
        terminal.type("q")
        assert terminal.end() == 0
    told, *late = loads.read_text().splitlines()
    assert told == "given up"
    assert not late, " ".join(late)
