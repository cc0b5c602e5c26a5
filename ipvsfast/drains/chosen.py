"""Destinations that are meant, as a reading of the table has them, and edits of their weights.

An edit is made of the packed row, so that everything else of a destination stays, also what no rule can say.
"""

from __future__ import annotations

import struct

from ..errors import InvalidValue, NotFound, TableChanging
from ..kernel.layout import (
    DEST,
    DEST_COLUMNS,
    DEST_ROW,
    OP_SIZE,
    SERVICE,
    SERVICE_ROW,
    pack_key,
    packed_operation,
    unpack_dest,
    unpack_dest_keys,
    unpack_service_keys,
    unpack_service_spans,
)
from ..kernel.rule_buffer import new_results
from ..model.kernel_names import COMMANDS, F_PERSISTENT
from ..model.place import Places, included
from ..model.table_filter import Selection, TableFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Mapping
    from typing import Final

    from ..kernel.session import Session
    from ..kernel.table_reading import Reading
    from ..model.destination import Destination
    from ..model.keys import DestinationKey, ServiceKey

    Name = tuple[ServiceKey, DestinationKey]
    # Of a service, what tells which of its destinations are meant; None where none is.
    Means = Callable[[ServiceKey], Callable[[DestinationKey], bool] | None]

_WEIGHT = struct.Struct("=" + DEST_COLUMNS["weight"][0])
_WEIGHT_AT = DEST_COLUMNS["weight"][1]
_FLAGS_AT = 5  # in layout.SERVICE
_MEANING = ("service", "destination", "protocols", "fwmarks", "families")
_FEW = 16  # services that are read one by one for less than the whole table


class Entry:
    """A destination of a service, as it was read. persistent: its service is. name: what identifies it."""

    __slots__ = ("service", "destination", "persistent", "name", "_service", "_dest")

    def __init__(
        self, service: ServiceKey, destination: Destination, persistent: bool,
        packed_service: bytes, packed_dest: bytes,
    ) -> None:  # fmt: skip
        self.service: Final[ServiceKey] = service
        self.destination: Final[Destination] = destination
        self.persistent: Final[bool] = persistent
        self.name: Final[Name] = (service, destination.key)
        self._service, self._dest = packed_service, packed_dest

    @property
    def weight(self) -> int:
        """Its weight."""
        return self.destination.weight

    @property
    def connections(self) -> int:
        """Active, inactive and persistent ones."""
        one = self.destination
        return one.active + one.inactive + one.persistent

    def with_weight(self, weight: int) -> bytes:
        """The packed edit that changes its weight and nothing else."""
        dest = bytearray(self._dest)
        _WEIGHT.pack_into(dest, _WEIGHT_AT, weight)
        return packed_operation(COMMANDS["edit-destination"], self._service, bytes(dest))

    def deletion(self) -> bytes:
        """The packed operation that deletes it."""
        return packed_operation(COMMANDS["delete-destination"], self._service, self._dest)


class Targets:
    """The destinations that one of several filters means. InvalidValue for a filter that means all of them,
    or has other conditions than on their keys and those of their services."""

    def __init__(self, filters: TableFilter | Iterable[TableFilter]) -> None:
        self._filters = [filters] if isinstance(filters, TableFilter) else list(filters)
        for one in self._filters:
            if not isinstance(one, TableFilter):
                raise TypeError(f"destinations are meant by a TableFilter or several, not {one!r}")
            if one != TableFilter(**{name: getattr(one, name) for name in _MEANING}):
                raise InvalidValue("only addresses, protocols, families and marks say which are meant")
            if one == TableFilter():
                raise InvalidValue("name services or destinations: not all of the table can be meant")
        if not self._filters:
            raise InvalidValue("name services or destinations")
        self._selections = [Selection(one) for one in self._filters]
        self._known: dict[tuple[bool, ...], _Known] = {}

    def mean(self, service: ServiceKey) -> Callable[[DestinationKey], bool] | None:
        """What tells which destinations of a service are meant; None: none of them."""
        having = tuple([one.has_service_key(service) for one in self._selections])
        if True not in having:
            return None
        known = self._known.get(having)
        if known is None:
            chosen = [one for one, has in zip(self._selections, having) if has]
            known = self._known[having] = _Known(chosen)
        return known.__getitem__

    def unmet(self, names: Collection[Name]) -> list[str]:
        """The addresses for which there is nothing among these destinations."""
        found: dict[str, None] = {}
        for one in self._filters:
            for text in one.service:
                if included(text)[1] and not _some(text, [_endpoint(name[0]) for name in names]):
                    found[text] = None
            for text in one.destination:
                if included(text)[1] and not _some(text, [name[1] for name in names]):
                    found[text] = None
        return list(found)


