"""Which services and destinations of a table are wanted, and in which order."""

from __future__ import annotations

from ..errors import InvalidValue
from .address import parse_int
from .destination import CONNECTIONS, SET_NUMBERS, has_no_share
from .kernel_names import FAMILY_NAMES, PROTOCOLS
from .place import Places, included
from .value import Field, Record, check_flag, check_name, check_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Final

    from typing_extensions import Self, Unpack

    from .destination import Destination
    from .keys import DestinationKey, ServiceKey
    from .service import Service
    from .types import TableColumn, TableFilterChanges

    Entry = tuple[Service, list[Destination]]

_FAMILIES = {name: number for number, name in FAMILY_NAMES.items()}
_OTHER_FAMILY_NAMES = {"4": "ipv4", "6": "ipv6", "inet": "ipv4", "inet6": "ipv6"}
# Numbers of a destination that rows can be sorted by, largest first; `counters` are those of a service too.
COUNTERS: tuple[TableColumn, ...] = (
    "connections", "in_packets", "out_packets", "in_bytes", "out_bytes",
    "cps", "in_pps", "out_pps", "in_bps", "out_bps",
)  # fmt: skip
NUMBERS: tuple[TableColumn, ...] = (*SET_NUMBERS, *CONNECTIONS)
COLUMNS: tuple[TableColumn, ...] = ("service", "destination", *NUMBERS, *COUNTERS)


class TableFilter(Record):
    """Conditions that all have to hold; if one of them has several values, one of these has to hold.

    A text with an exclamation mark in front excludes: "!10.0.0.0/8" is any address but those.

    service, destination: text or texts: an address, a prefix (10.0.0.0/8, 2001:db8::/32), a port (:80) or
    ports (:8000-8099), or both (10.0.0.0/8:80, [2001:db8::/32]:80). protocols: tcp, udp, sctp, or fwm for
    firewall marks. fwmarks: numbers of marks. families: ipv4, ipv6, of the service. schedulers: names.
    min_active: active connections that a destination has at least. zero_weight: only destinations of
    weight 0 (True), only others (False), or both (None).

    sort: the column by which destinations are sorted, one of COLUMNS: by address where that is "service" or
    "destination", else the largest first. limit: so many destinations at most, 0 for all. services_only: it
    is about services, without their destinations; then these are what is sorted and limited, and the
    numbers of destinations (active, upper ...) are sums. InvalidValue for anything else.
    """

    __slots__ = ()
    service: Field[tuple[str, ...]] = Field(0, "Places of services.")
    destination: Field[tuple[str, ...]] = Field(1, "Places of destinations.")
    protocols: Field[tuple[str, ...]] = Field(2, "tcp, udp, sctp, fwm, or numbers as text.")
    fwmarks: Field[tuple[int, ...]] = Field(3, "Firewall marks.")
    families: Field[tuple[str, ...]] = Field(4, "ipv4, ipv6.")
    schedulers: Field[tuple[str, ...]] = Field(5, "Names of schedulers.")
    min_active: Field[int] = Field(6, "Active connections at least.")
    zero_weight: Field[bool | None] = Field(7, "Only destinations of weight 0, only others, or both.")
    sort: Field[str] = Field(8, "The column to sort by; empty: as the table is.")
    limit: Field[int] = Field(9, "So many rows at most; 0: no limit.")
    services_only: Field[bool] = Field(10, "Services without their destinations.")

    def __new__(
        cls,
        service: str | Iterable[str] = (),
        destination: str | Iterable[str] = (),
        protocols: str | Iterable[str] = (),
        fwmarks: int | Iterable[int] = (),
        families: str | Iterable[str] = (),
        schedulers: str | Iterable[str] = (),
        min_active: int = 0,
        zero_weight: bool | None = None,
        sort: TableColumn | str = "",
        limit: int = 0,
        services_only: bool = False,
    ) -> Self:
        places = [_texts(service, "service"), _texts(destination, "destination")]
        for texts in places:
            Places(texts)
        marks = (fwmarks,) if isinstance(fwmarks, int) else tuple(fwmarks)
        if sort and sort not in COLUMNS:
            raise InvalidValue(f"there is no column {sort!r} to sort by: choose from {', '.join(COLUMNS)}")
        if check_flag(services_only, "services_only") and (places[1] or zero_weight is not None):
            raise InvalidValue("conditions on destinations choose nothing where there are only services")
        return cls._make(
            *places,
            tuple([_protocol(text) for text in _texts(protocols, "protocols")]),
            tuple([check_range(mark, 1, 2**32 - 1, "fwmark") for mark in marks]),
            tuple([_family(text) for text in _texts(families, "families")]),
            tuple([_scheduler(text) for text in _texts(schedulers, "schedulers")]),
            check_range(min_active, 0, 2**32 - 1, "min_active"),
            None if zero_weight is None else check_flag(zero_weight, "zero_weight"),
            str(sort),
            check_range(limit, 0, 2**63, "limit"),
            services_only,
        )

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[TableFilterChanges]) -> Self:
            """A copy with some conditions changed, checked like a new one."""

    @property
    def about_destinations(self) -> bool:
        """Whether a service without a destination that is wanted is none that is wanted."""
        asked = self.destination or self.min_active or self.zero_weight is not None
        return not self.services_only and bool(asked or self.sort or self.limit)


