"""Deltas at fixed times: deadlines, lateness, threads of asyncio."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast import Deltas, InvalidValue
from ipvsfast.errors import IpvsUnavailable
from ipvsfast.stats import poller as module
from ipvsfast.stats.poller import next_deadline


class Clock:
    """Stands where time stands in the module; whoever sleeps is awake at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of the test alone."""
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


class Taken:
    """A snapshot that knows when it was taken; a delta is the pair."""

    def __init__(self, started: float) -> None:
        self.started = started

    def __sub__(self, other: "Taken") -> tuple[float, float]:
        return other.started, self.started


class Polls:
    """A poller whose poll takes as long as the clock says."""

    def __init__(self, clock: Clock, takes: Callable[[], float] = lambda: 0.0) -> None:
        self.clock, self.takes = clock, takes

    def poll(self) -> Taken:
        snapshot = Taken(self.clock.now)
        self.clock.now += self.takes()
        return snapshot


def test_no_drift(clock: Clock) -> None:
    """What a poll takes is no part of the interval."""
    deltas = Deltas(Polls(clock, lambda: 0.25), 1)
    assert [next(deltas) for _ in range(4)] == [(1000.0 + n, 1001.0 + n) for n in range(4)]
    assert clock.slept == [0.75] * 4
    assert deltas.skipped == 0


def test_late_polls_leave_deadlines_out(clock: Clock) -> None:
    """After a long pause the next poll is at the next deadline, and no burst follows."""
    deltas = Deltas(Polls(clock), 1)
    assert next(deltas) == (1000.0, 1001.0)
    clock.now += 3.5
    assert next(deltas) == (1001.0, 1005.0)
    assert deltas.skipped == 3
    assert next(deltas) == (1005.0, 1006.0)
    assert deltas.skipped == 3


def test_polls_longer_than_the_interval(clock: Clock) -> None:
    """Every other deadline is met."""
    deltas = Deltas(Polls(clock, lambda: 1.1), 1)
    assert [next(deltas)[1] for _ in range(3)] == [1002.0, 1004.0, 1006.0]


def test_an_error_ends_no_more_than_one_step(clock: Clock) -> None:
    """The delta after it goes from the last snapshot that was read."""
    down = [False]

    def takes() -> float:
        if down[0]:
            raise IpvsUnavailable(92)
        return 0.0

    deltas = Deltas(Polls(clock, takes), 1)
    assert next(deltas) == (1000.0, 1001.0)
    down[0] = True
    for _ in range(2):
        with pytest.raises(IpvsUnavailable):
            next(deltas)
    down[0] = False
    assert next(deltas) == (1001.0, 1004.0)


@given(
    st.floats(0, 1e9), st.floats(1e-3, 1e5), st.integers(0, 10**6), st.floats(0, 1e6)
)  # fmt: skip
def test_a_deadline_is_never_over_and_never_twice(
    start: float, interval: float, last: int, later: float
) -> None:
    """Whatever the numbers are, as long as the clock can tell the times apart."""
    now = start + later
    number = next_deadline(start, interval, last, now)
    assert number > last
    assert number == last + 1 or start + number * interval >= now - 1e-6
    assert number == last + 1 or start + (number - 1) * interval <= now + 1e-6


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "1", None, True])
def test_what_is_no_interval(clock: Clock, seconds: object) -> None:
    """Told when the loop is made, not when it runs."""
    with pytest.raises(InvalidValue, match="interval"):
        Deltas(Polls(clock), seconds)


class Waits(Polls):
    """A poll that lasts until it is let go, in a thread of its own; how many run at a time, and where."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.go = threading.Event()
        self.begun = threading.Event()
        self.threads: list[threading.Thread] = []

    def poll(self) -> Taken:
        self.threads.append(threading.current_thread())
        self.begun.set()
        assert self.go.wait(30)
        return super().poll()


def test_asyncio_reads_in_a_thread() -> None:
    """Other tasks run while the table is read."""

    async def run() -> None:
        polls = Waits()
        deltas = Deltas(polls, 0.001)
        task = asyncio.ensure_future(anext(deltas))
        while not polls.begun.is_set():
            await asyncio.sleep(0.001)
        assert not task.done()
        polls.go.set()
        assert await task == (1000.0, 1000.0)
        async for delta in deltas:
            assert delta == (1000.0, 1000.0)
            break
        assert threading.main_thread() not in polls.threads

    asyncio.run(run())


def test_a_cancelled_wait_does_no_harm() -> None:
    """Whether it is cancelled in the first reading, in a later one or between two, the loop can go on."""

    async def run() -> None:
        polls = Waits()
        deltas = Deltas(polls, 0.001)
        for first in (True, False):
            polls.go.clear()
            polls.begun.clear()
            task = asyncio.ensure_future(anext(deltas))
            while not polls.begun.is_set():
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            polls.go.set()
            if first:
                assert await anext(deltas) == (1000.0, 1000.0)
        waiting = Deltas(polls, 3600)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(waiting), 0.05)
        assert await anext(deltas) == (1000.0, 1000.0)

    asyncio.run(run())
