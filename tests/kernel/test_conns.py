"""A large standing table of every kind of entry: every way to look into it, against the kernel's own text."""

from __future__ import annotations

import csv
import gc
import io
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ipvsfast import Connection, ConnectionFilter, Connections
from support import conntext, standing
from support.command import NOBODY, program, run
from support.connections import table_text
from support.conntext import Row, identities, in_network, network_of, packed, text
from support.require import cannot_run
from support.schemas import fitting
from support.terminal import Terminal

HEADING = [
    "IPVS connection entries",
    "pro expire state       source             virtual            destination",
]
DRIFT = 3600  # seconds that may lie between two readings on a slow machine; timers differ by more


@pytest.fixture(scope="module")
def standing_table(ipvs_missing: str | None) -> Iterator[standing.Table]:
    """Filled once for this file."""
    if ipvs_missing:
        cannot_run(ipvs_missing)
    with standing.standing_table() as table:
        yield table


@pytest.fixture(scope="module", autouse=True)
def quick_memory() -> Iterator[None]:
    """Looking for garbage among millions of small things takes longer than all else."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def known(standing_table: standing.Table) -> list[Row]:
    """What the kernel's text says, worked out by other code."""
    with standing.inside(standing_table):
        rows = standing.oracle()
    assert len(rows) == standing_table.count
    return rows


@pytest.fixture
def table(own_namespace: None, standing_table: standing.Table, known: list[Row]) -> Iterator[standing.Table]:
    """The test runs in the table's namespace."""
    with standing.inside(standing_table):
        yield standing_table


def test_every_kind_of_entry_is_there(known: list[Row]) -> None:
    """Else the tests below show less than they seem to."""
    assert {row.number for row in known} == {6, 17, 132, 0, 50}
    assert {row.family for row in known} == {"ipv4", "ipv6"}
    assert len({row.state for row in known}) >= 24
    assert {row.template for row in known} == {True, False}
    assert {row.engine for row in known} == {"", "sip"}
    assert any(not row.client_port and not row.template for row in known)
    assert len(set(identities(known))) == len(known)


def assert_listed(shown: list[str], wanted: list[str]) -> None:
    assert shown[:2] == HEADING or "pe name" in shown[1]
    assert [conntext.timerless(line) for line in shown[2:]] == wanted


def assert_properties(row: Connection, known: Row) -> None:
    """The names of a Connection's parts."""
    assert (row.protocol, row.protocol_number, row.template) == (known.protocol, known.number, known.template)
    for name in ("client", "service", "destination"):
        host = getattr(known, name)
        assert (getattr(row, f"{name}_packed"), getattr(row, name)) == (host, text(host))
        assert getattr(row, f"{name}_port") == getattr(known, f"{name}_port")
    assert (row.state, row.engine, row.data) == (known.state, known.engine, known.data)
    assert 0 <= known.expires - row.expires <= DRIFT


def test_iteration(table: standing.Table, known: list[Row]) -> None:
    """All entries in the table's order, with every property what the kernel's text says."""
    found = list(Connections())
    assert identities(found) == identities(known)
    for row, wanted in list(zip(found, known))[::50]:
        assert_properties(row, wanted)


def assert_timers(shown: list[str], theirs: list[str]) -> None:
    assert all(0 <= conntext.seconds(b) - conntext.seconds(a) <= DRIFT for a, b in zip(shown[2:], theirs[2:]))


def test_the_listing_is_ipvsadms(table: standing.Table, known: list[Row]) -> None:
    """`-L -c -n` is line for line what ipvsadm prints, and what the kernel's text says."""
    theirs = run("-L", "-c", "-n", name="/usr/sbin/ipvsadm").stdout.splitlines()
    done = run("-L", "-c", "-n")
    assert (done.returncode, done.stderr) == (0, "")
    ours = done.stdout.splitlines()
    assert ours[:2] == theirs[:2] == HEADING
    assert [conntext.timerless(line) for line in ours] == [conntext.timerless(line) for line in theirs]
    assert_timers(ours, theirs)
    assert_listed(ours, conntext.listed(known))


def test_with_what_engines_keep(table: standing.Table, known: list[Row]) -> None:
    """The same with --persistent-conn, by both ways to ask for it."""
    theirs = run("-L", "-c", "-n", "--persistent-conn", name="/usr/sbin/ipvsadm").stdout.splitlines()
    for argv in (("-L", "-c", "-n", "--persistent-conn"), ("conns", "--persistent-conn")):
        done = run(*argv)
        assert (done.returncode, done.stderr) == (0, "")
        ours = done.stdout.splitlines()
        assert [conntext.timerless(line) for line in ours] == [conntext.timerless(line) for line in theirs]
        assert_listed(ours, conntext.listed(known, engines=True))


