"""Snapshots and their differences, on rows that are made up."""

import gc
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast import Destination, InvalidValue, Service, ServiceKey
from ipvsfast._native import ffi
from ipvsfast.kernel.layout import COUNTERS, DEST_COLUMNS, SERVICE_COLUMNS
from ipvsfast.kernel.reading_memory import MemoryPool
from ipvsfast.stats.snapshot import Snapshot, take_snapshot
from support.tables import MadeUp, NoFiles, Table, destination_of, snapshot_of

FIELDS = {
    "family": "conf.af", "protocol": "conf.protocol", "port": "conf.port", "fwmark": "conf.fwmark",
    "flags": "conf.flags", "timeout": "conf.timeout", "netmask": "conf.netmask", "address": "conf.addr",
    "scheduler": "conf.sched", "engine": "conf.pe", "forwarding": "conf.fwd", "weight": "conf.weight",
    "upper": "conf.u_thresh", "lower": "conf.l_thresh", "tunnel_port": "conf.tun_port",
    "tunnel_flags": "conf.tun_flags", "tunnel_type": "conf.tun_type", "active": "active",
    "inactive": "inactive", "persistent": "persistent", "connections": "stats.conns",
    "in_packets": "stats.inpkts", "out_packets": "stats.outpkts", "in_bytes": "stats.inbytes",
    "out_bytes": "stats.outbytes", "cps": "stats.cps", "in_pps": "stats.inpps", "out_pps": "stats.outpps",
    "in_bps": "stats.inbps", "out_bps": "stats.outbps", "first_destination": "first_dest",
    "destination_count": "num_dests",
}  # fmt: skip
CODES = {"uint8_t": "B", "uint16_t": "H", "uint32_t": "I", "int32_t": "i", "uint64_t": "Q",
         "uint8_t[16]": "16s", "char[16]": "16s", "char[20]": "20s"}  # fmt: skip


@pytest.mark.parametrize(
    ("struct", "columns"),
    [("struct ipvsf_service_row", SERVICE_COLUMNS), ("struct ipvsf_dest_row", DEST_COLUMNS)],
)
def test_columns_lie_where_the_fields_do(struct: str, columns: dict[str, tuple[str, int]]) -> None:
    """Offset and type of each are those of the C struct."""
    for name, (code, offset) in columns.items():
        kind, at = ffi.typeof(struct), 0
        for field in FIELDS[name].split("."):
            (found,) = [one for label, one in kind.fields if label == field]
            kind, at = found.type, at + found.offset
        assert (CODES[kind.cname], at) == (code, offset), name


def test_every_field_is_a_column() -> None:
    """What the struct has and no column shows is padding, says only which flags an edit changes, or is a note
    of C for itself."""
    unseen = {"conf.reserved", "conf.flags_mask", "counted", "is_counted"}
    for struct, columns in (
        ("struct ipvsf_service_row", SERVICE_COLUMNS),
        ("struct ipvsf_dest_row", DEST_COLUMNS),
    ):
        parts = [
            f"{name}.{inner}" if field.type.kind == "struct" else name
            for name, field in ffi.typeof(struct).fields
            for inner in ([n for n, _ in field.type.fields] if field.type.kind == "struct" else [""])
        ]
        assert set(parts) - {FIELDS[name] for name in columns} <= unseen


WEB, MARK = ServiceKey.of("tcp", "10.0.0.1", 80), ServiceKey.mark(7)
SIX = ServiceKey.of("udp", "2001:db8::1", 53)
BIG = 2**64 - 1
TABLE: Table = {
    WEB: ((1, 2, 3, 4, BIG, 6, 7, 8, 9, 10), {destination_of(1): (1, 0, 0, 0, 0), destination_of(2): (2,)}),
    MARK: ((5,), {}),
    SIX: ((6, 0, 1), {destination_of(1): (9, 8, 7, 6, 5)}),
}


