"""Connections over several readings of a table that changes its size, from made-up files."""

import json
import os
from collections import Counter

import pytest

from ipvsfast.connections import table as conn_table
from ipvsfast.connections.filter import ConnectionFilter
from ipvsfast.connections.table import Connections, ConnectionsStatus, ReadingInterrupted, pace
from ipvsfast.errors import InvalidValue
from ipvsfast.kernel.conn_reader import ConnReader
from support.connlines import HEADER, connections, line
from support.connread import file_of, reader_of, text_of

FIRST = [line(cport=n) for n in range(1, 3001)]
SECOND = FIRST[1000:] + [line(cport=n, protocol="TCP") for n in range(1, 2001)]
THIRD = SECOND[::-1] + [line(cport=n, protocol="SCTP") for n in range(1, 501)]


@pytest.fixture
def readings(monkeypatch):
    """Readings that give one text after the other; between two of them the table has another size."""
    texts, opened = [], []

    def open_next(reader, netns=-1, overlap=True):
        opened.append(texts[len(opened)])
        reader.attach(file_of(HEADER + b"".join(opened[-1])), overlap)

    def buckets(netns, counted):
        # One size before the last reading and after it; another one before and after all others.
        asked.append(0)
        return ConnectionsStatus._make(None, len(asked) if len(asked) < 2 * len(texts) - 1 else -1, True)

    asked = []
    monkeypatch.setattr(ConnReader, "open", open_next)
    monkeypatch.setattr(conn_table, "_status", buckets)
    return texts


def test_one_reading_is_enough(readings):
    """A table that stays as it is is read once."""
    readings += [FIRST]
    table = Connections()
    assert table.count() == 3000
    assert (table.account.readings, table.account.incomplete, table.account.read) == (1, False, 3000)


def counted(number):
    """(entries that count, repeated ones) after so many readings: the first one was not remembered."""
    texts = [FIRST, SECOND, THIRD, SECOND][:number]
    found = dict.fromkeys([text for reading in texts[1:] for text in reading])
    return texts, connections(found), sum(map(len, texts[1:])) - len(found)


@pytest.mark.parametrize("number", [2, 3, 4])
def test_counts(readings, number):
    """A count starts anew with the second reading; later ones add what that one has hidden, once."""
    texts, expected, repeated = counted(number)
    readings += texts
    table = Connections()
    assert table.count() == len(expected)
    assert (table.account.readings, table.account.incomplete) == (number, False)
    assert (table.account.read, table.account.repeated) == (len(expected) + repeated, repeated)


@pytest.mark.parametrize("number", [2, 3, 4])
def test_groups(readings, number):
    """So do groups."""
    texts, expected, _ = counted(number)
    readings += texts
    assert dict(Connections().top(None, "protocol")) == Counter([(row.protocol,) for row in expected])


@pytest.mark.parametrize("number", [2, 3, 4])
def test_samples(readings, number):
    """And a sample, which is all of them if it is large enough."""
    texts, expected, _ = counted(number)
    readings += texts
    assert Connections().sample(100_000, seed=1) == expected


def test_rows_add_up(readings):
    """Rows that were given cannot be taken back: later readings give what is new, once."""
    readings += [FIRST, SECOND, THIRD]
    table = Connections()
    rows = list(table.rows())
    assert rows == connections([*FIRST, *SECOND[2000:], *THIRD[4000:]])
    account = table.account
    assert (account.readings, account.incomplete, account.matched) == (3, False, 5500)
    assert (account.read, account.repeated) == (11_500, 6000)


def test_json_of_several_readings(readings):
    """It is one list."""
    readings += [FIRST, SECOND]
    text = b"".join([bytes(piece) for piece in Connections().text("json")])
    assert len(json.loads(text)) == 5000


HEADING = (
    b"IPVS connection entries\npro expire state       source             virtual            destination\n"
)
FIELDS = (b"protocol,state,client,client_port,service,service_port,destination,destination_port,expires,template,"
          b"pe,pe_data")  # fmt: skip