FILTERS: list[tuple[dict[str, object], Callable[[Row], bool]]] = [
    ({"client": "10.64.1.1"}, lambda r: r.client == packed("10.64.1.1")),
    ({"client": "10.64.0.0/18"}, lambda r: in_network(r.client, "10.64.0.0/18")),
    ({"client": "0.0.0.0/0"}, lambda r: len(r.client) == 4),
    ({"client": "2001:db8:1::/116"}, lambda r: in_network(r.client, "2001:db8:1::/116")),
    ({"client": "::/0"}, lambda r: len(r.client) == 16),
    ({"client": ":0"}, lambda r: r.client_port == 0),
    ({"client": ":1024-1100"}, lambda r: 1024 <= r.client_port <= 1100),
    ({"client": "10.64.0.0/17:1024-1100"},
     lambda r: in_network(r.client, "10.64.0.0/17") and 1024 <= r.client_port <= 1100),
    ({"client": ["10.64.0.0/24", "2001:db8:1::7"]},
     lambda r: in_network(r.client, "10.64.0.0/24") or r.client == packed("2001:db8:1::7")),
    ({"client": "192.0.2.1"}, lambda r: False),
    ({"service": "10.0.0.1:80"}, lambda r: (r.service, r.service_port) == (packed("10.0.0.1"), 80)),
    ({"service": "[2001:db8::1]:443"}, lambda r: (r.service, r.service_port) == (packed("2001:db8::1"), 443)),
    ({"service": "0.0.0.77"}, lambda r: r.service == packed("0.0.0.77")),
    ({"service": [":53", ":2905"]}, lambda r: r.service_port in (53, 2905)),
    ({"destination": "10.128.0.7"}, lambda r: r.destination == packed("10.128.0.7")),
    ({"destination": "[2001:db8:2::/122]:8443"},
     lambda r: in_network(r.destination, "2001:db8:2::/122") and r.destination_port == 8443),
    ({"states": "established"}, lambda r: r.state == "ESTABLISHED"),
    ({"states": ["FIN_WAIT", "c-echoed", "Assured"]}, lambda r: r.state in ("FIN_WAIT", "C-ECHOED", "ASSURED")),
    ({"states": "ERR!"}, lambda r: r.state == "ERR!"),
    ({"protocols": "tcp"}, lambda r: r.protocol == "TCP"),
    ({"protocols": ["sctp", 50, "ip"]}, lambda r: r.protocol in ("SCTP", "IP_50", "IP")),
    ({"families": "ipv6"}, lambda r: r.family == "ipv6"),
    ({"families": ["4", "mixed"]}, lambda r: r.family == "ipv4"),
    ({"families": "mixed"}, lambda r: False),
    ({"expires_below": 10_000}, lambda r: r.expires < 10_000),
    ({"expires_below": 100_000}, lambda r: r.expires < 100_000),
    ({"expires_below": 10}, lambda r: False),
    ({"templates": True}, lambda r: r.template),
    ({"templates": False}, lambda r: not r.template),
    ({"engines": "sip"}, lambda r: r.engine == "sip"),
    ({"engines": "*"}, lambda r: bool(r.engine)),
    ({"engines": "si"}, lambda r: False),
    ({"client": "!10.64.0.0/18"}, lambda r: not in_network(r.client, "10.64.0.0/18")),
    ({"client": ["10.64.0.0/16", "!10.64.1.0/24", "!:1024"]},
     lambda r: in_network(r.client, "10.64.0.0/16") and not in_network(r.client, "10.64.1.0/24")
     and r.client_port != 1024),
    ({"service": ["!10.0.0.1:80", "!::/0"]},
     lambda r: len(r.service) == 4 and (r.service, r.service_port) != (packed("10.0.0.1"), 80)),
    ({"destination": "!:8080"}, lambda r: r.destination_port != 8080),
    ({"states": ["!established", "!NONE"]}, lambda r: r.state not in ("ESTABLISHED", "NONE")),
    ({"protocols": ["!tcp", "!50"]}, lambda r: r.number not in (6, 50)),
    ({"families": "!ipv6"}, lambda r: r.family == "ipv4"),
    ({"engines": "!*"}, lambda r: not r.engine),
    ({"engines": "!sip", "states": "NONE"}, lambda r: r.engine != "sip" and r.state == "NONE"),
    ({"service": "10.0.0.0/30:80-81", "states": ["ESTABLISHED", "TIME_WAIT"], "destination": "10.128.0.0/28",
      "templates": False, "protocols": "tcp", "expires_below": 100_000},
     lambda r: in_network(r.service, "10.0.0.0/30") and 80 <= r.service_port <= 81 and not r.template
     and r.state in ("ESTABLISHED", "TIME_WAIT") and in_network(r.destination, "10.128.0.0/28")
     and r.protocol == "TCP" and r.expires < 100_000),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(FILTERS)), ids=[str(conditions) for conditions, _ in FILTERS])
