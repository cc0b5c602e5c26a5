"""The least change that puts rules in place of a table, played through on a model of the kernel's table."""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast import Batch, Destination, Service
from ipvsfast._native import ffi, lib
from ipvsfast.kernel.layout import OP_SIZE, command_of, dest_of, pack_operations, service_of
from ipvsfast.kernel.replacement import ANY_ORDER, KEEP_SERVICES, KEEP_WEIGHTS, Replacement
from ipvsfast.kernel.rule_buffer import NOT_SENT, new_results
from ipvsfast.kernel.table_reading import Reading

KEEP: list[Any] = []  # rows that a reading in C points to

# A service: what it is set to, and its destinations as they were added, with their values.
Table = dict[int, tuple[Any, dict[int, int]]]


def service(number: int, scheduler: str = "rr") -> Service:
    return Service.mark(number, scheduler)


def destination(number: int, weight: int) -> Destination:
    return Destination(f"10.0.0.{number}", 0, weight=weight)


def packed(table: Table) -> bytearray:
    """The rules that make this table."""
    batch = Batch()
    for number, (scheduler, dests) in table.items():
        batch.add_service(service(number, scheduler))
        for n, weight in dests.items():
            batch.add_destination(service(number).key, destination(n, weight))
    return pack_operations(batch)


def reading(table: Table) -> Reading:
    """What the kernel tells of it: the newest destination first."""
    made = Reading()
    count = sum(len(dests) for _, dests in table.values())
    services = ffi.new("struct ipvsf_service_row[]", len(table) + 1)
    rows = ffi.new("struct ipvsf_dest_row[]", count + 1)
    at = rule = 0
    text = packed(table)
    ops = ffi.from_buffer("struct ipvsf_op[]", text)
    for row, (_, dests) in zip(services, table.values()):
        row.conf = ops[rule].u.service
        row.first_dest, row.num_dests = at, len(dests)
        for n in range(len(dests)):
            rows[at + n].conf = ops[rule + len(dests) - n].dest
        at += len(dests)
        rule += 1 + len(dests)
    # Not for C to free.
    made.table = ffi.new("struct ipvsf_table *")
    made.table.services, made.table.num_services = services, len(table)
    made.table.dests, made.table.num_dests = rows, count
    KEEP[:] = [services, rows]
    return made


def carry_out(table: Table, ops: bytearray, common: set[int]) -> list[int]:
    """Changes the table as the kernel would. common: services that must never be without a destination."""
    deleting = False
    results = []
    for at in range(0, len(ops), OP_SIZE):
        op = ops[at : at + OP_SIZE]
        number = int.from_bytes(service_of(op)[8:12], sys.byteorder)
        scheduler = service_of(op)[44:60].rstrip(b"\0").decode()
        dest, weight = dest_of(op)[7], int.from_bytes(dest_of(op)[24:28], sys.byteorder)
        command = command_of(op)
        name = {v: k for k, v in COMMANDS.items()}[command]
        code = 0
        if name == "add-service":
            code = -17 if number in table else 0
            table.setdefault(number, (scheduler, {}))
        elif number not in table:
            code = -3
        elif name == "edit-service":
            assert table[number][0] != scheduler
            table[number] = (scheduler, table[number][1])
        elif name == "delete-service":
            del table[number]
        elif name == "delete-destination":
            del table[number][1][dest]
        else:
            there = dest in table[number][1]
            code = 0 if there == (name == "edit-destination") else -17
            if not code:
                table[number][1][dest] = weight
        results.append(code)
        moves = (
            name == "delete-destination"
            and command_of(ops[at + OP_SIZE :] or op) == COMMANDS["add-destination"]
        )
        if moves:
            assert dest_of(ops[at + OP_SIZE :])[:20] == dest_of(op)[:20]
        deleting |= name.startswith("delete") and not moves
        assert not (deleting and name.startswith("add")), "an addition after a deletion"
        assert moves or all(table[number][1] for number in common if number in table)
    return results