class Selection:
    """A TableFilter at work: what is the same for many rows is worked out once."""

    __slots__ = ("filter", "_service", "_destination", "_protocols", "_families", "_schedulers")

    def __init__(self, wanted: TableFilter) -> None:
        self.filter: Final[TableFilter] = wanted
        self._service = Places(wanted.service)
        self._destination = Places(wanted.destination)
        self._protocols = _Words(wanted.protocols)
        self._families = _Words(wanted.families)
        self._schedulers = _Words(wanted.schedulers)

    def has_service(self, key: ServiceKey, scheduler: str) -> bool:
        """Whether the conditions on services hold."""
        return self.has_service_key(key) and self.has_scheduler(scheduler)

    def has_scheduler(self, scheduler: str) -> bool:
        """Whether the condition on schedulers holds."""
        return self._schedulers.hold(scheduler)

    def has_service_key(self, key: ServiceKey) -> bool:
        """Whether the conditions on what identifies a service hold."""
        fwmark, family, _, packed, port = key
        if self.filter.fwmarks and fwmark not in self.filter.fwmarks:
            return False
        if self._service and (fwmark or not self._service.hold(family, packed, port)):
            return False
        protocol = "fwm" if fwmark else key.protocol
        return self._protocols.hold(protocol) and self._families.hold(FAMILY_NAMES.get(family, ""))

    def has_destination(self, key: DestinationKey) -> bool:
        """Whether the conditions on the address and port of destinations hold."""
        return not self._destination or self._destination.hold(*key)

    def choose(self, table: Iterable[Entry]) -> list[Entry]:
        """What is wanted of a table, sorted and limited."""
        wanted = self.filter
        if wanted == EVERYTHING:
            return list(table)
        entries = [entry for entry in table if self.has_service(entry[0].key, entry[0].scheduler)]
        if wanted.services_only:
            entries = [entry for entry in entries if _active(entry[1]) >= wanted.min_active]
            return self._ordered_services(entries)
        found = [(service, [d for d in dests if self._has(d)]) for service, dests in entries]
        if not wanted.about_destinations:
            return found
        rows = [(service, dest) for service, dests in found for dest in dests]
        if wanted.sort:
            rows.sort(key=lambda row: _row_order(wanted.sort, *row))
        return _grouped(rows[: wanted.limit or None])

    def _has(self, destination: Destination) -> bool:
        zero = self.filter.zero_weight
        return (
            self.has_destination(destination.key)
            and destination.active >= self.filter.min_active
            and (zero is None or zero == has_no_share(destination))
        )

    def _ordered_services(self, entries: list[Entry]) -> list[Entry]:
        wanted = self.filter
        if wanted.sort:
            entries.sort(key=lambda entry: _service_order(wanted.sort, *entry))
        return entries[: wanted.limit or None]


def _grouped(rows: Sequence[tuple[Service, Destination]]) -> list[Entry]:
    """Each service once, where its first destination stands."""
    found: dict[ServiceKey, Entry] = {}
    for service, destination in rows:
        found.setdefault(service.key, (service, []))[1].append(destination)
    return list(found.values())


def _active(destinations: Iterable[Destination]) -> int:
    return sum([destination.active for destination in destinations])


def _row_order(column: str, service: Service, destination: Destination) -> Any:
    if column in COUNTERS:
        return -getattr(destination.stats, column)
    if column in NUMBERS:
        return -getattr(destination, column)
    return (service.key, destination.key) if column == "service" else (destination.key, service.key)


def _service_order(column: str, service: Service, destinations: Sequence[Destination]) -> Any:
    if column in COUNTERS:
        return -getattr(service.stats, column)
    if column in NUMBERS:
        return -sum([getattr(destination, column) for destination in destinations])
    return service.key


class _Words:
    """Conditions on a word."""

    __slots__ = ("_wanted", "_excluded")

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._wanted = frozenset([text for text in texts if text[0] != "!"])
        self._excluded = frozenset([text[1:] for text in texts if text[0] == "!"])

    def hold(self, word: str) -> bool:
        return word not in self._excluded and (not self._wanted or word in self._wanted)


def _texts(values: str | Iterable[str], what: str) -> tuple[str, ...]:
    """One text or several as several."""
    many = not isinstance(values, str) and hasattr(values, "__iter__")
    found: tuple[Any, ...] = tuple(values) if many else (values,)
    for value in found:
        if not isinstance(value, str) or not value.removeprefix("!"):
            raise InvalidValue(f"{what} must be text, or several texts, not {value!r}")
    return found


def _protocol(text: str) -> str:
    name, wanted = included(text.lower())
    number = parse_int(name, 0, 65535)
    names = {str(known): word for word, known in PROTOCOLS.items()}
    if number is not None:
        name = names.get(str(number), str(number))
    elif name not in PROTOCOLS and name != "fwm":
        raise InvalidValue(f"no protocol of services {text!r}: tcp, udp, sctp, fwm (marks) or a number")
    return name if wanted else f"!{name}"


def _family(text: str) -> str:
    name, wanted = included(text.lower())
    name = _OTHER_FAMILY_NAMES.get(name, name)
    if name not in _FAMILIES:
        raise InvalidValue(f"no address family {text!r}: ipv4 or ipv6")
    return name if wanted else f"!{name}"


def _scheduler(text: str) -> str:
    check_name(included(text)[0], "scheduler")
    return text


EVERYTHING = TableFilter()
