"""`ipvsfast top` on a terminal of its own, with real traffic on a real kernel."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from parity.traffic import Flow, addresses, clients, listeners

from ipvsfast import Destination, Ipvs, Service
from support.command import NOBODY, program, run
from support.module import LOADER, module_afterwards, unload
from support.terminal import Terminal

VIP = "10.9.0.1"
WEB = Service.udp(VIP, 53, "rr")
OTHER = Service.tcp("10.9.0.9", 80, "wlc")
FIRST, SECOND = (Destination(f"10.9.1.{n}", 53, forwarding="masq", weight=n) for n in (1, 2))
IDLE = Destination("10.9.1.3", 80, forwarding="masq", weight=0)
ENTER, ESCAPE, UP, DOWN, LEFT, RIGHT = "\r", "\x1b", "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C"
SIZES = [(80, 24), (200, 60)]


@pytest.fixture
def space() -> Iterator[SimpleNamespace]:
    """Two servers behind a service, and a service whose only one has weight 0."""
    space = SimpleNamespace(sockets=[])
    addresses(space, VIP, FIRST.address, SECOND.address)
    listeners(space, ("udp", FIRST.address, 53), ("udp", SECOND.address, 53))
    with Ipvs() as ipvs:
        ipvs.add_service(WEB)
        ipvs.add_service(OTHER)
        for destination in (FIRST, SECOND):
            ipvs.add_destination(WEB, destination)
        ipvs.add_destination(OTHER, IDLE)
    yield space
    for item in space.sockets:
        item.close()


def send(space: SimpleNamespace, ports: range) -> None:
    """A packet of a connection of its own from each port."""
    clients(space, *[Flow("udp", (VIP, port), (VIP, 53), payload=b"x" * 100) for port in ports])


def top(
    *options: str, columns: int = 80, lines: int = 24, interval: str = "0.5", **environment: str
) -> Terminal:
    """The verb on a terminal, with the locale that it needs."""
    argv = [program(), "top", "--interval", interval, *options]
    return Terminal(argv, columns=columns, lines=lines, LC_ALL="C.UTF-8", **environment)


def line_of(terminal: Terminal, text: str) -> str:
    """The line of the table with this in it; nothing if there is none."""
    found = [line for line in terminal.shown.split("\n") if text in line and not line.startswith("──")]
    return found[0] if found else ""


def place(terminal: Terminal, text: str) -> int:
    """The number of that line."""
    return next((at for at, line in enumerate(terminal.screen.display) if line[1:].startswith(text)), -1)


def chosen(terminal: Terminal) -> str:
    """The name of the row that is drawn reversed, but for the title."""
    for number, line in enumerate(terminal.screen.display[1:], 1):
        if terminal.screen.buffer[number][5].reverse:
            return " ".join(line[1:].split()[:2])
    return ""


def restored(terminal: Terminal) -> bool:
    """Whether the terminal is as it was, the mouse and pasting included."""
    switches = {
        number: terminal.raw.rfind(b"\x1b[?%dl" % number) - terminal.raw.rfind(b"\x1b[?%dh" % number)
        for number in (1000, 1003, 1006, 2004, 1004)
    }
    return terminal.as_found and all(order > 0 for order in switches.values())


@pytest.mark.parametrize("size", SIZES)
def test_the_traffic_is_on_the_screen(space: SimpleNamespace, size: tuple[int, int]) -> None:
    """Totals at once and by graphs, rates of the service, connections and weights; nothing is wider than the
    screen, and q ends it with the terminal as it was."""
    with top(columns=size[0], lines=size[1]) as terminal:
        terminal.until_shown("2 services, 3 destinations")
        send(space, range(20001, 20021))
        terminal.until(lambda: re.search(r"New +[1-9]", terminal.shown) is not None)
        terminal.until(lambda: "▇" in terminal.shown or "█" in terminal.shown)
        terminal.until(lambda: re.search(rf"UDP {VIP}:53 +[1-9]", terminal.shown) is not None)
        heads = line_of(terminal, "Service ")
        assert re.search(r"▼CPS +InPPS +OutPPS +InBPS +OutBPS +Active +Inact +Weight", heads)
        values = line_of(terminal, f"UDP {VIP}:53")[1:].split()
        assert values[7:10] == ["0", "20", "3"]  # active, inactive, weight: live
        assert line_of(terminal, "TCP 10.9.0.9:80").startswith("!")
        wide = ("Sched", "Dests", "Persist", "CPS of late")
        assert [name in heads for name in wide] == [size[0] == 200] * 4
        terminal.type("q")
        assert terminal.end() == 0
        assert restored(terminal)


def test_rates_are_those_of_the_deltas(space: SimpleNamespace) -> None:
    """Thirty packets in three seconds; the screen has a rate that they explain."""
    with top(interval="1") as terminal:
        terminal.until_shown("rates over")
        for second in range(4):
            send(space, range(20001 + 10 * second, 20011 + 10 * second))
            time.sleep(1)
        terminal.until(lambda: re.search(rf"UDP {VIP}:53 +[1-9]", terminal.shown) is not None)
        values = line_of(terminal, f"UDP {VIP}:53")[1:].split()
        assert 2 <= float(values[2]) <= 20
        assert values[2] == values[3]  # a packet each
        octets = re.fullmatch(r"([\d.]+)(k?)", values[5])
        assert octets
        rate = float(octets[1]) * (1000 if octets[2] else 1)
        assert abs(rate / float(values[2]) - 128) < 128 * 0.05


def test_keys(space: SimpleNamespace) -> None:
    """Drill in and out, all destinations, sort, reverse, filter, help, pause, interval."""
    with top() as terminal:
        terminal.until_shown("Services: 2")
        terminal.type("<")  # from the connections to the name
        terminal.until_shown("Service▼")
        terminal.until(lambda: 0 < place(terminal, "TCP 10.9.0.9:80") < place(terminal, f"UDP {VIP}:53"))
        terminal.type("r")
        terminal.until_shown("Service▲")
        terminal.until(lambda: 0 < place(terminal, f"UDP {VIP}:53") < place(terminal, "TCP 10.9.0.9:80"))
        terminal.until(lambda: chosen(terminal) == f"UDP {VIP}:53")
        terminal.type(DOWN)
        terminal.until(lambda: chosen(terminal) == "TCP 10.9.0.9:80")
        terminal.type("r")  # it moves, and stays chosen
        terminal.until(lambda: 0 < place(terminal, "TCP 10.9.0.9:80") < place(terminal, f"UDP {VIP}:53"))
        terminal.until(lambda: chosen(terminal) == "TCP 10.9.0.9:80")
        terminal.type(DOWN + ENTER)
        terminal.until_shown(f"Destinations of UDP {VIP}:53: 2")
        assert place(terminal, "10.9.1.2:53") > 0
        terminal.type(ESCAPE)
        terminal.until_shown("Services: 2")
        terminal.until(lambda: chosen(terminal) == f"UDP {VIP}:53")
        terminal.type("\t")
        terminal.until_shown("Destinations of all services: 3")
        terminal.type("/1.3")
        terminal.until_shown("Destinations of all services: 1  filter: 1.3_")
        assert place(terminal, "10.9.1.3:80") > 0
        terminal.type("\x7f2")
        terminal.until_shown("filter: 1.2_")
        terminal.until(lambda: place(terminal, "10.9.1.2:53") > 0)
        terminal.type(ENTER + "\x1b")
        terminal.until_shown("Destinations of all services: 3")
        terminal.type("?")
        terminal.until_shown("any key: back")
        terminal.type("x+")
        terminal.until_shown("every 1 s")
        terminal.type("-")
        terminal.until_shown("every 0.5 s")
        terminal.type("---")
        terminal.until_shown("every 0.1 s")
        terminal.type("p")
        terminal.until_shown("paused")
        terminal.type("\x03")
        assert terminal.end() == 0


def test_the_mouse(space: SimpleNamespace) -> None:
    """A click on a head sorts, one on a row chooses it, one on the chosen row opens it, the wheel moves."""

    def mouse(button: int, x: int, y: int) -> None:
        terminal.type(f"\x1b[<{button};{x + 1};{y + 1}M\x1b[<{button};{x + 1};{y + 1}m")

    with top("--sort", "service") as terminal:
        terminal.until_shown("Services: 2")
        heads = place(terminal, "Service▼")
        mouse(0, 78, heads)
        terminal.until_shown("▼Weight")
        terminal.until(lambda: 0 < place(terminal, f"UDP {VIP}:53") < place(terminal, "TCP 10.9.0.9:80"))
        mouse(0, 10, heads + 2)
        terminal.until(lambda: chosen(terminal) == "TCP 10.9.0.9:80")
        mouse(64, 10, heads + 1)
        terminal.until(lambda: chosen(terminal) == f"UDP {VIP}:53")
        mouse(0, 10, heads + 1)
        terminal.until_shown(f"Destinations of UDP {VIP}:53: 2")


def test_the_table_changes_underneath(space: SimpleNamespace) -> None:
    """Rows come with a +, the chosen one stays chosen, and when it goes the one in its place is."""
    with top("--sort", "service") as terminal, Ipvs() as ipvs:
        terminal.until_shown("Services: 2")
        terminal.type(DOWN)
        terminal.until(lambda: chosen(terminal) == f"UDP {VIP}:53")
        ipvs.add_service(Service.tcp("10.8.0.1", 80))
        terminal.until(lambda: "Services: 3" in terminal.shown and chosen(terminal) == f"UDP {VIP}:53")
        terminal.until(lambda: line_of(terminal, "TCP 10.8.0.1:80").startswith("+"))
        terminal.type(ENTER)
        terminal.until_shown(f"Destinations of UDP {VIP}:53: 2")
        ipvs.delete_service(WEB)
        terminal.until_shown("(it is gone): 0")
        terminal.type(ESCAPE)
        terminal.until(lambda: "Services: 2" in terminal.shown and chosen(terminal) == "TCP 10.9.0.9:80")
        ipvs.flush()
        terminal.until_shown("Services: 0")
        terminal.type(DOWN + ENTER + UP + ">" + "\x1b[6~")
        terminal.until(lambda: "0 services, 0 destinations" in terminal.shown)
        terminal.type("q")
        assert terminal.end() == 0


def test_every_size(space: SimpleNamespace) -> None:
    """Whatever the window becomes, 1x1 too, it is drawn, and no line is lost."""
    with top() as terminal:
        terminal.until_shown("Services: 2")
        for columns, lines in [(1, 1), (3, 2), (20, 5), (40, 9), (300, 3), (132, 50), (80, 24)]:
            terminal.resize(columns, lines)
            os.kill(terminal.process.pid, signal.SIGWINCH)
            time.sleep(0.3)
            terminal.read()
            assert terminal.process.poll() is None, terminal.shown
        terminal.until_shown("Services: 2")
        terminal.until(lambda: "q quit" in terminal.shown)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_signals_that_end_it(space: SimpleNamespace, number: int) -> None:
    """It ends by that signal, the terminal as it was."""
    with top() as terminal:
        terminal.until_shown("Services: 2")
        os.kill(terminal.process.pid, number)
        assert terminal.end() == -number
        assert restored(terminal)


@pytest.mark.parametrize("by_key", [False, True])
def test_stopped_and_going_on(space: SimpleNamespace, by_key: bool) -> None:
    """While it is stopped the terminal is the shell's; then it draws again."""
    with top() as terminal:
        terminal.until_shown("Services: 2")
        if by_key:
            terminal.type("\x1a")
        else:
            os.kill(terminal.process.pid, signal.SIGTSTP)
        os.waitpid(terminal.process.pid, os.WUNTRACED)
        terminal.read()
        assert restored(terminal)
        terminal.screen.reset()
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.until_shown("Services: 2")
        terminal.type("q")
        assert terminal.end() == 0
        assert restored(terminal)


