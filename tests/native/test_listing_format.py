"""Sorting and formatting in C give the bytes that the listings in Python define."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast._native import ffi
from ipvsfast.kernel import layout
from ipvsfast.kernel.table_reading import RECORD_FORMS, VIEWS, Reading
from ipvsfast.listing import records
from ipvsfast.listing.headers import HEADERS
from ipvsfast.listing.rules import rule_lines
from ipvsfast.listing.tables import ListOptions, render

U32, U64 = 2**32 - 1, 2**64 - 1
borders32 = st.sampled_from([0, 1, 79, 2**31 - 1, 2**31, U32]) | st.integers(0, U32)
borders64 = st.sampled_from(
    [0, 99999999, 10**8, 10**9 - 1, 10**9, 10**11 - 1, 10**11, 10**14 - 1, 10**14, 2**32, U64]
) | st.integers(0, U64)
ports = st.sampled_from([0, 1, 80, 65535])
v4 = st.sampled_from(
    [b"\x0a\0\0\1", b"\xac\x10\0\1", b"\xc0\xa8\0\1", b"\xe0\0\0\1", b"\0\0\0\0", b"\xff" * 4]
) | st.binary(min_size=4, max_size=4)
v6 = st.sampled_from(
    [b"\0" * 15 + b"\1", b"\xf0" + b"\0" * 15, b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\1"]
) | st.binary(min_size=16, max_size=16)
stats = st.lists(borders64, min_size=10, max_size=10)
schedulers = st.sampled_from([b"rr", b"wlc", b"sh", b"mh", b"fifteenletters_"])
flags = st.integers(0, 0x3F).map(lambda f: f & ~2)


@st.composite
def service_rows(draw: st.DrawFn, count: int) -> bytes:
    kind = draw(st.sampled_from(["v4", "v6", "mark4", "mark6"]))
    family = 2 if kind.endswith("4") else 10
    mark = draw(st.integers(1, U32)) if kind.startswith("mark") else 0
    address = b"" if mark else draw(v4 if family == 2 else v6)
    bits = draw(flags)
    timeout = draw(st.integers(1, 2678400)) if bits & 1 else 0
    mask = draw(st.sampled_from([U32, 0, 0xFFFFFF00]) if family == 2 else st.integers(1, 128))
    return layout.SERVICE_ROW.pack(
        family, 0 if mark else draw(st.sampled_from([6, 17, 132])), 0 if mark else draw(ports), 0, mark,
        bits, U32, timeout, mask, address, draw(schedulers), draw(st.sampled_from([b"", b"sip"])),
        *draw(stats), count, draw(st.integers(0, 6)),
    )  # fmt: skip


@st.composite
def dest_rows(draw: st.DrawFn) -> bytes:
    address = draw(v4 | v6)
    kind = draw(st.integers(0, 2))
    return layout.DEST_ROW.pack(
        2 if len(address) == 4 else 10, draw(ports), address, draw(st.integers(0, 3)),
        draw(st.integers(0, 2**31 - 1)), draw(borders32), draw(borders32), draw(ports), draw(st.integers(0, 2)),
        kind, draw(borders32), draw(borders32), draw(borders32), *draw(stats),
    )  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, bytes]:
    services, dests, first = b"", b"", 0
    for _ in range(draw(st.integers(0, 6))):
        row = draw(service_rows(first))
        count = layout.SERVICE_ROW.unpack(row)[23]
        services += row
        dests += b"".join(draw(dest_rows()) for _ in range(count))
        first += count
    return services, dests


def reading(services: bytes, dests: bytes) -> tuple[Reading, list[object]]:
    """A Reading over rows of our own (kept alive by the list), which C will not free."""
    r = Reading()
    r.table = ffi.new("struct ipvsf_table *")
    keep = []
    for name, data, row in (("service", services, layout.SERVICE_ROW), ("dest", dests, layout.DEST_ROW)):
        rows = ffi.new(f"struct ipvsf_{name}_row[]", max(1, len(data) // row.size))
        ffi.memmove(rows, data, len(data))
        setattr(r.table, f"{name}s", rows)
        setattr(r.table, f"num_{name}s", len(data) // row.size)
        keep.append(rows)
    return r, keep


def text(r: Reading, view: str, exact: bool) -> str:
    pieces = r.text(view, exact)
    assert pieces is not None
    return b"".join(map(bytes, pieces)).decode()


@settings(max_examples=300, deadline=None)
@given(tables(), st.booleans(), st.booleans())
def test_every_view_has_the_same_bytes(rows: tuple[bytes, bytes], exact: bool, sort: bool) -> None:
    """Both implementations, on any table, in every view, sorted or not."""
    for view in VIEWS:
        r, _keep = reading(*rows)
        table = r.values()
        if sort:
            r.sort()
        if view == "rules":
            expected = "".join(rule_lines(table, sort=sort))
        else:
            expected = "".join(render(table, ListOptions(view, exact=exact, sort=sort)))
            assert expected.startswith(HEADERS[view])
            expected = expected[len(HEADERS[view]) :]
        assert text(r, view, exact) == expected


@settings(max_examples=300, deadline=None)
@given(tables())
def test_records_have_the_same_bytes(rows: tuple[bytes, bytes]) -> None:
    """JSON, NDJSON and CSV too."""
    for form in RECORD_FORMS:
        r, _keep = reading(*rows)
        pieces = r.records(form)
        assert pieces is not None
        start, end = records.frame(form, empty=not r.services)
        made = start + b"".join(map(bytes, pieces)).decode() + end
        assert made == "".join(records.texts(form, r.values()))


def test_records_are_written_in_pieces() -> None:
    """A service with more destinations than one buffer holds."""
    service = layout.SERVICE_ROW.pack(
        2, 6, 80, 0, 0, 1, U32, 9, U32, b"\x0a\0\0\1", b"mh", b"sip", *[U64] * 10, 0, 1000
    )
    dest = layout.DEST_ROW.pack(10, 80, b"\1" * 16, 2, 1, *[U32] * 2, 80, 2, 2, *[U32] * 3, *[U64] * 10)
    for form in RECORD_FORMS:
        r, _keep = reading(service, dest * 1000)
        pieces = r.records(form)
        assert pieces is not None
        found = list(map(bytes, pieces))
        assert len(found) > 1
        start, end = records.frame(form)
        assert start + b"".join(found).decode() + end == "".join(records.texts(form, r.values()))


def test_unusual_values_are_left_to_python() -> None:
    """A protocol, method, tunnel type or name that has no word here is not guessed at."""
    service = layout.SERVICE_ROW.pack(
        2, 6, 80, 0, 0, 0, U32, 0, U32, b"\x0a\0\0\1", b"rr", b"", *[0] * 10, 0, 1
    )
    fields = list(layout.DEST_ROW.unpack(layout.DEST_ROW.pack(2, 80, b"\1", 0, 1, *[0] * 18)))
    for at, value in ((3, 4), (4, -1), (8, 3), (9, 3), (0, 7)):
        changed = fields.copy()
        changed[at] = value
        r, _keep = reading(service, layout.DEST_ROW.pack(*changed))
        assert r.text("default") is r.records("json") is None
    for at, value in ((1, 47), (10, b"r\xc3\xa4r"), (10, b""), (5, 1)):
        row = list(layout.SERVICE_ROW.unpack(service))
        row[at] = value
        r, _keep = reading(layout.SERVICE_ROW.pack(*row), layout.DEST_ROW.pack(*fields))
        assert r.text("default") is None
        assert r.records("csv") is None
    # Names that are quoted in a form, and flags that have a name in no view.
    for at, value in ((10, b'r"r'), (10, b"r,r"), (11, b"r\\r"), (5, 64)):
        row = list(layout.SERVICE_ROW.unpack(service))
        row[at] = value
        r, _keep = reading(layout.SERVICE_ROW.pack(*row), layout.DEST_ROW.pack(*fields))
        assert r.text("default") is not None
        assert r.records("ndjson") is None
