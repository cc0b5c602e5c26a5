"""Text, filters, counts and samples made in C are what plain Python makes of the same rows."""

import csv
import io
import json
from collections import Counter
from ipaddress import ip_address
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast.connections.count_by import KEYS, Key, parse_keys, unpack_groups
from ipvsfast.connections.filter import EVERYTHING, FAMILIES, STATES, ConnectionFilter
from ipvsfast.connections.forms import HEADS
from ipvsfast.connections.groups import Groups
from ipvsfast.errors import InvalidValue
from ipvsfast.kernel.conn_layout import COLUMNS, ROW, take_column
from ipvsfast.kernel.conn_reader import ConnGroups, ConnReader, ConnRows, ConnSample
from ipvsfast.listing.connections import connection_text
from ipvsfast.listing.endpoints import Numeric
from ipvsfast.model.address import format_ip
from ipvsfast.model.connection import Connection
from ipvsfast.model.place import parse_place
from support.connlines import ADDRESSES4, ADDRESSES6, HEADER, PROTOCOLS, connections, line, lines
from support.connread import file_of, read, reader_of, text_of
from support.schemas import fitting

tables = st.lists(lines(), max_size=12)


def escaped(data: bytes) -> str:
    """Data as CSV and JSON hold it: ASCII from which the bytes can be had again."""
    return "".join(
        ["\\\\" if byte == 0x5C else chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in data]
    )


def values(row: Connection) -> dict[str, object]:
    """A row as JSON has it."""
    return {
        "protocol": row.protocol, "state": row.state,
        "client": row.client, "client_port": row.client_port,
        "service": row.service, "service_port": row.service_port,
        "destination": row.destination, "destination_port": row.destination_port,
        "expires": row.expires, "template": row.template,
        "pe": row.engine or None, "pe_data": escaped(row.data) if row.engine else None,
    }  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(tables)
def test_tables(texts):
    """The table, with and without what engines keep, is the listing's, byte for byte."""
    rows = connections(texts)
    for form, engines in (("table", False), ("table-pe", True)):
        made = text_of(reader_of(HEADER + b"".join(texts)), form)
        assert made == "".join([connection_text(row, Numeric(), engines) for row in rows]).encode(
            "utf-8", "surrogateescape"
        )
        assert not [byte for byte in made if (byte < 32 and byte != 10) or byte == 127]


@settings(max_examples=250, deadline=None)
@given(st.binary(max_size=80).map(lambda data: data.replace(b"\n", b"")))
def test_hostile_data(data):
    """Whatever a client sends is one row of every format, without any control character."""
    text = line(engine=b"sip", data=data)
    (row,) = connections([text])
    for form in ("table-pe", "csv", "csv-details", "ndjson"):
        made = text_of(reader_of(text), form)
        assert made.count(b"\n") == 1
        assert not [byte for byte in made if (byte < 32 and byte != 10) or byte == 127]
        if form == "table-pe":
            assert made == connection_text(row, Numeric(), True).encode("utf-8", "surrogateescape")
        else:
            assert made.isascii()


@settings(max_examples=250, deadline=None)
@given(tables)
def test_json_and_csv(texts):
    """Parsed with the parsers of Python they give the same values."""
    expected = [values(row) for row in connections(texts)]
    text = HEADER + b"".join(texts)
    ndjson = text_of(reader_of(text), "ndjson").decode("ascii")
    assert [json.loads(part) for part in ndjson.splitlines()] == expected
    assert [row.to_dict() for row in connections(texts)] == expected
    assert [Connection.from_dict(values) for values in expected] == connections(texts)
    assert json.loads("[" + text_of(reader_of(text), "json").decode("ascii") + "]") == expected
    lines_of_csv = text_of(reader_of(text), "csv").decode("ascii")
    assert text_of(reader_of(text), "csv-details").decode("ascii") == lines_of_csv.replace("\n", ",,,,,\n")
    table = csv.DictReader(io.StringIO(HEADS["csv"] + lines_of_csv, newline=""))
    for found, wanted in zip(list(table), expected, strict=True):
        wanted["template"] = "true" if wanted["template"] else "false"
        assert found == {key: "" if value is None else str(value) for key, value in wanted.items()}


def bits(address: bytes, count: int) -> str:
    return "".join([f"{byte:08b}" for byte in address])[:count]


