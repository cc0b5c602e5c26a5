"""Commands that change one thing: a service, a destination, a daemon, timeouts, or everything (-C, -Z)."""

from __future__ import annotations

from ..errors import IpvsError, sentence
from ..language.parse import operation_of
from .output import ExitWith

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..language.parse import Request
    from .context import Context


def change(context: Context, request: Request) -> int:
    """One operation on the table; ExitWith (255) with ipvsadm's sentence if refused."""
    operation = operation_of(request)
    try:
        if context.done is not None:
            code = context.done.results[0]
        elif operation.command == "flush":
            from ..changes.replace import empty_for_restore

            code = empty_for_restore(context.ipvs.session)
        else:
            code = context.ipvs.apply([operation]).errnos[0]
    except IpvsError as error:
        raise ExitWith(255, str(error.strerror)) from None
    if code:
        raise ExitWith(255, sentence(operation.command, code))
    return 0
