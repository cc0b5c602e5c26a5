"""-L and -S: read the table, hand it to the listing."""

from __future__ import annotations

import errno

from ..errors import IpvsError, sentence
from .output import Failure, write, write_all, write_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..language.parse import Request
    from ..resolver import Resolver
    from .command import Command


def show(command: Command, request: Request) -> None:
    """One listing, as the options of the request choose; Failure (1) if it cannot be had."""
    given = request.given
    try:
        if request.command == "save":
            _save(command, request)
        elif "connection" in given:
            from .conns import list_connections

            list_connections(command, "numeric" in given, "persistent-conn" in given, request.source)
        elif "timeout" in given:
            from ..listing.state import timeout_text

            write(timeout_text(command.table.timeouts()))
        elif "daemon" in given:
            from ..listing.state import daemon_text

            write(daemon_text(command.table.daemons()))
        else:
            _table(command, request)
    except IpvsError as error:
        if error.errno in (errno.ESRCH, errno.EPERM):
            raise Failure(1, sentence("list", error.errno)) from None
        raise Failure(1, str(error)) from None


def _names(command: Command, request: Request) -> Resolver | None:
    """Who turns numbers into names; nobody with -n."""
    return None if "numeric" in request.given else command.names.resolver()


def _table(command: Command, request: Request) -> None:
    from ..listing.headers import HEADERS, chosen_view, version_line

    view = chosen_view(request.given)
    start = HEADERS[view]
    if request.key is None:
        start = version_line(command.table.opened) + start
    reading = command.table.read(request.key)
    exact, sort = "exact" in request.given, "nosort" not in request.given
    names = _names(command, request)
    pieces = None
    if names is None:
        if sort:
            reading.sort()
        pieces = reading.text(view, exact)
    if pieces is None:
        from ..listing.tables import ListOptions, render

        info = command.table.opened if request.key is None else None
        options = ListOptions(view, exact=exact, sort=sort and names is not None, info=info)
        write_all(render(reading.values(), options, names))
    else:
        write_pieces(start, pieces)


def _save(command: Command, request: Request) -> None:
    names = _names(command, request)
    reading = command.table.read()
    pieces = reading.sort().text("rules") if names is None else None
    if pieces is None:
        from ..listing.rules import rule_lines

        write_all(rule_lines(reading.values(), names, sort=names is not None))
    else:
        write_pieces("", pieces)
