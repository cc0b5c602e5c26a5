"""The rows of a snapshot, by column, by key and by row."""

from __future__ import annotations

from ..errors import InvalidValue
from ..kernel.layout import (
    DEST_COLUMNS,
    DEST_ROW,
    SERVICE_COLUMNS,
    SERVICE_ROW,
    unpack_dest,
    unpack_dest_keys,
    unpack_service,
    unpack_service_keys,
    unpack_texts,
)
from ..kernel.reading_memory import column_of
from ..model.destination import destination_key
from ..model.service import service_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import overload

    from ..kernel.reading_memory import LentRows
    from ..model.destination import Destination
    from ..model.keys import DestinationKey, ServiceKey
    from ..model.service import Service
    from ..model.types import (
        DestinationColumnName,
        DestinationOrKey,
        ServiceColumnName,
        ServiceNumbersName,
        ServiceOrKey,
        ServiceTextsName,
    )

_TEXTS = ("scheduler", "engine")
SERVICE_NAMES: tuple[ServiceColumnName, ...] = tuple(SERVICE_COLUMNS)  # type: ignore[arg-type]
DESTINATION_NAMES: tuple[DestinationColumnName, ...] = ("service", *DEST_COLUMNS)  # type: ignore[arg-type]


class Shape:
    """What is the same in all readings that have the same keys in the same order: made once, when asked
    for."""

    def __init__(self) -> None:
        self._service_keys: list[ServiceKey] | None = None
        self._destination_keys: list[DestinationKey] | None = None
        self._addresses: tuple[memoryview, memoryview] | None = None
        self._services_of: memoryview | None = None
        self._service_numbers: dict[ServiceKey, int] | None = None
        self._destination_numbers: dict[tuple[int, DestinationKey], int] | None = None

    def service_keys(self, rows: LentRows) -> list[ServiceKey]:
        """For each service what identifies it."""
        if self._service_keys is None:
            self._service_keys = unpack_service_keys(rows.services)
        return self._service_keys

    def destination_keys(self, rows: LentRows) -> list[DestinationKey]:
        """For each destination what identifies it within its service."""
        if self._destination_keys is None:
            self._destination_keys = unpack_dest_keys(rows.dests)
        return self._destination_keys

    def addresses(self, rows: LentRows) -> tuple[memoryview, memoryview]:
        """Of the services and of the destinations, shape (n, 16)."""
        if self._addresses is None:
            services, destinations = rows.addresses()
            self._addresses = _in_rows(services), _in_rows(destinations)
        return self._addresses

    def services_of(self, rows: LentRows) -> memoryview:
        """For each destination the number of its service."""
        if self._services_of is None:
            self._services_of = rows.services_of()
        return self._services_of

    def service_numbers(self, rows: LentRows) -> dict[ServiceKey, int]:
        """The number of the row of each service."""
        if self._service_numbers is None:
            self._service_numbers = {key: n for n, key in enumerate(self.service_keys(rows))}
        return self._service_numbers

    def destination_numbers(self, rows: LentRows) -> dict[tuple[int, DestinationKey], int]:
        """The number of the row of each destination, by that of its service and its key."""
        if self._destination_numbers is None:
            pairs = zip(self.services_of(rows), self.destination_keys(rows))
            self._destination_numbers = {pair: n for n, pair in enumerate(pairs)}
        return self._destination_numbers


def _in_rows(addresses: memoryview) -> memoryview:
    # A view without elements cannot be given a shape of two dimensions.
    return addresses.cast("B", (len(addresses) // 16, 16)) if addresses else addresses


def row_number(number: int, count: int) -> int:
    """An index as lists have them, from the end too; IndexError beyond."""
    if not -count <= number < count:
        raise IndexError(f"there are {count} rows, and none of number {number}")
    return number + count if number < 0 else number


def unknown_column(name: object, names: tuple[str, ...]) -> InvalidValue:
    """The error for a name that is no column."""
    return InvalidValue(f"no column {name!r}: there are {', '.join(names)}")


class ServiceColumns:
    """The services of a snapshot, in the kernel's order.

    `services["connections"]` is a column: a read-only memoryview of the rows in place, with a number for
    each service, which numpy.asarray() takes without a copy; "scheduler" and "engine" are lists of text.
    keys() and row() are values, iterating gives a Service for each row. `names` are those of all columns;
    what they hold stands in docs/stats.md. An unknown name is InvalidValue. A column stays as it is for as
    long as it is kept.
    """

    names: tuple[ServiceColumnName, ...] = SERVICE_NAMES

    def __init__(self, rows: LentRows, shape: Shape) -> None:
        self._rows, self._shape = rows, shape

    def __len__(self) -> int:
        return self._rows.service_count

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, name: ServiceNumbersName) -> memoryview: ...
        @overload
        def __getitem__(self, name: ServiceTextsName) -> list[str]: ...

    def __getitem__(self, name: ServiceColumnName) -> memoryview | list[str]:
        if name == "address":
            return self._shape.addresses(self._rows)[0]
        if name in _TEXTS:
            return unpack_texts(self._rows.services, name)
        if name not in SERVICE_COLUMNS:
            raise unknown_column(name, SERVICE_NAMES)
        column: memoryview = column_of(self._rows.services, *SERVICE_COLUMNS[name], SERVICE_ROW.size)
        return column

    def keys(self) -> list[ServiceKey]:
        """For each row its ServiceKey; the same list for all snapshots of a poller whose rows have the same
        keys in the same order, so do not change it."""
        return self._shape.service_keys(self._rows)

    def find(self, service: ServiceOrKey) -> int | None:
        """The number of the row of a service, given as itself or by its key; None if it is not there."""
        return self._shape.service_numbers(self._rows).get(service_key(service))

    def row(self, number: int) -> Service:
        """One row as a Service with its counters; a negative number counts from the end."""
        return unpack_service(self._rows.services, row_number(number, len(self)))

    def __iter__(self) -> Iterator[Service]:
        return map(self.row, range(len(self)))


class DestinationColumns:
    """The destinations of a snapshot, those of each service together, newest first.

    As ServiceColumns; `destinations["service"]` is for each row the number of its service.
    """

    names: tuple[DestinationColumnName, ...] = DESTINATION_NAMES

    def __init__(self, rows: LentRows, shape: Shape) -> None:
        self._rows, self._shape = rows, shape

    def __len__(self) -> int:
        return self._rows.dest_count

    def __getitem__(self, name: DestinationColumnName) -> memoryview:
        if name == "service":
            return self._shape.services_of(self._rows)
        if name == "address":
            return self._shape.addresses(self._rows)[1]
        if name not in DEST_COLUMNS:
            raise unknown_column(name, DESTINATION_NAMES)
        column: memoryview = column_of(self._rows.dests, *DEST_COLUMNS[name], DEST_ROW.size)
        return column

    def keys(self) -> list[DestinationKey]:
        """For each row its DestinationKey, which is unique within the service; shared as
        ServiceColumns.keys() is."""
        return self._shape.destination_keys(self._rows)

    def find(self, service: ServiceOrKey, destination: DestinationOrKey) -> int | None:
        """The number of the row of a destination of a service, given as themselves or by their keys; None if
        it is not there."""
        number = self._shape.service_numbers(self._rows).get(service_key(service))
        if number is None:
            return None
        return self._shape.destination_numbers(self._rows).get((number, destination_key(destination)))

    def row(self, number: int) -> Destination:
        """One row as a Destination with its counters; a negative number counts from the end."""
        return unpack_dest(self._rows.dests, row_number(number, len(self)))

    def __iter__(self) -> Iterator[Destination]:
        return map(self.row, range(len(self)))
