"""Saved tables of whatever a kernel may report: every rule in them is one that makes what is there."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from native.test_listing_format import reading

from ipvsfast import Operation, check, from_rule
from ipvsfast.kernel import layout
from ipvsfast.kernel.layout import SERVICE_ROW, pack_operations, unpack_table
from ipvsfast.listing.saved import COMMENT, saved_rules
from ipvsfast.model.kernel_names import F_PERSISTENT

U16, U32 = 2**16 - 1, 2**32 - 1
NO_STATS = [0] * 10
one_of = st.sampled_from  # usual values first: many tables have to be quite usual
ADDRESSES = [b"\x0a\0\0\1", b"\x0a\0\0\2", b"\xf0\0\0\1", b"\xe0\0\0\1", b"\xff" * 4, b"\0" * 4]
ADDRESSES6 = [b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\1", b"\0" * 16, b"\xff\2" + b"\0" * 13 + b"\1"]


@st.composite
def services(draw: st.DrawFn, first: int, count: int, strange: bool) -> bytes:
    family = draw(one_of([2, 2, 10]))
    mark = draw(one_of([0, 0, 7]))
    flags = draw(one_of([0, 0, 1, 1, 8, 0x38] + [4, 5, 0x40, 0x80000000] * strange))
    timeout = draw(one_of([60, 2678400] + [0, 2678401, U32] * strange))
    mask = draw(one_of([U32, 24, 0xFF00FF00, 0] if family == 2 else [128, 1] + [0, 129] * strange))
    return SERVICE_ROW.pack(
        family, 0 if mark else draw(one_of([6, 6, 17, 132] + [0, 47, 300] * strange)),
        0 if mark else draw(one_of([80, 80] + [0] * strange)), 0, mark, flags, U32,
        timeout, mask, b"" if mark else draw(one_of(ADDRESSES[:2] if family == 2 else ADDRESSES6[:2])),
        draw(one_of([b"rr", b"sh", b"none"] + [b"", b"a b"] * strange)),
        draw(one_of([b"", b"sip"] + [b"\xff\x80", b"s\tip"] * strange)), *NO_STATS, first, count,
    )  # fmt: skip


@st.composite
def dests(draw: st.DrawFn, strange: bool) -> bytes:
    address = draw(one_of([*ADDRESSES[:3], ADDRESSES6[0]] + [*ADDRESSES, *ADDRESSES6] * strange))
    upper = draw(one_of([0, 9] + [2**31 - 1, 2**31] * strange))
    kind = draw(one_of([0, 1, 2] + [3, 255] * strange))
    return layout.DEST_ROW.pack(
        2 if len(address) == 4 else 10, draw(one_of([80, 80] + [0, 81] * strange)), address,
        draw(one_of([0, 2, 3] + [1, 4, 5, 7] * strange)), draw(one_of([1, 2**31 - 1] + [-1] * strange)),
        upper, draw(one_of([0] + [3, U32] * strange)), draw(one_of([6080] + [0] * strange)),
        draw(one_of([0, 1] + [2, 3, 8, U16] * strange)), kind, 0, 0, 0, *NO_STATS,
    )  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Rows without duplicates, as a kernel has them."""
    found: dict[bytes, bytes] = {}
    all_dests, first = b"", 0
    strange = draw(st.booleans())
    for _ in range(draw(st.integers(0, 5))):
        mine = {layout.dest_key(row): row for row in draw(st.lists(dests(strange), max_size=4))}
        row = draw(services(first, len(mine), strange))
        if layout.service_key(row) in found:
            continue
        found[layout.service_key(row)] = row
        all_dests += b"".join(mine.values())
        first += len(mine)
    return b"".join(found.values()), all_dests


def without_effect(op: bytes) -> bytes:
    """A packed operation without what the kernel does not look at and no rule says."""
    service = layout.service_of(op)
    values = list(layout.SERVICE.unpack(service))
    if not values[5] & F_PERSISTENT:
        values[7] = values[8] = 0
    dest = list(layout.DEST.unpack(layout.dest_of(op)))
    if dest[3] != 2 or not dest[9]:
        dest[7:] = 0, 0, 0  # a tunnel's values, where there is none, or it is ipip
    elif dest[9] == 2:
        dest[7] = 0  # gre has no port
    return layout.packed_operation(
        layout.command_of(op), layout.SERVICE.pack(*values), layout.DEST.pack(*dest)
    )


def wanted(services: bytes, dests: bytes) -> list[bytes]:
    """What adds the table, packed."""
    ops = []
    for service, destinations in unpack_table(services, dests):
        ops.append(Operation._make("add-service", service, None, None))
        ops += [Operation._make("add-destination", service.key, one, None) for one in destinations]
    packed = pack_operations(ops)
    size = layout.OP_SIZE
    return [without_effect(bytes(packed[at : at + size])) for at in range(0, len(packed), size)]


@settings(max_examples=150, deadline=None)
@given(tables())
def test_every_rule_makes_what_is_there(rows: tuple[bytes, bytes]) -> None:
    """The text is right as a whole, line by line what the table has, and what lacks is a comment in its place."""
    left_out: list[str] = []
    text = "".join(saved_rules(unpack_table(*rows), left_out))
    lines = text.splitlines()
    ops = wanted(*rows)
    assert len(lines) == len(ops)
    assert [line for line in lines if line[:1] == "#"] == [COMMENT + reason for reason in left_out]
    rules = [line for line in lines if line[:1] != "#"]
    assert check(lines) == len(rules) == len(ops) - len(left_out)
    for line, op in zip(lines, ops):
        if line[:1] != "#":
            assert without_effect(bytes(pack_operations([from_rule(line)]))) == op, line
    without: list[str] = []
    assert "".join(saved_rules(unpack_table(*rows), without, comments=False)).splitlines() == rules
    assert without == left_out


@settings(max_examples=150, deadline=None)
@given(tables())
def test_the_fast_path_knows_the_same_tables(rows: tuple[bytes, bytes]) -> None:
    """C writes the same bytes, and leaves every table to Python in which something cannot be restored."""
    left_out: list[str] = []
    text = "".join(saved_rules(unpack_table(*rows), left_out))
    r, _keep = reading(*rows)
    pieces = r.saved_text()
    if pieces is None:
        # It also leaves names that need care; then nothing is wrong with the table.
        assert left_out or any(not name.isalnum() for name in names(rows[0]))
    else:
        assert not left_out
        assert b"".join(map(bytes, pieces)).decode() == text


def names(services: bytes) -> list[str]:
    return [
        text for row in unpack_table(services, b"") for text in (row[0].scheduler, row[0].engine or "none")
    ]
