"""Samples of metrics: what C writes is what Python defines, and the forms parse."""

from __future__ import annotations

import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ipvsfast.exporter.collect import Samples, status_values
from ipvsfast.exporter.compat import BACKENDS
from ipvsfast.exporter.exposition import Scraped
from ipvsfast.exporter.families import (
    FAMILIES,
    OF_DESTINATIONS,
    OF_SERVICES,
    ROW_LABELS,
    SERVICE_LABELS,
    Family,
)
from ipvsfast.exporter.labels import row_label_text
from ipvsfast.exporter.limits import RowMaker
from ipvsfast.exporter.lines import head
from ipvsfast.exporter.options import LEAST_SERIES, LEVELS, NODE_LABELS, ExportOptions
from ipvsfast.exporter.rows import LabelTexts, RowSamples, defined_labels
from ipvsfast.kernel.layout import DEST_ROW, SERVICE_ROW
from ipvsfast.kernel.sample_lines import SampleBlocks, fingerprint, row_labels
from ipvsfast.model.table_filter import TableFilter
from ipvsfast.stats.snapshot import Snapshot, take_snapshot
from support.tables import NoFiles, fill

MOST = 2**64 - 1
numbers = st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1))
counters = st.lists(st.one_of(st.integers(0, 99), st.integers(2**53, MOST)), min_size=10, max_size=10)
addresses = st.one_of(
    st.binary(min_size=4, max_size=4).map(lambda raw: (2, raw)),
    st.binary(min_size=16, max_size=16).map(lambda raw: (10, raw)),
)
dests = st.tuples(
    addresses, st.integers(0, 65535), st.integers(0, 4), st.integers(-(2**31), 2**31 - 1), numbers, numbers,
    numbers, numbers, numbers, counters,
)  # fmt: skip
services = st.tuples(
    addresses, st.sampled_from([6, 17, 132, 50]), st.integers(0, 65535), st.one_of(st.just(0), numbers),
    st.integers(0, 63), numbers, st.sampled_from([b"rr", b"wlc", b"mh", b'o"d\\d\n', b"\xff"]),
    st.sampled_from([b"", b"sip"]), counters, st.lists(dests, max_size=6),
)  # fmt: skip
tables = st.lists(services, max_size=5)


class Rows:
    """A source of given rows."""

    name, note = "netlink", ""

    def __init__(self, services: bytes, dests: bytes) -> None:
        self.rows = services, dests

    def read(self, into, before, estimating) -> None:
        fill(into.begin(), *self.rows)


def snapshot_of(table) -> Snapshot:
    packed_services, packed_dests, first = bytearray(), bytearray(), 0
    for (family, raw), protocol, port, mark, flags, timeout, sched, engine, stats, below in table:
        packed_services += SERVICE_ROW.pack(
            family,
            protocol,
            port,
            0,
            mark,
            flags,
            0,
            timeout,
            32,
            raw,
            sched,
            engine,
            *stats,
            first,
            len(below),
        )
        first += len(below)
        for (
            af,
            address,
        ), dest_port, fwd, weight, upper, lower, active, inactive, persistent, counts in below:
            packed_dests += DEST_ROW.pack(
                af,
                dest_port,
                address,
                fwd,
                weight,
                upper,
                lower,
                0,
                0,
                0,
                active,
                inactive,
                persistent,
                *counts,
            )
    return take_snapshot(NoFiles(), Rows(bytes(packed_services), bytes(packed_dests)))


def text_of(rows: RowSamples, openmetrics: bool = False) -> str:
    blocks = SampleBlocks()
    pieces = [bytes(piece) for piece in rows.write(blocks, openmetrics)]
    return b"".join([*pieces, *map(bytes, blocks.flush())]).decode()


def defined(rows: RowSamples) -> str:
    found = []
    for family in rows.families:
        lines = rows.defined_lines(family)
        found.append(head(family, False) + lines if lines else "")
    return "".join(found)