def wants(where: ConnectionFilter, row: Connection) -> bool:
    """The filter, written down once more."""
    family = "mixed" if len(row[4]) != len(row[6]) else "ipv4" if len(row[4]) == 4 else "ipv6"

    def at(places, address, port):
        def here(place):
            af, wanted, prefix, low, high = parse_place(place)
            same = not af or (len(wanted) == len(address) and bits(wanted, prefix) == bits(address, prefix))
            return same and low <= port <= high

        return fits(places, here)

    return (
        at(where.client, row[2], row[3])
        and at(where.service, row[4], row[5])
        and at(where.destination, row[6], row[7])
        and fits(where.states, lambda state: state == row.state)
        and fits(where.protocols, lambda number: int(number) == row.protocol_number)
        and fits(where.families, lambda name: name == family)
        and (not where.expires_below or row.expires < where.expires_below)
        and (where.templates is None or row.template == where.templates)
        and fits(where.engines, lambda name: bool(row.engine) and name in ("*", row.engine))
    )


def fits(conditions, test):
    """Whether one of the values holds, or there is none, and none of those with an exclamation mark does."""
    wanted = [value for value in conditions if str(value)[0] != "!"]
    excluded = [value[1:] for value in conditions if str(value)[0] == "!"]
    return (not wanted or any(map(test, wanted))) and not any(map(test, excluded))


def some(values, most):
    """A list of these, some of them excluded."""
    return st.lists(st.builds("{}{}".format, st.sampled_from(["", "!"]), values), max_size=most)


places = some(
    st.builds(
        "{}{}".format,
        st.sampled_from([f"{a}/{n}" for a in ADDRESSES4 for n in (0, 1, 8, 9, 23, 31, 32)]),
        st.sampled_from(["", ":80", ":0-1024", ":32768-65535"]),
    )
    | st.builds(
        "[{}]{}".format,
        st.sampled_from([f"{a}/{n}" for a in ADDRESSES6 for n in (0, 1, 32, 47, 64, 127, 128)]),
        st.sampled_from(["", ":443", ":80-443"]),
    )
    | st.sampled_from([":80", ":0", ":1-65535", "10.0.0.1", "2001:db8::1"]),
    3,
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "client": places,
        "service": places,
        "destination": places,
        "states": some(st.sampled_from(STATES[:12]), 4),
        "protocols": some(st.sampled_from([*PROTOCOLS.values(), 50, 255]), 3),
        "families": some(st.sampled_from(sorted(FAMILIES)), 2),
        "expires_below": st.sampled_from([0, 1, 60, 6000, 2**32 - 1]),
        "templates": st.sampled_from([None, True, False]),
        "engines": some(st.sampled_from(["sip", "*", "fifteenletters_", "si"]), 2),
    },
)


@settings(max_examples=250, deadline=None)
@given(st.lists(lines(), max_size=20), filters)
def test_filters(texts, conditions):
    """Every condition, alone and with others, lets through what it says."""
    where = ConnectionFilter(**conditions)
    rows = connections(texts)
    reader = reader_of(HEADER + b"".join(texts), where=where)
    assert read(reader) == [row for row in rows if wants(where, row)]
    assert reader.account.rows == len(rows)


@pytest.mark.parametrize(("base", "size"), [("170.85.204.51", 32), ("2001:db8:aaaa:5555:cccc:3333::99", 128)])
def test_every_prefix_length(base, size):
    """Of two addresses that differ in one bit, a prefix takes both exactly if it ends before that bit."""
    number = int(ip_address(base))
    others = [str(ip_address(number ^ 1 << (size - 1 - bit))) for bit in range(size)]
    text = HEADER + b"".join([line(client=base, cport=bit, service=base, destination=other)
                              for bit, other in enumerate(others)])  # fmt: skip
    for prefix in range(size + 1):
        where = ConnectionFilter(destination=f"[{base}/{prefix}]" if size == 128 else f"{base}/{prefix}")
        assert [row.client_port for row in read(reader_of(text, where=where))] == list(range(prefix, size))


@pytest.mark.parametrize("limit", [1, 2, 999, 1000, 1001, 5000])
def test_limit(limit):
    """A reading ends after as many as were asked for."""
    reader = reader_of(HEADER + line() * 1000 + line(protocol="TCP"), where=ConnectionFilter(limit=limit))
    assert len(read(reader)) == min(limit, 1001)
    assert reader.account.rows == min(limit, 1001)
    again = reader_of(HEADER + line() * 1000, where=ConnectionFilter(limit=limit))
    assert text_of(again, "csv").count(b"\n") == min(limit, 1000)


