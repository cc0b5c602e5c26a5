"""A plan as text: the commands that carry it out, and JSON."""

from __future__ import annotations

from ..listing.operations import operation_rule
from ..listing.saved import service_problem
from ..model.service import Service
from ..model.settings import SyncDaemon
from ..plans.account_text import order_text
from ..plans.difference import remark_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..plans.plan import Change, Plan


def command_lines(changes: Iterable[Change]) -> Iterator[str]:
    """The commands that carry the changes out, in their order; behind an edit what it changes."""
    for change in changes:
        remark = remark_of(change) if change.action == "edit" else ""
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
