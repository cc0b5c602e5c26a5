"""What commands that drain have in common: which exit status an exception is, and what is said then."""

from __future__ import annotations

from ..errors import InvalidValue, IpvsError, TableLocked
from .output import ExitWith, complain, interrupted, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class HasDict(Protocol):
        """What became of each destination."""

        def to_dict(self) -> dict[str, Any]:
            """As JSON has it."""


NOTHING = 2  # exit status: nothing was done
_WAITS = "--wait SECONDS waits longer"


def not_begun(error: BaseException, wait: float | None) -> None:
    """ExitWith (2) for what has kept it from beginning. wait: for the lock, as it was asked for."""
    if isinstance(error, TableLocked) and wait is None:
        error.advice = _WAITS
    if isinstance(error, (InvalidValue, IpvsError)):
        raise ExitWith(NOTHING, str(error)) from None


def ended(where: str, error: BaseException) -> BaseException:
    """How the command ends where something ended it. where: it stands so, and what can be done."""
    if isinstance(error, KeyboardInterrupt):
        return interrupted(f": {where}", error)
    if isinstance(error, (IpvsError, MemoryError)):
        return ExitWith(1, f"{'out of memory' if isinstance(error, MemoryError) else error}\n{where}")
    complain(where)
    return error


def tell_no_lock(missing: str, quiet: bool) -> None:
    """missing: why there can be no lock of the table, or ""."""
    if missing and not quiet:
        complain(f"{missing}; nothing keeps others from replacing the table at the same time")


def write_account(account: HasDict) -> None:
    """One line of JSON."""
    import json

    write(json.dumps(account.to_dict(), separators=(",", ":")) + "\n")