def test_columns_keys_and_rows() -> None:
    """The same table by column, by key and as values."""
    snapshot = snapshot_of(TABLE)
    services, destinations = snapshot.services, snapshot.destinations
    assert (len(services), len(destinations)) == (3, 3)
    assert services.keys() == [WEB, MARK, SIX]
    assert destinations.keys() == [destination_of(1), destination_of(2), destination_of(1)]
    assert services["connections"].tolist() == [1, 5, 6]
    assert services["out_bytes"].tolist() == [BIG, 0, 0]
    assert services["protocol"].tolist() == [6, 0, 17]
    assert services["scheduler"] == ["rr", "rr", "rr"]
    assert services["destination_count"].tolist() == [2, 0, 1]
    assert services["address"].shape == (3, 16)
    assert services["address"].tobytes()[32:] == SIX.packed
    assert destinations["service"].tolist() == [0, 0, 2]
    assert destinations["weight"].tolist() == [1, 1, 1]
    assert destinations["active"].tolist() == [7, 7, 7]
    assert services.row(0) == services.row(-3) == Service(WEB, "rr", netmask=0)
    assert services.row(0).stats[:] == TABLE[WEB][0]
    assert [one.key for one in services] == services.keys()
    assert [one.key for one in destinations] == destinations.keys()
    assert destinations.row(-1) == Destination("10.1.0.1", 80, forwarding="masq")
    assert destinations.row(-1).stats.in_packets == 8
    assert array("Q", destinations["connections"]) == array("Q", [1, 2, 9])


def test_rows_are_found_by_key() -> None:
    """By the value or by its key; a destination within its service."""
    first = snapshot_of(TABLE)
    for snapshot in (first, snapshot_of(TABLE, first)):
        for number, key in enumerate(snapshot.services.keys()):
            assert (
                snapshot.services.find(key) == snapshot.services.find(snapshot.services.row(number)) == number
            )
        one, two = destination_of(1), destination_of(2)
        assert snapshot.destinations.find(WEB, one) == 0
        assert snapshot.destinations.find(WEB, snapshot.destinations.row(1)) == 1
        assert snapshot.destinations.find(Service(SIX), one) == 2
        assert snapshot.destinations.find(SIX, two) is None
        assert snapshot.services.find(ServiceKey.mark(8)) is None
        assert snapshot.destinations.find(ServiceKey.mark(8), one) is None
    with pytest.raises(TypeError):
        first.services.find("tcp 10.0.0.1:80")  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [3, -4])
def test_a_row_that_there_is_not(number: int) -> None:
    """As with lists."""
    for columns in (snapshot_of(TABLE).services, snapshot_of(TABLE).destinations):
        with pytest.raises(IndexError, match="there are 3 rows"):
            columns.row(number)


def test_a_column_that_there_is_not() -> None:
    """The message has those that there are."""
    first, second = snapshot_of(TABLE), snapshot_of(TABLE)
    for columns in (first.services, first.destinations, (second - first).services):
        for name in ("conns", 5, "connections_rate_rate"):
            with pytest.raises(InvalidValue, match=f"no column {name!r}: there are .*connections"):
                columns[name]  # type: ignore[index]
        for name in columns.names:
            assert len(columns[name]) == 3


def test_an_empty_table() -> None:
    """Every column is there, of its format, and empty."""
    first, second = snapshot_of({}), snapshot_of({})
    for columns in (first.services, first.destinations, (second - first).services):
        assert len(columns) == 0
        for name in columns.names:
            assert list(columns[name]) == []
    assert first.services["connections"].format == "Q"
    assert (second - first).services["connections_rate"].format == "d"
    assert first.totals()[:] == (0,) * 10
    assert list(first.services) == first.services.keys() == []


def test_columns_cannot_be_changed() -> None:
    """They are the memory of the rows."""
    first, second = snapshot_of(TABLE), snapshot_of(TABLE)
    for view in (
        first.services["connections"], first.services["address"], first.destinations["service"],
        (second - first).services["connections"],
    ):  # fmt: skip
        assert view.readonly


