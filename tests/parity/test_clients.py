"""Programs that call ipvsadm, and the ways in which scripts read what it prints."""

from __future__ import annotations

import os
import re

import pytest
from parity.arena import Arena
from parity.cases import HERE, table
from parity.programs import THEIRS

from support.command import program
from support.require import cannot_run

# What data/ldirectord.cf makes of tables/ldirectord.rules; nobody listens on 127.0.0.2.
DIRECTED = (
    "-A -t 10.0.0.1:80 -s wrr -p 60 -M 255.255.255.0",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:80 -g -w 5",
    "-a -t 10.0.0.1:80 -r 192.168.0.2:8080 -m -w 7",
    "-A -t 10.0.0.3:8080 -s lc",
    "-a -t 10.0.0.3:8080 -r 127.0.0.1:8080 -m -w 2",
    "-A -t 10.0.0.7:80 -s rr",
    "-A -u 10.0.0.2:53 -s rr",
    "-a -u 10.0.0.2:53 -r 192.168.0.5:53 -g -w 3",
    "-A -t [2001:db8::1]:80 -s wlc",
    "-a -t [2001:db8::1]:80 -r [2001:db8::11]:80 -g -w 4",
    "-A -f 5 -s rr -p 30",
    "-a -f 5 -r 192.168.0.4:80 -g -w 9",
)


def test_ldirectord(arena: Arena) -> None:
    """ldirectord makes the same table with ours at /sbin/ipvsadm as with the real one, and clears it alike."""
    if not os.path.exists("/usr/sbin/ldirectord"):
        cannot_run("ldirectord is missing: install ldirectord")
    config = str(HERE / "data/ldirectord.cf")
    made = []
    for path in (THEIRS, program()):
        with arena.space(table("ldirectord")) as space:
            space.call("parity.traffic:addresses", "10.0.0.3")
            space.call("parity.traffic:listeners", ("tcp", "127.0.0.1", 8080))
            made.append(space.call("parity.clients:ldirectord", path, config, DIRECTED))
    assert made[1][1:] == made[0][1:]
    version, running, stopped = made[1]
    assert "ipvsfast" in version
    assert running.rules == DIRECTED
    assert stopped.rules == ("-A -t 10.0.0.7:80 -s rr",)


def awk(text: str) -> list[tuple[str, ...]]:
    """`awk '$1 == "->" {print $2, $4, $5, $6}'` after the three lines that everyone drops."""
    rows = [line.split() for line in text.splitlines()[3:]]
    return [(row[1], *row[3:6]) for row in rows if row[0] == "->"]


def exporter(text: str) -> dict[str, list[tuple[str, ...]]]:
    """Services with their servers as monitoring programs take them apart; marks by `FWM N` or `FWM N IPv6`."""
    found: dict[str, list[tuple[str, ...]]] = {}
    name = ""
    for line in text.splitlines()[3:]:
        service = re.match(r"^(TCP|UDP|SCTP)\s+(\S+)|^FWM\s+(\d+)(\s+IPv6)?", line)
        if service:
            protocol, address, mark, six = service.groups()
            name = f"{protocol} {address}" if protocol else f"mark {mark}{' v6' if six else ''}"
            found[name] = []
        else:
            server = re.match(r"^  -> (\S+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(\d+)", line)
            assert server, line
            found[name].append(server.groups())
    return found


def counters(text: str) -> dict[str, list[int]]:
    """`-Ln --stats --exact` without its first three lines, split on blanks."""
    rows = [line.removeprefix("  -> ").split() for line in text.splitlines()[3:]]
    return {" ".join(row[:-5]): [int(value) for value in row[-5:]] for row in rows}


def ldirectord_thresholds(text: str) -> list[tuple[str, ...]]:
    """Servers and thresholds by ldirectord's pattern."""
    pattern = r"^  ->\s+(\d+\.\d+\.\d+\.\d+\:\d+|\[[0-9A-Fa-f:]+\]:\d+)\s+(\d+)\s+(\d+)\s+(\d+)"
    return re.findall(pattern, text, re.MULTILINE)


READERS = [
    (awk, "-L -n"),
    (exporter, "-L -n"),
    (counters, "-L -n --stats --exact"),
    (counters, "-L -n --rate --exact"),
    (ldirectord_thresholds, "-L -n --thresholds"),
]


@pytest.mark.parametrize("name", ["mixed", "marks", "protocols", "thresholds", "tunnels"])
@pytest.mark.parametrize(("reader", "words"), READERS)
def test_scrapers(arena: Arena, reader: object, words: str, name: str) -> None:
    """The parsing rules of common scripts find the same in both listings, and they do find something."""
    with arena.space(table(name)) as space:
        theirs, ours = [reader(space.run(how, *words.split()).stdout.decode()) for how in ("theirs", "ours")]
    assert ours == theirs
    assert ours


def test_marks_of_both_families(arena: Arena) -> None:
    """`FWM  N` and `FWM  N IPv6` are told apart by the word that follows."""
    with arena.space(table("marks")) as space:
        found = exporter(space.run("ours", "-Ln").stdout.decode())
    assert {"mark 1", "mark 1 v6", "mark 2", "mark 2 v6", "mark 2147483647", "TCP 10.0.0.1:80"} == set(found)
    assert found["mark 1 v6"][-1][:3] == ("[2001:db8::3]:0", "Masq", "1") or len(found["mark 1 v6"]) == 3


@pytest.mark.parametrize(
    "wanted",
    [
        " -t 10.0.0.1:80 -s wlc",
        " -t 10.0.0.1:80 -r 192.168.0.1:80 -g -w 1",
        " -t 10.0.0.1:80 -r 192.168.0.2:8080 -m -w 2",
        " -u 10.0.0.1:53 -s rr",
        " -f 7 -s lc",
    ],
)
def test_substrings_of_saved_rules(arena: Arena, wanted: str) -> None:
    """Configuration management looks for ` -t V -r R -g -w N` in what -S -n prints."""
    with arena.space(table("mixed")) as space:
        theirs, ours = [space.run(how, "-S", "-n").stdout.decode() for how in ("theirs", "ours")]
    assert wanted in theirs
    assert wanted in ours


def test_thresholds_do_not_hide_a_server(arena: Arena) -> None:
    """They stand at the end of the line, so that the substring above is found in spite of them."""
    with arena.space("-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 192.168.0.1:80 -g -w 1 -x 9\n") as space:
        saved = space.run("ours", "-S", "-n").stdout.decode()
    assert " -t 10.0.0.1:80 -r 192.168.0.1:80 -g -w 1" in saved
