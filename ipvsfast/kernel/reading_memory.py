"""The memory of readings, lent out as views and used again once nobody looks at it any more.

A view (memoryview, and whatever was made of one without a copy) keeps the buffer that it shows, that its
cdata, and that what it was lent by. When the last view is gone, cffi calls the destructor, which puts the
memory back. No reference is counted here, so this holds for every implementation of Python: where objects
live on for a while, their memory is simply not yet there again.
"""

from __future__ import annotations

from .._native import ffi, lib
from .layout import COUNTERS, DEST_ROW, SERVICE_ROW
from .table_reading import Reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ROOM = 256  # the smallest block is of so many bytes
_SPARE = (
    4  # so many of a kind are kept: whoever kept a hundred snapshots does not need their memory afterwards
)


class MemoryPool:
    """Readings and blocks of memory that are free."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self._blocks: list[Any] = []

    def reading(self) -> Reading:
        """One that nobody looks at, to be filled, and then to be given to LentRows or back."""
        try:
            return self._readings.pop()
        except IndexError:
            return Reading()

    def give_back(self, reading: Reading) -> None:
        """Nobody looks at it."""
        if len(self._readings) < _SPARE:
            self._readings.append(reading)

    def lend(self, reading: Reading) -> LentRows:
        """The rows of a reading, which comes back when nobody looks at them any more."""
        return LentRows(reading, self.give_back)

    def block(self, size: int) -> Any:
        """A char[] of at least `size` bytes that comes back likewise. What is in it is old."""
        # A destructor, or another thread, may change the list at any time.
        for block in sorted(self._blocks.copy(), key=len):
            if len(block) >= size:
                try:
                    self._blocks.remove(block)
                except ValueError:
                    continue
                return ffi.gc(block, self._give_back_block)
        return ffi.gc(ffi.new("char[]", max(_ROOM, size + size // 4)), self._give_back_block)

    def _give_back_block(self, block: Any) -> None:
        self._blocks.append(block)
        if len(self._blocks) > _SPARE:
            smallest = min(self._blocks.copy(), key=len)
            try:
                self._blocks.remove(smallest)
            except ValueError:
                pass


class LentRows:
    """The rows of one reading, as read-only bytes, `services` and `dests` (kernel/layout.py)."""

    def __init__(self, reading: Reading, give_back: Callable[[Reading], None]) -> None:
        table: Any = ffi.gc(reading.table, lambda _: give_back(reading))
        self.table = table
        self.service_count: int = table.num_services
        self.dest_count: int = table.num_dests
        self.services: memoryview = self._bytes(table.services, self.service_count * SERVICE_ROW.size)
        self.dests: memoryview = self._bytes(table.dests, self.dest_count * DEST_ROW.size)

    def _bytes(self, pointer: Any, size: int) -> memoryview:
        if not size:
            return memoryview(b"")

        def keep(_: object, table: Any = self.table) -> None:
            """The pointer lives no longer than the table that is a default of this function."""

        return memoryview(ffi.buffer(ffi.gc(pointer, keep), size)).toreadonly()

    def same_keys(self, other: LentRows) -> bool:
        """Whether both have the same services and destinations in the same order."""
        return bool(lib.ipvsf_table_same_keys(self.table, other.table))

    def totals(self) -> list[int]:
        """The sums over all services, as layout has the counters and rates."""
        out = ffi.new("struct ipvsf_stats *")
        lib.ipvsf_table_totals(self.table, out)
        return list(ffi.cast("uint64_t *", out)[0 : ffi.sizeof("struct ipvsf_stats") // 8])

    def addresses(self) -> tuple[memoryview, memoryview]:
        """Those of the services and of the destinations, 16 bytes each."""
        services, dests = bytearray(16 * self.service_count), bytearray(16 * self.dest_count)
        lib.ipvsf_table_addresses(
            self.table, ffi.from_buffer("uint8_t[]", services), ffi.from_buffer("uint8_t[]", dests)
        )
        return memoryview(services).toreadonly(), memoryview(dests).toreadonly()

    def services_of(self) -> memoryview:
        """For each destination the number of its service."""
        out = bytearray(4 * self.dest_count)
        lib.ipvsf_table_services_of(self.table, ffi.from_buffer("uint32_t[]", out))
        numbers: memoryview = column_of(memoryview(out).toreadonly(), "I", 0, 4)
        return numbers


class Changes:
    """What became of the services, or of the destinations, between two readings.

    columns: 64-bit differences by the name of the counter, and rates (doubles) by that with "_rate".
    appeared, zeroed: numbers of rows of the later reading; vanished: of the earlier one.
    """

    def __init__(self, pool: MemoryPool, now: int, before: int) -> None:
        self._rows = now
        self._each = 8 * now
        # Differences and rates, what appeared and what was zeroed, what vanished.
        self._places = 2 * len(COUNTERS) * self._each
        size = self._places + 4 * (2 * now + before)
        block = pool.block(size)
        self._block = block  # the views keep it too, but there may be none
        self.packed: Any = ffi.new("struct ipvsf_changes *")
        self.packed.differences = ffi.cast("uint64_t *", block)
        self.packed.rates = ffi.cast("double *", block + len(COUNTERS) * self._each)
        self.packed.appeared = ffi.cast("uint32_t *", block + self._places)
        self.packed.zeroed = ffi.cast("uint32_t *", block + self._places + 4 * now)
        self.packed.vanished = ffi.cast("uint32_t *", block + self._places + 8 * now)
        self._view = memoryview(ffi.buffer(block, size)).toreadonly()

    def column(self, name: str) -> Any:
        """By its name; KeyError if there is none."""
        counter = name.removesuffix("_rate")
        if counter not in COUNTERS:
            raise KeyError(name)
        at = COUNTERS.index(counter) + (len(COUNTERS) if name != counter else 0)
        part = self._view[at * self._each : (at + 1) * self._each]
        return column_of(part, "d" if name != counter else "Q", 0, 8)

    def _numbers(self, at: int, count: int) -> Any:
        return column_of(self._view[at : at + 4 * count], "I", 0, 4)

    @property
    def appeared(self) -> Any:
        return self._numbers(self._places, self.packed.num_appeared)

    @property
    def zeroed(self) -> Any:
        return self._numbers(self._places + 4 * self._rows, self.packed.num_zeroed)

    @property
    def vanished(self) -> Any:
        return self._numbers(self._places + 8 * self._rows, self.packed.num_vanished)


def compare(
    pool: MemoryPool, now: LentRows, before: LentRows, seconds: float, same: bool, behind: bool = False
) -> tuple[Changes, Changes]:
    """What became of the services and of the destinations. same: their keys are, in the same order. behind:
    counters may be smaller than before without having been zeroed."""
    services = Changes(pool, now.service_count, before.service_count)
    dests = Changes(pool, now.dest_count, before.dest_count)
    how = (lib.IPVSF_SAME_KEYS if same else 0) | (lib.IPVSF_MAY_BE_BEHIND if behind else 0)
    if lib.ipvsf_table_compare(now.table, before.table, seconds, how, services.packed, dests.packed):
        raise MemoryError
    return services, dests


def column_of(rows: memoryview, code: str, offset: int, size: int) -> Any:
    """The values at `offset` of rows of `size` bytes, a memoryview in place. code: as the struct module has
    it."""
    if not rows:  # without elements there is nothing to cast
        return memoryview(bytes(8)).cast(_FORMATS[code])[:0]
    width = _WIDTHS[code]
    return rows.cast(_FORMATS[code])[offset // width :: size // width]


_FORMATS: dict[str, Any] = {code: code for code in "BHIiQd"}  # of memoryviews, as the struct module has them
_WIDTHS = {"B": 1, "H": 2, "I": 4, "i": 4, "Q": 8, "d": 8}