def test_totals_are_sums_over_services() -> None:
    """Of all ten numbers."""
    assert snapshot_of(TABLE).totals()[:] == (12, 2, 4, 4, BIG, 6, 7, 8, 9, 10)
    assert snapshot_of(TABLE).namespace_totals() is None


def test_only_a_later_one_less_an_earlier_one() -> None:
    """Not the other way round, and not with something else."""
    first = snapshot_of(TABLE)
    second = snapshot_of(TABLE)
    with pytest.raises(InvalidValue, match="later - earlier"):
        first - second
    with pytest.raises(InvalidValue, match="later - earlier"):
        first - first
    with pytest.raises(TypeError):
        first - 1  # type: ignore[operator]


def test_what_zeroing_adding_and_deleting_leave() -> None:
    """Each row of the later snapshot by its own history."""
    later: Table = {
        MARK: ((4, 0, 0, 0, 1), {}),  # zeroed, and counted on
        WEB: ((3, 2, 3, 4, BIG), {destination_of(3): (50,), destination_of(2): (2, 5)}),
    }
    first = snapshot_of(TABLE)
    delta = snapshot_of(later, first) - first
    assert delta.services["connections"].tolist() == [4, 2]
    assert delta.services["out_bytes"].tolist() == [1, 0]
    assert delta.services.zeroed.tolist() == [0]
    assert delta.services.appeared.tolist() == []
    assert delta.services.vanished == [SIX]
    assert delta.destinations["connections"].tolist() == [0, 0]
    assert delta.destinations["in_packets"].tolist() == [0, 5]
    assert delta.destinations.appeared.tolist() == [0]
    assert delta.destinations.zeroed.tolist() == []
    assert delta.destinations.vanished == [(WEB, destination_of(1)), (SIX, destination_of(1))]
    assert delta.destinations["in_packets_rate"][1] == pytest.approx(5 / delta.seconds)


def test_what_is_live_is_fresh() -> None:
    """Both snapshots, and so the difference, whatever lies between them; zeroing is seen."""
    first = snapshot_of(TABLE, name="live")
    later: Table = {**TABLE, MARK: ((4, 0, 0, 0, 1), {})}
    second = snapshot_of(later, first, name="live")
    delta = second - first
    assert (first.live, second.fresh, delta.fresh) == (True, True, True)
    assert delta.services.zeroed.tolist() == [list(TABLE).index(MARK)]
    kernels = snapshot_of(TABLE, first)
    assert (kernels.live, kernels.fresh, (kernels - first).fresh) == (False, False, False)


def test_the_kernels_counters_behind_live_ones() -> None:
    """What is smaller has not been refreshed yet: nothing was zeroed, and nothing counted. Two seconds later it
    would have been."""
    first = snapshot_of({WEB: ((9, 9, 9, 9, 9), {destination_of(1): (8, 8, 8, 8, 8)})}, name="live")
    behind: Table = {WEB: ((7, 10, 9, 9, 9), {destination_of(1): (8, 1, 8, 8, 11)})}
    delta = snapshot_of(behind, first) - first
    assert [delta.services[name][0] for name in COUNTERS] == [0, 1, 0, 0, 0]
    assert [delta.destinations[name][0] for name in COUNTERS] == [0, 0, 0, 0, 3]
    assert delta.services["connections_rate"][0] == 0
    assert not len(delta.services.zeroed) and not len(delta.destinations.zeroed)
    other: Table = {MARK: ((1, 1, 1, 1, 1), {}), **behind}  # keys have to be looked for
    delta = snapshot_of(other, first) - first
    assert delta.services["in_packets"].tolist() == [0, 1]
    assert not len(delta.services.zeroed)
    late = snapshot_of(behind, first)
    late.started = late.ended = first.at + 2.5
    assert (late - first).services.zeroed.tolist() == [0]


