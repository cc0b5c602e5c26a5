"""What takes an apply back: a plan that brings what it has touched to what was there before."""

from __future__ import annotations

import errno

from ..changes.present import as_set, settings_of
from ..errors import IpvsError
from ..kernel.layout import (
    DEST,
    DEST_KEY_SIZE,
    OP_SIZE,
    SERVICE_ROW,
    command_of,
    dest_key,
    dest_of,
    packed_additions,
    packed_operation,
    packed_rows,
    service_key,
    service_of,
    unpack_operation,
    unpack_service_keys,
)
from ..model.kernel_names import COMMANDS
from ..model.operation import Operation
from ..model.settings import SyncDaemon, Timeouts
from ..plans.apply import TableMoved
from ..plans.plan import Change, How, Plan, TableState
from ..plans.wanted import Wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Final

    from ..model.keys import ServiceKey
    from .journal import Journal

    # By the key of a destination, or _ITSELF: its packed form, None where it is not there.
    Entries = dict[bytes, bytes | None]
    Rows = dict[bytes, tuple[bytes, list[bytes]]]

_ITSELF = b""  # in the place of a destination's key: the service
_DELETE_SERVICE, _DELETE_DESTINATION = COMMANDS["delete-service"], COMMANDS["delete-destination"]
_ADD_SERVICE, _ADD_DESTINATION = COMMANDS["add-service"], COMMANDS["add-destination"]
_OF_SERVICE = (_ADD_SERVICE, COMMANDS["edit-service"], _DELETE_SERVICE)
_OF_DESTINATION = (_ADD_DESTINATION, COMMANDS["edit-destination"], _DELETE_DESTINATION)


