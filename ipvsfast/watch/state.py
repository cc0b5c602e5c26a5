"""What has to be done, and said, so that a table stays what a file asks for. It reads no clock and no file:
it is told what has happened, and says what comes next."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..model.types import WatchEventKind
    from ..plans.wanted import Wanted

READ, LOOK = "read", "look"  # what comes next: read the file; look at the table
QUIET = 0.2  # seconds in which nothing more happens to the file before it is read
OPEN = 10.0  # the same while somebody has it open and writes
LONGEST = 5.0  # a file that is replaced again and again is read after so long all the same
LOCK_PAUSE = 0.5  # between two attempts to get the lock
RETRY = 60.0  # what went wrong is tried again after so long where no interval is given
MOST_RETRY = 3600.0  # one that goes wrong in the same way again and again is tried every so often
LINES = 20  # of one account

_FILE, _TABLE, _APPLY = "file", "table", "apply"


class WatchState:
    """source: the file. interval: seconds between looks at the table, 0 for none. wait: seconds for the lock.
    enforce: what others change is changed back. say: gets each line that is to be told; the same account is
    told once, until it is another one."""

    def __init__(
        self, source: str, say: Callable[[str], None], interval: float, wait: float, enforce: bool
    ) -> None:
        self._source = source
        self._say = say
        self._interval, self._wait, self._enforce = interval, wait, enforce
        self.wanted: Wanted | None = None
        # What was told last about each topic: its first line, and what tells it from another account.
        self._told: dict[str, tuple[str, object]] = {}
        self._pending = False  # the file is to be put in force
        self._asked = True
        self._read_at: float | None = 0.0  # at once
        self._look_at: float | None = None
        self._first_touch: float | None = None
        self._busy_since: float | None = None
        self._failures = 0
        self.status: str = f"looks at {source} and the table"

    # What has happened.

    def touched(self, now: float, written: bool) -> None:
        """Something has happened to the file. written: it is being written, and that may go on."""
        if written:
            self._first_touch = None
            self._read_at = now + OPEN
            return
        if self._first_touch is None:
            self._first_touch = now
        self._read_at = min(now + QUIET, max(self._first_touch + LONGEST, now))

    def asked(self, now: float) -> None:
        """Somebody wants the file read and put in force now, whatever others have changed."""
        self._asked = True
        self._read_at = now

    # What comes next.

    def next(self, now: float) -> str:
        """READ, LOOK, or "" for nothing yet."""
        if self._read_at is not None and now >= self._read_at:
            return READ
        return LOOK if self._look_at is not None and now >= self._look_at else ""

    def seconds(self, now: float) -> float | None:
        """Until something comes next; None: nothing does by itself."""
        times = [at for at in (self._read_at, self._look_at) if at is not None]
        return max(min(times) - now, 0.0) if times else None

    @property
    def is_settled(self) -> bool:
        """Whether the file is not about to be read anyway."""
        return self._read_at is None

    # What became of reading the file.

    def _was_read(self) -> bool:
        """Whether that was asked for."""
        asked, self._asked = self._asked, False
        self._read_at = self._first_touch = None
        return asked

    def changing(self, now: float) -> None:
        """It has changed while it was read."""
        self.touched(now, False)

    def refused(self, now: float, problems: Sequence[str]) -> None:
        """It cannot be what is wanted. What was wanted before stays wanted."""
        asked = self._was_read()
        if asked:
            self._told.pop(_FILE, None)  # who asks gets an answer
        kept = "nothing is changed" if self.wanted is None else "what it held before stays wanted"
        head = f"{self._source} cannot be used: {kept}"
        self._tell("refused", _FILE, head, tuple(problems), problems)
        if self.wanted is None:
            self.not_yet(now)
        elif asked:
            self._look_at = now
        self._set_status()

    def not_yet(self, now: float) -> None:
        """Nothing is wanted so far. By the next look it may be, also where nobody can watch the file."""
        self._look_at = self._later(now)

    def accepted(self, now: float, wanted: Wanted) -> bool:
        """It is right, and this is what it asks for. Whether that is something else than before."""
        asked = self._was_read()
        if self._told.pop(_FILE, None) is not None:
            self.report("accepted", f"{self._source} can be used now")
        same = self.wanted is not None and _is_same(self.wanted, wanted)
        self.wanted = wanted
        if asked or not same:
            self._pending = True
            self._failures = 0
            self._busy_since = None
            self._told.pop(_APPLY, None)
            self._look_at = now
        self._set_status()
        return not same

    # What became of looking at the table, and of applying.

    def found(self, now: float, text: str, key: object, difference: Callable[[], Sequence[str]]) -> bool:
        """text: how much the table differs from what is wanted, "" for not at all. key: tells one difference
        from another. difference: its lines. Whether the table is to be made as wanted now."""
        if not text:
            self._in_force(now)
            return False
        if self._pending or self._enforce:
            return True
        if self._told.pop(_APPLY, None) is not None:
            self._told.pop(_TABLE, None)  # what is told after trouble says that it is over
        head = f"the table is not as {self._source} asks for, which has not changed: {text}"
        self._tell("drift", _TABLE, head, key, difference)
        self._after(now)
        return False

    def begins(self, text: str, difference: Callable[[], Sequence[str]]) -> None:
        """An apply begins; one that tries again what has gone wrong does so without a word."""
        if _APPLY in self._told:
            return
        why = (
            f"{self._source} is put in force" if self._pending else "what others have changed is changed back"
        )
        self.report("applying", f"{why}: {text}", difference())

    def _in_force(self, now: float) -> None:
        told = [self._told.pop(topic, None) for topic in (_TABLE, _APPLY)]
        if any(told):
            self.report("settled", f"the table is as {self._source} asks for again: {self._entries()}")
        elif self._pending:
            self.report("settled", f"the table is as {self._source} asks for: {self._entries()}")
        self._done(now)

    def _entries(self) -> str:
        count = 0 if self.wanted is None else len(self.wanted)
        return f"{count:,} {'entry' if count == 1 else 'entries'}"

    def applied(self, now: float, ok: bool, summary: str, refusals: Sequence[str] = ()) -> None:
        """An apply has come to its end. ok: the table was seen to be as wanted."""
        if ok:
            self._told.pop(_TABLE, None)
            self._told.pop(_APPLY, None)
            self.report("applied", summary)
            self._done(now)
            return
        # Each leaves a trace in the history: those that change nothing any more come more and more seldom.
        again = not self._tell("applied", _APPLY, summary, tuple(refusals), refusals)
        self._failures = self._failures + 1 if again else 0
        longest = max(MOST_RETRY, self._retry())
        self._after(now, min(self._retry() * 2 ** min(self._failures, 20), longest))

    def trouble(self, now: float, text: str, more: Sequence[str] = ()) -> None:
        """The table cannot be read, or the apply was not begun."""
        self._tell("trouble", _APPLY, text, tuple(more), more)
        self._after(now, self._retry())

    def awaits(self, now: float, text: str, seconds: float | None) -> None:
        """Another apply awaits its confirmation. seconds: that it has for it, None if nobody knows."""
        self._tell("trouble", _APPLY, f"{text}: until that is decided nothing is changed", None, ())
        self._after(now, self._retry() if seconds is None else min(self._retry(), seconds + 1))

    def busy(self, now: float, text: str) -> None:
        """Another has the lock of the table."""
        since = self._busy_since = now if self._busy_since is None else self._busy_since
        if now - since < self._wait:
            self._look_at = now + LOCK_PAUSE
        else:
            self._tell("trouble", _APPLY, text, None, ())
            self._after(now, self._retry())

    def _done(self, now: float) -> None:
        self._pending = False
        self._failures = 0
        self._after(now)

    def _after(self, now: float, again: float | None = None) -> None:
        """again: seconds until what went wrong is tried again."""
        self._busy_since = None
        self._look_at = self._later(now) if again is None else now + again
        self._set_status()

    def _later(self, now: float) -> float | None:
        return now + self._interval if self._interval else None

    def _retry(self) -> float:
        return self._interval or RETRY

    # What is said.

    def report(self, kind: WatchEventKind, text: str, lines: Sequence[str] = (), ok: bool = True) -> None:
        """One account: its first line, then the others. ok: nothing is wrong."""
        self._say(text)
        for line in lines:
            self._say(line)

    def _tell(
        self, kind: WatchEventKind, topic: str, head: str, key: object,
        more: Sequence[str] | Callable[[], Sequence[str]],
    ) -> bool:  # fmt: skip
        """Whether it was not told already."""
        if self._told.get(topic) == (head, key):
            return False
        self._told[topic] = head, key
        lines = more() if callable(more) else more
        rest = ["and more"] if len(lines) > LINES else []
        self.report(kind, head, [*lines[:LINES], *rest], ok=False)
        return True

    def _set_status(self) -> None:
        parts = [self._told[topic][0] for topic in (_FILE, _APPLY, _TABLE) if topic in self._told]
        if self.wanted is not None and not self._pending and len(parts) == (_FILE in self._told):
            parts.append(f"the table is as wanted: {self._entries()}")
        self.status = "; ".join(parts) or f"looks at {self._source} and the table"


def _is_same(one: Wanted, other: Wanted) -> bool:
    return one.rules == other.rules and one.timeouts == other.timeouts and one.daemons == other.daemons
