"""Which option goes with which command and which tunnel type, cell by cell."""

from itertools import combinations, pairwise

import pytest

from ipvsfast.language.options import COLUMNS, COMMAND, MATRIX, OPTIONS
from support.commandline import outcome, read

# The table of the specification, copied as it stands there (stats stands for its whole row).
PRINTED = """
| option | -A -E | -D | -C | -L | -a -e | -d | --set | --start-d. | --stop-d. | -R | -S | -Z |
| numeric | x | x | x |  | x | x | x | x | x | x |  | x |
| connection | x | x | x | 1 | x | x | x | x | x | x | x | x |
| service-address | + | + | x | 1 | + | + | x | x | x | x | x |  |
| scheduler, persistent, netmask, ops, pe, sched-flags |  | x | x | x | x | x | x | x | x | x | x | x |
| real-server | x | x | x | x | + | + | x | x | x | x | x | x |
| forwarding-method, weight, u-threshold, l-threshold, tun-type, tun-port, tun-nocsum, tun-csum, tun-remcsum
 | x | x | x | x |  | x | x | x | x | x | x | x |
| mcast-interface, mcast-group, mcast-port, mcast-ttl, sync-maxlen
 | x | x | x | x | x | x | x |  | x | x | x | x |
| syncid | x | x | x |  | x | x | x |  |  | x | x | x |
| timeout, daemon | x | x | x | 1 | x | x | x | x | x | x | x | x |
| stats, rate, thresholds, persistent-conn, nosort, exact, tun-info
 | x | x | x |  | x | x | x | x | x | x | x | x |
""".replace("\n |", " |")

# A command line that each command accepts. UDP, so that -o goes with it.
COMMANDS = {
    "-A": ("add-service", "-u 10.0.0.1:53"),
    "-E": ("edit-service", "-u 10.0.0.1:53"),
    "-D": ("delete-service", "-u 10.0.0.1:53"),
    "-C": ("flush", ""),
    "-L": ("list", ""),
    "-a": ("add-destination", "-u 10.0.0.1:53 -r 10.0.0.2"),
    "-e": ("edit-destination", "-u 10.0.0.1:53 -r 10.0.0.2"),
    "-d": ("delete-destination", "-u 10.0.0.1:53 -r 10.0.0.2"),
    "--set 1 2 3": ("set", ""),
    "--start-daemon master": ("start-daemon", ""),
    "--stop-daemon master": ("stop-daemon", ""),
    "-R": ("restore", ""),
    "-S": ("save", ""),
    "-Z": ("zero", ""),
}
# How each option is given, and what it needs where it is allowed.
GIVEN = {
    "numeric": "-n", "connection": "-c", "service-address": "-u 10.0.0.1:53", "scheduler": "-s rr",
    "persistent": "-p", "netmask": "-M 255.0.0.0", "real-server": "-r 10.0.0.2", "forwarding-method": "-g",
    "weight": "-w 1", "u-threshold": "-x 1", "l-threshold": "-y 1", "mcast-interface": "--mcast-interface lo",
    "timeout": "--timeout", "daemon": "--daemon", "stats": "--stats", "rate": "--rate",
    "thresholds": "--thresholds", "persistent-conn": "--persistent-conn", "nosort": "--nosort",
    "syncid": "--syncid 1", "exact": "--exact", "ops": "-o", "pe": "--pe sip", "sched-flags": "-b flag-1",
    "mcast-group": "--mcast-group 224.0.0.1", "mcast-port": "--mcast-port 1", "mcast-ttl": "--mcast-ttl 1",
    "sync-maxlen": "--sync-maxlen 1", "tun-info": "--tun-info", "tun-type": "--tun-type ipip",
    "tun-port": "--tun-port 1", "tun-nocsum": "--tun-nocsum", "tun-csum": "--tun-csum",
    "tun-remcsum": "--tun-remcsum",
}  # fmt: skip
NEEDS = {
    "tun-type": "-i", "tun-port": "-i --tun-type gue", "tun-nocsum": "-i --tun-type gre",
    "tun-csum": "-i --tun-type gre", "tun-remcsum": "-i --tun-type gue --tun-port 1",
}  # fmt: skip


