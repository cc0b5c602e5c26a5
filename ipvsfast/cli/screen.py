"""A terminal that is drawn again and again in place, and left as it was found, whatever ends the program."""

from __future__ import annotations

import os
import select
import signal
import termios
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

    Handler = Callable[[int, FrameType | None], Any]

# The alternate screen, no cursor, no wrapping of long lines; and back.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def can_be_drawn() -> bool:
    """Whether standard output is a terminal that obeys escape sequences."""
    return os.isatty(1) and os.environ.get("TERM", "dumb") not in ("", "dumb")


class Screen:
    """Use it as a context manager. Keys arrive without Enter, if standard input is the terminal too.

    Signals that end or stop the program do so as ever, after the terminal is as it was; a program that goes
    on after a stop draws again.
    """

    def __init__(self) -> None:
        self._mode: list[Any] | None = None  # of the terminal, while it is ours
        self._old: dict[int, Any] = {}
        self._wake, self._woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._outdated = False
        self._ours = False  # whether the terminal is in our state now

    def __enter__(self) -> Screen:
        handlers: dict[int, Handler] = dict.fromkeys(_ENDING, self._end)
        handlers[signal.SIGTSTP] = self._stop
        handlers[signal.SIGCONT] = self._go_on
        handlers[signal.SIGWINCH] = self._resize
        for number, handler in handlers.items():
            old = signal.getsignal(number)
            if old is not signal.SIG_IGN:  # what came ignored stays so
                self._old[number] = old
                signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        self._take()
        return self

    def __exit__(self, *exc: object) -> None:
        self._give_back()
        signal.set_wakeup_fd(-1)
        for number, old in self._old.items():
            signal.signal(number, old)
        os.close(self._wake)
        os.close(self._woken)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        try:
            columns, lines = os.get_terminal_size(1)
        except OSError:
            columns = lines = 0
        return columns or 80, lines or 24

    def draw(self, title: str, body: str) -> None:
        """Replaces what is shown; what does not fit is left out. OSError if the terminal is gone."""
        columns, lines = self.size
        head = [f"{_BOLD}{line[:columns]}{_PLAIN}" for line in title.split("\n")]
        shown = [*head, *[line[:columns] for line in body.rstrip("\n").split("\n")]][:lines]
        _write(_HOME + f"{_END_OF_LINE}\r\n".join(shown) + _END_OF_LINE + _BELOW)

    def wait(self, seconds: float) -> str:
        """A key that was pressed; "" when the time is over, or what is shown has to be drawn again."""
        end = monotonic() + seconds
        while not self._outdated:
            key = self._key(max(end - monotonic(), 0))
            if key or monotonic() >= end:
                return key
        self._outdated = False
        return ""

    def pressed(self) -> str:
        """A key that was pressed, or "": at once."""
        return self._key(0)

    def _key(self, seconds: float) -> str:
        sources = [self._wake, 0] if self._mode is not None else [self._wake]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._wake in ready:
            os.read(self._wake, 512)  # the handlers have run
        if 0 not in ready:
            return ""
        try:
            key = os.read(0, 1)
        except OSError:
            key = b""
        if not key:
            self._mode = None  # the terminal is gone; writing to it will tell
        return key.decode("latin-1")

    def _take(self) -> None:
        self._ours = True
        if os.isatty(0):
            if self._mode is None:
                self._mode = termios.tcgetattr(0)
            mode = self._mode
            ours = [*mode[:3], mode[3] & ~(termios.ICANON | termios.ECHO), *mode[4:]]
            termios.tcsetattr(0, termios.TCSADRAIN, ours)
        _try_to_write(_ENTER)

    def _give_back(self) -> None:
        self._ours = False
        _try_to_write(_LEAVE)
        if self._mode is not None:
            try:
                termios.tcsetattr(0, termios.TCSADRAIN, self._mode)
            except termios.error:
                pass  # the terminal is gone

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self._stop)
        if not self._ours:  # nobody could let us go on (no job control), so we were not stopped
            self._go_on(number, frame)

    def _go_on(self, number: int, frame: FrameType | None) -> None:
        self._take()
        self._outdated = True

    def _resize(self, number: int, frame: FrameType | None) -> None:
        self._outdated = True


def _write(text: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    while data:
        data = data[os.write(1, data) :]


def _try_to_write(text: str) -> None:
    try:
        _write(text)
    except OSError:
        pass  # the terminal is gone
