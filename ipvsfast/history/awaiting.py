"""An apply that is taken back unless somebody confirms it in time: the process that waits for that.

It has left its caller's session, terminal, folder and files behind, so it outlives all of them, and who
waits for the end of the caller's output does not wait for it. Where systemd runs, it has a scope of its own:
the end of a login or of a service does not end it either. Time is that of CLOCK_BOOTTIME, which nobody sets.
SIGTERM makes it take the apply back at once.
"""

from __future__ import annotations

import errno
import os
import sys

from ..errors import InvalidValue, IpvsError, StateError
from .journal import process_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..kernel.session import Session
    from ..plans.plan import Plan
    from .history import History, OpenJournal
    from .journal import Journal

LONGEST = 86400.0
READY_SECONDS = 20  # for the process to say that it waits
ATTEMPTS = 20  # to take it back, where the table keeps changing
_CODE = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given.pop('path'); "
    f"from {__name__} import main; main(**given)"
)
_SYSTEMD = "/run/systemd/system"  # there is one where systemd is the first process


def check_seconds(seconds: float) -> float:
    """Seconds in which to confirm; InvalidValue for what are none."""
    if not 1 <= seconds <= LONGEST:
        raise InvalidValue(f"seconds to confirm are 1 to {LONGEST:.0f}, not {seconds!r}")
    return seconds


class Helper:
    """Starts the process for a journal. It counts the time from when `release` is called, or this one ends.
    StateError where it cannot be started."""

    def __init__(self, session: Session, history: History, journal: OpenJournal) -> None:
        self._fd: int = -1
        netns = session.open_file("/proc/thread-self/ns/net")
        if netns < 0:
            raise StateError(-netns, f"cannot open the network namespace: {os.strerror(-netns)}")
        try:
            pid = 0
            for prefix in _prefixes(journal.journal.number):
                pid = self._start(prefix, netns, journal.journal.path)
                if pid:
                    break
        finally:
            os.close(netns)
        if not pid:
            raise StateError(errno.ECHILD, "cannot start the process that would take it back")
        journal.helper = pid, process_start(pid)

    def _start(self, prefix: list[str], netns: int, path: str) -> int:
        """Its process id, 0 if it does not come up."""
        import json
        import select
        import subprocess

        ready, tell = os.pipe()
        over, hold = os.pipe()
        what = {
            "path": [one for one in sys.path if one],
            "journal": path,
            "netns": netns,
            "ready": tell,
            "over": over,
        }
        argv = [*prefix, sys.executable, "-I", "-c", _CODE, json.dumps(what)]
        null = subprocess.DEVNULL
        pid = 0
        try:
            with subprocess.Popen(
                argv, stdin=null, stdout=null, stderr=null, cwd="/", start_new_session=True,
                pass_fds=(tell, over, netns),
            ) as process:  # fmt: skip
                os.close(tell)
                tell = -1
                if select.select([ready], [], [], READY_SECONDS)[0]:
                    pid = int(os.read(ready, 20) or b"0")
                if not pid:
                    process.kill()
        except OSError:
            pass
        finally:
            for fd in (ready, tell, over, *(() if pid else (hold,))):
                if fd >= 0:
                    os.close(fd)
        if pid:
            self._fd = hold
        return pid

    def release(self) -> None:
        """What was to be done is done: the time begins."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _prefixes(number: int) -> list[list[str]]:
    from shutil import which

    run = which("systemd-run", path=os.defpath + ":/usr/sbin:/sbin") if os.path.isdir(_SYSTEMD) else None
    if run is None:
        return [[]]
    unit = f"--unit=ipvsfast-confirm-{number}-{os.getpid()}"
    return [[run, "--scope", "--quiet", "--collect", unit, "--"], []]


def main(journal: str, netns: int, ready: int, over: int) -> None:
    """The process itself."""
    import signal

    ignored = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTSTP, signal.SIGUSR2)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    # Those that are waited for, and nothing else, are blocked.
    signal.pthread_sigmask(signal.SIG_SETMASK, _Waiting.SIGNALS)
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    _be_seen()
    from ..kernel.session import Session

    waiting = _Waiting(Session(f"/proc/self/fd/{netns}"), journal)
    os.close(netns)
    os.write(ready, str(os.getpid()).encode())
    os.close(ready)
    waiting.until_released(over)
    if waiting.until_due():
        waiting.take_back()


def _be_seen() -> None:
    try:
        with open("/proc/self/comm", "w") as file:
            file.write("ipvsfast-wait")
    except OSError:
        pass


class _Waiting:
    """The waiting, and what comes at its end."""

    import _signal as _numbers  # type: ignore[import-not-found]  # the public module would import enum

    SIGNALS: Final = (_numbers.SIGTERM, _numbers.SIGUSR1)

    def __init__(self, session: Session, path: str) -> None:
        import syslog

        # What is needed later is loaded now: the program may be replaced meanwhile.
        from ..changes import lock  # noqa: F401
        from . import take_back  # noqa: F401
        from .history import History

        self._session = session
        self._history = History(session)
        self._number = int(path.rpartition("-")[2])
        self._seconds = self._journal().confirm_within
        self._until = _now() + self._seconds
        self._ended = False
        syslog.openlog("ipvsfast", syslog.LOG_PID, syslog.LOG_DAEMON)

    def _journal(self) -> Journal:
        found = self._history.get(self._number)
        if found is None:
            raise StateError(errno.ENOENT, "its journal is gone")
        return found

    def until_released(self, over: int) -> None:
        """Waits for the end of the apply: the other end of this pipe is closed, however that comes."""
        import select

        while not select.select([over], [], [], 3600)[0]:
            pass
        os.close(over)
        self._until = _now() + self._seconds

    def until_due(self) -> bool:
        """Waits; whether it is to be taken back."""
        import signal

        while self._waits():
            left = self._until - _now()
            if left <= 0 or self._ended:
                return True
            # One that is told looks at once; in any case it looks every second.
            came = signal.sigtimedwait(self.SIGNALS, min(left, 1.0))
            self._ended = came is not None and came.si_signo == signal.SIGTERM
        return False

    def _waits(self) -> bool:
        try:
            return self._journal().may_lapse
        except StateError as error:
            self._log(f"cannot tell whether apply {self._number} was confirmed: {error}", bad=True)
            return False

    def _log(self, text: str, bad: bool = False) -> None:
        import syslog

        syslog.syslog(syslog.LOG_ERR if bad else syslog.LOG_NOTICE, text)

    def take_back(self) -> None:
        """The undo, which is told to the system's log."""
        import time

        from ..changes.lock import LONGEST as LONGEST_WAIT
        from ..changes.lock import TableLock
        from ..errors import KernelError

        title = self._journal().title
        why = (
            "the process that waits for it was told to end"
            if self._ended
            else f"it was not confirmed in {self._seconds:g} s"
        )
        for attempt in range(ATTEMPTS):
            try:
                with TableLock(self._session, self._wait(LONGEST_WAIT)):
                    if self._waits():
                        self._take_back_now(title, why)
                return
            except KernelError as error:
                if attempt == ATTEMPTS - 1:
                    self._log(f"{title} could not be taken back: {error}", bad=True)
                time.sleep(0.5)
            except IpvsError as error:
                self._log(f"{title} could not be taken back: {error}", bad=True)
                return

    def _wait(self, seconds: float) -> float | None:
        """How long it waits for the lock; None where there can be none."""
        from ..kernel.session import HeldLock

        held = HeldLock()
        code, _ = self._session.take_lock(held)
        held.release()
        return seconds if code in (0, errno.EWOULDBLOCK) else None

    def _take_back_now(self, title: str, why: str) -> None:
        from ..plans.apply import read_present
        from .take_back import TakingBack

        taking = TakingBack(self._session, self._history, force=True)
        moved = taking.plan.moved(read_present(self._session))
        applied = taking.begin(f"{title}: {why}").carry_out()
        taking.end(applied)
        if moved:
            self._log(
                f"{title}: others had changed meanwhile, and it is changed back: {'; '.join(moved[:5])}"
            )
        for change, code in applied.refused:
            from ..plans.apply import refusal_text

            self._log(f"{title}: {refusal_text(change, code)}", bad=True)
        what = "is taken back" if applied.ok else "could not be taken back as a whole"
        self._log(f"{title} {what}, as {why}: {applied}", bad=not applied.ok)