class _Known(dict["DestinationKey", bool]):
    """Whether destinations are meant: the same ones stand in many services."""

    def __init__(self, selections: Iterable[Selection]) -> None:
        super().__init__()
        self._selections = selections

    def __missing__(self, key: DestinationKey) -> bool:
        found = self[key] = any(one.has_destination(key) for one in self._selections)
        return found


def _endpoint(service: ServiceKey) -> tuple[int, bytes, int]:
    return service.family, service.packed, service.port


def _some(text: str, endpoints: Iterable[tuple[int, bytes, int]]) -> bool:
    place = Places((text,))
    return any(place.hold(*endpoint) for endpoint in endpoints)


def entries_of(reading: Reading, means: Means) -> list[Entry]:
    """Those of a reading that are meant, in its order."""
    services, dests = reading.rows()
    keys, dest_keys = unpack_service_keys(services), unpack_dest_keys(dests)
    found = []
    for at, (first, count) in enumerate(unpack_service_spans(services)):
        key = keys[at]
        meant = means(key)
        if meant is None:
            continue
        packed = _service_at(services, at)
        persistent = bool(SERVICE.unpack(packed)[_FLAGS_AT] & F_PERSISTENT)
        for number in range(first, first + count):
            if meant(dest_keys[number]):
                start = number * DEST_ROW.size
                dest = dests[start : start + DEST.size]
                found.append(Entry(key, unpack_dest(dests, number), persistent, packed, dest))
    return found


def _service_at(services: bytes, number: int) -> bytes:
    start = number * SERVICE_ROW.size
    return services[start : start + SERVICE.size]


def read_chosen(session: Session, means: Means) -> list[Entry]:
    """Those of the table that are meant. TableChanging if it cannot be read in one piece."""
    return entries_of(session.read(complete=True), means)


def picked(wanted: Mapping[ServiceKey, Container[DestinationKey]]) -> Means:
    """These destinations of these services are meant."""

    def means(service: ServiceKey) -> Callable[[DestinationKey], bool] | None:
        of_it = wanted.get(service)
        return None if of_it is None else of_it.__contains__

    return means


def read_again(session: Session, names: Collection[Name]) -> dict[Name, Entry]:
    """How these destinations are now; who is not among them is gone. TableChanging as above."""
    wanted: dict[ServiceKey, set[DestinationKey]] = {}
    for service, destination in names:
        wanted.setdefault(service, set()).add(destination)
    means = picked(wanted)
    if len(wanted) > _FEW:
        return {entry.name: entry for entry in read_chosen(session, means)}
    found: dict[Name, Entry] = {}
    for service in wanted:
        try:
            reading = session.read(pack_key(service), complete=True)
        except NotFound:
            continue
        found.update({entry.name: entry for entry in entries_of(reading, means)})
    return found


def read_if_still(session: Session, names: Collection[Name]) -> dict[Name, Entry] | None:
    """The same; None while the table changes too much to be read, which ends."""
    try:
        return read_again(session, names)
    except TableChanging:
        return None


def send_all(session: Session, ops: Iterable[bytes]) -> list[int]:
    """Sends packed operations, many at once: 0 for each, or the kernel's errno."""
    packed = bytearray().join(ops)
    count = len(packed) // OP_SIZE
    codes, done = new_results(count), 0
    while done < count:
        done = session.send(packed, count, codes, done)
    return [-code for code in codes[:count]]
