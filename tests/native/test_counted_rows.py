"""Rows of counters made by C are those that listing/counted_records.py makes, to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast import ServiceKey
from ipvsfast.listing.chosen_rows import RowChooser
from ipvsfast.listing.counted_records import CountedRecords
from ipvsfast.model.keys import DestinationKey
from ipvsfast.model.table_filter import TableFilter
from ipvsfast.model.types import RecordForm
from ipvsfast.stats.delta import Delta
from ipvsfast.stats.plain_rows import plain_rows
from ipvsfast.stats.snapshot import Snapshot
from support.tables import Table, destination_of, snapshot_of

FORMS: tuple[RecordForm, ...] = ("json", "ndjson", "csv")
COUNTS = st.integers(0, 5) | st.integers(0, 2**40) | st.just(2**64 - 1)
SERVICES = st.builds(
    ServiceKey.of,
    st.sampled_from(["tcp", "udp", "sctp"]),
    st.ip_addresses().map(str),
    st.integers(0, 65535),
) | st.builds(ServiceKey.mark, st.integers(1, 2**32 - 1), st.booleans())
DESTINATIONS = st.builds(DestinationKey.of, st.ip_addresses().map(str), st.integers(0, 65535))
NUMBERS = st.lists(COUNTS, min_size=5, max_size=10).map(tuple)
TABLES = st.dictionaries(
    SERVICES, st.tuples(NUMBERS, st.dictionaries(DESTINATIONS, NUMBERS, max_size=4)), max_size=5
)


def by_definition(records: CountedRecords, snapshot: Snapshot, delta: Delta | None) -> str:
    return "".join(records.text(RowChooser(TableFilter()).choose(snapshot, delta)))


def by_c(records: CountedRecords, form: RecordForm, snapshot: Snapshot, delta: Delta | None) -> str | None:
    rows = plain_rows(snapshot, delta, form, *records.parts_of_rows(snapshot, delta))
    if rows is None:
        return None
    before, after, nothing = records.around(snapshot)
    return before + b"".join(map(bytes, rows)).decode() + (after if len(snapshot.services) else nothing)


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None)
@given(before=TABLES, now=TABLES, seconds=st.floats(0.001, 10000), same=st.booleans())
def test_the_same_bytes(form: RecordForm, before: Table, now: Table, seconds: float, same: bool) -> None:
    """A first reading and one with differences: random tables, in which rows stay, come, and are zeroed."""
    first = snapshot_of(before)
    second = snapshot_of(before if same else {**before, **now}, first)
    first.started = first.ended = 100.0
    second.started = second.ended = 100.0 + seconds
    delta = second - first
    theirs, ours = CountedRecords(form), CountedRecords(form)
    assert by_c(ours, form, first, None) == by_definition(theirs, first, None)
    made = by_c(ours, form, second, delta)
    gone = bool(delta.services.vanished or delta.destinations.vanished)
    assert (made is None) == gone
    if not gone:
        assert made == by_definition(theirs, second, delta)


@pytest.mark.parametrize("form", FORMS)
def test_many_pieces(form: RecordForm) -> None:
    """A text that is longer than the buffer."""
    service = ServiceKey.of("tcp", "10.0.0.1", 80)
    table: Table = {service: ((1,) * 10, {destination_of(n): (n,) * 5 for n in range(5000)})}
    snapshot = snapshot_of(table)
    made = by_c(CountedRecords(form), form, snapshot, None)
    assert made == by_definition(CountedRecords(form), snapshot, None)
    assert len(made) > 2 << 18


def test_what_is_gone_is_left_to_python() -> None:
    """Only there are lines for it."""
    one, other = ServiceKey.of("tcp", "10.0.0.1", 80), ServiceKey.mark(7)
    first = snapshot_of({one: ((1,), {}), other: ((1,), {})})
    second = snapshot_of({one: ((1,), {})}, first)
    first.started, second.started = 100.0, 102.0
    first.ended, second.ended = 100.0, 102.0
    assert by_c(CountedRecords("csv"), "csv", second, second - first) is None


def test_a_protocol_that_c_does_not_know() -> None:
    """It is left to Python too."""
    snapshot = snapshot_of({ServiceKey._make(0, 2, 47, b"\x0a\0\0\1", 80): ((1,), {})})
    assert by_c(CountedRecords("csv"), "csv", snapshot, None) is None