def test_filters(table: standing.Table, known: list[Row], at: int) -> None:
    """Counted or iterated: exactly the entries that the text says, in its order."""
    conditions, wanted = FILTERS[at]
    where = ConnectionFilter(**conditions)
    connections = Connections()
    rows = identities([row for row in known if wanted(row)])
    if at % 4:
        assert connections.count(where) == len(rows)
    else:
        assert identities(list(connections.rows(where))) == rows
    account = connections.account
    assert account is not None
    assert (account.read, account.matched, account.incomplete) == (len(known), len(rows), False)
    assert (account.repeated, account.unreadable, account.readings) == (0, 0, 1)


OPTIONS = [
    ("--client", "10.64.0.0/18"), ("--client", "10.64.0.0/24,2001:db8:1::7"), ("--service", "10.0.0.1:80"),
    ("--destination", "10.128.0.7"), ("--state", "ESTABLISHED,FIN_WAIT"), ("--protocol", "sctp,ip"),
    ("--family", "ipv6"), ("--expires-below", "10000"), ("--templates",), ("--no-templates",), ("--pe", "sip"),
    ("--state", "UDP", "--service", ":53", "--no-templates"), ("--client", "!10.64.0.0/18,!2001:db8:1::7"),
    ("--destination", "10.128.0.0/24,!:8080", "--state", "!ESTABLISHED", "--protocol", "!udp"),
]  # fmt: skip
NAMES = {"--state": "states", "--protocol": "protocols", "--family": "families", "--pe": "engines",
         "--expires-below": "expires_below"}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_options_are_those_filters(table: standing.Table, options: tuple[str, ...]) -> None:
    """Each option of `conns` asks for what the API calls by a like name."""
    conditions: dict[str, object] = {}
    words = iter(options)
    for word in words:
        if word.endswith("templates"):
            conditions["templates"] = word == "--templates"
            continue
        values = next(words).split(",")
        name = NAMES.get(word, word[2:])
        conditions[name] = int(values[0]) if name == "expires_below" else values
    count = Connections().count(ConnectionFilter(**conditions))
    assert count > 0
    done = run("conns", "--count", *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{count}\n", "")


KEYS: dict[str, Callable[[Row], str]] = {
    "client": lambda r: text(r.client),
    "client-port": lambda r: str(r.client_port),
    "service": lambda r: f"{r.protocol} {conntext.endpoint(r.service, r.service_port)}",
    "service-address": lambda r: text(r.service),
    "destination": lambda r: conntext.endpoint(r.destination, r.destination_port),
    "destination-address": lambda r: text(r.destination),
    "state": lambda r: r.state,
    "protocol": lambda r: r.protocol,
    "family": lambda r: r.family,
    "pe": lambda r: r.engine,
    "template": lambda r: "yes" if r.template else "no",
    "client-net": lambda r: network_of(r.client, 24, 64),
    "client-net:17/125": lambda r: network_of(r.client, 17, 125),
}


@pytest.mark.parametrize("by", [*KEYS, "service,state", "client,client-port", "family,protocol,pe,template,state",
                                "destination-address,client-net:17/125"])  # fmt: skip
def test_counts_by_key(table: standing.Table, known: list[Row], by: str) -> None:
    """Every count is exact; the largest come first, of any number of them."""
    of = [KEYS[name] for name in by.split(",")]
    wanted = Counter(tuple([key(row) for key in of]) for row in known)
    groups = Connections().top(None, by)
    assert dict(groups) == wanted
    assert [count for _, count in groups] == sorted(wanted.values(), reverse=True)
    assert Connections().top(7, by) == groups[:7]


def test_counts_of_some(table: standing.Table, known: list[Row]) -> None:
    """Only what the filter lets through is counted by key."""
    where = ConnectionFilter(protocols="udp", templates=False)
    wanted = Counter(text(row.destination) for row in known if row.protocol == "UDP" and not row.template)
    assert {keys[0]: count for keys, count in Connections().top(None, "destination-address", where)} == wanted


def test_counts_in_every_form(table: standing.Table, known: list[Row]) -> None:
    """--by as a table, CSV and JSON: the same counts."""
    wanted = Counter((row.protocol, row.state) for row in known)
    lines = run("conns", "--by", "protocol,state").stdout.splitlines()
    assert lines[0].split() == ["connections", "share", "protocol", "state"]
    assert {tuple(line.split()[2:]): int(line.split()[0]) for line in lines[1:-1]} == wanted
    assert lines[-1].split() == [str(len(known)), "total"]
    rows = list(csv.DictReader(io.StringIO(run("conns", "--by", "protocol,state", "--csv").stdout)))
    assert {(row["protocol"], row["state"]): int(row["connections"]) for row in rows} == wanted
    for form in ("--json", "--ndjson"):
        shown = run("conns", "--by", "protocol", "--by", "state", form).stdout
        objects = json.loads(shown) if form == "--json" else [json.loads(line) for line in shown.splitlines()]
        assert {(o["protocol"], o["state"]): o["connections"] for o in objects} == wanted


def test_the_largest_and_the_others(table: standing.Table, known: list[Row]) -> None:
    """--top N and --min N: so many, of so many connections; then what the others have, and all."""
    clients = Counter(row.client for row in known)
    largest = clients.most_common(1)[0][1]
    for argv, shown in ((("--top", "3"), 3), (("--min", "2"), sum(count > 1 for count in clients.values())),
                        (("--min", str(largest + 1)), 0)):  # fmt: skip
        lines = [line.split() for line in run("conns", "--by", "client", *argv).stdout.splitlines()]
        counts = [int(line[0]) for line in lines[1 : 1 + shown]]
        assert counts == [count for _, count in clients.most_common(shown)]
        rest = len(known) - sum(counts)
        assert lines[1 + shown] == [
            str(rest),
            f"{100 * rest / len(known):.1f}%",
            str(len(clients) - shown),
            "others",
        ]
        assert lines[2 + shown :] == [[str(len(known)), "total"]]
    counts = Connections().top(None, "client", least=2)
    assert (counts.total, counts.distinct) == (len(known), len(clients))
    assert counts.others == (sum(count == 1 for count in clients.values()),) * 2


@pytest.mark.parametrize("by", [[], *([name] for name in KEYS), ["service,destination,state,template"]])
def test_counts_fit_their_schema(table: standing.Table, by: list[str]) -> None:
    """Whatever is counted by, in each form for programs; CSV has the same fields and values."""
    argv = ["--by", by[0]] if by else ["--count"]
    objects = [json.loads(line) for line in run("conns", "--ndjson", *argv).stdout.splitlines()]
    assert fitting("connection-count", objects[:1000])
    if not by:
        assert [json.loads(run("conns", "--json", *argv).stdout)] == objects
    rows = list(csv.DictReader(io.StringIO(run("conns", "--csv", *argv).stdout)))
    words: dict[object, str] = {None: "", True: "true", False: "false"}
    assert rows == [{name: words[value] if value is None or value is True or value is False else str(value)
                     for name, value in one.items()} for one in objects]  # fmt: skip


def test_again_and_again(table: standing.Table, known: list[Row]) -> None:
    """--interval gives as many answers as --repeat says, with their time, and their change from the second on."""
    often = ("--interval", "0.1", "--repeat", "3")
    counts = [json.loads(line) for line in run("conns", "--count", "--ndjson", *often).stdout.splitlines()]
    assert [(one["connections"], one.get("change")) for one in counts] == [
        (len(known), None), (len(known), 0), (len(known), 0),
    ]  # fmt: skip
    states = [
        json.loads(line) for line in run("conns", "--by", "state", "--ndjson", *often).stdout.splitlines()
    ]
    assert fitting("connection-count", [*counts, *states])
    third = len(states) // 3
    assert all("change" not in one for one in states[:third])
    assert {one["change"] for one in states[third:]} == {0}
    assert [one["state"] for one in states[:third]] == [one["state"] for one in states[2 * third :]]
    rows = list(csv.DictReader(io.StringIO(run("conns", "--by", "state", "--csv", *often).stdout)))
    assert [row["change"] for row in rows] == [""] * third + ["0"] * (2 * third)
    plain = run("conns", "--count", *often).stdout.split("\n\n")
    assert [answer.split("\n")[1:] for answer in plain[:3]] == [
        [f"{len(known)}{more}"] for more in ("", *["  +0.0/s"] * 2)
    ]


def test_watched(table: standing.Table, known: list[Row]) -> None:
    """On a terminal: the counts that fit, those that do not as others, and the change in a second."""
    with Terminal([program(), "conns", "--watch", "0.1", "--by", "client-port"]) as terminal:
        # From the second answer on; the last line is drawn last.
        terminal.until(lambda: terminal.shown.split("\n")[-1].split()[:2] == [str(len(known)), "0.0"])
        assert "change/s" in terminal.shown
        lines = terminal.shown.split("\n")
        assert len(lines) == 24
        assert f"{len(known):,} matched, {len(known):,}" in lines[0]
        assert lines[1] == "--by client-port"
        assert lines[-2].endswith(" others")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.as_found


def test_samples(table: standing.Table, known: list[Row]) -> None:
    """Entries of the table in its order, none twice; the seed decides which; all of them if it is large."""
    place = {row: at for at, row in enumerate(identities(known))}
    first = identities(Connections().sample(500, seed=1))
    places = [place[row] for row in first]
    assert len(first) == 500
    assert places == sorted(set(places))
    assert identities(Connections().sample(500, seed=1)) == first
    assert identities(Connections().sample(500, seed=2)) != first
    # Not from one end: the halves of the table have about as many each.
    assert 150 < sum(at < len(known) // 2 for at in places) < 350
    some = ConnectionFilter(engines="sip")
    wanted = identities([row for row in known if row.engine])
    assert identities(Connections().sample(len(known), some)) == wanted


def test_the_command_samples(table: standing.Table, known: list[Row]) -> None:
    """--sample prints so many rows of the listing, in the other forms too."""
    done = run("conns", "--sample", "50")
    lines = done.stdout.splitlines()
    assert (done.returncode, len(lines)) == (0, 52)
    assert {conntext.timerless(line) for line in lines[2:]} <= set(conntext.listed(known))
    objects = json.loads(run("conns", "--sample", "50", "--json").stdout)
    assert {identity_of(o) for o in objects} <= set(identities(known))


def test_columns(table: standing.Table, known: list[Row]) -> None:
    """Each is the column of all rows, in order."""
    names = ("family", "destination_family", "protocol", "template", "client_port", "service_port",
             "destination_port", "client", "service", "destination", "state", "expires")  # fmt: skip
    columns = Connections().columns(*names)
    assert {len(column) for column in columns.values()} == {len(known)}
    for name in ("client_port", "service_port", "destination_port"):
        assert columns[name].tolist() == [getattr(row, name) for row in known]
    assert columns["template"].tolist() == [row.template for row in known]
    for name in ("client", "service", "destination"):
        packed = columns[name].tobytes()
        assert packed == b"".join([getattr(row, name).ljust(16, b"\0") for row in known])
    assert columns["state"].tobytes() == b"".join([row.state.encode().ljust(16, b"\0") for row in known])
    assert columns["family"].tolist() == [2 if len(row.service) == 4 else 10 for row in known]
    assert all(0 <= row.expires - left <= DRIFT for row, left in zip(known, columns["expires"].tolist()))


def identity_of(o: dict[str, Any]) -> tuple[object, ...]:
    """An object of --json as what a row is known by."""
    number = (
        conntext.NUMBERS.get(o["protocol"]) if o["protocol"] in conntext.NUMBERS else int(o["protocol"][3:])
    )
    return (number, o["template"], packed(o["client"]), o["client_port"], packed(o["service"]), o["service_port"],
            packed(o["destination"]), o["destination_port"], o["state"], o["pe"] or "",
            (o["pe_data"] or "").encode())  # fmt: skip


@pytest.mark.parametrize("form", ["--json", "--ndjson", "--csv"])
def test_forms_for_programs(table: standing.Table, known: list[Row], form: str) -> None:
    """What a program reads back from them are the same entries in the same order."""
    done = run("conns", form)
    assert (done.returncode, done.stderr) == (0, "")
    if form == "--json":
        objects = json.loads(done.stdout)
        fitting("connection", objects[::50])  # in no order: every kind comes again and again
    elif form == "--ndjson":  # one at a time: all of them would be the most memory of all tests here
        objects = (json.loads(line) for line in done.stdout.splitlines())
    else:
        objects = (from_csv(row) for row in csv.DictReader(io.StringIO(done.stdout)))
    for row, identity, o in zip(known, identities(known), objects, strict=True):
        assert identity_of(o) == identity
        assert 0 <= row.expires - o["expires"] <= DRIFT


def from_csv(row: dict[str, str]) -> dict[str, object]:
    numbers = ("client_port", "service_port", "destination_port", "expires")
    ports = {name: int(row[name]) for name in numbers}
    return {**row, **ports, "template": {"true": True, "false": False}[row["template"]]}


@pytest.mark.parametrize("form", ["--json", "--ndjson", "--csv"])
def test_nothing_found_is_no_error(table: standing.Table, form: str) -> None:
    """No entry matches: an empty array, no line, a header alone; status 0."""
    done = run("conns", form, "--client", "192.0.2.1")
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout
    assert shown == "[]\n" if form == "--json" else shown.count("\n") == (form == "--csv")


def test_a_limit_ends_it_early(table: standing.Table, known: list[Row]) -> None:
    """--limit N prints the first N that match and reads no further."""
    done = run("conns", "--limit", "10")
    assert [conntext.timerless(line) for line in done.stdout.splitlines()[2:]] == conntext.listed(known[:10])
    connections = Connections()
    udp = identities([row for row in known if row.protocol == "UDP"][:10])
    assert identities(list(connections.rows(ConnectionFilter(protocols="udp", limit=10)))) == udp
    assert connections.account is not None
    assert connections.account.matched == 10
    assert connections.account.read < 1000
    assert not connections.account.incomplete


def test_without_privilege(table: standing.Table, known: list[Row]) -> None:
    """`conns` needs none; `-L -c` needs what ipvsadm needs."""
    for argv, wanted in ((("--count",), f"{len(known)}\n"), (("--csv", "--limit", "5"), None)):
        done = run("conns", *argv, prefix=NOBODY)
        assert (done.returncode, done.stderr) == (0, "")
        assert wanted in (None, done.stdout)
    done = run("-L", "-c", "-n", prefix=NOBODY)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Can't initialize ipvs: Permission denied (you must be root)\n")


def test_from_another_namespace(
    own_namespace: None, standing_table: standing.Table, known: list[Row]
) -> None:
    """The API reads the table of a namespace by path, and the caller stays where it is."""
    assert table_text().count(b"\n") == 1
    assert list(Connections()) == []
    connections = Connections(standing_table.path)
    shown = b"".join([bytes(piece) for piece in connections.text("table")]).decode()
    assert_listed(shown.splitlines(), conntext.listed(known))
    assert connections.account is not None
    assert connections.account.read == len(known)
    assert Connections().count() == 0


def test_the_account_has_the_kernels_number(table: standing.Table, known: list[Row]) -> None:
    """From Linux 7.1 on the kernel counts its entries: that is told beside what was read."""
    connections = Connections()
    status = connections.status()
    assert connections.count() == len(known)
    assert status is not None and connections.account is not None
    assert connections.account.kernel_entries == status.entries
    assert status.entries in (None, len(known))
    assert connections.account.headless is False


def test_head_ends_it_quietly(table: standing.Table) -> None:
    """`| head` gives no traceback and no message, in any form."""
    for argv in ("-L -c -n", "conns --json", "conns --csv", "conns --by client"):
        command = ["bash", "-c", f'"$0" {argv} | head -1', program()]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.stderr == ""
        assert done.stdout.count("\n") == 1


def test_a_closed_or_full_standard_output_is_an_error(table: standing.Table) -> None:
    """Nobody to tell, or half a listing: status 1 and a message, no traceback."""
    for argv in (
        "-L -c -n",
        "conns",
        "conns --count",
        "conns --json",
        "conns --by state",
        "conns --sample 3",
    ):
        for where, reason in ((">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")):
            command = ["sh", "-c", f'"$0" {argv} {where}', program()]
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
            assert (done.returncode, done.stderr) == (1, f"cannot write to standard output: {reason}\n")


def test_bad_requests() -> None:
    """A condition that is none is told before anything is read; status 2."""
    for argv in (("--client", "10.0.0.300"), ("--state", "NOSUCH"), ("--by", "nosuch"), ("--top", "3"), ("--min", "3"),
                 ("--limit", "0"), ("--count", "--by", "state"), ("--json", "--csv")):  # fmt: skip
        done = run("conns", *argv)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("conns: ")
        assert "Traceback" not in done.stderr
