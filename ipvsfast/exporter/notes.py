"""What a server has to tell of its clients, in one line each, and never more than a log can bear."""

from __future__ import annotations

from threading import Lock
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 60.0  # seconds
MOST = 5  # lines of one kind in a window; the others are counted


class _Kind:
    __slots__ = ("since", "told", "untold")

    def __init__(self, since: float) -> None:
        self.since = since
        self.told = 0
        self.untold = 0


class Notes:
    """Tells of a kind of event a few times a minute, and how many more there were. say: takes a line.
    Threads may share one."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = monotonic) -> None:
        self._say = say
        self._clock = clock
        self._lock = Lock()
        self._kinds: dict[str, _Kind] = {}

    def __call__(self, kind: str, text: str) -> None:
        """kind: what such events are called when they are only counted."""
        with self._lock:
            now = self._clock()
            self._sum_up(now)
            found = self._kinds.setdefault(kind, _Kind(now))
            if found.told == MOST:
                found.untold += 1
                return
            found.told += 1
        self._say(text)

    def sum_up(self, *, final: bool = False) -> None:
        """Tells what was only counted, where its minute is over. final: all of it."""
        with self._lock:
            self._sum_up(self._clock(), final)

    def _sum_up(self, now: float, final: bool = False) -> None:
        for name, kind in list(self._kinds.items()):
            if final or now - kind.since >= WINDOW:
                del self._kinds[name]
                if kind.untold:
                    self._say(f"{name}: {kind.untold:,} more of these in {max(now - kind.since, 0):.0f} s")