def key_text(row: Connection, name: str, four: int = 24, six: int = 64) -> str:
    """One key of a row as text, written down once more."""
    mixed = len(row[4]) != len(row[6])
    if name == "client-net":
        length = four if len(row[2]) == 4 else six
        number = int.from_bytes(row[2], "big") >> (8 * len(row[2]) - length) << (8 * len(row[2]) - length)
        return f"{format_ip(number.to_bytes(len(row[2]), 'big'))}/{length}"

    def place(address: str, port: int) -> str:
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    return {
        "client": row.client,
        "client-port": str(row.client_port),
        "service": f"{row.protocol} {place(row.service, row.service_port)}",
        "service-address": row.service,
        "destination": place(row.destination, row.destination_port),
        "destination-address": row.destination,
        "state": row.state,
        "protocol": row.protocol,
        "family": "mixed" if mixed else "ipv6" if len(row[4]) == 16 else "ipv4",
        "pe": row.engine,
        "template": "yes" if row.template else "no",
    }[name]


def grouped(texts, keys, top=None):
    groups = ConnGroups(b"".join([key.packed for key in keys]))
    reader = reader_of(HEADER + b"".join(texts))
    while not reader.ended:
        reader.group(groups)
    return list(unpack_groups(groups.top(top), groups.entry_size, keys))


PAIRS = list(combinations(KEYS, 2)) + [(name,) for name in KEYS] + [tuple(KEYS)[:7], tuple(KEYS)[6:]]


@settings(max_examples=200, deadline=None)
@given(st.lists(lines(), max_size=30), st.sampled_from(PAIRS))
def test_groups(texts, names):
    """Counts by any keys are those of a Counter, largest first; a top is the beginning of that."""
    expected = Counter([tuple([key_text(row, name) for name in names]) for row in connections(texts)])
    found = grouped(texts, parse_keys(names))
    assert dict(found) == expected and len(found) == len(expected)
    assert [group.count for group in found] == sorted(expected.values(), reverse=True)
    for top in (0, 1, 2, len(found), len(found) + 5):
        assert grouped(texts, parse_keys(names), top) == found[:top]


@settings(max_examples=200, deadline=None)
@given(st.lists(lines(), max_size=30), st.integers(0, 32), st.integers(0, 128))
def test_client_nets(texts, four, six):
    """Networks of every length, of both families."""
    expected = Counter([(key_text(row, "client-net", four, six),) for row in connections(texts)])
    assert dict(grouped(texts, [Key(f"client-net:{four}/{six}")])) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=30), st.sampled_from(PAIRS))
def test_one_schema(texts, names):
    """What a count is of has the names and values that entries have in JSON; both fit their schemas."""
    text = HEADER + b"".join(texts)
    rows = fitting(
        "connection", [json.loads(part) for part in text_of(reader_of(text), "ndjson").splitlines()]
    )
    extra = [
        {"client_net": key_text(row, "client-net"), "family": key_text(row, "family")}
        for row in connections(texts)
    ]
    reader, keys = reader_of(text), parse_keys(names)
    counted = ConnGroups(b"".join([key.packed for key in keys]))
    while not reader.ended:
        reader.group(counted)
    fields = [name for key in keys for name in key.names]
    wanted = Counter(
        [json.dumps({name: {**row, **more}[name] for name in fields}) for row, more in zip(rows, extra)]
    )
    records = fitting("connection-count", Groups(keys, counted, len(texts)).top().records())
    assert {record.pop("total") for record in records} == {len(texts)}
    counts = [record.pop("connections") for record in records]
    assert dict(zip(map(json.dumps, records), counts)) == wanted


def groups_of(texts, by="protocol"):
    """The groups of a made-up table."""
    counted = ConnGroups(b"".join([key.packed for key in parse_keys(by)]))
    reader = reader_of(HEADER + b"".join(texts))
    while not reader.ended:
        reader.group(counted)
    return Groups(parse_keys(by), counted, reader.account.matched)


def test_groups_of_so_many_connections():
    """A least number leaves out what is smaller, with any top; what is left out is counted as others."""
    texts = [line(client=f"10.0.0.{n}") for n in range(1, 101) for _ in range(n)]
    groups = groups_of(texts, "client")
    assert (len(groups), groups.total) == (100, 5050)
    for least in (1, 2, 50, 99, 100, 101, 5050, 10**12):
        counts = groups.top(least=least)
        assert [count for _, count in counts] == list(range(100, least - 1, -1))
        assert counts.others == (100 - len(counts), 5050 - sum(range(least, 101)))
    assert [count for _, count in groups.top(3, least=99)] == [100, 99]
    assert [count for _, count in groups.top(1, least=99)] == [100]
    assert groups.top(0).others == (100, 5050)


