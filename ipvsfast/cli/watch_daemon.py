"""What a command has to do that stays: a log, signals that wait for their moment, and waiting."""

from __future__ import annotations

import os
import stat
import time

from ..changes.problem import printable
from .output import Terminated, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType


class Log:
    """Lines on standard error, with the time where nobody else adds it: on a terminal, and in a file. file:
    each is an object of JSON, with this name in it."""

    def __init__(self, file: str = "") -> None:
        self._file = file
        self._dated = False
        try:
            mode = os.fstat(2).st_mode
            self._dated = stat.S_ISREG(mode) or os.isatty(2)
        except OSError:
            pass

    def __call__(self, text: str) -> None:
        if self._file:
            import json

            complain(json.dumps({"time": round(time.time(), 3), "file": self._file, "message": text}))
            return
        when = time.strftime("%Y-%m-%d %H:%M:%S ") if self._dated else ""
        complain(when + printable(text.replace("\n", "; ")))


class Signals:
    """While it is entered, SIGINT and SIGTERM are noted, in `came`, and SIGHUP asks for a reload; `fd` can be
    read then. A second one of the former ends the program wherever it is. What came ignored stays so."""

    def __init__(self) -> None:
        self.came: int = 0
        self._reload = False
        self._is_exposed = False
        self.fd: int
        self.fd, self._tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> Signals:
        import signal

        signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, self._end)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
            signal.signal(signal.SIGHUP, self._hang_up)
        return self

    def __exit__(self, *exc: object) -> None:
        """The handlers stay, as the program is about to end: a late signal changes nothing."""
        import signal

        signal.set_wakeup_fd(-1)

    def reload(self) -> bool:
        """Whether one was asked for since the last call."""
        try:
            while os.read(self.fd, 64):
                pass
        except BlockingIOError:
            pass
        asked, self._reload = self._reload, False
        return asked

    def exposed(self) -> AbstractContextManager[None]:
        """While it is entered, a signal that ends the program is an exception there, also one that came."""
        from contextlib import contextmanager

        @contextmanager
        def expose() -> Iterator[None]:
            self._is_exposed = True
            try:
                if self.came:
                    raise _exception(self.came)
                yield
            finally:
                self._is_exposed = False

        return expose()

    def _end(self, number: int, frame: FrameType | None) -> None:
        first, self.came = not self.came, number
        if self._is_exposed or not first:
            self._is_exposed = False
            raise _exception(number)

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        self._reload = True


def _exception(number: int) -> KeyboardInterrupt:
    import signal

    return Terminated() if number == signal.SIGTERM else KeyboardInterrupt()


def ended_by(number: int) -> str:
    """The name of a signal."""
    import signal

    return signal.Signals(number).name


def wait_for(fds: Sequence[int], seconds: float | None) -> None:
    """Until one of them can be read, or the time is over; None: as long as it takes."""
    import select

    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    poll.poll(None if seconds is None else int(seconds * 1000) + 1)
