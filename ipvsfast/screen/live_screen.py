"""The live screen: what it shows, and what keys and the mouse do to it."""

from __future__ import annotations

from .columns import GRAPH, SORTS
from .history import PastRates
from .order import Order, column_of, columns_of
from .rows import DESTINATIONS, SERVICES, Rows, TextFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..listing.chosen_rows import RowChooser
    from ..listing.counted import Texts
    from ..stats.window import Moment

INTERVALS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_STEP_SORT = {"left": -1, "<": -1, "right": 1, ">": 1}
_STEP_ROW = {"up": -1, "k": -1, "down": 1, "j": 1}
_FIRST_COLUMN = 2  # of the name, where it is clicked


class LiveScreen:
    """The state of the screen. `moment` is what it shows, None while nothing was read. `notice` is said
    instead of the row's head line while it is not empty. `interval`: seconds between readings, which keys
    change. `done`: whether it is to end."""

    def __init__(
        self,
        chooser: RowChooser,
        *,
        interval: float,
        sort: str,
        upwards: bool,
        destinations: bool,
        limit: int,
    ) -> None:
        self._chooser = chooser
        self._chosen: Any = None
        self._texts: dict[str, Texts] = {}
        self._order = Order()
        self._rows: Rows | None = None
        self._numbers: list[int] | None = None
        self._latest: Moment | None = None
        self._pinned: tuple[Any, ...] | None = None  # the key of the chosen row; None: whatever is first
        self._back: tuple[tuple[Any, ...], int] | None = None  # the row that was opened, and its place
        self.limit: int = limit
        self.history: PastRates = PastRates()
        self.interval: float = interval
        self.sort: str = sort
        self.upwards: bool = upwards
        self.kind: str = DESTINATIONS if destinations else SERVICES
        self.service: tuple[Any, ...] | None = None  # the key of the one whose destinations are shown
        self.text: str = ""
        self._filter = TextFilter("")
        self.typing: bool = False
        self.paused: bool = False
        self.help: bool = False
        self.notice: str = ""
        self.done: bool = False
        self.moment: Moment | None = None
        self.cursor: int = 0
        self.top: int = 0
        self.page: int = 1  # rows that fit, which drawing finds out
        self.heads: list[tuple[int, int, str]] = []  # where the heads of columns are: from, to, name
        self.first_line: int = 0  # of the rows

    # What there is to show.

    def show(self, moment: Moment) -> None:
        """A new reading."""
        self.notice = ""
        self.history.begin(moment.totals)
        self._latest = moment
        if not self.paused or self.moment is None:
            self._take(moment)

    def away(self, sentence: str) -> None:
        """There was nothing to read."""
        self.notice = sentence
        self.history.begin(None)

    def _take(self, moment: Moment) -> None:
        self.moment = moment
        self._chosen = self._chooser.choose(moment.snapshot)
        self._rows = None
        self._numbers = None

    @property
    def rows(self) -> Rows | None:
        """The rows of the kind that is shown."""
        if self._rows is None and self.moment is not None:
            self._rows = Rows(self.kind, self.moment, self._texts)
        return self._rows

    @property
    def numbers(self) -> list[int]:
        """Those of the rows, from top to bottom, with the cursor on the row that was chosen."""
        rows = self.rows
        if rows is None:
            return []
        if self._numbers is None:
            self._numbers = self._sorted(rows)
            self._follow(rows, self._numbers)
        return self._numbers

    def _sorted(self, rows: Rows) -> list[int]:
        service = None
        if self.service is not None:
            services = rows.snapshot.services.keys()
            if self.service[0] not in services:
                return []
            service = services.index(self.service[0])
        found = self._order.numbers(rows, self._chosen, service, self._filter, self.sort, self.upwards)
        return found[: self.limit] if self.limit else found

    def _follow(self, rows: Rows, numbers: list[int]) -> None:
        if self._pinned is not None and numbers:
            number = rows.find(self._pinned)
            if number is not None and number in numbers:
                self.cursor = numbers.index(number)
            else:  # it is gone: what stands there now
                self.cursor = min(self.cursor, len(numbers) - 1)
                self._pinned = rows.key(numbers[self.cursor])
        self.cursor = max(0, min(self.cursor, len(numbers) - 1))

    @property
    def row(self) -> int | None:
        """The number of the chosen row."""
        numbers = self.numbers
        return numbers[self.cursor] if numbers else None

    def visible(self, page: int) -> list[int]:
        """The rows on the screen, where `page` fit; they are remembered."""
        numbers, rows = self.numbers, self.rows
        self.page = max(page, 1)
        if page <= 0 or rows is None:
            return []
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.cursor >= self.top + page:
            self.top = self.cursor - page + 1
        self.top = max(0, min(self.top, len(numbers) - page))
        shown = numbers[self.top : self.top + page]
        if self.moment is self._latest:
            columns = columns_of(self.kind)
            rated = [columns[at] for at in (0, 3, 4)]
            for row in shown:
                self.history.note(rows.key(row), tuple([rows.number(column, row) for column in rated]))
        return shown

    # Keys.

    def key(self, name: str) -> None:
        """One key: its character, or up, down, left, right, home, end, pageup, pagedown, enter, escape, tab,
        backspace, ctrl+u, ctrl+c."""
        if name == "ctrl+c":
            self.done = True
        elif self.typing:
            self._type(name)
        elif self.help:
            self.help = False
        elif name in _STEP_ROW:
            self._move(_STEP_ROW[name])
        elif name in _STEP_SORT:
            self._next_sort(_STEP_SORT[name])
        else:
            action = _KEYS.get(name)
            if action is not None:
                action(self)

    def _type(self, name: str) -> None:
        if name == "escape":
            self.typing = False
            self._set_text("")
        elif name in ("enter", "up", "down", "tab"):
            self.typing = False
        elif name == "backspace":
            self._set_text(self.text[:-1])
        elif name == "ctrl+u":
            self._set_text("")
        elif len(name) == 1 and name.isprintable():
            self._set_text(self.text + name)

    def _set_text(self, text: str) -> None:
        if text != self.text:
            self.text = text
            self._filter = TextFilter(text)
            self._changed()

    def _changed(self) -> None:
        """The rows are others, or in another order."""
        self._numbers = None

    def _move(self, by: int) -> None:
        self.go(self.cursor + by)

    def go(self, to: int) -> None:
        """Choose the row at this place, or the nearest."""
        numbers, rows = self.numbers, self.rows
        if numbers and rows is not None:
            self.cursor = max(0, min(to, len(numbers) - 1))
            self._pinned = rows.key(numbers[self.cursor])

    def _home(self) -> None:
        """The first row, whichever it is."""
        self.cursor, self.top, self._pinned = 0, 0, None

    def _next_sort(self, step: int) -> None:
        names = ["service" if self.kind == SERVICES else "destination"]
        names += [column.name for column in columns_of(self.kind) if column.name != GRAPH]
        shown = [name for _, _, name in self.heads if name in names]
        names = shown or names
        at = names.index(self.sort) if self.sort in names else 0
        self.sort_by(names[(at + step) % len(names)])

    def sort_by(self, name: str) -> None:
        """Sort by a column; by the one that sorts already, the other way round."""
        self.upwards = not self.upwards if name == self.sort else False
        self.sort = name
        self._changed()

    def _reverse(self) -> None:
        self.sort_by(self.sort)

    def _open(self) -> None:
        row, rows = self.row, self.rows
        if row is None or rows is None:
            return
        if self.kind == SERVICES:
            self._back = rows.key(row), self.cursor
            self._change_kind(DESTINATIONS, rows.key(row))
        elif self.service is None:
            self._change_kind(DESTINATIONS, (rows.key(row)[0],), rows.key(row))

    def _leave(self) -> None:
        if self.text:
            self._set_text("")
        elif self.service is not None:
            key, cursor = self._back or (self.service, 0)
            self._back = None
            self._change_kind(SERVICES, None, key)
            self.cursor = cursor

    def _other(self) -> None:
        if self.kind == SERVICES:
            self._change_kind(DESTINATIONS, None)
        else:
            self._change_kind(SERVICES, None, self.service)

    def _change_kind(
        self, kind: str, service: tuple[Any, ...] | None, pinned: tuple[Any, ...] | None = None
    ) -> None:
        self.kind, self.service = kind, service
        self._set_text("")
        self.cursor = self.top = 0
        self._pinned = pinned
        name = {"service": "destination", "destination": "service"}.get(self.sort, self.sort)
        if self.sort in ("service", "destination"):
            self.sort = name
        elif column_of(kind, self.sort) is None:
            self.sort = "connections"
        self._rows = None
        self._changed()

    def _pause(self) -> None:
        self.paused = not self.paused
        if not self.paused and self._latest is not None:
            self._take(self._latest)

    def _slower(self) -> None:
        self.interval = next((s for s in INTERVALS if s > self.interval), self.interval)

    def _faster(self) -> None:
        self.interval = next((s for s in reversed(INTERVALS) if s < self.interval), self.interval)

    def _quit(self) -> None:
        self.done = True

    def _ask_text(self) -> None:
        self.typing = True

    def _explain(self) -> None:
        self.help = True

    # The mouse.

    def click(self, x: int, y: int) -> None:
        """A head sorts, a row is chosen, the chosen row is opened."""
        if self.help:
            self.help = False
        elif y == self.first_line - 1:
            for start, end, name in self.heads:
                if start <= x < end and name in SORTS:
                    self.sort_by(name)
        elif y >= self.first_line:
            at = self.top + y - self.first_line
            if y - self.first_line < self.page and at < len(self.numbers):
                if at == self.cursor and self._pinned is not None:
                    self._open()
                else:
                    self.go(at)

    def scroll(self, lines: int) -> None:
        """The wheel: the row that is chosen moves."""
        if not self.help:
            self._move(lines)


def _to_end(screen: LiveScreen) -> None:
    screen.go(len(screen.numbers) - 1)


def _page_down(screen: LiveScreen) -> None:
    screen.scroll(screen.page)


def _page_up(screen: LiveScreen) -> None:
    screen.scroll(-screen.page)


_KEYS = {
    "q": LiveScreen._quit, "p": LiveScreen._pause, " ": LiveScreen._pause, "+": LiveScreen._slower,
    "=": LiveScreen._slower, "-": LiveScreen._faster, "/": LiveScreen._ask_text, "?": LiveScreen._explain,
    "h": LiveScreen._explain, "r": LiveScreen._reverse, "enter": LiveScreen._open,
    "escape": LiveScreen._leave, "backspace": LiveScreen._leave, "tab": LiveScreen._other,
    "home": LiveScreen._home, "g": LiveScreen._home, "end": _to_end, "G": _to_end, "pagedown": _page_down,
    "pageup": _page_up,
}  # fmt: skip
