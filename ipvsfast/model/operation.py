"""Ordered operations on the table."""

from __future__ import annotations

from ..errors import InvalidValue
from .destination import Destination, destination_key
from .keys import DestinationKey, ServiceKey
from .service import Service, service_key
from .settings import SyncDaemon, Timeouts
from .value import Field, Record, check_kind, check_names, new

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from typing_extensions import Self, Unpack

    from .types import CommandName, DaemonState, DestinationOrKey, OperationChanges, ServiceOrKey

# What a command takes: service (a Service, or what names one), destination (the same), value.
_TAKES: dict[str, tuple[type | None, type | None, type | None]] = {
    "add-service": (Service, None, None),
    "edit-service": (Service, None, None),
    "delete-service": (ServiceKey, None, None),
    "add-destination": (ServiceKey, Destination, None),
    "edit-destination": (ServiceKey, Destination, None),
    "delete-destination": (ServiceKey, DestinationKey, None),
    "zero": (ServiceKey, None, None),
    "flush": (None, None, None),
    "set": (None, None, Timeouts),
    "start-daemon": (None, None, SyncDaemon),
    "stop-daemon": (None, None, SyncDaemon),
    "put-service": (Service, None, None),
    "put-destination": (ServiceKey, Destination, None),
}
# Commands that no kernel has: it is asked to add, and where that exists to edit.
PUTS = {"put-service": "add-service", "put-destination": "add-destination"}


class Operation(Record):
    """One change. command: ipvsadm's name for it ("add-service", "edit-destination", "flush", ...), or
    "put-service" and "put-destination": add it, or edit what is there already.

    service: a Service to be added or edited, else the ServiceKey of the one that is meant; a Service may
    be given for its key. destination: a Destination, to be deleted a DestinationKey; a Destination may be
    given for its key. value: Timeouts or SyncDaemon. None where the command needs none; `zero` without a
    service is about all of them. TypeError for anything else, InvalidValue for a destination that does
    not go with its service.
    """

    __slots__ = ()
    command: Field[str] = Field(0, "What is done, by ipvsadm's name.")
    service: Field[Service | ServiceKey | None] = Field(1, "The service, or its key.")
    destination: Field[Destination | DestinationKey | None] = Field(2, "The destination, or its key.")
    value: Field[Timeouts | SyncDaemon | None] = Field(3, "What is set or started.")

    def __new__(
        cls,
        command: CommandName,
        service: Service | ServiceKey | None = None,
        destination: Destination | DestinationKey | None = None,
        value: Timeouts | SyncDaemon | None = None,
    ) -> Self:
        takes = _TAKES.get(command)
        if takes is None:
            raise InvalidValue(f"there is no command {command!r}: choose from {', '.join(_TAKES)}")
        of_service, of_destination, of_value = takes
        if of_service is ServiceKey:
            if type(service) is not ServiceKey and (service is not None or command != "zero"):
                service = service_key(service)  # type: ignore[arg-type]  # None is refused there
        else:
            _check(command, "service", service, of_service)
        if of_destination is Destination and isinstance(destination, Destination):
            family = service[1]  # type: ignore[index]  # it is a key now
            if destination.forwarding != "masq" or destination.key[0] != family:  # else it goes with any
                destination.check_service(service, command != "edit-destination")  # type: ignore[arg-type]
        elif of_destination is DestinationKey:
            destination = destination_key(destination)  # type: ignore[arg-type]
        else:
            _check(command, "destination", destination, of_destination)
        if value is not None or of_value is not None:
            _check(command, "value", value, of_value)
        return new(cls, (command, service, destination, value))

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[OperationChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""

    def __str__(self) -> str:
        key = self.service.key if isinstance(self.service, Service) else self.service
        dest = self.destination.key if isinstance(self.destination, Destination) else self.destination
        parts = [self.command, *(str(p) for p in (key, dest) if p is not None)]
        return " ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """command, and those of service, destination and value that it has."""
        return {name: value for name, value in super().to_dict().items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The operation that to_dict() gave."""
        check_names(cls, values, *cls._parameters())
        made: Any = {"command": str(values["command"])}
        kinds = _TAKES.get(made["command"], (None, None, None))
        for name, kind in zip(("service", "destination", "value"), kinds):
            given, taken = values.get(name), kind  # type: Any, Any
            made[name] = given if given is None or taken is None else taken.from_dict(given)
        return cls._of(made)


def _check(command: str, what: str, value: object, kind: type | None) -> None:
    if kind is not None:
        check_kind(value, kind, f"the {what} of {command}")
    elif value is not None:
        raise TypeError(f"{command} takes no {what}, not {value!r}")


class Batch:
    """Operations in the order in which they are to be carried out.

    Filling it checks values (see model) but does not touch the kernel; `Ipvs.apply` does. A batch is
    not a transaction: an operation that the kernel refuses does not stop or undo the others.
    """

    __slots__ = ("operations",)

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self.operations: list[Operation] = list(operations)

    def __len__(self) -> int:
        return len(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.operations)

    def _add(
        self, command: CommandName, service: Any = None, destination: Any = None, value: Any = None
    ) -> Batch:
        self.operations.append(Operation(command, service, destination, value))
        return self

    def add_service(self, service: Service) -> Batch:
        """Add a service."""
        return self._add("add-service", service)

    def edit_service(self, service: Service) -> Batch:
        """Replace scheduler, persistence, netmask, engine and flags of an existing service."""
        return self._add("edit-service", service)

    def put_service(self, service: Service) -> Batch:
        """Add a service, or edit the one that is there; its destinations stay."""
        return self._add("put-service", service)

    def delete_service(self, service: ServiceOrKey) -> Batch:
        """Delete a service, given as itself or by its key, with its destinations."""
        return self._add("delete-service", service)

    def add_destination(self, service: ServiceOrKey, destination: Destination) -> Batch:
        """Add a destination to a service."""
        self.operations.append(Operation("add-destination", service, destination))
        return self

    def edit_destination(self, service: ServiceOrKey, destination: Destination) -> Batch:
        """Replace all that an existing destination has beside its key."""
        return self._add("edit-destination", service, destination)

    def put_destination(self, service: ServiceOrKey, destination: Destination) -> Batch:
        """Add a destination to a service, or edit the one that is there."""
        return self._add("put-destination", service, destination)

    def delete_destination(self, service: ServiceOrKey, destination: DestinationOrKey) -> Batch:
        """Delete a destination, given as itself or by its key."""
        return self._add("delete-destination", service, destination)

    def zero(self, service: ServiceOrKey | None = None) -> Batch:
        """Zero the counters of one service and its destinations, or of everything."""
        return self._add("zero", service)

    def flush(self) -> Batch:
        """Delete every service."""
        return self._add("flush")

    def set_timeouts(self, timeouts: Timeouts) -> Batch:
        """Set connection timeouts; 0 leaves one as it is."""
        return self._add("set", None, None, timeouts)

    def start_daemon(self, daemon: SyncDaemon) -> Batch:
        """Start a sync daemon."""
        return self._add("start-daemon", None, None, daemon)

    def stop_daemon(self, state: DaemonState) -> Batch:
        """Stop the "master" or the "backup" daemon."""
        daemon = SyncDaemon(state, "lo")  # the kernel looks at the state only
        return self._add("stop-daemon", None, None, daemon)
