"""-L and -S: read the table, hand it to the listing."""

from __future__ import annotations

import errno

from ..errors import IpvsError, sentence
from .output import ExitWith, complain, write, write_all, write_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.table_reading import Reading
    from ..language.parse import Request
    from ..model.keys import ServiceKey
    from ..model.types import ViewName
    from ..resolver import Resolver
    from .context import Context


def list_table(context: Context, request: Request) -> int:
    """-L: one listing, as the options of the request choose; ExitWith (1) if it cannot be had."""
    options = request.options
    with _Refused():
        if "connection" in options:
            from .conns import list_connections

            list_connections(context, "numeric" in options, "persistent-conn" in options, request.source)
        elif "timeout" in options:
            from ..listing.state import timeout_text

            write(timeout_text(context.ipvs.timeouts()))
        elif "daemon" in options:
            from ..listing.state import daemon_text

            write(daemon_text(context.ipvs.daemons()))
        else:
            _table(context, request)
    return 0


def list_rules(context: Context, request: Request) -> int:
    """-S: the table as rules; ExitWith (1) if it cannot be had."""
    with _Refused():
        names = _names(context, request)
        reading = read_and_tell(context, view="rules")
        pieces = reading.sort().text("rules") if names is None else None
        if pieces is None:
            from ..listing.rules import rule_lines

            write_all(rule_lines(reading.values(), names, sort=names is not None))
        else:
            write_pieces("", pieces)
    return 0


class _Refused:
    """Makes a refusal of the kernel a ExitWith with ipvsadm's sentence."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, IpvsError):
            known = error.errno in (errno.ESRCH, errno.EPERM)
            raise ExitWith(1, sentence("list", error.errno or 0) if known else str(error)) from None


def read_and_tell(context: Context, key: ServiceKey | None = None, view: ViewName | None = None) -> Reading:
    """The table or one service, for one view or for all; what may be missing in it is said."""
    reading = context.ipvs.read(key, view=view)
    if reading.unstable:
        complain("the table kept changing while it was read: services or destinations may be missing here")
    return reading


def _names(context: Context, request: Request) -> Resolver | None:
    """Who turns numbers into names; nobody with -n."""
    return None if "numeric" in request.options else context.names.resolver()


def _table(context: Context, request: Request) -> None:
    from ..listing.headers import HEADERS, chosen_view, version_line

    view = chosen_view(request.options)
    start = HEADERS[view]
    if request.key is None:
        start = version_line(context.ipvs.opened) + start
    reading = read_and_tell(context, request.key, view)
    exact, sort = "exact" in request.options, "nosort" not in request.options
    names = _names(context, request)
    pieces = None
    if names is None:
        if sort:
            reading.sort()
        pieces = reading.text(view, exact)
    if pieces is None:
        from ..listing.tables import ListOptions, render

        info = context.ipvs.opened if request.key is None else None
        shown = ListOptions(view, exact=exact, sort=sort and names is not None, info=info)
        write_all(render(reading.values(), shown, names))
    else:
        write_pieces(start, pieces)
