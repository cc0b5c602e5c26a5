"""What became of operations: a result for each, and the exception that carries those of a batch cut short."""

from __future__ import annotations

from errno import ECANCELED

from ..errors import KernelError, error_for, plural, reduce_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Final, NoReturn, overload

    from .operation import Operation


class Result:
    """What became of one operation: errno 0, or the kernel's refusal. It is true if it went well."""

    __slots__ = ("operation", "errno")

    def __init__(self, operation: Operation, errno: int) -> None:
        self.operation: Final[Operation] = operation
        self.errno: Final[int] = errno

    @property
    def ok(self) -> bool:
        """Whether the operation was carried out."""
        return not self.errno

    def __bool__(self) -> bool:
        return self.ok

    @property
    def error(self) -> KernelError | None:
        """The exception that belongs to the refusal, or None."""
        return error_for(self.operation.command, self.errno, str(self.operation)) if self.errno else None

    def __eq__(self, other: object) -> bool:
        if type(other) is not Result:
            return NotImplemented
        return self.operation == other.operation and self.errno == other.errno

    def __hash__(self) -> int:
        return hash((self.operation, self.errno))

    def __repr__(self) -> str:
        return f"<Result {self.operation}: {self.error.strerror if self.error else 'ok'}>"


class Results:
    """One Result per operation, in order; a slice of them is Results too.

    It is true if everything was carried out. Operations that were not sent, because an exception ended
    the batch, have no Result: `sent` counts the others, `unsent` holds them.
    """

    __slots__ = ("operations", "errnos", "sent")

    def __init__(self, operations: Sequence[Operation], errnos: Sequence[int], sent: int) -> None:
        self.operations: Final[Sequence[Operation]] = operations
        self.errnos: Final[Sequence[int]] = errnos
        self.sent: Final[int] = sent

    def __reduce__(self) -> tuple[Any, ...]:
        return Results, (self.operations, list(self.errnos), self.sent)  # memory lent to C stays here

    def __len__(self) -> int:
        return self.sent

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> Result: ...

        @overload
        def __getitem__(self, index: slice) -> Results: ...

    def __getitem__(self, index: int | slice) -> Result | Results:
        if isinstance(index, slice):
            places = range(self.sent)[index]
            return Results(
                [self.operations[at] for at in places], [self.errnos[at] for at in places], len(places)
            )
        if not -self.sent <= index < self.sent:
            raise IndexError(f"{self!r} has no result {index}")
        index %= self.sent
        return Result(self.operations[index], -self.errnos[index])

    def __iter__(self) -> Iterator[Result]:
        return (self[i] for i in range(self.sent))

    @property
    def failed(self) -> list[Result]:
        """The refused operations (and those whose outcome is unknown), in order."""
        return [self[i] for i in range(self.sent) if self.errnos[i]]

    @property
    def unsent(self) -> list[Operation]:
        """The operations that never reached the kernel, in order."""
        return list(self.operations[self.sent :])

    @property
    def ok(self) -> bool:
        """Whether every operation was sent and carried out."""
        return self.sent == len(self.operations) and not any(self.errnos)

    def __bool__(self) -> bool:
        return self.ok

    def check(self) -> Results:
        """The results themselves, if everything was carried out. Else raises the first refusal, which says
        how many more failed and how many were not sent; its `results` are these."""
        failed = self.failed
        error = failed[0].error if failed else None
        unsent = len(self.operations) - self.sent
        if error is None:
            if not unsent:
                return self
            error = KernelError(ECANCELED, _how_many(unsent, "not sent"))
            unsent = 0
        more = [(len(failed) - 1, "refused too"), (unsent, "not sent")]
        error.more = ", ".join([_how_many(count, what) for count, what in more if count > 0])
        error.results = self
        raise error

    def __repr__(self) -> str:
        failed = sum(map(bool, self.errnos[: self.sent]))
        unsent = len(self.operations) - self.sent
        parts = [f"{self.sent - failed} done", *([f"{failed} failed"] if failed else [])]
        parts += [f"{unsent} not sent"] if unsent else []
        return f"<Results {', '.join(parts)}>"


def _how_many(count: int, what: str) -> str:
    return f"{count} {plural(count, 'operation')} {'was' if count == 1 else 'were'} {what}"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a method of Ipvs that changes the table: `results` (apply), `restored`, `applied`
    (apply_plan), `drained` or `ramped` (set_weights) tells how far it came."""

    def __init__(
        self,
        results: Results | None = None,
        restored: Any = None,
        applied: Any = None,
        drained: Any = None,
        ramped: Any = None,
    ) -> None:
        super().__init__()
        self.results = results
        self.restored = restored
        self.applied = applied
        self.drained = drained
        self.ramped = ramped

    def __str__(self) -> str:
        if self.results is None:
            accounts = (self.restored, self.applied, self.drained, self.ramped)
            return f"interrupted: {next((one for one in accounts if one is not None), None)}"
        return f"interrupted: {self.results.sent} of {_how_many(len(self.results.operations), 'sent')}"

    __reduce__ = reduce_error


def leave_with(error: BaseException, results: Results | None = None, **accounts: Any) -> NoReturn:
    """Raises `error`, with the results of what was done before it, or the account of what is not a batch, by
    the name that Interrupted has for it.

    A KeyboardInterrupt becomes Interrupted; errors of the exchange say how far it came.
    """
    if type(error) is KeyboardInterrupt:
        raise Interrupted(results, **accounts) from None
    if isinstance(error, KernelError) and results is None:
        error.more = str(next(iter(accounts.values()), None))
    elif isinstance(error, KernelError) and results is not None and not error.operation:
        total = len(results.operations)
        error.operation = f"after {results.sent} of {total} {plural(total, 'operation')}"
    try:
        for name, account in {"results": results, **accounts}.items():
            setattr(error, name, account)
    except (AttributeError, TypeError):
        pass  # it takes none
    raise error
