"""A plan as text: the lines of a difference, the commands that carry it out, and JSON."""

from __future__ import annotations

from ..changes.account_text import order_text
from ..listing.operations import operation_rule
from ..listing.saved import service_problem
from ..model.operation import Operation
from ..model.service import Service
from ..model.settings import SyncDaemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..changes.plan import Change, Plan

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
                yield f"~ {operation_rule(_adding(op))}{_remark(change)}\n"
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


def _remark(change: Change) -> str:
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


def command_lines(changes: Iterable[Change]) -> Iterator[str]:
    """The commands that carry the changes out, in their order; behind an edit what it changes."""
    for change in changes:
        remark = _remark(change) if change.action == "edit" else ""
        before, value = change.before, change.operation.value
        if isinstance(before, SyncDaemon) and value is before:
            remark = ""
        line = f"ipvsadm {operation_rule(change.operation)}{remark}\n"
        reason = service_problem(before) if isinstance(before, Service) else ""
        if reason.startswith(("protocol", "address family")):  # no option names it
            line = f"# {reason}: {line}"
        yield line


def order_note(plan: Plan) -> str:
    """What is to be said of the order of destinations, or ""."""
    count = plan.disordered if not plan.how.order else 0
    return order_text(count) if count else ""


def notes(plan: Plan) -> list[str]:
    """All that is to be said beside the changes."""
    found = [order_note(plan)] if order_note(plan) else []
    if plan.leaves_settings:
        found.append("timeouts and daemons are left alone: no scope holds what the whole namespace has")
    return found


def as_json(plan: Plan) -> Iterator[str]:
    """One object: the changes, a line each, and how many there are of each kind."""
    yield from plan_json(plan, {})


def plan_json(plan: Plan, more: dict[str, Any]) -> Iterator[str]:
    """The same with further names in front."""
    import json

    encode = json.JSONEncoder(separators=(",", ":")).encode
    head = {"add": plan.added, "change": plan.edited, "delete": plan.deleted, "disordered": plan.disordered}
    yield "{" + "".join([f"{encode(name)}:{encode(value)},\n" for name, value in {**more, **head}.items()])
    yield '"changes":['
    before = "\n"
    for change in plan:
        yield before + encode(change.to_dict())
        before = ",\n"
    yield "]}\n" if before == "\n" else "\n]}\n"
