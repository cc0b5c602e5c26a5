"""`ipvsfast list`: the table as people and programs want it, on a real kernel."""

import csv
import io
import json
import subprocess

import pytest

from ipvsfast import Destination, Ipvs, Service
from support.command import program, run
from support.schemas import fitting

RULES = """\
-A -t 10.0.0.1:80 -s rr -p 300 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.1.0.9:8080 -m -w 3 -x 100 -y 50
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 0
-a -t 10.0.0.1:80 -r 10.1.0.5:80 -m -w 7
-A -u [2001:db8::1]:53 -s mh -b mh-port -o
-a -u [2001:db8::1]:53 -r 10.1.0.9:53 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
-A -f 7 -s wlc
-A --sctp-service 10.0.0.2:3868 -s sh
-a --sctp-service 10.0.0.2:3868 -r 10.1.0.1:3868 -g -w 2
"""


@pytest.fixture(autouse=True)
def table() -> None:
    """All kinds of services."""
    done = run("restore", "-q", stdin=RULES)
    assert (done.returncode, done.stderr) == (0, "")


def listed(*options: str) -> str:
    """What the verb prints."""
    done = run("list", *options)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ((), ()), (("--stats",), ("--stats",)), (("--stats", "--exact"), ("--stats", "--exact")), (("--rate",), ("--rate",)),
        (("--thresholds",), ("--thresholds",)), (("--persistent-conn",), ("--persistent-conn",)), (("--tun-info",), ("--tun-info",)),
    ],
)  # fmt: skip
def test_the_table_is_that_of_ipvsadm(own: tuple[str, ...], theirs: tuple[str, ...]) -> None:
    """Without conditions it is the listing of -L -n, in every view."""
    assert listed(*own) == run("-L", "-n", *theirs).stdout


def test_json_brings_the_table_back() -> None:
    """What is printed fits the schema, and makes the same table, order included."""
    made = json.loads(listed("--json"))
    fitting("table", [made])
    assert made["timeouts"]["tcp"] == 900
    before = run("save").stdout.splitlines()[1:]
    with Ipvs() as ipvs:
        ipvs.flush()
        for one in made["services"]:
            destinations = one.pop("destinations")
            service = Service.from_dict(one)
            ipvs.add_service(service)
            for destination in destinations:
                ipvs.add_destination(service, Destination.from_dict(destination))
    assert run("save").stdout.splitlines()[1:] == before


def test_ndjson_and_csv_have_the_same() -> None:
    """A service a line, a destination a line."""
    services = json.loads(listed("--json"))["services"]
    assert [json.loads(line) for line in listed("--ndjson").splitlines()] == services
    rows = list(csv.DictReader(io.StringIO(listed("--csv"))))
    expected = [dest["address"] for one in services for dest in one["destinations"] or [{"address": ""}]]
    assert [row["destination"] for row in rows] == expected


@pytest.mark.parametrize(
    ("options", "destinations"),
    [
        (("--service", "10.0.0.0/24"), ["10.1.0.9", "10.1.0.1", "10.1.0.5", "10.1.0.1"]),
        (("--service", "10.0.0.0/24,!10.0.0.2"), ["10.1.0.9", "10.1.0.1", "10.1.0.5"]),
        (("--destination", "10.1.0.9"), ["10.1.0.9", "10.1.0.9"]),
        (("--destination", ":8080"), ["10.1.0.9"]),
        (("--protocol", "sctp,udp", "--destination", ":1-65535"), ["10.1.0.1", "10.1.0.9"]),
        (("--family", "ipv6"), ["10.1.0.9"]),
        (("--scheduler", "rr", "--zero-weight"), ["10.1.0.1"]),
        (("--fwmark", "7"), [""]),
        (("--min-active", "1"), []),
        (("--sort", "weight", "--limit", "2"), ["10.1.0.5", "10.1.0.9"]),
    ],
)
def test_filters(options: tuple[str, ...], destinations: list[str]) -> None:
    """Each condition, alone and with others."""
    rows = csv.DictReader(io.StringIO(listed("--csv", *options)))
    assert sorted(row["destination"] for row in rows) == sorted(destinations)


def test_services_only() -> None:
    """Without destinations, in every form."""
    assert "->" not in "".join(listed("--services-only").splitlines()[3:])
    assert "destinations" not in listed("--services-only", "--json")
    assert len(listed("--services-only", "--csv").splitlines()) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--json", "--csv"), "list: --json and --csv exclude each other\n"),
        (("--json", "--stats"), "list: --json has all values; --stats is for the table\n"),
        (("--stats", "--rate"), "list: --stats and --rate exclude each other\n"),
        (("--nosort", "--sort", "active"), "list: --nosort and --sort exclude each other\n"),
        (("--nosort", "--limit", "2"), "list: --nosort and --limit exclude each other\n"),
        (("--limit", "0"), "list: --limit takes a whole number from 1 to 4294967295, not `0'\n"),
        (("--fwmark", "x"), "list: --fwmark takes numbers from 1 to 4294967295, not `x'\n"),
        (("--services-only", "--zero-weight"),
         "list: conditions on destinations choose nothing where there are only services\n"),
    ],
)  # fmt: skip
def test_mistakes(options: tuple[str, ...], message: str) -> None:
    """One sentence, status 2, and nothing printed."""
    done = run("list", *options)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


@pytest.mark.parametrize("form", ["--json", "--ndjson", "--csv"])
def test_an_empty_table(form: str) -> None:
    """Is one all the same."""
    run("-C")
    made = listed(form)
    if form == "--json":
        assert json.loads(made)["services"] == []
    else:
        assert len(made.splitlines()) == (form == "--csv")


def test_a_full_disk() -> None:
    """One error."""
    full = run("list", "--json", prefix=("sh", "-c", 'exec "$@" > /dev/full', "sh"))
    assert (full.returncode, full.stderr) == (1, "cannot write to standard output: No space left on device\n")


def test_a_reader_that_goes() -> None:
    """No error where SIGPIPE came ignored, as with the other listings."""
    line = f"trap '' PIPE; {{ {program()} list --json; echo $? >&2; }} | true"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == "0\n"
