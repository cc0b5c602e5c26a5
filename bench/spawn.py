"""One whole process, timed from the moment before it is created until it has been waited for."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

NULL = Path("/dev/null")
# Often enough to add little to a run of seconds, seldom enough to leave the processor to the process.
POLL_SECONDS = 0.005
STATE = "IPVSFAST_STATE"  # where ipvsfast remembers its applies; "": where it always does


@dataclass(frozen=True)
class Command:
    """What to run. A daemon does not end: `until` says when its job is done, and ends the clock."""

    argv: tuple[str, ...]
    stdin: Path = NULL
    until: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Timing:
    """What one process took, in seconds.

    `cpu` is user plus system time as the kernel accounts it; None for a daemon, which is stopped with
    children that nobody has waited for, and whose time is therefore not accounted.
    """

    wall: float
    cpu: float | None
    status: int


class Overdue(Exception):
    """The process did not end (or a daemon did not finish its job) before its deadline."""


def environment() -> Mapping[str, str]:
    """Fixed, so that a locale or a PYTHON* variable of whoever runs the bench changes no figure."""
    path, home = os.environ.get("PATH", os.defpath), os.environ.get("HOME", "/")
    return {"PATH": path, "HOME": home, "LANG": "C.UTF-8", STATE: os.environ.get(STATE, "")}


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    def overdue(_signal: int, _frame: FrameType | None) -> None:
        raise Overdue(f"not done after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _wait_until(pid: int, done: Callable[[], bool], start: float) -> Timing:
    while not done():
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            # A daemon that ends has failed, whatever status it gives.
            return Timing(time.perf_counter() - start, None, os.waitstatus_to_exitcode(status) or 1)
        time.sleep(POLL_SECONDS)
    wall = time.perf_counter() - start
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return Timing(wall, None, 0)


def run(command: Command, stdout: Path, stderr: Path, seconds: float) -> Timing:
    """Run `command` once. Raises Overdue after `seconds`; the process is gone then."""
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, str(command.stdin), os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(stdout), write, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, str(stderr), write, 0o600),
    ]
    argv, environ = command.argv, environment()
    pid = 0
    try:
        with _deadline(seconds):
            start = time.perf_counter()
            # Its own process group, so that a daemon's children can be ended with it.
            pid = os.posix_spawn(argv[0], argv, environ, file_actions=actions, setpgroup=0)
            if command.until is not None:
                return _wait_until(pid, command.until, start)
            _, status, usage = os.wait4(pid, 0)
            wall = time.perf_counter() - start
    except BaseException:
        # Its group is its own, so a Ctrl-C does not reach it; and a deadline leaves it running.
        if pid:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        raise
    return Timing(wall, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status))
