"""`ipvsfast list`: the table or a part of it, for people as -L -n shows it, for programs as JSON or CSV."""

from __future__ import annotations

from itertools import chain

from ..errors import IpvsError
from ..language.words import UsageError
from ..listing.headers import HEADERS, chosen_view, version_line
from ..model.table_filter import EVERYTHING, Selection
from .list import read_and_tell, read_parts, write_parts
from .output import ExitWith, ReaderGone, write, write_all, write_pieces
from .table_options import record_form, table_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..listing.records import Entry
    from ..model.table_filter import TableFilter
    from ..model.types import RecordForm
    from .context import Context

VIEWS = ("stats", "rate", "thresholds", "persistent-conn", "tun-info")


def list_services(context: Context, options: dict[str, str], words: list[str]) -> int:
    """The verb."""
    wanted, form = table_filter("list", options), record_form("list", options)
    views = [name for name in (*VIEWS, "exact") if name in options]
    if form is not None and views:
        raise UsageError(2, f"list: --{form} has all values; --{views[0]} is for the table")
    if len(views) - ("exact" in options) > 1:
        raise UsageError(2, f"list: --{views[0]} and --{views[1]} exclude each other")
    sort = "nosort" not in options
    for name in ("sort", "limit"):
        if not sort and name in options:
            raise UsageError(2, f"list: --nosort and --{name} exclude each other")
    try:
        if form is None:
            _table(context, wanted, options, sort)
        else:
            _records(context, wanted, form, sort)
    except ReaderGone:
        return 0
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    return 0


def _needs_all(wanted: TableFilter) -> bool:
    """Whether nothing can be written before everything is read."""
    return bool(wanted.sort or wanted.limit)


def _only_services(table: Iterable[Entry]) -> list[Entry]:
    return [(service, []) for service, _ in table]


def _table(context: Context, wanted: TableFilter, options: dict[str, str], sort: bool) -> None:
    from ..listing.tables import ListOptions, render

    view, exact = chosen_view(options), "exact" in options
    if not _needs_all(wanted) and not wanted.services_only:
        start = version_line(context.ipvs.opened) + HEADERS[view]
        parts = read_parts(context, view=view, sort=sort)
        if sort:
            parts = (part.sort(services=False) for part in parts)
        write_parts(parts, start, view, exact, None if wanted == EVERYTHING else Selection(wanted))
        return
    reading = read_and_tell(context)
    chosen: Any = Selection(wanted).choose((reading.sort() if sort else reading).values())
    if wanted.services_only:
        chosen = _only_services(chosen)
    write_all(render(chosen, ListOptions(view, exact=exact, sort=False, info=context.ipvs.opened)))


def _records(context: Context, wanted: TableFilter, form: RecordForm, sort: bool) -> None:
    """All of it for programs: destinations in the order in which to add them, as `save` has them."""
    from ..listing.records import texts

    if wanted == EVERYTHING:
        _all_records(context, form, sort)
        return
    table: Iterable[Entry]
    selection = Selection(wanted)
    if _needs_all(wanted):
        table = selection.choose(read_and_tell(context).sort_for_adding().values())
    else:
        parts = read_parts(context, sort=sort)
        table = chain.from_iterable(
            selection.choose(part.sort_for_adding(services=False).values()) for part in parts
        )
    write_all(texts(form, table, services_only=wanted.services_only))


def _all_records(context: Context, form: RecordForm, sort: bool) -> None:
    from ..listing.records import frame, records, state_records

    ipvs = context.ipvs
    # A part of the table says nothing of what lies outside it.
    state = state_records(ipvs.timeouts(), ipvs.daemons()) if form == "json" else None
    before, first = frame(form, state)[0], True
    for part in read_parts(context, sort=sort):
        pieces = part.sort_for_adding(services=False).records(form)
        if pieces is None:
            write_all([before, *records(form, part.values(), first=first)])
        else:
            write_pieces(before if first or form != "json" else ",", pieces)
        before, first = "", False
    write(before + frame(form, state, first)[1])
