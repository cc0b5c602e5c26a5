"""A plan: what leads from a table, as it was read, to a wanted one. It is made without changing anything.

Rules and rows stay packed, and C compares them (csrc/rules/replacement.c); values are made of what changes.
"""

from __future__ import annotations

from ..errors import InvalidValue
from ..kernel.layout import (
    OP_SIZE,
    command_of,
    pack_operations,
    packed_operation,
    packed_rows,
    service_of,
    unpack_operation,
)
from ..kernel.replacement import (
    ADD,
    ANY_ORDER,
    DELETE,
    KEEP_SERVICES,
    KEEP_WEIGHTS,
    MOVE,
    Replacement,
)
from ..kernel.table_reading import reading_of
from ..model.destination import SET_NUMBERS, Destination
from ..model.kernel_names import COMMANDS, F_HASHED
from ..model.operation import Operation
from ..model.service import Service
from ..model.settings import SyncDaemon, Timeouts
from .account_text import as_wanted_text, plan_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any, Final

    from ..kernel.table_reading import Reading
    from ..model.types import ActionName
    from .bounds import Bounds
    from .wanted import Wanted

ACTIONS: tuple[ActionName, ...] = ("add", "edit", "delete")
"""What a change does."""
_SERVICE_NAMES = ("scheduler", "persistent", "netmask", "engine", "one_packet", "scheduler_flags")
_OF_SERVICE = (COMMANDS["edit-service"], COMMANDS["delete-service"])
_DESTINATION_NAMES = ("forwarding", *SET_NUMBERS, "tunnel")


class Change:
    """One operation of a plan.

    action: "add", "edit" or "delete". operation: what is sent. before: the service, destination, timeouts or
    daemon as it is in the table, without counters, None for what is added. dropped: of a service that is
    deleted, its destinations. moved: its destination is deleted and added again, for the order's sake.
    """

    __slots__ = ("action", "operation", "before", "dropped", "moved")

    def __init__(
        self,
        action: ActionName,
        operation: Operation,
        before: Service | Destination | Timeouts | SyncDaemon | None = None,
        dropped: Sequence[Destination] = (),
        moved: bool = False,
    ) -> None:
        self.action: Final[ActionName] = action
        self.operation: Final[Operation] = operation
        self.before: Final[Service | Destination | Timeouts | SyncDaemon | None] = before
        self.dropped: Final[Sequence[Destination]] = dropped
        self.moved: Final[bool] = moved

    @property
    def after(self) -> Service | Destination | Timeouts | SyncDaemon | None:
        """What it makes of `before`; None if it deletes that."""
        op = self.operation
        for value in (op.value, op.destination, op.service):
            if isinstance(value, (Timeouts, SyncDaemon, Destination, Service)):
                return value if op.command != "stop-daemon" else None
        return None

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """Of an edit the settings that change, each with its old and its new value, as to_dict() has them."""
        before, after = self.before, self.after
        if before is None or after is None:
            return {}
        old, new = before.to_dict(), after.to_dict()
        names: Collection[str] = new
        if isinstance(after, Service):
            persistent = after.persistent or (isinstance(before, Service) and before.persistent)
            names = [name for name in _SERVICE_NAMES if name != "netmask" or persistent]
            if isinstance(before, Service) and before.scheduler_flags == after.scheduler_flags:
                names.remove("scheduler_flags")  # their names are those of the scheduler
        elif isinstance(after, Destination):
            names = _DESTINATION_NAMES
        else:  # 0 leaves a timeout as it is, and a value of a daemon to the kernel
            names = [name for name in new if new[name]]
        return {name: (old[name], new[name]) for name in names if old[name] != new[name]}

    def to_dict(self) -> dict[str, Any]:
        """action, command, and what there is of service, destination, value, before, dropped, moved, and
        differences (of each setting its old and its new value); without numbers of the moment."""
        op = self.operation
        values: dict[str, Any] = {"action": self.action, "command": op.command}
        named = (("service", op.service), ("destination", op.destination), ("value", op.value))
        values.update({name: _settings_of(value) for name, value in named if value is not None})
        if self.before is not None and self.action != "add":
            values["before"] = _settings_of(self.before)
        if self.dropped:
            values["dropped"] = [_settings_of(destination) for destination in self.dropped]
        if self.moved:
            values["moved"] = True
        if differences := self.differences:
            values["differences"] = {name: list(pair) for name, pair in differences.items()}
        return values

    def __repr__(self) -> str:
        return f"<Change {self.operation}>"


def _settings_of(value: Any) -> dict[str, Any]:
    measured = ("stats", "active", "inactive", "persistent") if isinstance(value, Destination) else ("stats",)
    return {name: one for name, one in value.to_dict().items() if name not in measured}


