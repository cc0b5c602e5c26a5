"""One reading of the table for all who ask for it at the same time, and a bound on how many are held."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from threading import Condition, Lock
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    class Blocks(Protocol):
        """What a scrape gives."""

        def blocks(self, openmetrics: bool) -> Iterable[bytes | memoryview]: ...

    class Cuttable(Protocol):
        """Who takes it."""

        def cut(self, why: str) -> None: ...


MOST_HELD = 8  # readings at a time; one of 50,000 destinations has some 20 MB
PATIENCE = 10.0  # seconds that a client has for its reading, however many are held
_LEVEL = 1  # of compression: the text is so regular that more costs time and saves little
_GZIP = 16 + zlib.MAX_WBITS


class Busy(Exception):
    """A reading of the table takes too long to be waited for."""


class ScrapeFailed(Exception):
    """The reading that was waited for has failed."""


class Held:
    """One reading, while somebody uses it."""

    def __init__(self, scraped: Blocks, begun: float) -> None:
        self._scraped = scraped
        self.begun: float = begun
        self.users: list[Cuttable] = []
        self._lock = Lock()
        self._compressed: dict[bool, bytes] = {}

    def blocks(self, openmetrics: bool) -> Iterable[bytes | memoryview]:
        """The exposition in one of its two forms."""
        return self._scraped.blocks(openmetrics)

    def compressed(self, openmetrics: bool) -> bytes:
        """The same as gzip has it; compressed once for all."""
        with self._lock:
            found = self._compressed.get(openmetrics)
            if found is None:
                engine = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
                pieces = [engine.compress(block) for block in self._scraped.blocks(openmetrics)]
                found = self._compressed[openmetrics] = b"".join([*pieces, engine.flush()])
            return found


class _Run:
    """A reading that goes on."""

    def __init__(self) -> None:
        self.held: Held | None = None
        self.is_over = False
        self.failure = ""
        self.begun: float = monotonic()


class Sharing:
    """scrape: makes a reading. min_age: seconds for which one is good enough for those who come later."""

    def __init__(self, scrape: Callable[[], Blocks], min_age: float = 0.0) -> None:
        self._scrape = scrape
        self._min_age = min_age
        self._changed = Condition()
        self._run: _Run | None = None
        self._latest: Held | None = None
        self._held: list[Held] = []

    @contextmanager
    def reading(self, user: Cuttable, seconds: float) -> Iterator[Held]:
        """A reading for this user, as long as it is entered; Busy if one takes longer than so long. The
        user is cut off when too many newer readings are held beside."""
        held = self._taken(user, monotonic() + seconds)
        try:
            yield held
        finally:
            with self._changed:
                if user in held.users:
                    held.users.remove(user)
                self._forget()

    def reading_since(self) -> float | None:
        """When the reading that goes on has begun, in monotonic seconds; None if there is none."""
        run = self._run
        return run.begun if run is not None else None

    def _taken(self, user: Cuttable, deadline: float) -> Held:
        with self._changed:
            latest = self._latest
            if latest is not None and monotonic() - latest.begun < self._min_age:
                return self._given(latest, user)
            run = self._run
            if run is not None:
                return self._awaited(run, user, deadline)
            newest = self._newest_if_full()
            if newest is not None:
                return self._given(newest, user)
            run = self._run = _Run()
        return self._read(run, user)

    def _awaited(self, run: _Run, user: Cuttable, deadline: float) -> Held:
        """Of another who reads already."""
        while not run.is_over:
            left = deadline - monotonic()
            if left <= 0:
                raise Busy
            self._changed.wait(left)
        if run.held is None:
            raise ScrapeFailed(run.failure)
        return self._given(run.held, user)

    def _read(self, run: _Run, user: Cuttable) -> Held:
        held: Held | None = None
        try:
            held = Held(self._scrape(), run.begun)
            return held
        except Exception as error:
            run.failure = str(error) or type(error).__name__
            raise ScrapeFailed(run.failure) from error
        finally:
            with self._changed:
                if held is not None:
                    self._given(held, user)
                    self._latest = held if self._min_age else None
                run.held, run.is_over = held, True
                self._run = None
                self._changed.notify_all()

    def _given(self, held: Held, user: Cuttable) -> Held:
        held.users.append(user)
        if held not in self._held:
            self._held.append(held)
        return held

    def _newest_if_full(self) -> Held | None:
        """None where there is room for one more, or is made: those who have not taken an old one in time
        are cut off. Else they keep theirs, and who comes shares the newest, which is not much older."""
        self._latest = None
        self._forget()
        if len(self._held) < MOST_HELD:
            return None
        oldest = min(self._held, key=lambda held: held.begun)
        if monotonic() - oldest.begun < PATIENCE:
            return max(self._held, key=lambda held: held.begun)
        self._held.remove(oldest)
        for user in oldest.users:
            user.cut("it takes an old reading too slowly, while others wait for new ones")
        return None

    def _forget(self) -> None:
        self._held = [held for held in self._held if held.users]