@settings(max_examples=100, deadline=None)
@given(st.lists(lines(), max_size=30), st.lists(lines(), max_size=30), st.sampled_from(PAIRS))
def test_changes_between_groups(first, second, names):
    """Each group knows how many connections its key has gained, also one that was not there before."""
    now, before = groups_of(second, names), groups_of(first, names)
    earlier = dict(before.top())
    counts = now.top(5, before=before)
    assert counts.changes == [count - earlier.get(keys, 0) for keys, count in counts]
    assert counts.total_change == len(second) - len(first)
    assert now.top(5).changes is None


def test_changes_of_many_groups():
    """Tens of thousands of keys are found again, whatever the secrets of the two tables."""
    before = groups_of([line(client=f"10.{n >> 8}.{n & 255}.1") for n in range(20_000)], "client")
    now = groups_of([line(client=f"10.{n >> 8}.{n & 255}.1") * 2 for n in range(10_000, 30_000)], "client")
    assert sorted(now.top(before=before).changes) == [1] * 10_000 + [2] * 10_000


def test_what_cannot_be_compared():
    """Counts by other keys."""
    with pytest.raises(InvalidValue, match="counts by state cannot be compared with client-net:24/64"):
        groups_of([], "state").top(before=groups_of([], "client-net"))
    with pytest.raises(
        InvalidValue, match="counts by client-net:8/64 cannot be compared with client-net:9/64"
    ):
        groups_of([], "client-net:8").top(before=groups_of([], "client-net:9"))


