"""No plan has more operations than are needed: counted against every way there is, on a model of small tables."""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Iterator
from functools import cache

import pytest

from ipvsfast import Batch, Destination, How, Plan, Service, TableState
from ipvsfast.changes.restore import RuleText
from ipvsfast.plans.wanted import Wanted, read_wanted, wanted_of
from support.some_rules import some_rules

# A service: its scheduler, and its destinations with their weights, the oldest first; None if it is not there.
Dests = tuple[tuple[int, int], ...]
State = tuple[str, Dests] | None
SCHEDULERS, DESTS, WEIGHTS = ("rr", "wlc"), (1, 2, 3), (0, 1)
PAIRS = 1500


@cache
def states() -> list[State]:
    """All that one service can be."""
    found: list[State] = [None]
    for scheduler, count in itertools.product(SCHEDULERS, range(len(DESTS) + 1)):
        for keys in itertools.permutations(DESTS, count):
            found += [(scheduler, tuple(zip(keys, w))) for w in itertools.product(WEIGHTS, repeat=count)]
    return found


def steps(state: State, goal: State) -> Iterator[State]:
    """What one operation makes of it. A service that is wanted is never deleted: it would lack its destinations."""
    if state is None:
        yield from ((scheduler, ()) for scheduler in SCHEDULERS)
        return
    scheduler, dests = state
    if goal is None:
        yield None
    yield from ((other, dests) for other in SCHEDULERS)
    keys = [key for key, _ in dests]
    for key, weight in itertools.product(DESTS, WEIGHTS):
        if key in keys:
            yield scheduler, tuple([(one, weight if one == key else old) for one, old in dests])
        else:
            yield scheduler, (*dests, (key, weight))
    yield from ((scheduler, tuple([one for one in dests if one[0] != key])) for key in keys)


def as_goal(state: State, order: bool) -> State:
    """As states are compared."""
    return state if order or state is None else (state[0], tuple(sorted(state[1])))


def fewest(start: State, goal: State, order: bool) -> int:
    """Operations of the shortest way."""
    end = as_goal(goal, order)
    seen, ways = {start}, deque([(start, 0)])
    while ways:
        state, count = ways.popleft()
        if as_goal(state, order) == end:
            return count
        for following in steps(state, goal):
            if following not in seen:
                seen.add(following)
                ways.append((following, count + 1))
    raise AssertionError("there is no way")


def batch(*table: State) -> Batch:
    """The operations that make that table."""
    made = Batch()
    for number, state in enumerate(table, 1):
        if state is None:
            continue
        made.add_service(Service.mark(number, state[0]))
        for key, weight in state[1]:
            made.add_destination(Service.mark(number).key, Destination(f"10.0.0.{key}", 0, weight=weight))
    return made


def played(start: State, plan: Plan, number: int) -> State:
    """What the plan makes of one service, as the kernel would."""
    state = start
    for change in plan:
        op = change.operation
        key = op.service.key if isinstance(op.service, Service) else op.service
        if key is None or key.fwmark != number:
            continue
        dest = op.destination
        at = int(dest.address.rpartition(".")[2]) if dest is not None else 0
        if op.command == "add-service":
            assert state is None
            state = op.service.scheduler, ()  # type: ignore[union-attr]
            continue
        assert state is not None
        scheduler, dests = state
        keys = [one for one, _ in dests]
        if op.command == "delete-service":
            state = None
        elif op.command == "edit-service":
            state = op.service.scheduler, dests  # type: ignore[union-attr]
        elif op.command == "add-destination":
            assert at not in keys
            state = scheduler, (*dests, (at, dest.weight))  # type: ignore[union-attr]
        elif op.command == "edit-destination":
            assert at in keys
            state = scheduler, tuple([(one, dest.weight if one == at else old) for one, old in dests])  # type: ignore[union-attr]
        else:
            assert at in keys
            state = scheduler, tuple([one for one in dests if one[0] != at])
    return state


@pytest.mark.parametrize("order", [False, True])
def test_no_way_is_shorter(order: bool) -> None:
    """By chance from all pairs of tables: it leads there, and by the fewest operations."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    for _ in range(PAIRS):
        old = chance.choice(states()), chance.choice(states())
        new = chance.choice(states()), chance.choice(states())
        plan = Plan(
            wanted_of("new", b"", batch(*new)),
            TableState.of(wanted_of("old", b"", batch(*old))),
            How(order=order),
        )
        for number in (1, 2):
            end = played(old[number - 1], plan, number)
            assert as_goal(end, order) == as_goal(new[number - 1], order), (seed, old, new)
        least = sum(fewest(a, b, order) for a, b in zip(old, new))
        assert len(plan) == least, (seed, old, new, list(plan))


# What some_rules() has no destinations of: tunnels to the other family.
MIXED = """\
-A -t [fd00::9]:80 -s rr
-a -t [fd00::9]:80 -r 10.1.0.{} -i -w 1
-a -t [fd00::9]:80 -r [fd01::1]:80 -m -w {}
-A -t 10.0.0.9:80 -s wlc
-a -t 10.0.0.9:80 -r [fd01::{}] -i -w 1 --tun-type gre
"""
Table = dict[object, tuple[Service, dict[object, Destination]]]


def table_of(wanted: Wanted) -> Table:
    """Services with their destinations, by their keys, as values."""
    found: Table = {}
    for op in wanted.operations():
        if isinstance(op.service, Service):
            found[op.service.key] = op.service, {}
        elif isinstance(op.destination, Destination):
            found[op.service][1][op.destination.key] = op.destination
    return found


def differences(old: Table, new: Table) -> int:
    """How many operations bring all that differs, without the order: one for each entry that comes or is changed, one
    for each service that goes, and for each destination that goes of one that stays."""
    count = len(old.keys() - new.keys())
    for key, (service, dests) in new.items():
        before, there = old.get(key, (None, {}))
        count += service != before
        count += len(there.keys() - dests.keys())
        count += sum(there.get(name) != dest for name, dest in dests.items())
    return count


def test_every_kind_takes_one_operation_for_each_difference() -> None:
    """Services and destinations of all kinds, by chance: no operation more than there are differences, no plan for none,
    and nothing is edited or added that is so already."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)

    def some() -> Wanted:
        text = some_rules(chance) + MIXED.format(*(chance.randrange(1, 3) for _ in range(3)))
        return read_wanted(RuleText(text.encode(), "rules"))

    for _ in range(PAIRS // 10):
        old, new = some(), some()
        plan = Plan(new, TableState.of(old), How())
        assert len(plan) == differences(table_of(old), table_of(new)), (seed, list(plan))
        assert len(Plan(new, TableState.of(new), How(order=True))) == 0, seed
        assert all(change.differences for change in plan if change.action == "edit"), (seed, list(plan))
