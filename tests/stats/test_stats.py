"""`ipvsfast stats`: counters once and over time, with real traffic on a real kernel."""

import csv
import io
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from parity.traffic import Flow, addresses, clients, listeners

from ipvsfast import Destination, Ipvs, Service
from support.command import program, run
from support.estimation import switch
from support.module import LOADER, module_afterwards, unload
from support.schemas import fitting

VIP = "10.9.0.1"
WEB = Service.udp(VIP, 53, "rr")
OTHER = Service.tcp("10.9.0.9", 80, "wlc")
FIRST, SECOND = (Destination(f"10.9.1.{n}", 53, forwarding="masq", weight=n) for n in (1, 2))
BYTES = 100 + 28  # with the headers of UDP and IPv4
STEPS = "the kernel refreshes its counters every 2 s: in a shorter interval they stand still, or step\n"
KERNELS = ("--source", "sockopt")  # live counters, where they can be had, are tests/live's


@pytest.fixture
def space() -> Iterator[SimpleNamespace]:
    """Two servers behind a service, and a service without any."""
    space = SimpleNamespace(sockets=[])
    addresses(space, VIP, FIRST.address, SECOND.address)
    listeners(space, ("udp", FIRST.address, 53), ("udp", SECOND.address, 53))
    with Ipvs() as ipvs:
        ipvs.add_service(WEB)
        ipvs.add_service(OTHER)
        for destination in (FIRST, SECOND):
            ipvs.add_destination(WEB, destination)
    yield space
    for item in space.sockets:
        item.close()


def send(space: SimpleNamespace, ports: range) -> None:
    """A packet of a connection of its own from each port."""
    clients(space, *[Flow("udp", (VIP, port), (VIP, 53), payload=b"x" * 100) for port in ports])


def counted(connections: int) -> None:
    """Waits until the kernel has refreshed the counters."""
    with Ipvs() as ipvs:
        end = time.monotonic() + 30
        while True:
            snapshot = ipvs.snapshot()
            sums = sum(snapshot.services["connections"]), sum(snapshot.destinations["connections"])
            if sums == (connections, connections):
                return
            assert time.monotonic() < end, sums
            time.sleep(0.1)


def told(*options: str, notes: str = "") -> str:
    """What the verb prints."""
    done = run("stats", *options)
    assert (done.returncode, done.stderr) == (0, notes)
    return done.stdout