OPTIONS = st.one_of(
    st.builds(
        ExportOptions,
        aggregate=st.sampled_from(LEVELS),
        labels=st.one_of(st.none(), st.lists(st.sampled_from(ROW_LABELS))),
        filter=st.sampled_from([TableFilter(), TableFilter(protocols="tcp"), TableFilter(min_active=3)]),
    ),
    st.builds(
        ExportOptions,
        compat=st.just("node_exporter"),
        labels=st.one_of(st.none(), st.lists(st.sampled_from(NODE_LABELS))),
    ),
)


@settings(max_examples=100, deadline=None)
@given(tables, OPTIONS)
def test_c_writes_what_is_defined(table, options: ExportOptions) -> None:
    """Every byte, and as many samples as are counted."""
    for rows in RowMaker(options).within(snapshot_of(table), None)[0]:
        text = text_of(rows)
        assert text == defined(rows)
        assert sum([line[0] != "#" for line in text.splitlines()]) == rows.series()


@settings(max_examples=60, deadline=None)
@given(tables, OPTIONS)
def test_sums_of_any_rows(table, options: ExportOptions) -> None:
    """Each sample is the sum of the rows that have its labels, added up one by one."""
    options = ExportOptions(aggregate=options.aggregate, labels=options.labels, compat=options.compat)
    snapshot = snapshot_of(table)
    keys, below, homes = (
        snapshot.services.keys(),
        snapshot.destinations.keys(),
        snapshot.destinations["service"],
    )
    for rows in RowMaker(options).within(snapshot, None)[0]:
        names = options.labels_at(options.aggregate)
        pairs: list = [(keys[home], key) for home, key in zip(homes, below, strict=True)]
        columns, text = snapshot.destinations, text_of(rows)
        if rows.subject == "service":
            names = tuple(name for name in names if name in SERVICE_LABELS)
            pairs, columns = [(key, None) for key in keys], snapshot.services  # type: ignore[assignment]
        for family in rows.families:
            if family.sparse or family.kind == "info" or names in (SERVICE_LABELS, ROW_LABELS, NODE_LABELS):
                continue
            expected: dict[str, int] = {} if names else {family.sample_name: 0}
            for pair, value in zip(pairs, columns[family.column].tolist(), strict=True):
                if options.compat is None or pair[0].fwmark or pair[0].protocol_number != 132:
                    sample = family.sample_name + (row_label_text(*pair, names) if names else "")
                    expected[sample] = expected.get(sample, 0) + value
            lines = [line for line in text.splitlines() if re.split(r"[{ ]", line)[0] == family.sample_name]
            assert sorted(lines) == sorted(f"{sample} {value}" for sample, value in expected.items())


@settings(max_examples=60, deadline=None)
@given(tables)
def test_labels(table) -> None:
    """Those of C, where it writes any, for all names and for some."""
    snapshot = snapshot_of(table)
    for subject, names in (
        ("service", SERVICE_LABELS), ("destination", ROW_LABELS), ("destination", NODE_LABELS),
        ("destination", ("destination",)), ("service", ("fwmark", "service_port")),
    ):  # fmt: skip
        made = row_labels(snapshot.rows, names, subject == "destination", None)
        if made is not None:
            assert made.texts() == defined_labels(snapshot, subject, names, None)


def test_what_c_leaves_to_python() -> None:
    """A protocol that has no name."""
    one = ((2, b"\n\0\0\1"), 50, 80, 0, 0, 0, b"rr", b"", [0] * 10, [])
    assert row_labels(snapshot_of([one]).rows, SERVICE_LABELS, False, None) is None
    rows = RowMaker(ExportOptions()).within(snapshot_of([one]), None)[0][0]
    assert '{protocol="50",family="ipv4",service="10.0.0.1",' in text_of(rows)


@settings(max_examples=25, deadline=None)
@given(tables, st.booleans())
def test_both_forms_parse(table, openmetrics: bool) -> None:
    """Each sample once, with the labels and the value that the row has."""
    unique = {(one[0][0], one[3] or one[:3]): one for one in table}
    table = [(*one[:9], list({dest[:2]: dest for dest in one[9]}.values())) for one in unique.values()]
    rows = RowMaker(ExportOptions(max_series=0)).within(snapshot_of(table), None)[0]
    scraped = Scraped(Samples(), rows, None, [])
    text = b"".join(map(bytes, scraped.blocks(openmetrics))).decode()
    families = list((parse_openmetrics if openmetrics else parse_text)(text))
    found = [sample for family in families for sample in family.samples]
    assert len(found) == sum([one.series() for one in rows])
    assert text.endswith("# EOF\n") == openmetrics
    known = {family.sample_name: family for family in FAMILIES}
    assert {sample.name for sample in found} <= known.keys()