class How:
    """How to get there. order: destinations are brought into the order of the wanted table. keep_weights:
    destinations that are there keep their weights. only: nothing but these actions."""

    __slots__ = ("order", "keep_weights", "only")

    def __init__(
        self, order: bool = False, keep_weights: bool = False, only: Collection[ActionName] = ACTIONS
    ) -> None:
        for action in only:
            if action not in ACTIONS:
                raise InvalidValue(f"only: {', '.join(ACTIONS)} or several of them, not {action!r}")
        self.order: Final[bool] = order
        self.keep_weights: Final[bool] = keep_weights
        self.only: Final[tuple[ActionName, ...]] = tuple([action for action in ACTIONS if action in only])

    def without_deletions(self) -> How:
        """The same, and nothing is deleted."""
        return How(self.order, self.keep_weights, [action for action in self.only if action != "delete"])

    @property
    def bits(self) -> int:
        """As C takes it. A service that is there is never without its destinations."""
        bits: int = KEEP_SERVICES | (0 if self.order else ANY_ORDER)
        return bits | (KEEP_WEIGHTS if self.keep_weights else 0)


class TableState:
    """The table that a plan begins with. reading: complete. timeouts and daemons: of the same namespace.
    bounds: which services are in it, None for all."""

    __slots__ = ("reading", "timeouts", "daemons", "bounds")

    def __init__(
        self, reading: Reading, timeouts: Timeouts, daemons: Sequence[SyncDaemon],
        bounds: Bounds | None = None,
    ) -> None:  # fmt: skip
        self.reading: Final[Reading] = reading
        self.timeouts: Final[Timeouts] = timeouts
        self.daemons: Final[Sequence[SyncDaemon]] = daemons
        self.bounds: Final[Bounds | None] = bounds

    def within(self, bounds: Bounds | None) -> TableState:
        """What of it is within; for None all."""
        if bounds is None:
            return self
        keys = self.reading.service_keys()
        rows = [row for row, key in enumerate(keys) if bounds.has(key)]
        reading = self.reading if len(rows) == len(keys) else self.reading.only(rows)
        return TableState(reading, self.timeouts, self.daemons, bounds)

    @classmethod
    def of(cls, wanted: Wanted) -> TableState:
        """The table that a wanted one would be."""
        return cls(reading_of(wanted.rules), wanted.timeouts, wanted.daemons)

    @property
    def entries(self) -> int:
        """Services and destinations."""
        return self.reading.services + self.reading.destinations

    def fingerprints(self) -> dict[str, str]:
        """Of each service, by its name, what tells whether it or its destinations are set up otherwise."""
        import hashlib

        found = {}
        for service, dests in packed_rows(*self.reading.rows()):
            value = unpack_operation(_as_edit(service)).service
            whole = b"".join([_without_hashed(service), *dests])
            name = str(value.key if isinstance(value, Service) else value)
            found[name] = hashlib.sha256(whole).hexdigest()[:16]
        return dict(sorted(found.items()))


def _as_edit(service: bytes) -> bytes:
    return packed_operation(COMMANDS["edit-service"], service)


def _without_hashed(service: bytes) -> bytes:
    from ..kernel.layout import SERVICE

    values = list(SERVICE.unpack(service))
    values[5] &= ~F_HASHED
    return SERVICE.pack(*values)


