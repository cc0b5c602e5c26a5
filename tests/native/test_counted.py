"""Counters, differences and rates as text, from made-up readings."""

import csv
import io
import json

import pytest

from ipvsfast import ServiceKey, Stats
from ipvsfast.listing.chosen_rows import RowChooser
from ipvsfast.listing.counted import time_text
from ipvsfast.listing.counted_records import FIELDS, CountedRecords
from ipvsfast.listing.counted_tables import CountedTables
from ipvsfast.listing.tables import ListOptions, render
from ipvsfast.model.table_filter import TableFilter
from support.schemas import fitting, schema
from support.tables import Table, destination_of, snapshot_of

WEB, SIX, MARK = (
    ServiceKey.of("tcp", "10.0.0.1", 80),
    ServiceKey.of("udp", "2001:db8::1", 53),
    ServiceKey.mark(7),
)
ONE, TWO, THREE = map(destination_of, (1, 2, 3))
FIRST: Table = {
    WEB: ((10, 20, 30, 40, 10**9, 6, 7, 8, 9, 10), {ONE: (10, 20, 30, 40, 10**9), TWO: (7,)}),
    SIX: ((3,), {ONE: (3,)}),
}
SECOND: Table = {
    WEB: ((14, 20, 30, 40, 3 * 10**9, 6, 7, 8, 9, 10), {ONE: (14, 20, 30, 40, 3 * 10**9), TWO: (2,), THREE: (5,)}),
    MARK: ((1,), {}),
}  # fmt: skip


def readings(wanted: TableFilter = TableFilter()) -> list:  # noqa: B008 - a value
    """Both readings, chosen from; they are 2 seconds apart."""
    chooser = RowChooser(wanted)
    first = snapshot_of(FIRST)
    second = snapshot_of(SECOND, first)
    first.started = first.ended = 100.0
    second.started = second.ended = 102.0
    return [chooser.choose(first), chooser.choose(second, second - first)]


def lines(form: str) -> list[str]:
    """Both readings one after the other."""
    maker = CountedRecords(form)  # type: ignore[arg-type]
    return "".join([piece for one in readings() for piece in maker.text(one)]).splitlines()


def test_ndjson() -> None:
    """Every row fits the schema; differences, rates and events are those of the rows."""
    rows = [json.loads(line) for line in lines("ndjson")]
    part = {**schema("stats")["$defs"]["row"], "$defs": schema("stats")["$defs"]}
    import jsonschema

    for row in rows:
        jsonschema.validate(row, part)
    first, second = rows[:5], rows[5:]
    assert all(row["delta"] is None and row["event"] is None for row in first)
    assert [(row["kind"], row["destination"]) for row in first] == [
        ("service", None), ("destination", "10.1.0.1"), ("destination", "10.1.0.2"), ("service", None),
        ("destination", "10.1.0.1"),
    ]  # fmt: skip
    web, one, two, three, mark, *gone = second
    assert web["stats"] == Stats(14, 20, 30, 40, 3 * 10**9, 6, 7, 8, 9, 10).to_dict()
    assert (web["delta"]["seconds"], web["delta"]["fresh"]) == (2.0, True)
    assert (web["delta"]["connections"], web["delta"]["connections_rate"]) == (4, 2.0)
    assert (one["delta"]["out_bytes"], one["delta"]["out_bytes_rate"]) == (2 * 10**9, 1e9)
    assert (two["event"], two["delta"]["connections"], two["stats"]["connections"]) == ("zeroed", 2, 2)
    assert (three["event"], three["delta"]["connections"], three["stats"]["connections"]) == (
        "appeared",
        0,
        5,
    )
    assert (mark["event"], mark["fwmark"], mark["protocol"], mark["service"]) == ("appeared", 7, None, None)
    assert [(row["event"], row["service"], row["destination"], row["stats"]) for row in gone] == [
        ("vanished", "2001:db8::1", None, None), ("vanished", "2001:db8::1", "10.1.0.1", None),
    ]  # fmt: skip
    assert (one["weight"], one["active"], one["inactive"], one["persistent"]) == (1, 7, 8, 9)
    assert web["weight"] is None


def test_csv_is_ndjson() -> None:
    """One header, and the same values."""
    text = lines("csv")
    assert text.count(",".join(FIELDS)) == 1
    rows = list(csv.DictReader(io.StringIO("\n".join(text))))
    objects = [json.loads(line) for line in lines("ndjson")]
    assert len(rows) == len(objects)
    for row, one in zip(rows, objects, strict=True):
        assert None not in row and None not in row.values()
        delta, stats = one["delta"] or {}, one["stats"] or {}
        expected = {**one, **stats, "seconds": delta.get("seconds"), "fresh": delta.get("fresh")}
        expected |= {f"delta_{name}": delta.get(name) for name in Stats._fields[:5]}
        expected |= {name: delta.get(name) for name in FIELDS[-5:]}
        for name in set(FIELDS) - {"time"}:
            value = expected.get(name)
            if isinstance(value, float):
                assert float(row[name]) == value, name
            else:
                text_of = (
                    "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
                )
                assert row[name] == text_of, name


