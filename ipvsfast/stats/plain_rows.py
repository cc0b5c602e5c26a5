"""All rows of a snapshot as text at memory speed. listing/counted_records.py is the definition."""

from __future__ import annotations

from ..kernel.counted_rows import counted_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.types import RecordForm
    from .delta import Delta
    from .snapshot import Snapshot


def plain_rows(
    snapshot: Snapshot, delta: Delta | None, form: RecordForm, start: str, between: str
) -> Iterator[memoryview] | None:
    """What CountedRecords.rows() gives for all of them, in pieces that are valid until the next one.

    None where it has to be asked: something has vanished, or is out of the ordinary. start: what a row begins
    with; between: what stands in front of its differences.
    """
    changes = None
    if delta is not None:
        if delta.services.vanished or delta.destinations.vanished:
            return None
        changes = delta.services.changes, delta.destinations.changes
    return counted_rows(snapshot.rows, form, start, between, changes)
