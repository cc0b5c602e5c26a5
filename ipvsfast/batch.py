"""Ordered operations on the table, and their results."""

from __future__ import annotations

from .errors import IpvsError, error_for, reduce_error
from .model import Destination, DestinationKey, Frozen, Service, ServiceKey, SyncDaemon, Timeouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from .grammar import Request


class _OperationFields:
    __slots__ = ("command", "service", "destination", "value")
    command: str
    service: Service | ServiceKey | None
    destination: Destination | DestinationKey | None
    value: Timeouts | SyncDaemon | None


class Operation(_OperationFields, Frozen):
    """One change. command: ipvsadm's name for it ("add-service", "edit-server", "flush", ...).

    service: Service (add, edit) or ServiceKey; destination: Destination or DestinationKey;
    value: Timeouts or SyncDaemon. None where the command needs none.
    """

    __slots__ = ()
    _compared = ("command", "service", "destination", "value")

    @classmethod
    def _fields(cls) -> tuple[str, ...]:
        return _OperationFields.__slots__

    @classmethod
    def _make(cls, *values: Any) -> Operation:
        made: Any = _OperationFields()
        made.command, made.service, made.destination, made.value = values
        made.__class__ = cls
        return made  # type: ignore[no-any-return]

    def __str__(self) -> str:
        key = self.service.key if isinstance(self.service, Service) else self.service
        dest = self.destination.key if isinstance(self.destination, Destination) else self.destination
        parts = [self.command, *(str(p) for p in (key, dest) if p is not None)]
        return " ".join(parts)


_make = Operation._make


def operation_of(request: Request) -> Operation:
    """The change that a parsed command line asks for."""
    service = request.service if request.service is not None else request.key
    value = request.timeouts if request.timeouts is not None else request.daemon
    destination: Destination | DestinationKey | None = request.destination
    if request.command == "delete-server" and isinstance(destination, Destination):
        destination = destination.key
    return _make(request.command, service, destination, value)


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

    def _add(self, command: str, service: Any = None, destination: Any = None, value: Any = None) -> Batch:
        self.operations.append(_make(command, service, destination, value))
        return self

    def add_service(self, service: Service) -> Batch:
        return self._add("add-service", service)

    def edit_service(self, service: Service) -> Batch:
        """Replace scheduler, persistence, netmask, engine and flags of an existing service."""
        return self._add("edit-service", service)

    def delete_service(self, key: ServiceKey) -> Batch:
        return self._add("delete-service", key)

    def add_destination(self, service: ServiceKey, destination: Destination) -> Batch:
        destination.check_family(service)
        return self._add("add-server", service, destination)

    def edit_destination(self, service: ServiceKey, destination: Destination) -> Batch:
        """Replace forwarding, weight, thresholds and tunnel of an existing destination."""
        destination.check_family(service)
        return self._add("edit-server", service, destination)

    def delete_destination(self, service: ServiceKey, key: DestinationKey) -> Batch:
        return self._add("delete-server", service, key)

    def zero(self, key: ServiceKey | None = None) -> Batch:
        """Zero the counters of one service and its destinations, or of everything."""
        return self._add("zero", key)

    def flush(self) -> Batch:
        """Delete every service."""
        return self._add("flush")

    def set_timeouts(self, timeouts: Timeouts) -> Batch:
        return self._add("set", None, None, timeouts)

    def start_daemon(self, daemon: SyncDaemon) -> Batch:
        return self._add("start-daemon", None, None, daemon)

    def stop_daemon(self, state: str) -> Batch:
        daemon = SyncDaemon(state, "lo")  # type: ignore[arg-type]  # the kernel looks at the state only
        return self._add("stop-daemon", None, None, daemon)


class Result:
    """What became of one operation: errno 0, or the kernel's refusal."""

    __slots__ = ("operation", "errno")

    def __init__(self, operation: Operation, errno: int) -> None:
        self.operation = operation
        self.errno = errno

    @property
    def ok(self) -> bool:
        return not self.errno

    @property
    def error(self) -> IpvsError | None:
        """The exception that belongs to the refusal, or None."""
        return error_for(self.operation.command, self.errno, str(self.operation)) if self.errno else None

    def __repr__(self) -> str:
        return f"<Result {self.operation}: {self.error.strerror if self.error else 'ok'}>"


class Results:
    """One Result per operation, in order. `sent` counts those that reached the kernel."""

    __slots__ = ("operations", "errnos", "sent")

    def __init__(self, operations: Sequence[Operation], errnos: Sequence[int], sent: int) -> None:
        self.operations = operations
        self.errnos = errnos
        self.sent = sent

    def __reduce__(self) -> tuple[Any, ...]:
        return Results, (self.operations, list(self.errnos), self.sent)  # memory lent to C stays here

    def __len__(self) -> int:
        return self.sent

    def __getitem__(self, index: int) -> Result:
        if not -self.sent <= index < self.sent:
            raise IndexError("this operation was not sent")
        index %= self.sent
        return Result(self.operations[index], -self.errnos[index])

    def __iter__(self) -> Iterator[Result]:
        return (self[i] for i in range(self.sent))

    @property
    def failed(self) -> list[Result]:
        """The refused operations (and those whose outcome is unknown), in order."""
        return [self[i] for i in range(self.sent) if self.errnos[i]]

    @property
    def ok(self) -> bool:
        return self.sent == len(self.operations) and not any(self.errnos)

    def check(self) -> Results:
        """Raise the first refusal; else return self."""
        for result in self.failed[:1]:
            error = result.error
            if error is not None:
                raise error
        return self


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while operations were being sent; `results` tells how far it came."""

    def __init__(self, results: Results) -> None:
        super().__init__(f"interrupted: {results.sent} of {len(results.operations)} operations were sent")
        self.results = results

    __reduce__ = reduce_error