def _now() -> float:
    from time import CLOCK_BOOTTIME, clock_gettime

    return clock_gettime(CLOCK_BOOTTIME)


def awaited(session: Session, history: History, journal: OpenJournal) -> Helper:
    """The helper of a journal that was begun just now; if it cannot be, the journal is closed."""
    try:
        return Helper(session, history, journal)
    except BaseException:
        journal.journal.add("undone", {"by": 0})
        raise


class Remembered:
    """The journal of an apply, as a context around it; None where there is nothing to do, or it is not to be
    remembered. seconds: in which it is to be confirmed; 0: it need not be. AwaitsConfirmation, StateError."""

    def __init__(self, session: Session, plan: Plan, remember: bool, seconds: float) -> None:
        self._session, self._plan = session, plan
        self._seconds = check_seconds(seconds) if seconds else 0.0
        self._remember = remember or bool(seconds)
        self._helper: Helper | None = None

    def __enter__(self) -> OpenJournal | None:
        from .history import AwaitsConfirmation, History
        from .take_back import command_line

        if not self._remember or not len(self._plan):
            return None
        history = History(self._session, make=True)
        unsettled = history.unsettled()
        if unsettled is not None and unsettled.may_lapse:
            raise AwaitsConfirmation(unsettled)
        journal = history.begin(
            self._plan, command_line(), continues=0 if unsettled is None else unsettled.number,
            confirm_within=self._seconds,
        )  # fmt: skip
        if self._seconds:
            self._helper = awaited(self._session, history, journal)
        return journal

    def __exit__(self, *exc: object) -> None:
        if self._helper is not None:
            self._helper.release()
