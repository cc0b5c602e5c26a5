"""-L and -S: read the table, hand it to the listing."""

from __future__ import annotations

from ..errors import IpvsError, sentence
from .output import Failure, write, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..grammar import Request
    from ..names import Resolver
    from .main import Command

CONNECTIONS = "/proc/net/ip_vs_conn"


def show(command: Command, request: Request) -> None:
    """One listing, as the options of the request choose; Failure (1) if it cannot be had."""
    given = request.given
    try:
        if request.command == "save":
            _save(command, request)
        elif "connection" in given:
            _connections(command, request)
        elif "timeout" in given:
            from ..listing.state import timeout_text

            write(timeout_text(command.table.timeouts()))
        elif "daemon" in given:
            from ..listing.state import daemon_text

            write(daemon_text(command.table.daemons()))
        else:
            _table(command, request)
    except IpvsError as error:
        raise Failure(1, sentence("list", error.errno or 0)) from None


def _names(request: Request) -> Resolver | None:
    """Who turns numbers into names; nobody with -n."""
    if "numeric" in request.given:
        return None
    from ..names import Resolver

    return Resolver()


def _table(command: Command, request: Request) -> None:
    from ..listing.tables import ListOptions, chosen_view, render

    info = None if request.key is not None else command.table.opened
    table = command.table.table() if request.key is None else [command.table.one(request.key)]
    options = ListOptions(
        chosen_view(request.given),
        exact="exact" in request.given,
        sort="nosort" not in request.given,
        info=info,
    )
    write_all(render(table, options, _names(request)))


def _save(command: Command, request: Request) -> None:
    from ..listing.rules import rule_lines

    write_all(rule_lines(command.table.table(), _names(request)))


def _connections(command: Command, request: Request) -> None:
    from ..listing.connections import headers, rows

    command.table  # noqa: B018 - ipvsadm needs the kernel's IPVS for this listing too
    persistent = "persistent-conn" in request.given
    try:
        with open(CONNECTIONS, "rb") as lines:
            if not lines.readline():
                raise Failure(1, f"unexpected input from {CONNECTIONS}")
            write(headers(persistent))
            write_all(rows(lines, _names(request), persistent))
    except OSError:
        raise Failure(1, f"cannot open file {CONNECTIONS}") from None