COMMANDS = {
    "add-service": lib.IPVSF_NEW_SERVICE,
    "edit-service": lib.IPVSF_SET_SERVICE,
    "delete-service": lib.IPVSF_DEL_SERVICE,
    "add-destination": lib.IPVSF_NEW_DEST,
    "edit-destination": lib.IPVSF_SET_DEST,
    "delete-destination": lib.IPVSF_DEL_DEST,
}
numbers = st.integers(1, 6)
dests = st.dictionaries(st.integers(1, 9), st.integers(0, 2), max_size=9)
tables = st.dictionaries(numbers, st.tuples(st.sampled_from(["rr", "wrr", "mh"]), dests), max_size=5)


def copy(table: Table) -> Table:
    return {number: (scheduler, dict(dests)) for number, (scheduler, dests) in table.items()}


def shape(table: Table) -> Any:
    """With the order of destinations, which counts."""
    return {number: (scheduler, list(dests.items())) for number, (scheduler, dests) in table.items()}


@settings(max_examples=500, deadline=None)
@given(tables, tables)
def test_any_table_becomes_any_other(old: Table, new: Table) -> None:
    """The result is what the rules make of an empty table; no addition comes after a deletion, what both have is
    never without destinations, and then there is nothing left to do."""
    common = {n for n in old if n in new and old[n][1] and new[n][1]}
    now = copy(old)
    plan = Replacement(packed(new), reading(old))
    results = carry_out(now, plan.ops, common)
    assert shape(now) == shape(new)
    assert not any(results)
    assert Replacement(packed(new), reading(now)).count == 0
    plan.results[:] = new_results(plan.count)
    for at, code in enumerate(results):
        plan.results[at] = code
    told = plan.note()
    assert (told.left, told.done) == (0, plan.count)
    assert told.there + told.added + told.changed == len(packed(new)) // OP_SIZE
    kept = sum(1 + len(old[n][1].keys() & new[n][1].keys()) for n in old.keys() & new.keys())
    assert told.deleted == sum(1 + len(dests) for _, dests in old.values()) - kept
    assert told.there + told.changed == kept


def least(old: Table, new: Table, weights: bool) -> int:
    """How many operations are needed where the order of destinations is nobody's concern."""
    count = sum(n not in new for n in old)
    for n, (scheduler, wanted) in new.items():
        had, there = old.get(n, (None, {}))
        count += scheduler != had
        count += len(wanted.keys() ^ there.keys())
        count += weights and sum(wanted[d] != there[d] for d in wanted.keys() & there.keys())
    return count


@settings(max_examples=500, deadline=None)
@given(tables, tables, st.booleans())
def test_where_the_order_does_not_count(old: Table, new: Table, keep: bool) -> None:
    """What is there and wanted is never deleted and added again, and no operation is too many. Weights that are
    kept are no difference. Services whose order is not that of the rules are counted."""
    how = ANY_ORDER | KEEP_SERVICES | (KEEP_WEIGHTS if keep else 0)
    now = copy(old)
    plan = Replacement(packed(new), reading(old), None, how)
    common = {n for n in old if n in new and old[n][1] and new[n][1]}
    assert not any(carry_out(now, plan.ops, common))
    expected = {
        n: (scheduler, {d: old[n][1].get(d, w) if keep and n in old else w for d, w in wanted.items()})
        for n, (scheduler, wanted) in new.items()
    }
    assert now == expected
    assert plan.count == least(old, new, not keep)
    assert plan.disordered == sum(list(now[n][1]) != list(new[n][1]) for n in now)
    assert Replacement(packed(new), reading(now), None, how).count == 0


@settings(max_examples=300, deadline=None)
@given(tables, tables)
def test_rows_of_what_changes(old: Table, new: Table) -> None:
    """Each change and each deletion names the row that it is about, an addition none."""
    there = reading(old)
    plan = Replacement(packed(new), there)
    for at, (_, _, _, row) in enumerate(plan.steps()):
        op = plan.ops[at * OP_SIZE : (at + 1) * OP_SIZE]
        if row < 0:
            assert command_of(op) in (COMMANDS["add-service"], COMMANDS["add-destination"])
        elif command_of(op) in (lib.IPVSF_NEW_DEST, lib.IPVSF_SET_DEST, lib.IPVSF_DEL_DEST):
            assert bytes(ffi.buffer(there.table.dests[row].conf.addr)) == dest_of(op)[4:20]
        else:
            assert there.table.services[row].conf.fwmark == int.from_bytes(
                service_of(op)[8:12], sys.byteorder
            )


