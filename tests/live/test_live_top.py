"""`ipvsfast top` with live counters. An emulated kernel is too slow to read what a screen of ten pictures a second writes: the
plain table goes so fast."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from ipvsfast import Ipvs
from support.command import program, run
from support.live_service import KEY, VIP, privileges, served
from support.live_traffic import Servers, send_udp
from support.module import LOADER, module_afterwards, unload
from support.terminal import Terminal

NET_ADMIN = 1 << 12


@pytest.fixture
def servers() -> Iterator[Servers]:
    """A service with a server."""
    with served() as one:
        yield one


def screen(*options: str) -> Terminal:
    """The verb on a wide terminal."""
    return Terminal([program(), "top", *options], columns=130, LC_ALL="C.UTF-8")


def rate(terminal: Terminal) -> bool:
    """Whether the service has a rate."""
    return re.search(rf"UDP {VIP[0]}:53 +[1-9]", terminal.shown) is not None


def test_the_screen(servers: Servers) -> None:
    """It shows traffic, and says that rates are live; with few privileges it goes on reading."""
    with screen("--interval", "0.5") as terminal:
        terminal.until(lambda: re.search(r"rates over [\d.]+ s, live", terminal.shown) is not None)
        assert privileges(terminal.process.pid) == {NET_ADMIN}

        def shown() -> bool:
            send_udp(servers, VIP, 20)
            terminal.read()
            return rate(terminal)

        terminal.until(shown)
        terminal.type("q")
        assert terminal.end() == 0


def test_keys_make_it_live(servers: Servers) -> None:
    """From two seconds on the kernel's counters; below that live ones, without the privilege to begin with them
    then."""
    with screen() as terminal:
        terminal.until_shown("every 2 s")
        terminal.until_shown("1 service, 1 destination")
        assert "live" not in terminal.shown
        assert privileges(terminal.process.pid) == {NET_ADMIN}
        terminal.type("--")
        terminal.until_shown("every 0.5 s")
        terminal.until(lambda: re.search(r"rates over [\d.]+ s, live", terminal.shown) is not None)
        terminal.type("++")
        terminal.until_shown("every 2 s")
        terminal.until(lambda: ", live" not in terminal.shown)
        terminal.type("q")
        assert terminal.end() == 0


def test_the_module_goes_and_comes(servers: Servers) -> None:
    """A program cannot be loaded for the new module: it goes on with the kernel's counters."""
    with module_afterwards(), screen("--interval", "0.5") as terminal:
        loader = LOADER.read_text()
        terminal.until_shown(", live")
        with Ipvs() as ipvs:
            ipvs.flush()
        unload(for_good=True)
        terminal.until_shown("no IPVS; going on when it is there again")
        LOADER.write_text(loader)
        with Ipvs() as ipvs:
            ipvs.add_service(KEY)
        terminal.until_shown("1 service, 0 destinations")
        terminal.until_shown("in steps: the kernel counts every 2 s")
        terminal.type("q")
        assert terminal.end() == 0


def test_the_plain_table(servers: Servers) -> None:
    """The same, for a log."""
    done = run("top", "--plain", "--interval", "0.1", "--repeat", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        len(re.findall(r"^\S+  1 services, 1 destinations, rates over [\d.]+ s, live$", done.stdout, re.M))
        == 2
    )


def test_where_it_cannot_be_had(servers: Servers) -> None:
    """One sentence with the table for auto, alone for live."""
    prefix = ("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-all")
    argv = [*prefix, program(), "top", "--plain", "--interval", "0.5", "--repeat", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1 and "live counters cannot be had: " in done.stderr
    done = subprocess.run(
        [*argv, "--source", "live"], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
