"""-L and -S: read the table, hand it to the listing."""

from __future__ import annotations

import errno

from ..errors import IpvsError, sentence
from .output import ExitWith, complain, write, write_all, write_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..kernel.table_reading import Reading
    from ..language.parse import Request
    from ..model.keys import ServiceKey
    from ..model.table_filter import Selection
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
    tell_if_unstable(reading)
    return reading


def tell_if_unstable(reading: Reading) -> None:
    """Says that something may be missing in it, if so."""
    if reading.unstable:
        complain("the table kept changing while it was read: services or destinations may be missing here")


def read_parts(
    context: Context, key: ServiceKey | None = None, view: ViewName | None = None, sort: bool = False
) -> Iterator[Reading]:
    """The services with their destinations, part after part, each of them over the one before; at last what
    may be missing in them is said. sort: the services come as ipvsadm lists them. What the native front has
    written already is left out."""
    from ..kernel.layout import pack_key
    from ..kernel.table_reading import EVERYTHING, scope_of

    session, scope = context.ipvs.session, EVERYTHING if view is None else scope_of(view)
    if context.done is not None:
        services = session.services_of_rows(context.done.text, scope)
    else:
        services = session.read_services(None if key is None else pack_key(key), scope)
    yield from session.parts(services.sort() if sort else services)
    tell_if_unstable(services)


def _names(context: Context, request: Request) -> Resolver | None:
    """Who turns numbers into names; nobody with -n."""
    return None if "numeric" in request.options else context.names.resolver()


def _table(context: Context, request: Request) -> None:
    from ..listing.headers import HEADERS, chosen_view, version_line

    view = chosen_view(request.options)
    start = HEADERS[view]
    if request.key is None:
        start = version_line(context.ipvs.opened) + start
    exact, sort = "exact" in request.options, "nosort" not in request.options
    names = _names(context, request)
    if names is None and not sort:
        write_parts(read_parts(context, request.key, view), "" if context.done else start, view, exact)
        return
    reading = read_and_tell(context, request.key, view)
    pieces = reading.sort().text(view, exact) if names is None else None
    if pieces is None:
        from ..listing.tables import ListOptions, render

        info = context.ipvs.opened if request.key is None else None
        shown = ListOptions(view, exact=exact, sort=sort and names is not None, info=info)
        write_all(render(reading.values(), shown, names))
    else:
        write_pieces(start, pieces)


def write_parts(
    parts: Iterable[Reading], start: str, view: ViewName, exact: bool, selection: Selection | None = None
) -> None:
    """A listing in the order in which they come, each written before the next one is read. start: what stands
    above. selection: what is wanted of them."""
    from ..listing.tables import ListOptions, lines

    for part in parts:
        pieces = part.text(view, exact) if selection is None else None
        if pieces is None:
            table = part.values() if selection is None else selection.choose(part.values())
            write_all([start, *lines(table, ListOptions(view, exact=exact, sort=False))])
        else:
            write_pieces(start, pieces)
        start = ""
    write(start)
