"""Which services and destinations are wanted, in which order."""

import pytest

from ipvsfast import Destination, InvalidValue, Service, Stats
from ipvsfast.model.table_filter import COLUMNS, EVERYTHING, Selection, TableFilter

WEB = Service.tcp("10.0.0.1", 80, "rr", stats=Stats(5))
DNS = Service.udp("2001:db8::1", 53, "wlc", stats=Stats(9))
MARK = Service.mark(7, "mh")
ONE = Destination("10.1.0.1", 80, "masq", weight=0, active=3, stats=Stats(1, in_bytes=100))
TWO = Destination("10.1.0.2", 80, "masq", weight=4, active=1, stats=Stats(2, in_bytes=7))
SIX = Destination("2001:db8::9", 53, "masq", weight=2, active=2, stats=Stats(3))
TABLE = [(WEB, [ONE, TWO]), (DNS, [SIX]), (MARK, [])]


def chosen(**conditions: object) -> list[tuple[Service, list[Destination]]]:
    """What is left of the table."""
    return Selection(TableFilter(**conditions)).choose(TABLE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, TABLE),
        ({"service": "10.0.0.0/8"}, [TABLE[0]]),
        ({"service": "!10.0.0.0/8"}, [TABLE[1]]),  # a mark has no address
        ({"protocols": "udp"}, [TABLE[1]]),
        ({"protocols": ("tcp", "fwm")}, [TABLE[0], TABLE[2]]),
        ({"protocols": "!TCP"}, [TABLE[1], TABLE[2]]),
        ({"protocols": "17"}, [TABLE[1]]),
        ({"fwmarks": 7}, [TABLE[2]]),
        ({"families": "ipv6"}, [TABLE[1]]),
        ({"families": "!inet6"}, [TABLE[0], TABLE[2]]),
        ({"schedulers": ("rr", "mh")}, [TABLE[0], TABLE[2]]),
        ({"destination": ":80"}, [TABLE[0]]),
        ({"destination": "10.1.0.2"}, [(WEB, [TWO])]),
        ({"min_active": 2}, [(WEB, [ONE]), (DNS, [SIX])]),
        ({"zero_weight": True}, [(WEB, [ONE])]),
        ({"zero_weight": False}, [(WEB, [TWO]), (DNS, [SIX])]),
        ({"service": ":53", "zero_weight": True}, []),
        ({"limit": 2}, [TABLE[0]]),
        ({"sort": "active"}, [(WEB, [ONE, TWO]), (DNS, [SIX])]),
        ({"sort": "active", "limit": 2}, [(WEB, [ONE]), (DNS, [SIX])]),
        ({"sort": "weight", "limit": 2}, [(WEB, [TWO]), (DNS, [SIX])]),
        ({"sort": "in_bytes", "limit": 1}, [(WEB, [ONE])]),
        ({"sort": "destination", "limit": 2}, [(WEB, [ONE, TWO])]),
    ],
)
def test_destinations(conditions: dict[str, object], expected: list[object]) -> None:
    """A service without a wanted destination is left out as soon as it is destinations that are asked for."""
    assert chosen(**conditions) == expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, TABLE),
        ({"sort": "connections"}, [TABLE[1], TABLE[0], TABLE[2]]),
        ({"sort": "active", "limit": 1}, [TABLE[0]]),  # 3 + 1 in all
        ({"min_active": 4}, [TABLE[0]]),
        ({"sort": "service"}, [TABLE[0], TABLE[1], TABLE[2]]),
    ],
)
def test_services_only(conditions: dict[str, object], expected: list[object]) -> None:
    """Services are sorted and limited, by sums where the column is one of destinations."""
    assert chosen(services_only=True, **conditions) == expected


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_can_be_sorted_by(column: str) -> None:
    """For destinations and for services; nothing is lost."""
    for only in (False, True):
        found = chosen(sort=column, services_only=only)
        rows = {dest.key for _, dests in found for dest in dests}
        assert rows == {ONE.key, TWO.key, SIX.key}


@pytest.mark.parametrize(
    "conditions",
    [
        {"service": "web"}, {"service": ""}, {"destination": 7}, {"protocols": "icmp"}, {"protocols": "70000"},
        {"fwmarks": 0}, {"families": "mixed"}, {"schedulers": "a b"}, {"schedulers": "!"}, {"min_active": -1},
        {"zero_weight": 1}, {"sort": "name"}, {"limit": -1}, {"services_only": True, "destination": ":80"},
        {"services_only": True, "zero_weight": False},
    ],
)  # fmt: skip
def test_no_filter(conditions: dict[str, object]) -> None:
    """One clear error, before the kernel is asked."""
    with pytest.raises(InvalidValue):
        TableFilter(**conditions)  # type: ignore[arg-type]


def test_everything() -> None:
    """No condition is equal to none, and a filter is a value."""
    assert TableFilter() == EVERYTHING
    wanted = TableFilter(service=":80", sort="active")
    assert TableFilter.from_dict(wanted.to_dict()) == wanted
    assert wanted.replace(service=(), sort="") == EVERYTHING
