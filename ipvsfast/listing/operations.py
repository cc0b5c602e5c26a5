"""Operations as the words that ask ipvsadm for them."""

from __future__ import annotations

from ..model.destination import Destination
from ..model.service import Service
from ..model.settings import SyncDaemon, Timeouts
from .rules import destination_rule, selector, service_rule
from .state import daemon_rule, timeout_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.operation import Operation

# ipvsadm's option for each command that has nothing but a service or a destination to name.
_OPTIONS = {"delete-service": "-D", "delete-destination": "-d", "zero": "-Z", "flush": "-C"}


def operation_rule(operation: Operation) -> str:
    """`-e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 2`, without a line end; that ipvsadm could say so of any value
    is not checked (see saved.py)."""
    command, value = operation.command, operation.value
    if isinstance(value, Timeouts):
        return timeout_rule(value).rstrip("\n")
    if isinstance(value, SyncDaemon):
        starts = command == "start-daemon"
        return daemon_rule(value).rstrip("\n") if starts else f"--stop-daemon {value.state}"
    named = operation.service
    if isinstance(named, Service):
        return ("-E" if command == "edit-service" else "-A") + service_rule(named)[2:]
    destination = operation.destination
    if named and isinstance(destination, Destination):
        return ("-e" if command == "edit-destination" else "-a") + destination_rule(named, destination)[2:]
    words = [_OPTIONS[command]]
    if named:
        words.append(selector(named))
    if destination:
        words.append(f"-r {destination}")
    return " ".join(words)