@settings(max_examples=300, deadline=None)
@given(tables, tables, st.integers(0, 100))
def test_what_is_left_after_a_stop(old: Table, new: Table, percent: int) -> None:
    """Whatever was sent, the rest of it and the rules that are in force are found by a second look."""
    now = copy(old)
    plan = Replacement(packed(new), reading(old))
    done = plan.count * percent // 100
    results = carry_out(now, plan.ops[: done * OP_SIZE], set())
    for at, code in enumerate(results):
        plan.results[at] = code
    plan.note()
    rest = Replacement(packed(new), reading(now), plan.errnos)
    carry_out(now, rest.ops, set())
    assert shape(now) == shape(new)
    told = rest.note()
    assert told.left + told.deleted <= sum(1 + len(dests) for _, dests in old.values())
    assert told.there == len(packed(new)) // OP_SIZE - rest.rules_among(0, rest.count)


def test_refused_rules_are_passed_over() -> None:
    """They are neither missing nor wrong in a second look, and what was there instead is not to be deleted."""
    new: Table = {1: ("rr", {1: 1, 2: 2, 3: 1}), 2: ("mh", {1: 1})}
    errnos = new_results(6)
    errnos[:] = memoryview(bytearray(24)).cast("i")
    errnos[2], errnos[4], errnos[5] = -34, -2, -3
    there: Table = {1: ("rr", {1: 1, 2: 9, 3: 1})}
    assert Replacement(packed(new), reading(there), errnos).count == 0
    there = {1: ("rr", {1: 1, 3: 1}), 2: ("wlc", {1: 1})}
    errnos[5] = 0
    assert Replacement(packed(new), reading(there), errnos).count == 0
    errnos[4] = NOT_SENT
    assert Replacement(packed(new), reading(there), errnos).count == 1


def test_many_changes_of_the_scheduler() -> None:
    """One after the other waits for all readers of the kernel; so from 100 on such services are created anew."""
    old: Table = {number: ("rr", {1: 1, 2: 1}) for number in range(1, 101)}
    new: Table = {number: ("wlc", {2: 1, 1: 2}) for number in range(1, 101)}
    for count, expected in ((99, "edit-service"), (100, "delete-service")):
        now = {number: old[number] for number in range(1, count + 1)}
        plan = Replacement(packed({number: new[number] for number in now}), reading(now))
        commands = [command_of(plan.ops[at : at + OP_SIZE]) for at in range(0, len(plan.ops), OP_SIZE)]
        assert commands.count(COMMANDS[expected]) == count
        assert (COMMANDS["delete-service"] in commands) == (expected == "delete-service")
        now = copy(now)
        carry_out(now, plan.ops, set()) if count == 99 else None
        assert count != 99 or shape(now) == shape({number: new[number] for number in now})
    kept = Replacement(packed(new), reading(old), None, KEEP_SERVICES)
    commands = [command_of(kept.ops[at : at + OP_SIZE]) for at in range(0, len(kept.ops), OP_SIZE)]
    assert commands.count(COMMANDS["edit-service"]) == 100
    assert COMMANDS["delete-service"] not in commands


def test_deletions_are_in_the_order_that_brings_back_cheaply() -> None:
    """Against the order of a listing, in each service the newest first: see csrc/rules/replacement.c."""
    old: Table = {number: ("rr", {1: 1, 2: 1, 3: 1}) for number in (2, 1, 3)}
    plan = Replacement(packed({2: ("rr", {2: 1})}), reading(old))
    told = [
        (int.from_bytes(service_of(op)[8:12], sys.byteorder), dest_of(op)[7])
        for op in [plan.ops[at : at + OP_SIZE] for at in range(0, len(plan.ops), OP_SIZE)]
    ]
    assert told == [(3, 0), (2, 3), (2, 1), (1, 0)]
