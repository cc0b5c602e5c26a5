"""The table as JSON, NDJSON and CSV."""

import csv
import io
import json

import pytest

from ipvsfast import Destination, Service, ServiceKey, Stats, SyncDaemon, Timeouts, Tunnel
from ipvsfast.listing import records
from support.schemas import fitting

NUMBERS = Stats(*range(1, 11))
TABLE = [
    (
        Service.tcp(
            "10.0.0.1", 443, "mh", persistent=300, netmask=24, scheduler_flags="mh-port", stats=NUMBERS
        ),
        [
            Destination("10.1.0.1", 8443, "masq", weight=3, upper=9, lower=4, active=1, stats=NUMBERS),
            Destination("10.1.0.2", 443, "tunnel", tunnel=Tunnel("gue", 6080, "csum")),
        ],
    ),
    (Service.udp("2001:db8::1", 5060, engine="sip", persistent=60, one_packet=True), []),
    (Service.mark(2**32 - 1, "sh", ipv6=True, scheduler_flags=("sh-fallback", "sh-port")), []),
]
STATE = records.state_records(
    Timeouts(900, 120, 300), [SyncDaemon("backup", "eth0", 7, 1400, "ff02::1", 9000, 3)]
)


def text(form: str, **more: object) -> str:
    """The whole text."""
    return "".join(records.texts(form, TABLE, **more))  # type: ignore[arg-type]


def test_json() -> None:
    """One object that fits its schema, and from which the same values can be made."""
    made = json.loads(text("json", state=STATE))
    fitting("table", [made])
    assert list(made) == ["timeouts", "daemons", "services"]
    read = [
        (
            Service.from_dict({name: value for name, value in one.items() if name != "destinations"}),
            [Destination.from_dict(dest) for dest in one["destinations"]],
        )
        for one in made["services"]
    ]
    assert read == TABLE
    assert [service.stats for service, _ in read] == [service.stats for service, _ in TABLE]
    assert Timeouts.from_dict(made["timeouts"]) == Timeouts(900, 120, 300)
    assert SyncDaemon.from_dict(made["daemons"][0]).group == "ff02::1"


def test_ndjson_is_the_services_of_json() -> None:
    """Line by line."""
    made = json.loads(text("json"))
    assert [json.loads(line) for line in text("ndjson").splitlines()] == made["services"]
    assert list(made) == ["services"]


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_services_only(form: str) -> None:
    """No destinations, rather than an empty list of them."""
    assert "destinations" not in text(form, services_only=True)


def test_csv() -> None:
    """A destination a line; a service without any has one of its own."""
    rows = list(csv.DictReader(io.StringIO(text("csv"))))
    assert [row["destination"] for row in rows] == ["10.1.0.1", "10.1.0.2", "", ""]
    first, second, third, mark = rows
    assert (first["protocol"], first["service"], first["service_port"]) == ("tcp", "10.0.0.1", "443")
    assert (first["persistence"], first["persistent"], first["netmask"]) == ("300", "0", "255.255.255.0")
    assert [first[name] for name in records.COUNTERS] == [str(n) for n in range(1, 11)]
    assert (second["tunnel"], second["tunnel_port"], second["checksum"]) == ("gue", "6080", "csum")
    assert (third["one_packet"], third["engine"], third["weight"], third["connections"]) == (
        "true",
        "sip",
        "",
        "",
    )
    assert (mark["fwmark"], mark["family"], mark["protocol"], mark["service"]) == (
        "4294967295",
        "ipv6",
        "",
        "",
    )
    assert mark["scheduler_flags"] == "sh-fallback sh-port"


def test_csv_of_services() -> None:
    """The counters are those of the services."""
    rows = list(csv.DictReader(io.StringIO(text("csv", services_only=True))))
    assert [row["connections"] for row in rows] == ["1", "0", "0"]
    assert "destination" not in rows[0]


@pytest.mark.parametrize(("form", "expected"), [("json", '{"services":[]}\n'), ("ndjson", ""), ("csv", 1)])
def test_empty(form: str, expected: object) -> None:
    """An empty table is one all the same; CSV has its head."""
    made = "".join(records.texts(form, []))  # type: ignore[arg-type]
    assert made == expected or len(made.splitlines()) == expected


def test_what_only_the_kernel_reports() -> None:
    """Values that no constructor takes are written as they are."""
    odd = Service._make(ServiceKey(0, 2, 47, "10.0.0.1", 80), 'a,"b', 0, 2**32 - 1, "", False, 0, Stats())
    made = "".join(records.texts("csv", [(odd, [])]))
    row = next(csv.DictReader(io.StringIO(made)))
    assert (row["protocol"], row["scheduler"]) == ("47", 'a,"b')
    fitting("table", [json.loads("".join(records.texts("json", [(odd, [])])))])
