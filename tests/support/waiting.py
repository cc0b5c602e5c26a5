"""Commands that wait for something, and a clock for what waits."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ipvsfast.changes.clock import Clock
from support.command import program


class Jumping(Clock):
    """A clock whose waiting takes no time. arrived: called with each moment that it comes to."""

    def __init__(self, arrived: Callable[[float], None] = lambda moment: None) -> None:
        self._now = 1000.0
        self._arrived = arrived
        self.moments: list[float] = []

    def now(self) -> float:
        return self._now

    def wait_until(self, moment: float) -> None:
        self._now = max(self._now, moment)
        self.moments.append(round(moment - 1000.0, 6))
        self._arrived(self.moments[-1])

    def lose(self, seconds: float) -> None:
        """Something takes so long."""
        self._now += seconds


class Waiting:
    """A command that has not ended. said: its messages so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []

    def until(self, text: str) -> None:
        """Returns when a message holds the text."""
        assert self.process.stderr is not None
        while text not in (self.said or [""])[-1]:
            line = self.process.stderr.readline()
            assert line, f"it ended with {self.process.wait(60)}: {self.said}"
            self.said.append(line)

    def end(self) -> tuple[int, str, str]:
        """Status, output and the messages that were not read, when it has ended."""
        out, err = self.process.communicate(timeout=100)
        return self.process.returncode, out, err


@contextmanager
def waiting(*argv: str) -> Iterator[Waiting]:
    """The command with these arguments while it runs."""
    with subprocess.Popen(
        [program(), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Waiting(process)
        finally:
            process.kill()
