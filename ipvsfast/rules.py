"""Rules as text for programs: the line of an operation, the operation of a line, a check of many lines."""

from __future__ import annotations

from .errors import InvalidValue
from .model.destination import Destination
from .model.kernel_names import COMMANDS
from .model.operation import Operation
from .model.service import Service, service_key
from .model.settings import SyncDaemon, Timeouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .model.types import RuleSource, ServiceOrKey

    Ruled = Operation | Service | Destination | Timeouts | SyncDaemon

__all__ = ["check", "from_rule", "to_rule"]


def check(source: RuleSource) -> int:
    """The number of rules in a path, bytes or lines, which are read as `Ipvs.restore` reads them.

    RulesInvalid, with every mistake, if there is any. No kernel is asked, and no privilege is needed.
    """
    from .changes.restore import RulesInvalid, RuleText, check_rules

    checked = check_rules(RuleText(source))
    if checked.problems:
        raise RulesInvalid(checked.problems)
    return checked.total


def from_rule(line: str) -> Operation:
    """The operation that one line of a rule file, or one command line of ipvsadm, asks for.

    from_rule("-A -t 10.0.0.1:80 -s rr"). InvalidValue for a line that is wrong, and for one that changes
    nothing (-L, a comment). Host names are looked up.
    """
    from .changes.problem import printable
    from .language.line import split_line
    from .language.parse import operation_of, parse
    from .language.words import UsageError
    from .resolver import Resolver

    text = printable(line.strip())
    try:
        request = parse(split_line(line), Resolver())
    except UsageError as error:
        message = "this is no rule" if error.hint else printable(error.message.rstrip("\n"))
        raise InvalidValue(message, text) from None
    if request.command not in COMMANDS:
        raise InvalidValue(f"a rule changes something; this asks to {request.command}", text)
    return operation_of(request)


def to_rule(what: Ruled, service: ServiceOrKey | None = None) -> str:
    """The line that from_rule reads back and `ipvsadm` understands, without a line end.

    what: an operation (of a put the line that adds), or a value, for which it is the line that adds, sets
    or starts it. service: that of a destination, which needs one. to_rule(Service.tcp("10.0.0.1", 80,
    "rr")) is "-A -t 10.0.0.1:80 -s rr". InvalidValue for what no line makes, as the kernel may have it of
    another program: a service of another protocol, say.
    """
    if isinstance(what, Operation):
        return _rule(what)
    if isinstance(what, Service):
        return _rule(Operation._make("add-service", what, None, None))
    if isinstance(what, Timeouts):
        return _rule(Operation._make("set", None, None, what))
    if isinstance(what, SyncDaemon):
        return _rule(Operation._make("start-daemon", None, None, what))
    if not isinstance(what, Destination):
        raise TypeError(f"no rule says {what!r}")
    if service is None:
        raise TypeError("the rule of a destination needs its service")
    return _rule(Operation._make("add-destination", service_key(service), what, None))


def _check(problem: str, value: object) -> None:
    if problem:
        raise InvalidValue(f"no rule makes {value}: {problem}")


def _rule(operation: Operation) -> str:
    from .listing.operations import operation_rule
    from .listing.saved import daemon_problem, destination_problem, service_problem, timeouts_problem

    value, service, destination = operation.value, operation.service, operation.destination
    if isinstance(value, Timeouts):
        _check(timeouts_problem(value), value)
    elif isinstance(value, SyncDaemon):
        _check(daemon_problem(value) if operation.command == "start-daemon" else "", value)
    elif isinstance(service, Service):
        _check(service_problem(service), service.key)
    elif service and isinstance(destination, Destination):
        _check(destination_problem(service, destination), destination.key)
    return operation_rule(operation)
