"""A table that follows a file, for programs."""

from __future__ import annotations

import os
from time import monotonic

from ..history.take_back import command_line
from .event import Around, Stopped
from .watcher import Watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..drains.drain import Drained
    from ..kernel.session import Session
    from .event import WatchEvent
    from .options import WatchOptions


class _Stage(Around):
    """Keeps what is told until somebody asks for it."""

    def __init__(self, progress: Callable[[WatchEvent], None] | None) -> None:
        self.events: list[WatchEvent] = []
        self.is_stopped = False
        self._progress = progress

    def told(self, event: WatchEvent) -> None:
        self.events.append(event)
        if self._progress is not None:
            self._progress(event)

    def drained(self, account: Drained) -> None:
        if self.is_stopped:
            raise Stopped


class Watch:
    """What Ipvs.watch() gives: the table becomes what a file asks for while somebody waits for its events.

    Iterate over it, or call wait(); all work is done in there, by the thread that calls, one at a time.
    Nothing is printed, and nothing happens between two calls: what came meanwhile is done by the next one.
    stop() and reload() may be called by other threads and by signal handlers. Use it as a context manager,
    or call close(); the table stays as it is.
    """

    def __init__(
        self, session: Session, path: str, options: WatchOptions,
        progress: Callable[[WatchEvent], None] | None = None,
    ) -> None:  # fmt: skip
        from threading import RLock

        self._stage = _Stage(progress)
        self._watcher = Watcher(session, path, options, self._stage, command_line())
        self._asked = False
        self._lock = RLock()  # a signal handler may come while it is held
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> WatchEvent:
        event = self.wait()
        if event is None:
            raise StopIteration
        return event

    def wait(self, seconds: float | None = None) -> WatchEvent | None:
        """The next event; None where it was stopped, or none came in so many seconds (None: as long as it
        takes). What is to be done by then is done to its end, however long an apply takes: 0 does just that.
        Ctrl-C in the middle of an apply is Interrupted, with the account as `applied`; IpvsError and OSError
        only where it cannot go on, as the file can no longer be watched and interval is 0."""
        end = None if seconds is None else monotonic() + seconds
        events = self._stage.events
        while not events and not self._stage.is_stopped:
            self._hear()
            if self._watcher.step():
                continue
            left = None if end is None else end - monotonic()
            if left is not None and left <= 0:
                return None
            self._sleep(left)
        return events.pop(0) if events else None

    @property
    def status(self) -> str:
        """How things are, in one line."""
        return self._watcher.status

    @property
    def is_stopped(self) -> bool:
        """Whether stop() or close() was called."""
        return self._stage.is_stopped

    def reload(self) -> None:
        """The file is read and put in force now, whatever others have changed."""
        self._asked = True
        self._tell()

    def stop(self) -> None:
        """Whoever waits gets the events that are left, then None at once. An apply that goes on is done to
        its end first; but one that waits for connections to end (drain) ends at its next look, without what
        it would have deleted."""
        self._stage.is_stopped = True
        self._tell()

    def close(self) -> None:
        """Stop it, and watch nothing any more; a second call does nothing. Not while another thread waits."""
        self._stage.is_stopped = True
        with self._lock:
            if self._wake >= 0:
                os.close(self._wake)
                self._wake = -1
        self._watcher.close()

    def _tell(self) -> None:
        """Wakes up who waits."""
        with self._lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def _hear(self) -> None:
        """What another thread wants."""
        if self._asked:
            self._asked = False
            self._watcher.reload()

    def _sleep(self, left: float | None) -> None:
        """Until there is something to do, but no longer than is left."""
        import select

        poll = select.poll()
        for fd in (self._wake, *self._watcher.fds):
            poll.register(fd, select.POLLIN)
        times = [one for one in (self._watcher.seconds(), left) if one is not None]
        poll.poll(int(min(times) * 1000) + 1 if times else None)
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            pass
        self._watcher.look()