def test_large_tables_come_in_blocks() -> None:
    """Of bounded size, each valid until the next, and two readers do not disturb each other."""
    dest = [
        ((2, struct.pack(">I", 0x0A010000 + n)), 80, 0, 1, 0, 0, 1, 2, 3, [MOST] * 10) for n in range(3000)
    ]
    table = [((2, b"\n\0\0\1"), 6, 80, 0, 0, 0, b"rr", b"", [MOST] * 10, dest)]
    rows = RowMaker(ExportOptions()).within(snapshot_of(table), None)[0]
    scraped = Scraped(Samples(), rows, None, [])
    first, second = scraped.blocks(False), scraped.blocks(True)
    texts: tuple[list[bytes], list[bytes]] = ([], [])
    for a, b in zip(first, second):
        texts[0].append(bytes(a))
        texts[1].append(bytes(b))
    texts[0].extend(map(bytes, first))
    texts[1].extend(map(bytes, second))
    for pieces in texts:
        assert len(pieces) > 10 and max(map(len, pieces)) <= 1 << 18
        assert min(map(len, pieces[:-1])) > (1 << 18) - 1000
    assert b"".join(texts[0]).decode() == "".join(map(defined, rows))
    assert b"".join(texts[1]).count(f" {MOST}\n".encode()) == 5 * 3001


def test_the_limit_of_series() -> None:
    """At the limit everything is there; one less, and samples are about services, or about nothing."""
    dest = [((2, bytes((10, 1, 0, n))), 80, 0, 1, n % 2, 0, 1, 2, 3, [0] * 10) for n in range(50)]
    table = [((2, bytes((10, 0, 0, n))), 6, 80, 0, 0, 0, b"rr", b"", [0] * 10, dest) for n in range(5)]
    maker, snapshot = RowMaker(ExportOptions()), snapshot_of(table)
    needed = {}
    for level in LEVELS:
        rows, given_level = RowMaker(ExportOptions(aggregate=level)).within(snapshot, None)
        assert given_level == level
        needed[level] = sum([one.series() for one in rows])
    assert needed["destination"] == 5 * 7 + 250 * 10 + 125
    assert needed["service"] == 5 * (7 + 4) and needed["none"] == 6 + 4
    for room, level in (
        (needed["destination"], "destination"), (needed["destination"] - 1, "service"), (2000, "service"),
        (needed["service"], "service"), (needed["service"] - 1, "none"), (0, "none"),
    ):  # fmt: skip
        rows, found = maker.within(snapshot, room)
        assert (found, sum([one.series() for one in rows])) == (level, needed[level])


def test_sums() -> None:
    """Rows with the same labels are one sample; sums have as many digits as they need."""
    big = [((2, bytes((10, 1, 0, n))), 80, 0, 2, 5, 0, 1, 2, 3, [MOST] * 10) for n in (1, 2)]
    table = [((2, bytes((10, 0, 0, n))), 6, 80, 0, 1, 60, b"rr", b"", [MOST] * 10, big) for n in (1, 2)]
    options = ExportOptions(labels=["destination"])
    services, destinations = RowMaker(options).within(snapshot_of(table), None)[0]
    text = text_of(destinations)
    assert f'ipvs_destination_incoming_bytes_total{{destination="10.1.0.2"}} {2 * MOST}\n' in text
    assert 'ipvs_destination_weight{destination="10.1.0.1"} 4\n' in text
    assert "threshold" not in text and "info" not in text
    assert f"ipvs_service_connections_total {2 * MOST}\n" in text_of(services)
    assert "persistence" not in text_of(services)
    none = RowMaker(ExportOptions(aggregate="none")).within(snapshot_of([]), None)[0]
    assert "ipvs_service_connections_total 0\n" in text_of(none[0])
    assert text_of(none[1]).count("\nipvs_destination_") == 4


