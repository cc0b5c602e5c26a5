"""The two programs, run in the current namespace: theirs as a process, ours forked or as a process."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import NamedTuple

THEIRS = "/usr/sbin/ipvsadm"
SECONDS = 180


class Result(NamedTuple):
    """What a run left behind. status: the exit status, or minus the number of the signal."""

    status: int
    stdout: bytes
    stderr: bytes
    seconds: float


class Run(NamedTuple):
    """What to run. program: argv[0]. stdout: a path to write to instead of what is read back.

    environment: in addition to what there is. uid: drop to this user first. seconds: it is killed then.
    """

    argv: tuple[str, ...]
    stdin: bytes = b""
    program: str = "ipvsadm"
    stdout: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    uid: int = 0
    seconds: int = SECONDS


class _Files:
    """Standard input, output and error of one run, in memory: nothing can block on them."""

    def __init__(self, run: Run) -> None:
        self.fds = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
        os.write(self.fds[0], run.stdin)
        os.lseek(self.fds[0], 0, os.SEEK_SET)
        if run.stdout:
            os.close(self.fds[1])
            self.fds[1] = os.open(run.stdout, os.O_WRONLY | os.O_CLOEXEC)

    def take(self, run: Run, fd: int) -> bytes:
        if fd == 1 and run.stdout:
            return b""
        size = os.fstat(self.fds[fd]).st_size
        return os.pread(self.fds[fd], size, 0)

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


def run_file(path: str, run: Run) -> Result:
    """Runs the program at `path` as a process."""
    return _child(run, lambda: _exec(path, run), fork=bool(run.uid), path=path)


def run_ours(run: Run) -> Result:
    """Runs ipvsfast in a forked copy of this process, which has it loaded already."""
    return _child(run, lambda: _main(run), fork=True)


def run_ours_here(run: Run) -> Result:
    """Runs ipvsfast in this very process: quicker, and nothing may be left over from run to run."""
    files = _Files(run)
    saved = [os.dup(fd) for fd in (0, 1, 2)]
    before = signal.signal(signal.SIGALRM, _too_long)
    start = time.monotonic()
    try:
        for fd in (0, 1, 2):
            os.dup2(files.fds[fd], fd)
        signal.alarm(SECONDS)
        status = _main_status(run)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        for fd in (0, 1, 2):
            os.dup2(saved[fd], fd)
            os.close(saved[fd])
        taken = [files.take(run, fd) for fd in (1, 2)]
        files.close()
    return Result(status, *taken, time.monotonic() - start)


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"ipvsfast has run for {SECONDS} s")


def _main_status(run: Run) -> int:
    from ipvsfast.cli.main import main

    return main(list(run.argv), run.program)


def _main(run: Run) -> None:
    from ipvsfast.cli.output import leave

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    leave(_main_status(run))


def _exec(path: str, run: Run) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execve(path, [run.program, *run.argv], os.environ)


def _child(run: Run, body: object, fork: bool, path: str = "") -> Result:
    files = _Files(run)
    start = time.monotonic()
    try:
        if fork:
            pid = _forked(files, run, body)
        else:
            actions = [(os.POSIX_SPAWN_DUP2, files.fds[fd], fd) for fd in (0, 1, 2)]
            environment = {**os.environ, **dict(run.environment)}
            # Python ignores these; whoever runs a command does not.
            usual = [signal.SIGPIPE, signal.SIGXFSZ]
            words = [run.program, *run.argv]
            pid = os.posix_spawn(path, words, environment, file_actions=actions, setsigdef=usual)
        status = os.waitstatus_to_exitcode(_wait(pid, run))
        return Result(status, files.take(run, 1), files.take(run, 2), time.monotonic() - start)
    finally:
        files.close()


def _forked(files: _Files, run: Run, body: object) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        for fd in (0, 1, 2):
            os.dup2(files.fds[fd], fd)
        os.environ.update(run.environment)
        if run.uid:
            os.setgroups([])
            os.setresgid(run.uid, run.uid, run.uid)
            os.setresuid(run.uid, run.uid, run.uid)
        body()  # type: ignore[operator]
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        sys.exc_info()
        os._exit(99)


def _wait(pid: int, run: Run) -> int:
    """Waits for the child, which is killed if it takes too long."""

    def kill(number: int, frame: object) -> None:
        os.kill(pid, signal.SIGKILL)

    before = signal.signal(signal.SIGALRM, kill)
    signal.alarm(run.seconds)
    try:
        return os.waitpid(pid, 0)[1]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