def test_json_is_one_object() -> None:
    """That fits the schema, also without rows and for totals."""
    for wanted in (TableFilter(), TableFilter(protocols="sctp"), TableFilter(limit=2)):
        text = "".join(CountedRecords("json").text(readings(wanted)[0]))
        (made,) = fitting("stats", [json.loads(text)])
        assert len(made["rows"]) == {0: 5, 2: 2}[wanted.limit] * (not wanted.protocols)
    totals = json.loads("".join(CountedRecords("json").totals(1.0, Stats(1, 2, 3, 4, 5), None, 0.0)))
    fitting("stats", [totals])
    assert totals["namespace_totals"] == {
        "connections": 1, "in_packets": 2, "out_packets": 3, "in_bytes": 4, "out_bytes": 5,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_totals(form: str) -> None:
    """A row each, live: what was counted is never stale."""
    maker = CountedRecords(form)  # type: ignore[arg-type]
    first, second = Stats(1, 2, 3, 4, 5), Stats(11, 2, 3, 4, 5)
    text = "".join([*maker.totals(1.0, first, None, 0.0), *maker.totals(3.0, second, first, 2.0)])
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["kind"] for row in rows] == ["totals", "totals"]
        assert (rows[1]["delta_connections"], rows[1]["connections_rate"], rows[1]["fresh"]) == (
            "10",
            "5.000",
            "true",
        )
        assert None not in rows[1]
    else:
        one, two = map(json.loads, text.splitlines())
        assert one["delta"] is None
        assert (two["stats"]["connections"], two["delta"]["connections_rate"]) == (11, 5.0)


@pytest.mark.parametrize("in_full", [False, True])
@pytest.mark.parametrize("rates", [False, True])
def test_a_first_table_is_ipvsadms(in_full: bool, rates: bool) -> None:
    """The same text as -L --stats, or --rate, but for whole rates of destinations."""
    first = readings()[0]
    snapshot = first.snapshot
    rows = list(snapshot.destinations)
    spans = zip(snapshot.services["first_destination"], snapshot.services["destination_count"], strict=True)
    table = [(s, rows[at : at + n]) for s, (at, n) in zip(snapshot.services, spans, strict=True)]
    view = "rate" if rates else "stats"
    expected = "".join(render(table, ListOptions(view, exact=in_full)))  # type: ignore[arg-type]
    assert "".join(CountedTables(rates=rates, in_full=in_full).text(first, False)) == expected


def test_a_table_of_differences() -> None:
    """Marks stand behind the rows, what is gone below them."""
    text = "".join(CountedTables().text(readings()[1], True))
    assert text.partition("  ")[2] == (
        "counted in 2 s\n"
        "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n"
        "  -> RemoteAddress:Port\n"
        "TCP  10.0.0.1:80                         4        0        0        0    2000M\n"
        "  -> 10.1.0.1:80                         4        0        0        0    2000M\n"
        "  -> 10.1.0.2:80                         2        0        0        0        0 0\n"
        "  -> 10.1.0.3:80                         0        0        0        0        0 +\n"
        "FWM  7                                   0        0        0        0        0 +\n"
        "UDP [2001:db8::1]:53                                                           -\n"
        "UDP [2001:db8::1]:53 -> 10.1.0.1:80                                            -\n"
        "\n"
    )
    assert max(map(len, text.splitlines())) <= 80


def test_a_list_of_rates() -> None:
    """What sorts it comes first; small rates have a decimal."""
    wanted = TableFilter(sort="out_bytes", limit=2)
    text = "".join(CountedTables(rates=True, sort="out_bytes").text(readings(wanted)[1], False))
    assert text == (
        "Destination           Service                       OutBPS      CPS    InBPS\n"
        "10.1.0.1:80           TCP 10.0.0.1:80                1000M      2.0      0.0\n"
        "10.1.0.2:80           TCP 10.0.0.1:80                  0.0      1.0      0.0 0\n"
        "UDP [2001:db8::1]:53 -> 10.1.0.1:80                                            -\n"
    )


def test_a_time_has_milliseconds() -> None:
    """So that two readings of one second differ."""
    assert time_text(1.0015)[-9:-5] == ".001"
    assert len(time_text(0.0)) == 28