def test_the_terminal_goes_away(space: SimpleNamespace) -> None:
    """It ends, and does not spin."""
    terminal = top()
    terminal.until_shown("Services: 2")
    os.close(terminal._other)
    os.close(terminal.main)
    assert terminal.process.wait(60) != 0


def test_the_module_goes_and_comes(space: SimpleNamespace) -> None:
    """It says so, and goes on when it is there again."""
    for item in space.sockets:
        item.close()
    space.sockets.clear()
    with module_afterwards(), top() as terminal:
        terminal.until_shown("Services: 2")
        with Ipvs() as ipvs:
            ipvs.flush()
        loader = LOADER.read_text()
        unload(for_good=True)
        terminal.until_shown("no IPVS; going on when it is there again")
        LOADER.write_text(loader)
        terminal.until_shown("Services: 0")
        terminal.type("q")
        assert terminal.end() == 0


def test_where_there_can_be_no_screen(space: SimpleNamespace) -> None:
    """A plain table again and again, and why, once."""
    why = "the terminal is a dumb one (TERM)"
    with top("--repeat", "2", TERM="dumb") as terminal:
        assert terminal.end() == 0
        assert terminal.raw.count(f"{why}: a plain table instead of the screen".encode()) == 1
        assert terminal.raw.count(b" Service") == 2
        assert b"\x1b" not in terminal.raw
        assert line_of(terminal, f" UDP {VIP}:53").split()[-1] == "3"


