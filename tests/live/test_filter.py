"""What is chosen in the program: the rows that the conditions mean, no others, for the price of those."""

from __future__ import annotations

import pytest

from ipvsfast import Destination, Ipvs, Service
from ipvsfast.kernel.layout import unpack_table
from ipvsfast.kernel.live_reader import LiveReader
from ipvsfast.kernel.session import Session
from ipvsfast.kernel.table_reading import BY_NETLINK, Reading
from ipvsfast.model.table_filter import Selection, TableFilter
from support.live_traffic import apply

TABLE = [
    (Service.tcp("10.1.0.1", 80), [Destination(f"10.2.{n}.1", 80 + n, "masq") for n in range(4)]),
    (
        Service.udp("10.1.0.1", 80),
        [Destination("10.2.0.1", 80, "masq"), Destination("10.3.0.1", 443, "masq")],
    ),
    (
        Service.tcp("10.1.0.2", 443),
        [Destination("10.2.3.1", 443, "masq"), Destination("10.2.3.2", 443, "masq")],
    ),
    (Service.tcp("10.1.128.2", 65535), []),
    (
        Service.tcp("2001:db8::1", 80),
        [Destination("2001:db8:1::1", 80, "masq"), Destination("2001:db8:2::1", 80, "masq")],
    ),
    (
        Service.udp("2001:db8::2", 53),
        [Destination("10.2.0.1", 53, "tunnel"), Destination("2001:db8:2::2", 53, "masq")],
    ),
    (Service.sctp("10.1.0.3", 80), [Destination("10.2.0.9", 80, "masq")]),
    (Service.mark(5), [Destination("10.2.0.1", 80, "masq")]),
    (Service.mark(2**32 - 1, ipv6=True), [Destination("2001:db8:2::1", 80, "masq")]),
]
FILTERS = [
    {}, {"service": "10.1.0.1"}, {"service": "10.1.0.1:80"}, {"service": "10.1.0.0/16"}, {"service": "10.1.0.0/17"},
    {"service": ":80"}, {"service": ":53-443"}, {"service": "!:80"}, {"service": "[2001:db8::1]:80"},
    {"service": "2001:db8::/127"}, {"service": ["10.1.0.0/24", "2001:db8::/32", "!10.1.0.2"]}, {"service": "0.0.0.0/0"},
    {"service": "::/0"}, {"service": ["!10.1.0.1", "!2001:db8::/32"]}, {"protocols": "tcp"}, {"protocols": "!udp"},
    {"protocols": ["sctp", "fwm"]}, {"protocols": "fwm", "families": "ipv6"}, {"families": "ipv6"},
    {"families": "!ipv6", "service": ":80"}, {"fwmarks": 5}, {"fwmarks": [5, 2**32 - 1]}, {"fwmarks": 6},
    {"fwmarks": 5, "service": "10.1.0.1"}, {"fwmarks": 5, "protocols": "tcp"}, {"destination": "10.2.0.1"},
    {"destination": "10.2.0.0/22"}, {"destination": ":80-81"}, {"destination": "!10.2.0.0/16"},
    {"destination": "2001:db8:2::/48"}, {"destination": ["10.2.3.0/24", "!:443"]},
    {"service": "10.1.0.0/24", "destination": "10.2.3.1:443", "protocols": "tcp"}, {"protocols": "47"},
    {"service": [f"10.1.0.{n}" for n in range(64)]}, {"destination": [f"!10.2.0.{n}" for n in range(64)]},
]  # fmt: skip


Table = list[tuple[Service, list[Destination]]]


def chosen(reader: LiveReader, wanted: TableFilter | None) -> Table:
    reading = Reading()
    reader.read(reading, wanted)
    return [(service, list(dests)) for service, dests in unpack_table(*reading.rows())]


def expected(session: Session, wanted: TableFilter) -> Table:
    """By netlink, chosen in Python. Services stay without destinations that are wanted."""
    table = session.read(scope=BY_NETLINK).values()
    choice = Selection(wanted)
    return [
        (service, [dest for dest in dests if choice.has_destination(dest.key)])
        for service, dests in table
        if choice.has_service_key(service.key)
    ]


def together(
    session: Session, reader: LiveReader, wanted: TableFilter | None, meant: TableFilter
) -> tuple[Table, Table]:
    """What is chosen of one, and expected of the other, in the same order: newer kernels change the size of their
    table some time after services have come, and with it that order."""
    while True:
        before = expected(session, meant)
        rows = chosen(reader, wanted)
        if expected(session, meant) == before:
            return rows, before


def test_every_condition(session: Session, reader: LiveReader) -> None:
    """As Python chooses them, by each condition alone and by some together."""
    apply(Ipvs(), TABLE)
    for conditions in FILTERS:
        wanted = TableFilter(**conditions)  # type: ignore[arg-type]
        rows, right = together(session, reader, wanted, wanted)
        assert rows == right, conditions
        assert reader.account["uneven"] == 0
    rows, right = together(session, reader, None, TableFilter())
    assert rows == right


def test_more_places_than_the_program_holds(session: Session, reader: LiveReader) -> None:
    """Then all rows come, and whoever asked chooses."""
    apply(Ipvs(), TABLE)
    every = TableFilter()
    many = [f"10.1.0.{n}" for n in range(65)]
    rows, right = together(session, reader, TableFilter(destination=many), every)
    assert rows == right
    rows, right = together(session, reader, TableFilter(service=many), every)
    assert [entry[0] for entry in rows] == [service for service, _ in right if not service.fwmark]
    rows, right = together(session, reader, TableFilter(fwmarks=list(range(1, 66))), every)
    assert [entry[0] for entry in rows] == [service for service, _ in right if service.fwmark]


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [({"service": "10.1.0.7"}, (1, 50)), ({"destination": "10.2.0.0/32"}, (200, 200))],
)
def test_what_is_not_wanted_costs_little(
    reader: LiveReader, conditions: dict[str, str], rows: tuple[int, int]
) -> None:
    """No counters are added up for other rows: that takes runs, since a run may add up so many only."""
    apply(
        Ipvs(),
        [
            (Service.tcp(f"10.1.0.{n}", 80), [Destination(f"10.2.0.{d}", 80, "masq") for d in range(50)])
            for n in range(200)
        ],
    )
    reader.read(Reading())
    all_runs = reader.account["runs"]
    reading = Reading()
    reader.read(reading, TableFilter(**conditions))  # type: ignore[arg-type]
    assert (reading.services, reading.destinations) == rows
    assert reader.account["runs"] <= max(2, all_runs // 2 + 1)
