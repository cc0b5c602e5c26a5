"""`ipvsfast conns --watch S`: the same answer, redrawn in place, until `q` or Ctrl-C."""

from __future__ import annotations

import time

from ..connections.forms import HEADS
from ..connections.table import Connections
from ..errors import IpvsError, plural
from .conns import rows_form, summary
from .conns_again import Answers
from .output import ExitWith, write
from .screen import Screen, can_be_drawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..connections.table import Pace
    from .conns_query import Query

_SHORTEST_PAUSE = 0.05  # however long a reading takes, the kernel gets a rest
_TITLE_LINES = 3  # two, and one left free
# Options that say how, not what.
_UNSAID = ("watch", "quiet", "source")


class _Quit(Exception):
    """`q` was pressed."""


def watch(query: Query, options: dict[str, str]) -> int:
    """Shows the answer again and again; `options`: the options it was asked by."""
    asked = " ".join([f"--{name} {text}".rstrip() for name, text in options.items() if name not in _UNSAID])
    try:
        if can_be_drawn():
            with Screen() as screen:
                _draw(query, asked, screen)
        else:
            _print(query, asked)
    except (KeyboardInterrupt, _Quit):
        pass
    except OSError as error:
        raise ExitWith(1, f"cannot write to standard output: {error.strerror}") from None
    return 0


def _draw(query: Query, asked: str, screen: Screen) -> None:
    def look(pace: Pace) -> None:
        """Somebody may want to quit while a long reading goes on."""
        if screen.pressed() in ("q", "Q"):
            raise _Quit

    answers = Answers(query, Connections(source=query.source, progress=look))
    while True:
        begun = time.monotonic()
        body = _body(answers, max(screen.size[1] - _TITLE_LINES, 4))
        spent = time.monotonic() - begun
        screen.draw(f"{_title(query, asked, answers.table, spent)}\n", body)
        if screen.wait(max((query.watch or 0) - spent, _SHORTEST_PAUSE)) in ("q", "Q"):
            return


def _print(query: Query, asked: str) -> None:
    """For a terminal that can only print: one answer below the other."""
    answers = Answers(query, Connections(source=query.source))
    while True:
        begun = time.monotonic()
        body = _body(answers, 20)
        spent = time.monotonic() - begun
        write(f"{_title(query, asked, answers.table, spent)}\n{body}\n")
        time.sleep(max((query.watch or 0) - spent, _SHORTEST_PAUSE))


def _body(answers: Answers, room: int) -> str:
    """The answer in at most `room` lines."""
    query = answers.query
    try:
        if query.streamed:
            return _rows(query, answers.table, room)
        if query.sample is not None:
            return summary(query, answers.table)
        return answers.table_text(room)
    except IpvsError as error:
        return f"{error}\n"  # the module may come back


def _rows(query: Query, table: Connections, room: int) -> str:
    """The head of the table and its first rows; the others are only counted."""
    lines: list[bytes] = []
    for piece in table.text(rows_form(query), query.where):
        if len(lines) <= room:
            lines += bytes(piece).splitlines(keepends=True)
    head = HEADS[rows_form(query)].count("\n")
    account = table.account
    rows = account.matched if account else 0
    fit = room - head
    if rows <= fit:
        return b"".join(lines).decode("utf-8", "surrogateescape")
    shown = b"".join(lines[: room - 1]).decode("utf-8", "surrogateescape")
    return f"{shown}… {rows - fit + 1:,} more\n"


def _title(query: Query, asked: str, table: Connections, seconds: float) -> str:
    account = table.account
    read = ""
    if account:
        total = f" of {account.kernel_entries:,}" if account.kernel_entries else ""
        read = f"{account.matched:,} matched, {account.read:,}{total} read in {seconds:.2f} s"
        if account.unreadable:
            read += f", {account.unreadable:,} {plural(account.unreadable, 'line')} unreadable"
        if account.surplus:
            read += f", {account.surplus:,} more than the kernel counts"
        if account.incomplete:
            read += ", table changing: entries may be missing"
    asked = asked or "all connections"
    return f"{time.strftime('%H:%M:%S')}  every {query.watch:g} s (q quits)  {read}\n{asked}"
