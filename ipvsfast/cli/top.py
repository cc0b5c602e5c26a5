"""`ipvsfast top`: services and destinations with what goes through them, on a screen that is kept current."""

from __future__ import annotations

import os
import sys
import time

from ..errors import IpvsError, IpvsUnavailable
from ..listing.chosen_rows import RowChooser
from ..stats.poller import next_deadline
from ..stats.window import RateWindow
from .ending import WholeTexts
from .output import ExitWith, ReaderGone, complain
from .top_query import TopQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..screen.live_screen import LiveScreen
    from ..stats.poller import Poller
    from ..stats.snapshot import Snapshot
    from .context import Context

_TEXTUAL = 2, 1  # the oldest that the screen is made with


def top(context: Context, given: dict[str, str], words: list[str]) -> int:
    """The verb."""
    query = TopQuery(given)
    poller = context.ipvs.poller(query.source, interval=query.interval, wanted=query.wanted)
    try:
        _tell(poller.poll(), query.quiet)  # what is wrong is said before the screen is changed
        why_plain = None if query.plain else _why_plain()
        screened = why_plain is None and not query.plain
        if screened:
            poller.open()  # keys may make the interval shorter
        _give_up_privileges(screened, query.quiet)
        if screened:
            from ..live.app import run_live
            from ..screen.live_screen import LiveScreen

            screen = LiveScreen(RowChooser(query.wanted), interval=query.interval, **query.shown)
            run_live(screen, lambda: _poll(poller, screen), query.repeat)
            return 0
        if why_plain and not query.quiet:
            complain(f"{why_plain}: a plain table instead of the screen")
        with WholeTexts() as output:
            _plain(query, poller.poll, output)
    except ReaderGone:
        return 0
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    return 0


def _why_plain() -> str | None:
    """Why there cannot be a screen here; None if there can."""
    for number, name in enumerate(("standard input", "standard output", "standard error")):
        if not os.isatty(number):
            return f"{name} is no terminal"
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        return "the terminal is a dumb one (TERM)"
    encoding = (sys.stderr.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        return f"the locale's encoding is {encoding or 'unknown'}, not UTF-8"
    return _why_no_textual()


def _why_no_textual() -> str | None:
    """Why the screen cannot be made with what is installed; Debian 12's textual is far too old."""
    from importlib.metadata import PackageNotFoundError, version

    needed = ".".join(map(str, _TEXTUAL))
    try:
        found = version("textual")
    except PackageNotFoundError:
        found = ""  # it may be there all the same
    numbers = [int(part) for part in found.split(".")[:2] if part.isdecimal()]
    if len(numbers) == 2 and tuple(numbers) < _TEXTUAL:
        old = f"{found}, and {needed} or later is needed"
        return f"the Python package textual is too old: {old} (the extra `live`)"
    try:
        import textual  # noqa: F401
    except ImportError:
        return f"the Python package textual, {needed} or later, is missing (the extra `live`)"
    return None


def _tell(snapshot: Snapshot, quiet: bool) -> None:
    """What should be known of all readings."""
    if not quiet:
        for sentence in snapshot.notes:
            complain(sentence)


def _poll(poller: Poller, screen: LiveScreen) -> Snapshot:
    """The next reading; the interval may have become another one."""
    poller.interval = screen.interval
    return poller.poll()


def _give_up_privileges(screened: bool, quiet: bool) -> None:
    """What is left is what reading the table takes: it shows for hours what others send."""
    from ..privileges import NET_ADMIN, keep_only, load_rooms

    load_rooms("kernel", "stats", "listing", "screen", *(["live"] if screened else []))
    if screened:
        from ..live.preloading import load_modules

        load_modules()
    try:
        keep_only((NET_ADMIN,))
    except OSError as error:
        if not quiet:
            complain(f"privileges that it does not need cannot be given up: {error.strerror}")


def _plain(query: TopQuery, poll: Callable[[], Snapshot], output: WholeTexts) -> None:
    """A table at each deadline; the first one is compared with a reading of one interval before."""
    from ..screen.plain_table import PlainTable

    table = PlainTable(RowChooser(query.wanted), **query.shown)
    window, written, number, away = RateWindow(), 0, 0, False
    start = time.monotonic()
    while True:
        try:
            moment = window.add(poll())
        except IpvsUnavailable as error:
            if not away:
                complain(f"{error}; going on when it is there again")
            away = True
            window.forget()
        else:
            away = False
            if moment.delta is not None:
                output.write(table.text(moment, time.strftime("%Y-%m-%dT%H:%M:%S%z"), _width()))
                written += 1
                if written == query.repeat:
                    return
        number = next_deadline(start, query.interval, number, time.monotonic())
        time.sleep(max(0.0, start + number * query.interval - time.monotonic()))


def _width() -> int:
    """The columns of the terminal, or of COLUMNS; 80."""
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        text = os.environ.get("COLUMNS", "")
        return max(40, min(int(text), 500)) if text.isdecimal() else 80
