"""Rows of a reading with their counters as text, made by C (csrc/listing/counted.c)."""

from __future__ import annotations

import errno

from .._native import ffi, lib
from .table_reading import RECORD_FORMS, TEXT_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..model.types import RecordForm
    from .reading_memory import Changes, LentRows


def counted_rows(
    rows: LentRows, form: RecordForm, start: str, delta: str, changes: tuple[Changes, Changes] | None
) -> Iterator[memoryview] | None:
    """The text in pieces, each valid until the next; None where only Python has words for what is there.

    start: what every row begins with. changes: those of services and of destinations; delta: what stands in
    front of them.
    """
    how: Any = ffi.new("struct ipvsf_counted *")
    start_text, delta_text = ffi.new("char[]", start.encode()), ffi.new("char[]", delta.encode())
    counts = rows.service_count + 1, rows.dest_count + 1
    orders = [ffi.new("uint32_t[]", count) for count in counts]
    events = [ffi.new("uint8_t[]", count) for count in counts]
    how.form, how.start = RECORD_FORMS[form], start_text
    how.service_order, how.dest_order = orders
    how.service_events, how.dest_events = events
    if changes is not None:
        how.delta, how.services, how.dests = delta_text, changes[0].packed, changes[1].packed
    code = lib.ipvsf_counted_begin(rows.table, how)
    if code == -errno.EOPNOTSUPP:
        return None
    if code:
        raise MemoryError
    return _pieces(rows, how, (start_text, delta_text, orders, events, changes))


def _pieces(rows: LentRows, how: Any, lent: object) -> Iterator[memoryview]:
    """lent: what C goes on reading."""
    cursor, length = ffi.new("struct ipvsf_cursor *"), ffi.new("size_t *")
    buffer = bytearray(TEXT_SIZE)
    out, piece = ffi.from_buffer("char[]", buffer), memoryview(buffer)
    while True:
        lib.ipvsf_counted_rows(rows.table, how, cursor, out, TEXT_SIZE, length)
        if not length[0]:
            return
        yield piece[: length[0]]