class Plan:
    """The changes, in order, that lead from a table to a wanted one: additions before deletions.

    It has the changes as a sequence, and is true if there is any. wanted, present, how: what it was made of.
    added, edited, deleted: how many services, destinations and settings. disordered: services whose
    destinations stand in another order than wanted, and are left so. Nothing is deleted where rules were left
    out of what is wanted for their names: they may be what it seems not to want.
    """

    def __init__(self, wanted: Wanted, present: TableState, how: How) -> None:
        if wanted.unnamed:
            how = how.without_deletions()
        self.wanted: Final[Wanted] = wanted
        self.present: Final[TableState] = present
        self.how: Final[How] = how
        made = Replacement(wanted.rules, present.reading, None, how.bits)
        self.disordered: Final[int] = made.disordered
        first, last = self._settings()
        steps = [
            (at, _action(what), entries, row, what == MOVE)
            for at, (what, _, entries, row) in enumerate(made.steps())
        ]
        ops = made.ops
        if how.only != ACTIONS:
            steps = [step for step in steps if step[1] in how.only]
            ops = bytearray().join([ops[step[0] * OP_SIZE : (step[0] + 1) * OP_SIZE] for step in steps])
            first = [change for change in first if change.action in how.only]
            last = [change for change in last if change.action in how.only]
        self._first, self._last = first, last
        self._rows: Final = [(action, row, moved) for _, action, _, row, moved in steps]
        packed_first = pack_operations([change.operation for change in first])
        self.ops: Final[bytearray] = (
            packed_first + ops + pack_operations([change.operation for change in last])
        )
        # What each operation counts as: an action, and a number of entries.
        self.counted: Final[list[tuple[ActionName, int]]] = [
            *[(change.action, 1) for change in first],
            *[(action, 0 if moved else entries) for _, action, entries, _, moved in steps],
            *[(change.action, int(change.operation.command == "start-daemon")) for change in last],
        ]
        added, edited, deleted = [
            sum([number for action, number in self.counted if action == kind]) for kind in ACTIONS
        ]
        self.added: Final[int] = added
        self.edited: Final[int] = edited
        self.deleted: Final[int] = deleted

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan, (self.wanted, self.present, self.how)

    def __len__(self) -> int:
        return len(self.counted)

    def __getitem__(self, index: int) -> Change:
        count = len(self.counted)
        if not -count <= index < count:
            raise IndexError(f"{self!r} has no change {index}")
        index %= count
        at = index - len(self._first)
        if at < 0:
            return self._first[index]
        return self._change(at) if at < len(self._rows) else self._last[at - len(self._rows)]

    def __iter__(self) -> Iterator[Change]:
        return (self[at] for at in range(len(self)))

    @property
    def deletions_from(self) -> int:
        """The number of the first change of those that delete what is not wanted, which follow all others
        but daemons; where there are none, that of what would follow."""
        start = len(self._first)
        for at, (action, _, _) in enumerate(self._rows):
            if action == "delete":
                return start + at
        return start + len(self._rows)

    def __str__(self) -> str:
        """`3 to add, 1 to change, 0 to delete`"""
        return plan_text(self.added, self.edited, self.deleted)

    def __repr__(self) -> str:
        return f"<Plan {self}>"

    def again(self, present: TableState) -> Plan:
        """What is left to do when the whole table is this one."""
        return Plan(self.wanted, present.within(self.present.bounds), self.how)

    def reached(self, done: str) -> str:
        """What is said when nothing is left to do, behind what was done."""
        only = "" if self.how.only == ACTIONS else f" ({', '.join(self.how.only)} only)"
        return as_wanted_text(done, len(self.wanted), self.wanted.source, only)

    def settings_changes(self) -> list[Change]:
        """The changes of timeouts and daemons."""
        return [*self._first, *self._last]

    def before(self) -> bytes:
        """What the changes edit and delete of the table, as packed operations that add it again; destinations
        newest first."""
        reading, found = self.present.reading, []
        start = len(self._first) * OP_SIZE
        for at, (_, row, _) in enumerate(self._rows):
            if row < 0:
                continue
            op = self.ops[start + at * OP_SIZE : start + (at + 1) * OP_SIZE]
            command = command_of(op)
            if command in _OF_SERVICE:
                service = reading.packed_service(row)
                found.append(packed_operation(COMMANDS["add-service"], service))
                if command == COMMANDS["delete-service"]:
                    dests = reading.packed_destinations(row)
                    found += [packed_operation(COMMANDS["add-destination"], service, one) for one in dests]
            elif command != COMMANDS["add-destination"]:  # which is there already, if it is moved
                dest = reading.packed_destination(row)
                found.append(packed_operation(COMMANDS["add-destination"], service_of(op), dest))
        return b"".join(found)

    def _change(self, at: int) -> Change:
        action, row, moved = self._rows[at]
        start = len(self._first) * OP_SIZE + at * OP_SIZE
        packed = self.ops[start : start + OP_SIZE]
        operation = unpack_operation(packed)
        if row < 0:
            return Change(action, operation)
        reading = self.present.reading
        if operation.destination is not None:
            again = operation.command == "add-destination"
            return Change(action, operation, reading.destination_at(row), (), moved or again)
        before = reading.service_at(row)
        return Change(action, operation, before, reading.destinations_of(row) if action == "delete" else ())

    @property
    def leaves_settings(self) -> bool:
        """Whether timeouts or daemons are wanted, and left alone since they are outside all bounds."""
        named = any(_numbers(self.wanted.timeouts)) or self.wanted.daemons
        return self.present.bounds is not None and bool(named)

    def _settings(self) -> tuple[list[Change], list[Change]]:
        """Timeouts come first, daemons last: one does not start while there are destinations of another
        family than their service's."""
        first: list[Change] = []
        last: list[Change] = []
        if self.present.bounds is not None:  # they are those of the whole namespace
            return first, last
        have, want = self.present.timeouts, self.wanted.timeouts
        if any(new not in (0, old) for new, old in zip(_numbers(want), _numbers(have))):
            first.append(Change("edit", Operation("set", None, None, want), have))
        running = {daemon.state: daemon for daemon in self.present.daemons}
        for daemon in self.wanted.daemons:
            there = running.get(daemon.state)
            if there is None:
                last.append(Change("add", Operation("start-daemon", None, None, daemon)))
            elif not _runs_as(there, daemon):
                last.append(Change("edit", Operation("stop-daemon", None, None, there), there))
                last.append(Change("edit", Operation("start-daemon", None, None, daemon), there))
        return first, last


def _action(what: int) -> ActionName:
    return "add" if what == ADD else "delete" if what == DELETE else "edit"


def _numbers(timeouts: Timeouts) -> tuple[int, int, int]:
    return timeouts.tcp, timeouts.tcp_fin, timeouts.udp


def _runs_as(there: SyncDaemon, wanted: SyncDaemon) -> bool:
    """Whether a daemon has all the values that are asked for; where one is not, the kernel chose."""
    old, new = there.to_dict(), wanted.to_dict()
    return all(new[name] in (old[name], 0, "") for name in new)
