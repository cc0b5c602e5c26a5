"""A wanted table as text that says the same again: rules, JSON or YAML, without what is only measured."""

from __future__ import annotations

from ..model.destination import CONNECTIONS, Destination
from ..model.service import Service
from ..model.settings import SyncDaemon, Timeouts
from .operations import operation_rule
from .saved import daemon_problem, destination_problem, service_problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..model.operation import Operation
    from ..model.types import ConvertedForm

FORMS: tuple[ConvertedForm, ...] = ("rules", "json", "yaml")
# What YAML leaves out, as it is so anyway.
_USUAL: dict[str, Any] = {
    "persistent": 0, "engine": "", "one_packet": False, "scheduler_flags": [], "upper": 0, "lower": 0,
    "tunnel": None, "max_len": 0, "group": "", "ttl": 0,
}  # fmt: skip
_MEASURED = ("stats", *CONNECTIONS)
# Words that some readers of YAML take for something else than text.
_NO_TEXT = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def converted(form: ConvertedForm, operations: Iterable[Operation], lost: list[str]) -> Iterator[str]:
    """Pieces of text for operations that add, set and start. lost: gets what no rule can say, as
    `REASON: RULE`, which is a comment among rules."""
    if form == "rules":
        return _rules(operations, lost)
    return _json(operations) if form == "json" else _yaml(operations)


def _rules(operations: Iterable[Operation], lost: list[str]) -> Iterator[str]:
    for operation in operations:
        service, destination, value = operation.service, operation.destination, operation.value
        reason = ""
        if isinstance(value, SyncDaemon):
            reason = daemon_problem(value)
        elif isinstance(service, Service):
            reason = service_problem(service)
        elif service is not None and isinstance(destination, Destination):
            reason = destination_problem(service, destination)
        rule = operation_rule(operation)
        if reason:
            lost.append(f"{reason}: {rule}")
            rule = f"# not restorable: {reason}: {rule}"
        yield f"{rule}\n"


class _Parts:
    """The operations by what a document has."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.timeouts: dict[str, Any] | None = None
        self.daemons: list[dict[str, Any]] = []
        self.services: list[dict[str, Any]] = []
        for operation in operations:
            service, destination, value = operation.service, operation.destination, operation.value
            if isinstance(service, Service):
                values = service.to_dict()
                del values["stats"]
                if service.netmask == service.full_mask:
                    values["usual_mask"] = True
                self.services.append({**values, "destinations": []})
            elif isinstance(destination, Destination):
                values = destination.to_dict()
                for name in _MEASURED:
                    del values[name]
                self.services[-1]["destinations"].append(values)
            elif isinstance(value, Timeouts):
                self.timeouts = value.to_dict()
            elif isinstance(value, SyncDaemon):
                self.daemons.append(value.to_dict())


def _json(operations: Iterable[Operation]) -> Iterator[str]:
    from json import JSONEncoder

    encode = JSONEncoder(separators=(",", ":")).encode
    parts = _Parts(operations)
    yield "{"
    if parts.timeouts:
        yield f'"timeouts":{encode(parts.timeouts)},\n'
    if parts.daemons:
        yield f'"daemons":{encode(parts.daemons)},\n'
    yield '"services":['
    before = "\n"
    for service in parts.services:
        service.pop("usual_mask", None)
        yield before + encode(service)
        before = ",\n"
    yield "]}\n" if before == "\n" else "\n]}\n"


def _yaml(operations: Iterable[Operation]) -> Iterator[str]:
    parts = _Parts(operations)
    if parts.timeouts:
        yield "timeouts:\n" + "".join(
            [f"  {name}: {value}\n" for name, value in parts.timeouts.items() if value]
        )
    if parts.daemons:
        yield "daemons:\n" + "".join([_item(daemon, "") for daemon in parts.daemons])
    yield "services:\n" if parts.services else "services: []\n"
    for service in parts.services:
        if service.pop("usual_mask", False):
            del service["netmask"]
        yield _item(service, "")


def _item(values: dict[str, Any], indent: str) -> str:
    """One item of a list."""
    lines, before = "", f"{indent}- "
    for name, value in values.items():
        if name == "destinations":
            text = " []\n" if not value else "\n" + "".join([_item(one, f"{indent}  ") for one in value])
            lines += f"{before}{name}:{text}"
        elif name == "port" and "state" in values and not value:
            continue  # of a daemon; 0 of a service or a destination says something
        elif name not in _USUAL or value != _USUAL[name]:
            lines += f"{before}{name}: {_value(value)}\n"
        before = f"{indent}  "
    return lines


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join([f"{name}: {_value(one)}" for name, one in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([_value(one) for one in value]) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and _is_plain(value):
        return value
    from json import dumps

    return dumps(value)


def _is_plain(text: str) -> bool:
    """Whether text is the same without quotes to every reader of YAML: a word, or an IPv4 address."""
    if text.count(".") == 3:
        return text.replace(".", "").isdigit()
    is_word = text[:1].isalpha() and text.replace("-", "").isalnum() and text.isascii()
    return is_word and text.lower() not in _NO_TEXT