class Running:
    """The verb with an interval, whose lines are read as they come."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [program(), "stats", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def line(self) -> str:
        """The next line of standard output."""
        assert self._process.stdout
        return self._process.stdout.readline()

    def error(self) -> str:
        """The next line of standard error."""
        assert self._process.stderr
        return self._process.stderr.readline()

    def row(self) -> dict:
        """The next line as JSON."""
        return json.loads(self.line())

    def end(self, number: int) -> tuple[int, str, str]:
        """Status and the rest of both outputs after a signal."""
        self._process.send_signal(number)
        assert self._process.stdout
        assert self._process.stderr
        out, error = self._process.stdout.read(), self._process.stderr.read()
        return self._process.wait(60), out, error


@pytest.mark.parametrize("more", [(), ("--exact",)])
def test_one_table_is_that_of_ipvsadm(space: SimpleNamespace, more: tuple[str, ...]) -> None:
    """The counters as -L -n --stats shows them."""
    send(space, range(20001, 20005))
    counted(4)
    text = told(*more)
    assert text == run("-L", "-n", "--stats", *more).stdout.partition("\n")[2]
    assert "UDP  10.9.0.1:53                         4        4        0      512        0\n" in text


def test_one_object(space: SimpleNamespace) -> None:
    """It fits the schema, and has the same numbers as the table in Python."""
    send(space, range(20001, 20005))
    counted(4)
    (made,) = fitting("stats", [json.loads(told("--json"))])
    with Ipvs() as ipvs:
        stats = {(s.address, d.address): d.stats.to_dict() for s, below in ipvs.table() for d in below}
    rows = [row for row in made["rows"] if row["kind"] == "destination"]
    names = ("connections", "in_packets", "out_packets", "in_bytes", "out_bytes")
    found = {(row["service"], row["destination"]): [row["stats"][name] for name in names] for row in rows}
    assert found == {key: [value[name] for name in names] for key, value in stats.items()}
    assert [made["namespace_totals"][name] for name in names] == [4, 4, 0, 4 * BYTES, 0]
    assert made["estimating"] is True
    assert all(row["delta"] is None and row["event"] is None for row in made["rows"])


def test_differences_are_the_traffic(space: SimpleNamespace) -> None:
    """The readings after the first add up to what was sent meanwhile, and rates are of their seconds."""
    with Running("--ndjson", "--interval", "0.3", "--destination", SECOND.address, "-q") as running:
        first = running.row(), running.row()
        assert [row["delta"] for row in first] == [None, None]
        send(space, range(20001, 20007))
        seen = 0
        while seen < 3:
            service, destination = running.row(), running.row()
            assert service["time"] == destination["time"]
            delta = destination["delta"]
            assert (service["kind"], destination["destination"]) == ("service", SECOND.address)
            assert delta["in_bytes"] == delta["connections"] * BYTES
            assert abs(delta["connections_rate"] - delta["connections"] / delta["seconds"]) < 0.01
            seen += delta["connections"]
        assert seen == destination["stats"]["connections"] == 3
        assert destination["inactive"] == 3


def test_totals_are_live(space: SimpleNamespace) -> None:
    """At once, also where the kernel refreshes nothing, and without a note."""
    switch(False)
    with Running("--totals", "--csv", "--interval", "0.1") as running:
        header = running.line()
        rows = [running.line()]
        send(space, range(20001, 20007))
        while f",6,6,0,{6 * BYTES},0," not in rows[-1]:
            rows.append(running.line())
        status, _, error = running.end(signal.SIGINT)
    assert (status, error) == (130, "")
    found = list(csv.DictReader(io.StringIO(header + "".join(rows))))
    assert sum(int(row["delta_connections"] or 0) for row in found) == 6
    assert found[0]["delta_connections"] == ""
    text = told("--totals")
    assert text.splitlines()[1][33:] == f"{6:9d}{6:9d}{0:9d}{6 * BYTES:9d}{0:9d}"
    totals = json.loads(told("--totals", "--json"))
    assert totals["namespace_totals"]["in_bytes"] == 6 * BYTES


def test_counters_that_stand_still_are_told_once(space: SimpleNamespace) -> None:
    """Where the kernel refreshes nothing; not with -q."""
    switch(False)
    done = run("stats", "--interval", "2", "--repeat", "2", "--csv", *KERNELS)
    assert done.stderr.count("run_estimation") == done.stderr.count("\n") == 1
    assert told("-q", *KERNELS)


def test_a_short_interval_is_told_once(space: SimpleNamespace) -> None:
    """It is shorter than that of the kernel."""
    text = told("--interval", "0.1", "--count", "3", *KERNELS, notes=STEPS)
    assert text.count("counted since the last zero\n") == 1
    assert text.count("counted in 0.") == 2
    told("--interval", "0.1", "--repeat", "2", "-q")


def test_who_names_no_source_is_told_why_it_is_not_live(space: SimpleNamespace) -> None:
    """Once, with the reason that --version has; without a word where it is live."""
    refused = re.search(
        r"^counters: of every 2 s; live ones cannot be had: (.+)$", run("--version").stdout, re.M
    )
    notes = f"{STEPS[:-1]}; live counters cannot be had: {refused[1]}\n" if refused else ""
    told("--interval", "0.1", "--repeat", "3", notes=notes)


def test_what_happens_to_rows(space: SimpleNamespace) -> None:
    """A destination that comes and goes, and one that is zeroed, each told in one reading."""
    third = Destination("10.9.1.3", 53, forwarding="masq")
    send(space, range(20001, 20005))
    counted(4)
    with Ipvs() as ipvs, Running("--ndjson", "--interval", "0.2", "-q") as running:

        def until(event: str, place: str) -> dict:
            while True:
                row = running.row()
                assert row["event"] in (None, event), row
                if row["event"] and row["destination"] == place:
                    return row

        assert running.row()["event"] is None
        ipvs.add_destination(WEB, third)
        assert until("appeared", third.address)["delta"]["connections"] == 0
        ipvs.delete_destination(WEB, third)
        gone = until("vanished", third.address)
        assert (gone["stats"], gone["delta"], gone["service"]) == (None, None, VIP)
        ipvs.zero(WEB)
        assert until("zeroed", FIRST.address)["stats"]["connections"] == 0


@pytest.mark.parametrize(
    ("options", "places"),
    [
        (("--zero-weight",), []),
        (("--destination", "10.9.1.2"), ["10.9.1.2"]),
        (("--service", VIP, "--sort", "weight"), ["10.9.1.2", "10.9.1.1"]),
        (("--sort", "destination", "--limit", "1"), ["10.9.1.1"]),
        (("--protocol", "tcp"), []),
    ],
)
def test_filters(space: SimpleNamespace, options: tuple[str, ...], places: list[str]) -> None:
    """Those of `list`, with the same result."""
    rows = list(csv.DictReader(io.StringIO(told("--csv", *options))))
    assert [row["destination"] for row in rows if row["kind"] == "destination"] == places
    listed = csv.DictReader(io.StringIO(run("list", "--csv", *options).stdout))
    assert sorted(row["destination"] for row in listed if row["destination"]) == sorted(places)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_a_whole_reading(number: int, status: int) -> None:
    """While a reading is written to a reader that takes its time, all of it comes all the same."""
    with Ipvs() as ipvs:
        for n in range(1, 1501):
            ipvs.add_service(Service.mark(n, "rr"))
    with Running("--csv", "--interval", "600") as running:
        lines = [running.line()]  # others wait: a pipe holds 64 KiB, a reader's buffer 8
        code, rest, error = running.end(number)
    lines += rest.splitlines(keepends=True)
    assert (code, error) == (status, "")
    assert len(lines) == 1501
    assert {line.count(",") for line in lines} == {lines[0].count(",")}
    assert lines[-1].endswith("\n")


def test_a_reader_that_goes(space: SimpleNamespace) -> None:
    """No error where SIGPIPE came ignored, as with the other listings."""
    line = f"trap '' PIPE; {{ {program()} stats -q --interval 0.1; echo $? >&2; }} | head -n 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == "0\n"


def test_a_full_disk(space: SimpleNamespace) -> None:
    """One error."""
    full = run("stats", "--csv", "-q", prefix=("sh", "-c", 'exec "$@" > /dev/full', "sh"))
    assert (full.returncode, full.stderr) == (1, "cannot write to standard output: No space left on device\n")


@pytest.fixture
def module_again() -> Iterator[None]:
    """Whatever a test does, the next one finds the module."""
    with module_afterwards():
        yield


def test_the_module_goes_and_comes(module_again: None) -> None:
    """One line of error, and a first reading when it is there again."""
    loader = LOADER.read_text()
    with Ipvs() as ipvs:
        ipvs.add_service(OTHER)
    with Running("--ndjson", "--interval", "0.1", "-q") as running:
        assert running.row()["delta"] is None
        assert running.row()["delta"] is not None
        with Ipvs() as ipvs:
            ipvs.flush()
        unload(for_good=True)
        error = running.error()
        assert "modprobe ip_vs" in error and error.endswith("; going on when it is there again\n")
        LOADER.write_text(loader)
        with Ipvs() as ipvs:
            ipvs.add_service(WEB)
        while (row := running.row())["service"] != VIP:
            pass
        assert (row["event"], row["delta"]) in ((None, None), ("appeared", row["delta"]))
        status, _, error = running.end(signal.SIGINT)
    assert (status, error) == (130, "")


def test_without_the_module(module_again: None) -> None:
    """One reading of what is not there is an error."""
    unload(for_good=True)
    done = run("stats")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Can't initialize ipvs" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--json", "--csv"), "stats: --json and --csv exclude each other\n"),
        (("--json", "--rates"), "stats: --json has all values, in full; --rates is for the table\n"),
        (("--json", "--interval", "1"),
         "stats: --interval and --json exclude each other; --ndjson is one object a line\n"),
        (("--repeat", "3"), "stats: --repeat needs --interval: say how often to ask\n"),
        (("--interval", "0.04"), "stats: --interval takes seconds, 0.05 to 86400, not `0.04'\n"),
        (("--interval", "1", "--count", "0"), "stats: --repeat takes a whole number from 1 to 2147483647, not `0'\n"),
        (("--totals", "--service", VIP),
         "stats: --totals is about all services of the namespace; --service is not\n"),
        (("--totals", "--rates"),
         "stats: --rates needs --interval with --totals: the kernel has no rates of its own for them\n"),
        (("--limit", "0"), "stats: --limit takes a whole number from 1 to 4294967295, not `0'\n"),
    ],
)  # fmt: skip
def test_mistakes(options: tuple[str, ...], message: str) -> None:
    """One sentence, status 2, and nothing printed."""
    done = run("stats", *options)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


ALL = ("--protocol", "tcp,udp,sctp,fwm")  # a condition that holds for everything, and is looked at in Python


@pytest.mark.parametrize("form", ["--json", "--ndjson", "--csv"])
def test_c_and_python_write_the_same(space: SimpleNamespace, form: str) -> None:
    """Without conditions C writes the rows, also those of an IPv6 service and of a mark; but for the time of
    the reading they are Python's."""
    send(space, range(3001, 3004))
    counted(3)
    switch(False)  # the rates would sink from one reading to the next
    six = Service.udp("2001:db8::1", 53, "wlc")
    with Ipvs() as ipvs:
        for service in (six, Service.mark(7, "rr"), Service.mark(7, "rr", ipv6=True)):
            ipvs.add_service(service)
        ipvs.add_destination(six, Destination("2001:db8::2", 53, forwarding="masq"))
    ours, theirs = (re.sub(r"\d+-\d\d-\d\dT[^\",]*", "TIME", told(form, "-q", *words)) for words in ((), ALL))
    assert ours == theirs
    assert ours.count("\n") >= 8