@pytest.mark.parametrize("rows", [0, 1, 3000])
@pytest.mark.parametrize(
    ("form", "start", "end", "empty"),
    [
        ("table", HEADING, b"", HEADING),
        ("table-pe", HEADING[:-1] + b"        pe name          pe_data\n", b"", None),
        ("csv", FIELDS + b"\n", b"", FIELDS + b"\n"),
        ("csv-details", FIELDS + b",forwarding,origin,fwmark,timeout,packets\n", b"", None),
        ("ndjson", b"", b"", b""),
        ("json", b"[\n", b"\n]\n", b"[]\n"),
    ],
)
def test_whole_texts(readings, rows, form, start, end, empty):
    """Every form is a text of its own: with its heading, and what ends it, also of an empty table."""
    readings += [FIRST[:rows]]
    text = b"".join([bytes(piece) for piece in Connections().text(form)])
    middle = text_of(reader_of(HEADER + b"".join(FIRST[:rows])), form)
    assert text == (start + middle + end if rows or empty is None else empty)


def test_no_such_form(readings):
    """It is refused before anything is read."""
    with pytest.raises(
        InvalidValue, match="no form 'xml': there are table, table-pe, csv, csv-details, json, ndjson"
    ):
        Connections().text("xml")


def test_a_text_that_is_not_read_to_its_end(readings):
    """Closed early, it closes the file, and its account is there."""
    readings += [FIRST]
    before = descriptors()
    table = Connections()
    pieces = table.text("csv")
    shown = bytes(next(pieces)).count(b"\n") - 1  # below its head; on a busy machine not all fit its time
    pieces.close()
    assert 0 < shown <= table.account.read <= 3000
    assert descriptors() == before


@pytest.mark.parametrize("limit", [1, 3000, 3001, 4999, 5000, 6000])
def test_limit_of_several_readings(readings, limit):
    """The limit holds for all readings together."""
    readings += [FIRST, SECOND]
    assert len(list(Connections().rows(ConnectionFilter(limit=limit)))) == min(limit, 5000)


def test_a_table_that_never_rests(readings):
    """After a few readings what is there is given, and said to be incomplete."""
    readings += [FIRST] * 9
    table = Connections()
    assert table.count() == 3000
    assert (table.account.readings, table.account.incomplete) == (conn_table.READINGS, True)


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_an_iterator_that_is_closed(readings):
    """It closes its file at once, and the account says how far it came."""
    readings += [[line()] * 50_000]
    before = descriptors()
    table = Connections()
    rows = table.rows()
    next(rows)
    assert descriptors() == before + 1
    rows.close()
    assert descriptors() == before
    assert 0 < table.account.read < 50_000


def test_interrupted(readings, monkeypatch):
    """Ctrl-C ends a count with what was counted so far."""
    readings += [[line()] * 1000]
    open_next, opened = ConnReader.open, []

    def open_and_note(reader, *where):
        opened.append(reader)
        open_next(reader, *where)

    def interrupt(pace):
        if opened[-1].account.matched:  # on a busy machine the first slices may bring none
            raise KeyboardInterrupt

    monkeypatch.setattr(ConnReader, "open", open_and_note)

    before = descriptors()
    table = Connections(progress=interrupt)
    with pytest.raises(ReadingInterrupted) as caught:
        table.count()
    assert caught.value.partial == table.account.matched > 0
    readings += [[line()] * 1000]
    with pytest.raises(ReadingInterrupted) as caught:
        table.top(1, "state")
    assert [group.keys for group in caught.value.partial] == [("UDP",)]
    assert descriptors() == before


def test_columns(readings):
    """Columns have one entry a row, addresses 16 bytes; names that are none are refused."""
    readings += [FIRST]
    found = Connections().columns("client_port", "client", "state")
    assert found["client_port"].tolist() == list(range(1, 3001))
    assert found["client"].shape == found["state"].shape == (3000, 16)
    with pytest.raises(InvalidValue, match="no column 'port': there are family, "):
        Connections().columns("port")


def test_pace():
    """Entries and time from the account; the time left follows a line, or a parabola on old kernels."""
    reader = reader_of(HEADER + line() * 100)
    while not reader.ended:
        reader.count()
    assert pace(reader.account).rows <= 100

    class Made:
        timed_rows, read_ns, spans = 10_000, 2 * 10**9, 10
        first_ns, recent_ns, first_row, recent_row = 10**8, 10**8, 1000, 9000

    even = pace(Made())
    assert (even.quadratic, even.seconds_left(20_000), even.seconds_left(5)) == (False, 2.0, 0.0)
    Made.recent_ns = 9 * 10**8
    slower = pace(Made())
    # A thousand rows a span: from 0.1 ms a row at 1,000 to 0.9 ms at 9,000.
    assert slower.quadratic
    assert slower.seconds_left(20_000) == pytest.approx((1e-7 / 2) * (20_000**2 - 10_000**2), rel=1e-6)