NUMBERS = st.integers(0, 3) | st.sampled_from([2**32, 2**53 + 1, BIG - 1, BIG])
COUNTED = st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
SERVICE_KEYS = st.integers(1, 9).map(ServiceKey.mark) | st.integers(1, 9).map(
    lambda n: ServiceKey.of("tcp", f"10.0.0.{n}", 80)
)
DESTINATIONS = st.dictionaries(st.integers(0, 20).map(destination_of), COUNTED, max_size=5)
TABLES = st.dictionaries(SERVICE_KEYS, st.tuples(COUNTED, DESTINATIONS), max_size=6)


def modelled(now: dict, before: dict) -> tuple[list[tuple[int, ...]], list[int], list[int], list]:
    """(differences, appeared, zeroed, vanished) of rows by their keys, in plain Python."""
    differences, appeared, zeroed = [], [], []
    for number, (key, counters) in enumerate(now.items()):
        old = before.get(key)
        if old is None:
            appeared.append(number)
            differences.append((0,) * 5)
        elif any(x < y for x, y in zip(counters, old)):
            zeroed.append(number)
            differences.append(counters)
        else:
            differences.append(tuple(x - y for x, y in zip(counters, old)))
    return differences, appeared, zeroed, [key for key in before if key not in now]


@st.composite
def two_tables(draw: st.DrawFn) -> tuple[Table, Table]:
    """One, and one that was made of it: some of it went, some is new, the order may be another."""
    first = draw(TABLES)
    second = draw(TABLES)
    for key, (counters, below) in first.items():
        if draw(st.booleans()):
            more = second.get(key, ((0,) * 5, {}))[1]
            kept = {dest: old for dest, old in below.items() if draw(st.booleans())}
            second[key] = (draw(st.sampled_from([counters, (BIG,) * 5])), {**kept, **more})
    if draw(st.booleans()):
        second = {key: second[key] for key in draw(st.permutations(list(second)))}
    return first, second


@given(two_tables())
def test_differences_are_those_of_the_model(tables: tuple[Table, Table]) -> None:
    """Whatever came, went, moved, was zeroed or stood still."""
    one, two = tables
    first = snapshot_of(one)
    second = snapshot_of(two, first)
    delta = second - first
    flat = [
        {(key, dest): counters for key, (_, below) in table.items() for dest, counters in below.items()}
        for table in (two, one)
    ]
    for columns, model in (
        (delta.services, modelled(*[{key: row[0] for key, row in t.items()} for t in (two, one)])),
        (delta.destinations, modelled(*flat)),
    ):
        differences, appeared, zeroed, vanished = model
        assert list(zip(*[columns[name] for name in COUNTERS])) == differences
        assert list(zip(*[columns[f"{name}_rate"] for name in COUNTERS])) == [
            tuple(float(x) * (1 / delta.seconds) for x in row) for row in differences
        ]
        assert columns.appeared.tolist() == appeared
        assert columns.zeroed.tolist() == zeroed
        assert columns.vanished == vanished
    same = [(key, list(row[1])) for key, row in one.items()] == [(k, list(r[1])) for k, r in two.items()]
    assert (second.services.keys() is first.services.keys()) == same


def large(order: int, services: int = 20, each: int = 300) -> Table:
    """A table in one of two orders."""
    keys = [ServiceKey.mark(n) for n in range(1, services + 1)][::order]
    return {key: ((key.fwmark,), {destination_of(n): (n,) for n in range(each)[::order]}) for key in keys}


def test_a_table_in_another_order() -> None:
    """Every key is found; nothing moved, though everything stands elsewhere."""
    first = snapshot_of(large(1))
    second = snapshot_of(large(-1), first)
    delta = second - first
    assert not any(delta.services["connections"]) and not any(delta.destinations["connections"])
    for columns in (delta.services, delta.destinations):
        assert not columns.appeared and not columns.zeroed and not columns.vanished
    assert second.services.keys() is not first.services.keys()


