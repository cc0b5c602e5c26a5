"""Which rows of a snapshot are wanted: the same ones as of the values, reading after reading."""

from hypothesis import given
from hypothesis import strategies as st

from ipvsfast import DestinationKey, Service, ServiceKey
from ipvsfast.listing.chosen_rows import ChosenRows, RowChooser
from ipvsfast.listing.tables import ListOptions, render
from ipvsfast.model.table_filter import COLUMNS, Selection, TableFilter
from ipvsfast.stats.snapshot import Snapshot
from support.tables import Table, destination_of, snapshot_of

KEYS = [
    ServiceKey.of("tcp", "10.0.0.1", 80), ServiceKey.of("udp", "10.0.0.1", 53), ServiceKey.of("tcp", "192.0.2.1", 80),
    ServiceKey.of("sctp", "2001:db8::1", 53), ServiceKey.mark(7), ServiceKey.mark(7, ipv6=True),
]  # fmt: skip
counters = st.lists(st.integers(0, 9), min_size=10, max_size=10).map(tuple)
tables = st.dictionaries(
    st.sampled_from(KEYS),
    st.tuples(counters, st.dictionaries(st.integers(1, 5).map(destination_of), counters, max_size=5)),
)
filters = st.builds(
    dict,
    service=st.sampled_from([(), "10.0.0.0/8", "!192.0.2.1", ":53"]),
    protocols=st.sampled_from([(), "tcp", "fwm", "!udp"]),
    families=st.sampled_from([(), "ipv6"]),
    schedulers=st.sampled_from([(), "rr", "!rr"]),
    min_active=st.sampled_from([0, 7, 8]),
    sort=st.sampled_from(["", *COLUMNS]),
    limit=st.integers(0, 4),
)
of_destinations = st.builds(
    dict,
    destination=st.sampled_from([(), "10.1.0.2", "!10.1.0.3"]),
    zero_weight=st.sampled_from([None, True, False]),
)


def pairs(rows: ChosenRows) -> list[tuple[ServiceKey, list[DestinationKey]]]:
    """The chosen rows as keys: services with what stands below them."""
    keys, below = rows.snapshot.services.keys(), rows.snapshot.destinations.keys()
    return [(keys[n], [below[d] for d in run]) for n, run in zip(rows.services, rows.runs, strict=True)]


def flat(rows: ChosenRows) -> list[tuple[ServiceKey, DestinationKey]]:
    """The chosen destinations with their services."""
    keys, below = rows.snapshot.services.keys(), rows.snapshot.destinations.keys()
    homes = rows.snapshot.destinations["service"]
    return [(keys[homes[n]], below[n]) for n in rows.destinations]


def listed(snapshot: Snapshot) -> list[tuple[Service, list]]:
    """The table as values, in ipvsadm's order."""
    from ipvsfast.listing.order import sort_destinations, sort_services

    rows = list(snapshot.destinations)
    spans = zip(snapshot.services["first_destination"], snapshot.services["destination_count"], strict=True)
    table = [(s, rows[at : at + n]) for s, (at, n) in zip(snapshot.services, spans, strict=True)]
    return [(service, sort_destinations(below)) for service, below in sort_services(table)]


@given(tables, filters, of_destinations | st.just({"services_only": True}))
def test_the_same_rows_as_of_values(table: Table, one: dict, other: dict) -> None:
    """Conditions, order and limit: Selection defines them."""
    wanted = TableFilter(**one, **other)
    snapshot = snapshot_of(table)
    rows = RowChooser(wanted).choose(snapshot)
    expected = Selection(wanted).choose(listed(snapshot))
    if wanted.services_only:
        assert pairs(rows) == [(service.key, []) for service, _ in expected]
    elif wanted.sort or wanted.limit:
        assert rows.flat
        # Values have each service once; what stands below it is in the same order.
        grouped: dict[ServiceKey, list[DestinationKey]] = {}
        for service, below in flat(rows):
            grouped.setdefault(service, []).append(below)
        assert list(grouped.items()) == [(service.key, [d.key for d in below]) for service, below in expected]
    else:
        assert pairs(rows) == [(service.key, [d.key for d in below]) for service, below in expected]


WEB, DNS, *_ = KEYS
ONE, TWO, THREE = map(destination_of, (1, 2, 3))
FIRST: Table = {WEB: ((9,), {ONE: (5,), TWO: (1,), THREE: (0,)}), DNS: ((1,), {ONE: (100,)})}
SECOND: Table = {WEB: ((15,), {ONE: (6,), TWO: (6,), THREE: (0,)}), DNS: ((1,), {ONE: (100,)})}


def test_a_counter_sorts_by_what_was_counted_in_between() -> None:
    """100 connections since the last zero are fewer than 5 now."""
    chooser = RowChooser(TableFilter(sort="connections", limit=2))
    first = snapshot_of(FIRST)
    assert flat(chooser.choose(first)) == [(DNS, ONE), (WEB, ONE)]
    second = snapshot_of(SECOND, first)
    assert flat(chooser.choose(second, second - first)) == [(WEB, TWO), (WEB, ONE)]


def test_what_is_gone_is_told_if_it_was_wanted() -> None:
    """A service with its destinations, and a destination; not what the filter does not choose."""
    left: Table = {WEB: ((15,), {ONE: (6,), THREE: (0,)})}
    for wanted, expected in (
        (TableFilter(), [(DNS, None), (WEB, TWO), (DNS, ONE)]),
        (TableFilter(service="!10.0.0.1:80"), [(DNS, None), (DNS, ONE)]),
        (TableFilter(destination="10.1.0.2"), [(WEB, TWO)]),
        (TableFilter(services_only=True), [(DNS, None)]),
        (TableFilter(sort="connections", limit=1), [(WEB, TWO), (DNS, ONE)]),
        (TableFilter(protocols="sctp"), []),
    ):
        chooser = RowChooser(wanted)
        first = snapshot_of(FIRST)
        chooser.choose(first)
        second = snapshot_of(left, first)
        assert sorted(chooser.choose(second, second - first).gone, key=str) == sorted(expected, key=str)
        third = snapshot_of(left, second)
        assert chooser.choose(third, third - second).gone == []


def test_the_order_is_that_of_the_listing() -> None:
    """Also where ipvsadm's order is not the natural one: 192.0.2.1 stands before 10.0.0.1."""
    table: Table = {key: ((), {}) for key in KEYS}
    snapshot = snapshot_of(table)
    keys = [key for key, _ in pairs(RowChooser(TableFilter()).choose(snapshot))]
    text = "".join(render([(service, []) for service in snapshot.services], ListOptions("stats")))
    assert keys[0] == ServiceKey.of("tcp", "192.0.2.1", 80)
    assert [line.split()[1] for line in text.splitlines()[2:]] == [str(key).split()[1] for key in keys]
