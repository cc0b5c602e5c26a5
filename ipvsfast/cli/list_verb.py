"""`ipvsfast list`: the table or a part of it, for people as -L -n shows it, for programs as JSON or CSV."""

from __future__ import annotations

from ..errors import IpvsError
from ..language.words import UsageError
from ..listing.headers import chosen_view
from ..model.table_filter import EVERYTHING, Selection
from .list import read_and_tell
from .output import ExitWith, ReaderGone, write, write_all, write_pieces
from .table_options import record_form, table_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

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
    try:
        if form is None:
            write_all(_table(context, wanted, options))
        else:
            _records(context, wanted, form)
    except ReaderGone:
        return 0
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    return 0


def _table(context: Context, wanted: TableFilter, options: dict[str, str]) -> Iterator[str]:
    from ..listing.tables import ListOptions, render

    ipvs = context.ipvs
    chosen: Any = Selection(wanted).choose(read_and_tell(context).sort().values())
    if wanted.services_only:
        chosen = [(service, []) for service, _ in chosen]
    view = ListOptions(chosen_view(options), exact="exact" in options, sort=False, info=ipvs.opened)
    return render(chosen, view)


def _records(context: Context, wanted: TableFilter, form: RecordForm) -> None:
    """All of it for programs: destinations in the order in which to add them, as `save` has them."""
    from ..listing.records import frame, state_records, texts

    ipvs = context.ipvs
    # A part of the table says nothing of what lies outside it.
    whole = wanted == EVERYTHING
    state = state_records(ipvs.timeouts(), ipvs.daemons()) if whole and form == "json" else None
    reading = read_and_tell(context).sort_for_adding()
    pieces = reading.records(form) if whole else None
    if pieces is None:
        chosen = Selection(wanted).choose(reading.values())
        write_all(texts(form, chosen, state=state, services_only=wanted.services_only))
    else:
        start, end = frame(form, state, empty=not reading.services)
        write_pieces(start, pieces)
        write(end)