def test_many_groups():
    """Tens of thousands of keys are counted exactly, equal counts in the order of their keys."""
    texts = [line(client=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") * (1 + n % 3) for n in range(30_000)]
    found = grouped(texts, [Key("client")])
    assert len(found) == 30_000 and sum(group.count for group in found) == 60_000
    order = [(-group.count, tuple(map(int, group.keys[0].split(".")))) for group in found]
    assert order == sorted(order)
    assert grouped(texts, [Key("client")], 100) == found[:100]


def test_memory_of_groups():
    """What the counts take is told, and grows with the keys only."""
    groups = ConnGroups(Key("client-port").packed)
    few = groups.memory
    for _ in range(3):
        reader = reader_of(HEADER + b"".join([line(cport=port) for port in range(5000)]))
        while not reader.ended:
            reader.group(groups)
    assert len(groups) == 5000
    assert few < groups.memory < 1 << 20


def sampled(texts, size, seed, where=EVERYTHING):
    reader, sample = reader_of(HEADER + b"".join(texts), where=where), ConnSample(size, seed)
    while not reader.ended:
        reader.sample(sample)
    reader.filter(*ConnectionFilter().pack())
    reader.replay(sample)
    return reader


def test_sample_size_and_order():
    """As many as asked for or as there are, each once, in the order of the table, with their data."""
    texts = [line(cport=n, engine=b"sip", data=b"call %d" % n) for n in range(500)]
    for size in (0, 1, 7, 499, 500, 501, 100_000):
        rows = read(sampled(texts, size, 42))
        assert len(rows) == min(size, 500)
        ports = [row.client_port for row in rows]
        assert ports == sorted(set(ports))
        assert [row.data for row in rows] == [b"call %d" % port for port in ports]


def test_sample_of_what_matches():
    """The filter comes first: a sample of the others is no sample."""
    texts = [line(cport=n, protocol="TCP" if n % 5 else "UDP") for n in range(300)]
    rows = read(sampled(texts, 20, 1, ConnectionFilter(protocols="udp")))
    assert len(rows) == 20 and {row.protocol for row in rows} == {"UDP"}


def test_sample_by_seed():
    """The same seed gives the same sample, whatever the block borders; another gives another."""
    texts = [line(cport=n) for n in range(5000)]
    first = read(sampled(texts, 50, 7))
    assert first == read(sampled(texts, 50, 7))
    assert first != read(sampled(texts, 50, 8))
    assert read(sampled(texts, 50, None)) != read(sampled(texts, 50, None))


def test_sample_is_uniform():
    """Over 2,000 seeds every row is drawn as often as chance has it: chi square, 1 in 10,000 on each side."""
    texts = [line(cport=n) for n in range(100)]
    drawn = Counter([row.client_port for seed in range(2000) for row in read(sampled(texts, 10, seed))])
    expected = 2000 * 10 / 100
    # Ten of a hundred without putting back: the variance of a count is 0.9 of the binomial one.
    chi = sum((drawn[n] - expected) ** 2 for n in range(100)) / expected / 0.9
    assert 54 < chi < 161  # 99 degrees of freedom


def test_replay_in_every_format():
    """A sample is printed like any other reading, as often as wanted."""
    texts = [line(cport=n) for n in range(100)] + [line(engine=b"sip", data=b"x", cport=100)]
    reader = sampled(texts, 101, 3)
    text = b"".join(texts)
    assert text_of(reader, "json") == text_of(reader_of(text), "json")
    sample = reader._sample
    for form in ("table", "table-pe", "csv", "ndjson"):
        reader.replay(sample)
        assert text_of(reader, form) == text_of(reader_of(text), form)


@pytest.mark.parametrize("at_once", [False, True])
def test_remembering(at_once):
    """At once, what comes again is left out, whatever its state by now; otherwise only once the table
    has changed its size, which a plain file never does."""
    one, other = line(cport=1), line(cport=1, state="NONE", expires=1)
    different = [line(cport=2), line(protocol="TCP", cport=1), line(cport=1, engine=b"sip", data=b"a"),
                 line(cport=1, engine=b"sip", data=b"b"), line("UDP", "2001:db8::1", 1, "2001:db8::2")]  # fmt: skip
    texts = [one, *different, other, *different, one]
    reader = ConnReader()
    reader.remember(at_once)
    reader.attach(file_of(HEADER + b"".join(texts)))
    rows = connections(texts)
    assert read(reader) == (rows[:6] if at_once else rows)
    assert (reader.account.repeated, reader.account.rows) == (len(texts) - 6 if at_once else 0, len(texts))


def test_remembering_from_reading_to_reading():
    """A later reading gives what earlier ones have not: one list with one limit in the end."""
    first = [line(cport=n) for n in range(3000)]
    second = first[1000:] + [line(cport=n, protocol="TCP") for n in range(2000)]
    reader = ConnReader()
    reader.filter(*ConnectionFilter(limit=4500).pack())
    reader.remember(False)
    reader.attach(file_of(HEADER + b"".join(first)))
    pieces = [text_of(reader, "json")]
    reader.remember(True)
    reader.attach(file_of(HEADER + b"".join(second)))
    pieces.append(text_of(reader, "json"))
    found = json.loads(b"[" + b"".join(pieces) + b"]")
    assert [(row["protocol"], row["client_port"]) for row in found] == [
        *[("UDP", n) for n in range(3000)], *[("TCP", n) for n in range(1500)],
    ]  # fmt: skip
    assert (reader.account.matched, reader.account.repeated) == (4500, 2000)


def test_many_remembered():
    """Two hundred thousand entries, read twice: each is given once."""
    text = b"".join([line(client=f"10.0.{n >> 16}.1", cport=n & 65535) for n in range(200_000)])
    reader = ConnReader()
    reader.remember(True)
    reader.attach(file_of(HEADER + text + text))
    while not reader.ended:
        reader.count()
    assert (reader.account.matched, reader.account.repeated) == (200_000, 200_000)


@settings(max_examples=100, deadline=None)
@given(tables)
def test_columns(texts):
    """Columns hold what the rows hold."""
    rows, packed = connections(texts), b""
    reader = reader_of(HEADER + b"".join(texts))
    step = ConnRows(reader).step
    while not reader.ended:
        packed += step()[0]
    assert len(packed) == len(rows) * ROW.size

    def column(name):
        data = take_column(packed, name)
        width, form = COLUMNS[name][1:]
        return (
            list(memoryview(data).cast(form))
            if form
            else [data[n : n + width] for n in range(0, len(data), width)]
        )

    for at, name in ((0, "protocol"), (1, "template"), (3, "client_port"), (5, "service_port"),
                     (7, "destination_port"), (9, "expires")):  # fmt: skip
        assert column(name) == [row[at] for row in rows]
    for at, name in ((2, "client"), (4, "service"), (6, "destination")):
        assert [cell[: len(row[at])] for cell, row in zip(column(name), rows, strict=True)] == [
            row[at] for row in rows
        ]
    assert column("state") == [row.state.encode().ljust(16, b"\0") for row in rows]
    assert column("family") == [2 if len(row[2]) == 4 else 10 for row in rows]
    assert column("destination_family") == [2 if len(row[6]) == 4 else 10 for row in rows]