def test_keys_are_made_once_for_equal_tables() -> None:
    """And addresses, and what joins destinations to services."""
    first = snapshot_of(TABLE)
    second = snapshot_of(TABLE, first)
    assert second.services.keys() is first.services.keys()
    assert second.destinations.keys() is first.destinations.keys()
    assert second.destinations["service"] is first.destinations["service"]
    assert second.services["address"] is first.services["address"]
    fewer = {WEB: (TABLE[WEB][0], {}), MARK: TABLE[MARK], SIX: TABLE[SIX]}
    assert snapshot_of(fewer, first).services.keys() is not first.services.keys()


def polled(source: MadeUp, pool: MemoryPool, before: Snapshot | None) -> Snapshot:
    return take_snapshot(NoFiles(), source, before, pool)


@pytest.mark.parametrize("kept", ["snapshot", "column", "slice", "part of a column", "services"])
def test_what_is_kept_stays_as_it_is(kept: str) -> None:
    """Whatever of a snapshot somebody holds on to, its memory is not used again."""
    source, pool = MadeUp(TABLE), MemoryPool()
    snapshot = polled(source, pool, None)
    held: object = {
        "snapshot": lambda one: one,
        "column": lambda one: one.services["connections"],
        "slice": lambda one: one.services["connections"][::2],
        "part of a column": lambda one: memoryview(one.services["connections"])[1:],
        "services": lambda one: one.services,
    }[kept](snapshot)
    before = show(held)
    last: Snapshot | None = snapshot
    del snapshot
    for n in range(10):
        source.table = {WEB: ((100 + n,) * 5, {})}
        last = polled(source, pool, last)
    gc.collect()
    assert show(held) == before


def show(held: object) -> list[int]:
    if isinstance(held, Snapshot):
        held = held.services
    return list(held if isinstance(held, memoryview) else held["connections"])  # type: ignore[index]


def test_memory_is_used_in_turn() -> None:
    """Two readings serve for any number of polls if nobody keeps more than the last snapshot."""
    source, pool = MadeUp(TABLE), MemoryPool()
    seen, last = set(), None
    for _ in range(6):
        last = polled(source, pool, last)
        gc.collect()  # of a Python that does not count references
        seen.add(id(last._rows.table) and int(ffi.cast("uintptr_t", last._rows.table)))
    assert len(seen) == 2


def test_memory_of_what_was_kept_is_not_hoarded() -> None:
    """Who kept many snapshots and lets them go leaves a few readings behind, not all of them."""
    source, pool = MadeUp(TABLE), MemoryPool()
    many = [polled(source, pool, None) for _ in range(50)]
    deltas = [later - earlier for earlier, later in pairwise(many)]
    del many, deltas
    gc.collect()
    assert len(pool._readings) <= 4 and len(pool._blocks) <= 4


def test_blocks_follow_a_table_that_grows() -> None:
    """Larger ones take the places of those that are too small now."""
    source, pool = MadeUp(TABLE), MemoryPool()
    places = []
    for services in (1, 10, 100, 100, 100):
        source.table = large(1, services, 3)
        first = polled(source, pool, None)
        for _ in range(3):
            second = polled(source, pool, first)
            delta = second - first
            place = int(ffi.cast("uintptr_t", delta.destinations._changes.packed.differences))
            first = second
        places.append(place)
    assert places[-1] in places[:-1]


def test_a_failed_reading_leaves_the_last_one_alone() -> None:
    """The error comes out, and what was read before is still what it was."""
    source, pool = MadeUp(TABLE), MemoryPool()
    first = polled(source, pool, None)

    class Broken(MadeUp):
        def read(self, into: object, before: object, estimating: object) -> None:
            raise OSError("broken")

    for _ in range(3):
        with pytest.raises(OSError, match="broken"):
            polled(Broken({}), pool, first)
    assert len(pool._readings) == 1
    assert first.services["connections"].tolist() == [1, 5, 6]
