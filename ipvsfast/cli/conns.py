"""The connection table: `-L -c`, and the answers of the verb `conns`."""

from __future__ import annotations

from ..connections.source import chosen_source
from ..connections.table import Connections, ReadingInterrupted
from ..errors import IpvsError, IpvsUnavailable, NotPermitted, plural
from ..listing.connections import headers, rows
from .conns_progress import ConnProgress
from .output import ExitWith, interrupted, write, write_all, write_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ..connections.table import ReadingReport
    from ..model.types import RowForm
    from .conns_query import Query
    from .context import Context

FILE = "/proc/net/ip_vs_conn"
_STOP = "Ctrl-C ends it"


def list_connections(context: Context, numeric: bool, persistent: bool, asked: str | None = None) -> None:
    """`-L -c`: the whole table, by name unless numeric. asked: its --source."""
    source = chosen_source(asked)
    context.ipvs  # noqa: B018 - ipvsadm needs the kernel's IPVS for this listing too
    progress = ConnProgress(context, True, False, f"{_STOP}, and `ipvsfast conns --limit N` reads less")
    table = progress.table = Connections(source=source, progress=progress)
    try:
        if numeric:
            _stream(table, table.text("table-pe" if persistent else "table"))
        else:
            names = context.names.resolver()
            connections = _primed(table, table.rows())
            write(headers(persistent))
            write_all(rows(connections, names, persistent))
    except (IpvsUnavailable, NotPermitted):
        raise ExitWith(1, f"cannot open file {FILE}") from None
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    except KeyboardInterrupt:
        raise interrupted(_so_far(table)) from None
    finally:
        progress.close()
    _judge(table.account)


def answer(context: Context, query: Query) -> int:
    """`ipvsfast conns`: one answer; the exit status."""
    advice = f"{_STOP} with what was read so far, --limit N reads less"
    progress = ConnProgress(context, query.streamed, query.quiet, advice)
    table = progress.table = Connections(source=query.source, progress=progress)
    try:
        try:
            _answer(query, table, progress)
        except IpvsUnavailable:
            # The file is not there before the module is; opening the table loads it, or says why not.
            context.ipvs  # noqa: B018
            _answer(query, table, progress)
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    finally:
        progress.close()
    _judge(table.account)
    return 0


def _answer(query: Query, table: Connections, progress: ConnProgress) -> None:
    try:
        if query.streamed:
            _rows(query, table)
            return
        text = summary(query, table)
    except ReadingInterrupted as interrupt:
        progress.close()
        write(_form(query, interrupt.partial))
        sampled = "; the sample is of these" if query.sample is not None else ""
        raise interrupted(f"{_so_far(table)}{sampled}") from None
    except KeyboardInterrupt:
        raise interrupted(_so_far(table)) from None
    progress.close()
    write(text)


def summary(query: Query, table: Connections) -> str:
    """The text of an answer that is only known at the end. ReadingInterrupted with what it is so far."""
    if query.sample is not None:
        return table.sample_text(query.sample, rows_form(query), query.where)
    if query.by is not None:
        return _form(query, table.top(query.top, query.by, query.where, least=query.least))
    return _form(query, table.count(query.where))


def _form(query: Query, result: object) -> str:
    from ..connections.groups import Counts
    from ..listing.groups import count_text, groups_text

    if isinstance(result, int):
        return count_text(result, query.form)
    if isinstance(result, Counts):
        return groups_text(result, query.form)
    return result if isinstance(result, str) else ""


def _rows(query: Query, table: Connections) -> None:
    _stream(table, table.text(rows_form(query), query.where))


def rows_form(query: Query) -> RowForm:
    """The form in which rows are written."""
    if query.form == "csv" and query.details:
        return "csv-details"
    return "table-pe" if query.engines_shown else query.form


def _stream(table: Connections, pieces: Generator[memoryview, None, None]) -> None:
    try:
        write_pieces("", _primed(table, pieces))
    finally:
        pieces.close()  # so that the account is there, however it ended


def _primed(table: Connections, results: Iterator) -> Iterator:  # type: ignore[type-arg]
    """The same, once it is sure that there is something to read; ExitWith (1) for a file without header."""
    first = next(results, None)
    if first is None and table.account and table.account.headless:
        raise ExitWith(1, f"unexpected input from {FILE}")

    def all_results() -> Iterator:  # type: ignore[type-arg]
        if first is not None:
            yield first
            yield from results

    return all_results()


def _so_far(table: Connections) -> str:
    account = table.account
    if account is None:
        return ""
    read = f"{account.read:,} {plural(account.read, 'connection')}"
    return f" after {read}, of which {account.matched:,} matched"


def _no_entries(lines: int) -> str:
    return "1 line is no entry" if lines == 1 else f"{lines:,} lines are no entries"


def _judge(account: ReadingReport | None) -> None:
    """ExitWith (1), after the answer, for lines that are no entries, and for what may be missing."""
    if account is None:
        return
    problems = []
    if account.unreadable:
        problems.append(
            f"unexpected input from {FILE}: {_no_entries(account.unreadable)}, "
            f"the first is `{account.unreadable_sample}'"
        )
    if account.incomplete:
        held = "" if account.kernel_entries is None else f"; the kernel counts {account.kernel_entries:,}"
        problems.append(
            f"the connection table kept changing its size while it was read {account.readings} times: "
            f"entries may be missing ({account.read - account.repeated:,} read{held})"
        )
    if account.surplus:
        more = f"{account.surplus:,} {plural(account.surplus, 'line')} more"
        problems.append(
            f"unexpected input from {FILE}: it has {more} than the kernel counts entries "
            f"({account.kernel_entries or 0:,}); a sync peer may have sent data with a line end in it, so "
            "that some of what looks like an entry is none"
        )
    if problems:
        raise ExitWith(1, "\n".join(problems))