def test_the_plain_table(space: SimpleNamespace) -> None:
    """Into a pipe, with what was asked for only."""
    often = ("--interval", "0.5", "--source", "sockopt", "--repeat", "1")
    done = run("top", "--plain", *often, "--destinations", "--sort", "-weight")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split()[0] for line in done.stdout.split("\n") if "10.9.1." in line]
    assert rows == ["!10.9.1.3:80", "10.9.1.1:53", "10.9.1.2:53"]
    done = run("top", *often, "--service", VIP, "--limit", "1")
    assert done.stderr == "standard input is no terminal: a plain table instead of the screen\n"
    assert "TCP" not in done.stdout
    assert done.stdout.isascii()


def test_no_colours(space: SimpleNamespace) -> None:
    """With NO_COLOR no colour is sent; without it some are."""
    for environment, colours in (({}, True), ({"NO_COLOR": "1"}, False)):
        with top(**environment) as terminal:
            terminal.until_shown("Services: 2")
            terminal.type("q")
            assert terminal.end() == 0
            codes = {
                code for found in re.findall(rb"\x1b\[([\d;]*)m", terminal.raw) for code in found.split(b";")
            }
            assert (
                bool(codes & {b"%d" % n for n in (*range(30, 39), *range(40, 49), *range(90, 108))})
                == colours
            )


def test_without_privilege(space: SimpleNamespace) -> None:
    """One clear error, before anything is drawn."""
    with Terminal([*NOBODY, program(), "top"], LC_ALL="C.UTF-8") as terminal:
        assert terminal.end() == 2
        assert "Permission denied" in terminal.shown
        assert b"\x1b[?1049h" not in terminal.raw


@pytest.mark.parametrize(("options", "error"), [
    (("--interval", "0.04"), "top: --interval takes seconds, 0.05 to 86400, not `0.04'"),
    (("--repeat", "x"), "top: --repeat takes a whole number from 1 to 2147483647, not `x'"),
    (("--limit", "0"), "top: --limit takes a whole number from 1 to 2147483647, not `0'"),
    (("--sort", "speed"), "top: there is no column `speed' to sort by: choose from service, destination, "),
])  # fmt: skip
def test_slips(options: tuple[str, ...], error: str) -> None:
    """What is wrong, and what would be right."""
    done = run("top", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(error)