class NothingToUndo(IpvsError):
    """There is no apply that could be taken back; nothing was done."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.ENOENT, f"{message}; nothing was done")


class UndoMoved(TableMoved):
    """What an apply had touched was changed since then; nothing was done. moved: what became of it."""

    def __init__(self, moved: list[str]) -> None:
        first = "; ".join(moved[:5])
        more = f"; and {len(moved) - 5:,} more" if len(moved) > 5 else ""
        text = f"what is to be taken back has changed since: {first}{more}; nothing was done"
        IpvsError.__init__(self, errno.ESTALE, text)
        self.moved = moved


class Touched:
    """What an apply touches, by the packed keys of services: how it was before, and every way in which it may
    stand there since, if nobody else has changed it."""

    def __init__(self, journal: Journal) -> None:
        ops, before = journal.content()
        self.before: Final[dict[bytes, Entries]] = {}
        self.settings: Final[dict[str, list[Any]]] = {n: list(pair) for n, pair in journal.settings.items()}
        self.orders: Final[dict[bytes, list[bytes]]] = {
            bytes.fromhex(key): list(map(bytes.fromhex, dests)) for key, dests in journal.orders.items()
        }
        self._after: dict[bytes, Entries] = {}
        self._between: dict[tuple[bytes, bytes], list[bytes | None]] = {}
        self._services: dict[bytes, bytes] = {}
        for op in _each(before):
            service, dest = service_of(op), dest_of(op)
            if command_of(op) == _ADD_SERVICE:
                self._begin(service, _ITSELF, service)
            else:
                self._begin(service, dest_key(dest), dest)
        for op in _each(ops):
            self._note(command_of(op), service_of(op), dest_of(op))

    def _begin(self, service: bytes, dest: bytes, value: bytes | None) -> None:
        key = service_key(service)
        if key not in self.before:
            self._services[key] = service
            self.before[key], self._after[key] = {}, {}
        if dest not in self.before[key]:
            self.before[key][dest] = self._after[key][dest] = value

    def _note(self, command: int, service: bytes, dest: bytes) -> None:
        if command == _DELETE_SERVICE:
            self._begin(service, _ITSELF, None)
            key = service_key(service)
            self._after[key] = dict.fromkeys(self.before[key])
        elif command in _OF_SERVICE:
            self._end(service, _ITSELF, service)
        elif command in _OF_DESTINATION:
            self._end(service, dest_key(dest), None if command == _DELETE_DESTINATION else dest)

    def _end(self, service: bytes, dest: bytes, value: bytes | None) -> None:
        self._begin(service, dest, None)
        key = service_key(service)
        now = self._after[key][dest]
        if now is not self.before[key][dest]:  # deleted and added again at another place
            self._between.setdefault((key, dest), []).append(now)
        self._after[key][dest] = value

    def follow(self, later: Touched) -> Touched:
        """With what a later apply has touched, which went on from this one."""
        for key, entries in later.before.items():
            if key not in self.before:
                self._services[key] = later._services[key]
                self.before[key], self._after[key] = {}, {}
            for dest, value in entries.items():
                if dest in self.before[key]:
                    self._between.setdefault((key, dest), []).extend([self._after[key][dest], value])
                else:
                    self.before[key][dest] = value
                self._after[key][dest] = later._after[key][dest]
        for place, values in later._between.items():
            self._between.setdefault(place, []).extend(values)
        for name, pair in later.settings.items():
            self.settings.setdefault(name, []).extend(pair)
        for key, order in later.orders.items():
            self.orders.setdefault(key, order)
        return self

    def _is_known(self, key: bytes, dest: bytes, value: bytes | None) -> bool:
        """Whether it may stand so, if nobody else has changed it."""
        before, after = self.before[key][dest], self._after[key][dest]
        ways = [before, after, *self._between.get((key, dest), ())]
        if dest and before is not None and after is None:
            ways.append(_drained(before))
        found = _compared(dest, value)
        return any(_compared(dest, way) == found for way in ways)

    def moved(self, present: TableState) -> list[str]:
        """What others have changed of it since, each in a few words."""
        rows = self.rows(present)
        found = []
        for key, entries in self.before.items():
            now = _entries_of(rows.get(key))
            found += [f"{self._name(key)}{text}" for text in self._moved_of(key, entries, now)]
        return sorted(found) + list(self._moved_settings(present))

    def _moved_of(self, key: bytes, entries: Entries, now: Entries) -> Iterator[str]:
        if _ITSELF not in now and (_ITSELF not in entries or not self._is_known(key, _ITSELF, None)):
            yield " was deleted"
            return
        for dest in entries:
            value = now.get(dest)
            if not self._is_known(key, dest, value):
                became = "added" if self._after[key][dest] is None else "changed"
                yield f"{self._named(key, dest)} was {'deleted' if value is None else became}"
        if entries.get(_ITSELF, b"") is None and _ITSELF in now:  # it would go with the service
            for dest in now:
                if dest not in entries:
                    yield f"{self._named(key, dest)} was added"

    def _moved_settings(self, present: TableState) -> Iterator[str]:
        now = {daemon.state: daemon.to_dict() for daemon in present.daemons}
        for name, ways in self.settings.items():
            if name == "timeouts":
                if not any(_same(way, present.timeouts.to_dict()) for way in ways):
                    yield "the timeouts were changed"
            elif not any(_same(way, now.get(name)) for way in ways):
                yield f"the {name} daemon was {'changed' if name in now else 'stopped'}"

    def _name(self, key: bytes) -> str:
        return str(unpack_operation(packed_operation(_DELETE_SERVICE, self._services[key])).service)

    def _named(self, key: bytes, dest: bytes) -> str:
        if not dest:
            return ""
        op = packed_operation(_DELETE_DESTINATION, self._services[key], dest)
        return f": destination {unpack_operation(op).destination}"

    def services(self, there: bool) -> set[ServiceKey]:
        """Those that were added or deleted; there: whether they were there before."""
        keys = [
            key
            for key, entries in self.before.items()
            if _ITSELF in entries
            and (entries[_ITSELF] is not None) == there
            and (self._after[key][_ITSELF] is None) == there
        ]
        rows = b"".join([self._services[key].ljust(SERVICE_ROW.size, b"\0") for key in keys])
        return set(unpack_service_keys(rows))

    def rows(self, present: TableState) -> Rows:
        """What stands in the table of the services that are touched."""
        return {
            service_key(service): (service, dests)
            for service, dests in packed_rows(*present.reading.rows())
            if service_key(service) in self.before
        }

    def wanted(self, rows: Rows) -> bytearray:
        """The rules of these services as they are to be: what was touched as before, the rest as it is."""
        rules = bytearray()
        # What was deleted last comes first: the kernel keeps what is deleted for minutes in a list, last in
        # front, and looks there for each destination that is added.
        for key, entries in reversed(self.before.items()):
            service, dests = rows.get(key, (None, []))
            service = entries.get(_ITSELF, service)
            if service is None:  # it was not there, or others have deleted it
                continue
            found = _by_key(dests)
            new = {dest: value for dest, value in entries.items() if dest and dest not in found and value}
            found = {**new, **found}
            for dest, value in entries.items():
                if dest and value is None:
                    found.pop(dest, None)
                elif dest and value is not None:
                    found[dest] = value
            rules += packed_operation(_ADD_SERVICE, as_set(service))
            rules += packed_additions(
                service, [found[dest] for dest in reversed(self._ordered(key, list(found)))]
            )
        return rules

    def _ordered(self, key: bytes, dests: list[bytes]) -> list[bytes]:
        """Newest first: those that were there in their order, others before them."""
        order = {dest: place for place, dest in enumerate(self.orders.get(key, ()), 1)}
        return sorted(dests, key=lambda dest: order.get(dest, 0)) if order else dests


class Undo(Plan):
    """A plan that takes an apply back, made of what that has touched. journals: of that apply, and of those
    that were interrupted before and that it went on from, the oldest first. force: what others have changed
    of it since is changed back too; else UndoMoved is raised. like: one of the same journals."""

    def __init__(
        self, journals: Sequence[Journal], present: TableState, force: bool = False,
        like: Undo | None = None,
    ) -> None:  # fmt: skip
        self.journals: Final = journals
        self._touched: Touched = Touched(journals[0]) if like is None else like._touched
        for journal in journals[1:] if like is None else ():
            self._touched.follow(Touched(journal))
        moved = [] if force else self._touched.moved(present)
        if moved:
            raise UndoMoved(moved)
        self._make(present)

    def _make(self, present: TableState) -> None:
        touched = self._touched
        rows = touched.rows(present)
        settings = {name: ways[0] for name, ways in touched.settings.items()}
        timeouts = settings.pop("timeouts", None)
        self._stopped: list[str] = [state for state, before in settings.items() if before is None]
        wanted = Wanted(
            f"what was there before {self.journals[-1].title}", b"", touched.wanted(rows),
            Timeouts(**timeouts) if timeouts else Timeouts(),
            [SyncDaemon.from_dict(before) for before in settings.values() if before],
        )  # fmt: skip
        reading = present.reading
        mine = [at for at, key in enumerate(reading.packed_keys()) if key in touched.before]
        part = TableState(reading.only(mine), present.timeouts, present.daemons)
        order = any(journal.order for journal in self.journals)
        super().__init__(wanted, part, How(order=order))

    def moved(self, present: TableState) -> list[str]:
        """What others have changed since of what was touched, each in a few words."""
        return self._touched.moved(present)

    def services_back(self) -> set[ServiceKey]:
        """Those that the apply had deleted."""
        return self._touched.services(there=True)

    def services_gone(self) -> set[ServiceKey]:
        """Those that it had added."""
        return self._touched.services(there=False)

    def _settings(self) -> tuple[list[Change], list[Change]]:
        first, last = super()._settings()
        for daemon in self.present.daemons:
            if daemon.state in self._stopped:  # before there are destinations of another family
                first.append(Change("delete", Operation("stop-daemon", None, None, daemon), daemon))
        return first, last

    def again(self, present: TableState) -> Plan:
        """What is left to do when the whole table is this one."""
        return Undo(self.journals, present, True, self)

    def reached(self, done: str) -> str:
        """What is said when nothing is left to do, behind what was done."""
        return f"{done}; what {self.journals[-1].title} had changed is as before"

    def __reduce__(self) -> tuple[Any, ...]:
        return Undo, (self.journals, self.present, True)


def _same(way: dict[str, Any] | None, now: dict[str, Any] | None) -> bool:
    """Whether a setting is as it was set; what was left to the kernel may be anything."""
    if way is None or now is None:
        return way is now
    return all(way[name] in (now[name], 0, "") for name in way)


def _each(ops: bytes) -> Iterator[bytes]:
    return (ops[at : at + OP_SIZE] for at in range(0, len(ops), OP_SIZE))


def _compared(dest: bytes, value: bytes | None) -> object:
    """What is compared of a packed service or destination."""
    if value is None:
        return None
    return value[DEST_KEY_SIZE:] if dest else settings_of(value)


def _drained(dest: bytes) -> bytes:
    """As a destination stands there when it gets no new connections, before it is deleted."""
    values = list(DEST.unpack(dest))
    values[4] = 0
    return DEST.pack(*values)


def _entries_of(row: tuple[bytes, list[bytes]] | None) -> Entries:
    if row is None:
        return {}
    service, dests = row
    return {_ITSELF: service, **_by_key(dests)}


def _by_key(dests: list[bytes]) -> dict[bytes, bytes]:
    return {dest[:DEST_KEY_SIZE]: dest for dest in dests}