def test_labels_are_kept() -> None:
    """The same object for snapshots with the same keys, another where something came or went."""
    one = ((2, b"\n\0\0\1"), 6, 80, 0, 0, 0, b"rr", b"", [0] * 10, [])
    source = Rows(bytes(snapshot_of([one]).rows.services), b"")
    first = take_snapshot(NoFiles(), source)
    second = take_snapshot(NoFiles(), source, first)
    texts = LabelTexts()
    kept = texts.of(first, "service", SERVICE_LABELS, None)
    assert texts.of(second, "service", SERVICE_LABELS, None) is kept
    source.rows = b"", b""
    assert texts.of(take_snapshot(NoFiles(), source, second), "service", SERVICE_LABELS, None) is not kept


def siphash_2_4(key: bytes, data: bytes) -> int:
    """As it was published."""
    mask = 2**64 - 1

    def turned(v: int, bits: int) -> int:
        return (v << bits | v >> (64 - bits)) & mask

    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = turned(v[1], 13) ^ v[0]
            v[0] = turned(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = turned(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = turned(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = turned(v[1], 17) ^ v[2]
            v[2] = turned(v[2], 32)

    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) & 255,))
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def defined_fingerprint(table, shares: bool) -> int:
    """A sum of hashes: of what a rule sets, in 32 bits little-endian, names behind their length."""
    key, total = struct.pack("<QQ", 0x7669707672756C65, 0x66696E6765727072), 0
    for (family, raw), protocol, port, mark, flags, timeout, sched, engine, _, below in table:
        place = struct.pack("<II", mark, 0 if mark else protocol) + struct.pack("<I", family)
        place += (b"" if mark else raw).ljust(16, b"\0") + struct.pack("<I", 0 if mark else port)
        setting = struct.pack("<III", flags & ~2 & 0xFFFFFFFF, timeout if flags & 1 else 0, 32)
        for name in (sched, engine):
            setting += struct.pack("<I", len(name)) + name
        total += siphash_2_4(key, place + setting)
        for (af, address), dest_port, fwd, weight, upper, lower, *_ in below:
            dest = struct.pack("<I", af) + address.ljust(16, b"\0") + struct.pack("<II", dest_port, fwd)
            dest += bytes(12) + struct.pack("<iII", weight if shares else 0, upper, lower)
            total += siphash_2_4(key, place + dest)
    return total % 2**64


def test_siphash() -> None:
    """The vector of the publication."""
    assert siphash_2_4(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5


@settings(max_examples=25, deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_the_fingerprint(table, random) -> None:
    """That of the definition, whatever the order."""
    for shares in (True, False):
        assert fingerprint(snapshot_of(table).rows, shares) == defined_fingerprint(table, shares)
    mixed = [(*one[:8], [7] * 10, random.sample(one[9], len(one[9]))) for one in table]
    random.shuffle(mixed)
    assert fingerprint(snapshot_of(mixed).rows, True) == defined_fingerprint(table, True)


def test_values_of_the_status_file() -> None:
    """The number behind each name, as Linux 7.2 writes them; what is none is passed over."""
    text = (
        b"Conns:\t12\nConn buckets:\t256 (8 bits, lfactor -4)\nStats chain max len:\t0\nNew: word\nheading\n"
    )
    assert status_values(text) == {"conns": 12, "conn buckets": 256, "stats chain max len": 0}
    assert status_values(b"") == {}


@pytest.mark.parametrize("families", [OF_SERVICES, OF_DESTINATIONS, BACKENDS])
def test_columns_exist(families: tuple[Family, ...]) -> None:
    """Each family is about a column of the snapshot, or is an info."""
    snapshot = snapshot_of([])
    columns = snapshot.services if families[0].subject == "service" else snapshot.destinations
    for family in families:
        assert family.kind == "info" or family.column in columns.names


def test_the_least_limit_is_enough() -> None:
    """Without rows and with every state of connections there are fewer series."""
    assert (
        len([family for family in FAMILIES if family.subject in ("exporter", "namespace")]) < LEAST_SERIES / 4
    )
