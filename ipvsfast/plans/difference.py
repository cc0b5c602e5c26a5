"""A difference as text: the rules that come, go and change."""

from __future__ import annotations

from ..listing.operations import operation_rule
from ..model.operation import Operation
from ..model.service import Service
from ..model.settings import SyncDaemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .plan import Change

_ADDS = {
    "edit-service": "add-service", "delete-service": "add-service", "edit-destination": "add-destination",
    "delete-destination": "add-destination",
}  # fmt: skip


def difference_lines(changes: Iterable[Change]) -> Iterator[str]:
    """The rules that come (+), go (-) and change (~), with what changes, a line each."""
    for change in changes:
        op = change.operation
        if change.action == "add":
            yield f"+ {operation_rule(op)}\n"
        elif change.action == "edit":
            # Of two operations that stand for one change the first deletes or stops.
            if op.command not in ("delete-destination", "stop-daemon"):
                yield f"~ {operation_rule(_adding(op))}{remark_of(change)}\n"
        else:
            yield from _gone(change)


def _adding(op: Operation) -> Operation:
    return Operation._make(_ADDS.get(op.command, op.command), op.service, op.destination, op.value)


def _gone(change: Change) -> Iterator[str]:
    op, before = change.operation, change.before
    if isinstance(before, Service):
        yield f"- {operation_rule(Operation._make('add-service', before, None, None))}\n"
        for destination in reversed(change.dropped):
            rule = operation_rule(Operation._make("add-destination", before.key, destination, None))
            yield f"- {rule}\n"
    elif isinstance(before, SyncDaemon):
        yield f"- {operation_rule(Operation._make('start-daemon', None, None, before))}\n"
    else:
        yield f"- {operation_rule(Operation._make('add-destination', op.service, before, None))}\n"


def remark_of(change: Change) -> str:
    """What changes, as the comment behind a rule."""
    parts = [f"{name} {_value(old)} -> {_value(new)}" for name, (old, new) in change.differences.items()]
    if change.moved:
        parts.append("moved to its place")
    return f"  # {', '.join(parts)}" if parts else ""


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "/".join([str(one) for one in value.values()])
    if isinstance(value, list):
        return "/".join([str(one) for one in value]) or "none"
    if value is None or value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
