"""`ipvsfast conns --watch S`: the same answer, redrawn in place."""

from __future__ import annotations

import time

from ..errors import IpvsError, plural
from .conns import first_rows, summary
from .output import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rich.text import Text

    from ..connections.table import Connections
    from .conns_query import Query

_SHORTEST_PAUSE = 0.05  # however long a reading takes, the kernel gets a rest
_TITLE_LINES = 2


def watch(query: Query, table: Connections) -> int:
    """Until Ctrl-C, which is its proper end."""
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        import sys
        from shlex import quote

        python = quote(sys.executable)
        raise Failure(
            2, f"conns: --watch needs the Python package rich, which is missing: {python} -m pip install rich"
        ) from None
    console = Console(highlight=False, markup=False, emoji=False)
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                begun = time.monotonic()
                live.update(_screen(query, table, console.size.height), refresh=True)
                spent = time.monotonic() - begun
                time.sleep(max((query.watch or 0) - spent, _SHORTEST_PAUSE))
    except KeyboardInterrupt:
        return 0


def _screen(query: Query, table: Connections, height: int) -> Text:
    from rich.text import Text

    begun = time.monotonic()
    try:
        if query.streamed:
            body = first_rows(query, table, max(height - _TITLE_LINES - 2, 1))
        else:
            body = summary(query, table)
    except IpvsError as error:
        body = f"{error}\n"  # the module may come back
    text = Text(_title(query, table, time.monotonic() - begun), style="bold", no_wrap=True)
    text.append(body, style="not bold")
    return text


def _title(query: Query, table: Connections, seconds: float) -> str:
    account = table.account
    read = ""
    if account:
        read = f"{account.read:,} {plural(account.read, 'connection')} read in {seconds:.2f} s"
    problems = ""
    if account and account.unreadable:
        problems += f", {account.unreadable:,} {plural(account.unreadable, 'line')} unreadable"
    if account and account.incomplete:
        problems += ", table changing: entries may be missing"
    return f"{time.strftime('%H:%M:%S')}  every {query.watch:g} s  {read}{problems}\n\n"
