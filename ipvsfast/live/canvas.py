"""The one widget: it draws the lines that are to be seen, and passes keys and the mouse on."""

from __future__ import annotations

import os
import time
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from ..screen.drawing import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events

    from ..screen.live_screen import LiveScreen

# Colours of the terminal's own palette, so that they fit its background; blue and yellow are told apart by
# everybody. NO_COLOR takes them away.
STYLES: dict[str, Style] = {
    "": Style(),
    "title": Style(reverse=True, bold=True),
    "head": Style(underline=True, bold=True),
    "sorted": Style(underline=True, bold=True, color="cyan"),
    "dim": Style(dim=True),
    "chosen": Style(reverse=True),
    "conns": Style(color="green"),
    "in": Style(color="cyan"),
    "out": Style(color="yellow"),
    "warning": Style(color="yellow", bold=True),
    "new": Style(color="cyan", bold=True),
    "key": Style(bold=True, color="cyan"),
    "strong": Style(bold=True),
}
_SPECIAL = (
    "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "enter", "escape", "tab", "backspace",
    "ctrl+u", "ctrl+c",
)  # fmt: skip
_WHEEL = 3  # rows


class Canvas(Widget, can_focus=True):
    """The whole screen. changed: called after a key or the mouse did something."""

    DEFAULT_CSS: ClassVar[str] = "Canvas { width: 100%; height: 100%; }"

    def __init__(self, live_screen: LiveScreen, changed: Callable[[], None]) -> None:
        super().__init__()
        self._live_screen = live_screen
        self._tell = changed
        self._host = os.uname().nodename
        self._strips: list[Strip] = []

    def redraw(self) -> None:
        """Make the lines anew, as many as are seen."""
        width, height = self.size
        clock = time.strftime("%H:%M:%S")
        drawn = lines(self._live_screen, width, height, host=self._host, clock=clock)
        self._strips = [_strip(line, width) for line in drawn]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def on_resize(self) -> None:
        """Another size."""
        self.redraw()

    def on_key(self, event: events.Key) -> None:
        """All keys are ours but Ctrl-Z."""
        event.stop()
        event.prevent_default()
        if event.key == "ctrl+z":
            self.app.action_suspend_process()
            return
        name = event.key if event.key in _SPECIAL else event.character
        if name:
            self._live_screen.key(name)
            self._tell()

    def on_paste(self, event: events.Paste) -> None:
        """Text for the filter line."""
        if self._live_screen.typing:
            for letter in event.text.splitlines()[0] if event.text else "":
                self._live_screen.key(letter)
            self._tell()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click."""
        if event.button == 1:
            self._live_screen.click(int(event.x), int(event.y))
            self._tell()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self._live_screen.scroll(_WHEEL)
        self._tell()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel, the other way."""
        event.stop()
        self._live_screen.scroll(-_WHEEL)
        self._tell()


def _strip(line: list[tuple[str, str]], width: int) -> Strip:
    """One line, as long as the screen is wide."""
    segments = [Segment(text, STYLES[look]) for text, look in line if text]
    used = sum([len(text) for text, _ in line])
    if used < width:
        segments.append(Segment(" " * (width - used)))
    return Strip(segments, max(width, used))