def printed_cells() -> dict[tuple[str, str], str]:
    """(option, command as in COMMANDS) -> cell."""
    cells = {}
    head, *rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in PRINTED.split("\n") if row]
    words = {
        "--set": "--set 1 2 3",
        "--start-d.": "--start-daemon master",
        "--stop-d.": "--stop-daemon master",
    }
    for names, *marks in rows:
        for name in names.split(", "):
            for column, mark in zip(head[1:], marks, strict=True):
                for command in [column] if column.startswith("--") else column.split():
                    cells[name, words.get(command, command)] = mark
    return cells


CELLS = printed_cells()


def test_the_printed_table_is_complete() -> None:
    """Every option and every command stands in the copy, and in our own table in the same order."""
    assert {name for name, _ in CELLS} == set(GIVEN) == {name for name, _ in MATRIX}
    assert {command for _, command in CELLS} == set(COMMANDS)
    assert [name for name, _ in MATRIX] == list(GIVEN)
    assert {name for name, _ in COMMANDS.values()} == set(COLUMNS)
    assert {option.name for option in OPTIONS if option.block != COMMAND} == set(GIVEN) | {"ipv6", "sort"}


@pytest.mark.parametrize(("name", "command"), CELLS)
def test_matrix_cell(name: str, command: str) -> None:
    """One cell: the option with that command is required, allowed, refused or exclusive."""
    cell = CELLS[name, command]
    our_name, required = COMMANDS[command]
    message_name = our_name.replace("destination", "server")  # ipvsadm's word
    assert read(f"{command} {required}".split()).command == our_name
    option = GIVEN[name]
    if cell == "+":
        line = f"{command} {required.replace(option, '')}"
        need = f"You need to supply the '{name}' option for the '{message_name}' command"
        assert outcome(line.split()) == f"2 {need}"
    elif cell == "x":
        illegal = f"2 Illegal '{name}' option with the '{message_name}' command"
        assert outcome(f"{command} {required} {option}".split()) == illegal
        assert outcome(f"{command} {option} {required}".split()) == illegal
    else:
        extra = option if option in required else f"{option} {NEEDS.get(name, '')}"
        request = read(f"{command} {required} {extra}".replace(f"{option} {option}", option).split())
        assert request.command == our_name
        assert name in request.options


@pytest.mark.parametrize(
    ("earlier", "later"), list(combinations(["connection", "service-address", "timeout", "daemon"], 2))
)
def test_exclusive_options(earlier: str, later: str) -> None:
    """At most one of these goes with -L; the order on the line does not matter."""
    message = f"2 The option '{later}' conflicts with the '{earlier}' option in the 'list' command"
    assert outcome(f"-L {GIVEN[earlier]} {GIVEN[later]}".split()) == message
    assert outcome(f"-L {GIVEN[later]} {GIVEN[earlier]}".split()) == message


@pytest.mark.parametrize(
    ("kind", "cells"), [("ipip", "xxxx"), ("gue", "+111"), ("gre", "x11x")], ids=["ipip", "gue", "gre"]
)
def test_tunnel_matrix(kind: str, cells: str) -> None:
    """Port and checksum options of the three tunnel types."""
    names = ["tun-port", "tun-nocsum", "tun-csum", "tun-remcsum"]
    base = f"-a -t 10.0.0.1:80 -r 10.0.0.2 -i --tun-type {kind}"
    if cells[0] == "+":
        need = f"2 You need to supply the 'tun-port' option for the '{kind}' tunnel type"
        assert outcome(f"{base} --tun-csum --tun-nocsum".split()) == need
        base += " --tun-port 5"
    for name, cell in zip(names[1:], cells[1:], strict=True):
        got = outcome(f"{base} --{name}".split())
        if cell == "x":
            assert got == f"2 Illegal '{name}' option with the '{kind}' tunnel type"
        else:
            assert got.endswith(f"{kind}:{5 if cells[0] == '+' else 0}:{name[4:]}")
    if cells[0] == "x":
        illegal = f"2 Illegal 'tun-port' option with the '{kind}' tunnel type"
        assert outcome(f"{base} --tun-csum --tun-nocsum --tun-port 5".split()) == illegal
    exclusive = [name for name, cell in zip(names, cells, strict=True) if cell == "1"]
    for earlier, later in pairwise(exclusive):
        message = f"2 The option '{later}' conflicts with the '{earlier}' option in the '{kind}' tunnel type"
        assert outcome(f"{base} --{later} --{earlier}".split()) == message
