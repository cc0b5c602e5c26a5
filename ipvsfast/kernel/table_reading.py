"""One reading of the table: rows owned by C, their order, and their text. See kernel/session.py."""

from __future__ import annotations

from .._native import ffi, lib
from .layout import (
    DEST,
    DEST_ROW,
    SERVICE,
    SERVICE_ROW,
    packed_services,
    service_key,
    unpack_dest,
    unpack_service,
    unpack_service_keys,
    unpack_table,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ..model.destination import Destination
    from ..model.keys import ServiceKey
    from ..model.service import Service
    from ..model.types import RecordForm, ViewName
    from .layout import Table

TEXT_SIZE = 1 << 18
_NOTHING = bytes(ffi.sizeof("struct ipvsf_table"))
VIEWS = {
    "default": lib.IPVSF_VIEW_DEFAULT,
    "stats": lib.IPVSF_VIEW_STATS,
    "rate": lib.IPVSF_VIEW_RATE,
    "thresholds": lib.IPVSF_VIEW_THRESHOLDS,
    "persistent-conn": lib.IPVSF_VIEW_PERSISTENT,
    "tun-info": lib.IPVSF_VIEW_TUNNEL,
    "rules": lib.IPVSF_VIEW_RULES,
}
RECORD_FORMS = {
    "json": lib.IPVSF_RECORDS_JSON,
    "ndjson": lib.IPVSF_RECORDS_NDJSON,
    "csv": lib.IPVSF_RECORDS_CSV,
}

# What a reading has to tell of destinations (enum ipvsf_scope in csrc/api/ipvsfast.h).
EVERYTHING = 0
CONFIGURATION: int = lib.ipvsf_view_scope(lib.IPVSF_VIEW_RULES)
CONFIGURED_KEYS: int = lib.ipvsf_view_scope(lib.IPVSF_VIEW_DEFAULT)
BY_NETLINK: int = lib.IPVSF_NETLINK_ONLY


def scope_of(view: ViewName) -> int:
    """The scope of what a listing shows."""
    return int(lib.ipvsf_view_scope(VIEWS[view]))


class Reading:
    """One reading of the table. C owns its rows; they are freed with this object.

    Where it is unstable, repeated entries are removed, and some may lack.
    """

    def __init__(self) -> None:
        self.table: Any = ffi.gc(ffi.new("struct ipvsf_table *"), lib.ipvsf_table_deinit)
        self._text_buffer: bytearray | None = None  # used again where this is read over

    def begin(self) -> Reading:
        """As new, but with its memory, over which rows are read."""
        table = self.table
        memory = table.services, table.services_size, table.dests, table.dests_size
        ffi.memmove(table, _NOTHING, len(_NOTHING))
        table.services, table.services_size, table.dests, table.dests_size = memory
        return self

    @property
    def rereads(self) -> int:
        """Dumps that were repeated because the table had changed meanwhile."""
        return int(self.table.rereads)

    @property
    def unstable(self) -> int:
        """Dumps that still were not consistent after the last repetition."""
        return int(self.table.unstable)

    @property
    def vanished(self) -> int:
        """Services that were deleted before their destinations were read, and are left out."""
        return int(self.table.vanished)

    @property
    def services(self) -> int:
        """How many there are."""
        return int(self.table.num_services)

    @property
    def by_option(self) -> int:
        """Destinations that were read by the socket option."""
        return int(self.table.by_option)

    @property
    def destinations(self) -> int:
        """How many there are in all."""
        return int(self.table.num_dests)

    def __reduce__(self) -> tuple[Any, ...]:
        return reading_of_rows, self.rows()

    def lend(self, services: Any, num_services: int, dests: Any, num_dests: int) -> None:
        """Rows of the caller take the place of its own. They belong to this object from now on."""
        self.table = table = ffi.new("struct ipvsf_table *")
        self._lent = services, dests
        table.services, table.num_services = services, num_services
        table.dests, table.num_dests = dests, num_dests

    def service_at(self, row: int) -> Service:
        """One of them as a value."""
        return unpack_service(ffi.buffer(self.table.services + row, SERVICE_ROW.size)[:], 0)

    def destination_at(self, row: int) -> Destination:
        """One destination as a value."""
        return unpack_dest(ffi.buffer(self.table.dests + row, DEST_ROW.size)[:], 0)

    def destinations_of(self, row: int) -> list[Destination]:
        """Those of one service, newest first."""
        service = self.table.services[row]
        first: int = service.first_dest
        return [self.destination_at(at) for at in range(first, first + service.num_dests)]

    def service_keys(self) -> list[ServiceKey]:
        """What identifies the services, in the order of their rows."""
        return unpack_service_keys(self._service_rows())

    def packed_keys(self) -> list[bytes]:
        """The same, packed (see service_key in kernel/layout.py)."""
        rows, size = self._service_rows(), SERVICE_ROW.size
        return [service_key(rows[at : at + size]) for at in range(0, len(rows), size)]

    def _service_rows(self) -> bytes:
        size = self.table.num_services * SERVICE_ROW.size
        return bytes(ffi.buffer(self.table.services, size))

    def only(self, rows: Sequence[int]) -> Reading:
        """These services with their destinations, as a reading."""
        table = self.table
        count = sum([table.services[row].num_dests for row in rows])
        services = ffi.new("struct ipvsf_service_row[]", len(rows) + 1)
        dests = ffi.new("struct ipvsf_dest_row[]", count + 1)
        at = 0
        for place, row in enumerate(rows):
            services[place] = old = table.services[row]
            ffi.memmove(dests + at, table.dests + old.first_dest, old.num_dests * DEST_ROW.size)
            services[place].first_dest = at
            at += old.num_dests
        chosen = Reading()
        chosen.lend(services, len(rows), dests, count)
        return chosen

    def packed_service(self, row: int) -> bytes:
        """What one of them is set to."""
        return bytes(ffi.buffer(self.table.services + row, SERVICE.size))

    def packed_destination(self, row: int) -> bytes:
        """What one destination is set to."""
        return bytes(ffi.buffer(self.table.dests + row, DEST.size))

    def packed_destinations(self, row: int) -> list[bytes]:
        """Those of one service, newest first."""
        service = self.table.services[row]
        first: int = service.first_dest
        return [self.packed_destination(at) for at in range(first, first + service.num_dests)]

    def rows(self) -> tuple[bytes, bytes]:
        """Service rows and destination rows, packed as in kernel/layout.py."""
        t = self.table
        return self._service_rows(), ffi.buffer(t.dests, t.num_dests * DEST_ROW.size)[:]

    def values(self) -> Table:
        """Services with their destinations, in the order that they have here."""
        return unpack_table(*self.rows())

    def sort(self, services: bool = True) -> Reading:
        """Bring everything into the order in which ipvsadm lists it. services: these too."""
        return self._sort(lib.IPVSF_ORDER_LISTED, services)

    def sort_for_adding(self, services: bool = True) -> Reading:
        """Services as listed, destinations as they must be added to get the kernel's order again."""
        return self._sort(lib.IPVSF_ORDER_FOR_ADDING, services)

    def _sort(self, order: int, services: bool) -> Reading:
        if (lib.ipvsf_table_sort if services else lib.ipvsf_dests_sort)(self.table, order):
            raise MemoryError
        return self

    def text(self, view: ViewName, exact: bool = False) -> Iterator[memoryview] | None:
        """The numeric lines of a view in pieces, each valid until the next; None where the listing in
        Python has to be asked, as the table holds something unusual."""
        return self._text(lib.ipvsf_table_format, VIEWS[view], exact)

    def saved_text(self) -> Iterator[memoryview] | None:
        """The rules in the same way; None as well where one of them would not make what is there."""
        return self._text(lib.ipvsf_table_format, lib.IPVSF_VIEW_SAVED, False)

    def records(self, form: RecordForm) -> Iterator[memoryview] | None:
        """Records in the same way, without what stands before and behind all of them."""
        return self._text(lib.ipvsf_table_records, RECORD_FORMS[form])

    def _text(self, write: Any, *how: int) -> Iterator[memoryview] | None:
        pieces = self._pieces(write, how)
        try:
            next(pieces)
        except StopIteration:
            return None
        return pieces

    def _pieces(self, write: Any, how: tuple[int, ...]) -> Iterator[memoryview]:
        cursor, length = ffi.new("struct ipvsf_cursor *"), ffi.new("size_t *")
        buffer = self._text_buffer = self._text_buffer or bytearray(TEXT_SIZE)
        out = ffi.from_buffer("char[]", buffer)
        piece = memoryview(buffer)
        code = write(self.table, *how, cursor, out, TEXT_SIZE, length)
        if code:
            return
        yield piece[:0]
        while length[0]:
            yield piece[: length[0]]
            write(self.table, *how, cursor, out, TEXT_SIZE, length)


def reading_of(rules: bytes | bytearray) -> Reading:
    """The table that packed rules, which add services and then their destinations, make of an empty one."""
    reading = Reading()
    packed = packed_services(rules)
    count = sum([len(dests) for _, dests in packed])
    services = ffi.new("struct ipvsf_service_row[]", len(packed) + 1)
    rows = ffi.new("struct ipvsf_dest_row[]", count + 1)
    at = 0
    for place, (service, dests) in enumerate(packed):
        row = services + place
        ffi.buffer(row, len(service))[:] = service  # a row begins with what it is set to
        row.first_dest, row.num_dests = at, len(dests)
        for number, dest in enumerate(reversed(dests)):
            ffi.buffer(rows + at + number, len(dest))[:] = dest
        at += len(dests)
    reading.lend(services, len(packed), rows, count)
    return reading


def reading_of_rows(services: bytes, dests: bytes) -> Reading:
    """What Reading.rows() gave, as a reading."""
    counts = len(services) // SERVICE_ROW.size, len(dests) // DEST_ROW.size
    rows = ffi.new("struct ipvsf_service_row[]", counts[0] + 1)
    dest_rows = ffi.new("struct ipvsf_dest_row[]", counts[1] + 1)
    ffi.memmove(rows, services, len(services))
    ffi.memmove(dest_rows, dests, len(dests))
    reading = Reading()
    reading.lend(rows, counts[0], dest_rows, counts[1])
    return reading
