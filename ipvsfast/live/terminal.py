"""The terminal is left as it was found, whatever ends the program."""

from __future__ import annotations

import os
import select
import signal
import termios
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
_PATIENCE = 3.0  # seconds for an orderly end
# No mouse (by pixels neither), no reports of focus, no pasting; wrapped lines, the usual keys, the main
# screen, the cursor.
_OFF = "".join([f"\x1b[?{switch}l" for switch in (1000, 1003, 1006, 1015, 1016, 1004, 2004)])
_LEAVE = _OFF + "\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"
_AFTERWARDS = "\x1b[?1016l"  # textual may leave the mouse's pixels switched on


class Guard:
    """While it is entered, signals that end the program let it end in an orderly way; then it ends by the
    signal. What came ignored stays so. Where the orderly way takes too long, as on a terminal that is gone,
    the shortest one is taken."""

    def __init__(self) -> None:
        self._came = 0
        self._old: dict[int, Any] = {}
        self._end: Callable[[], None] | None = None
        self._over = False
        self._mode = termios.tcgetattr(0)
        self._stops = signal.getsignal(signal.SIGTSTP)
        self._goes_on = signal.getsignal(signal.SIGCONT)

    def __enter__(self) -> Guard:
        for number in _ENDING:
            old = signal.getsignal(number)
            if old is not signal.SIG_IGN:
                self._old[number] = old
                signal.signal(number, self._signal)
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def ends(self, end: Callable[[], None]) -> None:
        """What ends the program in an orderly way; called in the main thread, at any time."""
        self._end = end
        if self._stops is signal.SIG_IGN:  # textual has changed it
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)

    def __exit__(self, *exc: object) -> None:
        self._over = True
        _write(_AFTERWARDS)
        for number, old in {**self._old, signal.SIGTSTP: self._stops, signal.SIGCONT: self._goes_on}.items():
            signal.signal(number, old)
        if self._came:
            signal.signal(self._came, signal.SIG_DFL)
            os.kill(os.getpid(), self._came)

    def _signal(self, number: int, frame: object) -> None:
        if self._came:
            return
        self._came = number
        timer = threading.Timer(_PATIENCE, self._shortest_end)
        timer.daemon = True
        timer.start()
        if self._end is not None:
            self._end()

    def _watch(self) -> None:
        """Waits for the terminal to go away, of which a program without job control gets no signal."""
        poll = select.poll()
        poll.register(0, 0)
        poll.poll()
        if not self._over:
            threading.Event().wait(_PATIENCE)
            self._shortest_end()

    def _shortest_end(self) -> None:
        """In a thread: the main one may be stuck."""
        if self._over:
            return
        try:
            termios.tcsetattr(0, termios.TCSANOW, self._mode)
        except termios.error:
            pass
        _write(_LEAVE)
        os._exit(128 + (self._came or signal.SIGHUP))


def _write(text: str) -> None:
    try:
        os.write(1, text.encode("ascii"))
    except OSError:
        pass  # the terminal is gone
