"""One at a time: the lock of a network namespace, held while its table is replaced.

Two that replace the table at once would both report success and leave a mixture. The lock is advice: it
binds those who replace, not who reads, and not single changes. Its file is /run/ipvsfast/INODE.lock, INODE
being the number of the network namespace; it holds the process id and name of who has the lock, and stays.
"""

from __future__ import annotations

import errno
import os
import time

from ..errors import InvalidValue, TableLocked
from ..kernel.session import HeldLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.session import Session

LONGEST = 86400.0
PATIENCE = 10.0  # seconds
_PAUSE = 0.05  # between two attempts; a signal ends it


class TableLock:
    """The lock as a context: taken on the way in, given back on the way out.

    wait: seconds to wait for it; None: `patience`, and where there can be no lock (a read-only /run) it goes
    without. missing: then, why. TableLocked: another has it, or, with wait, there can be none. outcome: what
    that means for what was to be done.
    """

    def __init__(
        self, session: Session, wait: float | None = None, outcome: str = "nothing was done",
        patience: float = 0,
    ) -> None:  # fmt: skip
        if wait is not None and not 0 <= wait <= LONGEST:  # a NaN is not, either
            raise InvalidValue(f"seconds to wait are 0 to {LONGEST:.0f}, not {wait!r}")
        self.missing: str = ""
        self._session = session
        self._wait = wait
        self._seconds = patience if wait is None else wait
        self._outcome = outcome
        self._held = HeldLock()

    def __enter__(self) -> TableLock:
        try:
            self._take()
        except BaseException:  # nobody calls __exit__ then
            self._held.release()
            raise
        return self

    def _take(self) -> None:
        end = time.monotonic() + self._seconds
        while True:
            code, holder = self._session.take_lock(self._held)
            if not code:
                return
            if code != errno.EWOULDBLOCK:
                self._go_without(code)
                return
            left = end - time.monotonic()
            if left <= 0:
                raise TableLocked(errno.EBUSY, self._busy(holder))
            time.sleep(min(left, _PAUSE))

    def __exit__(self, *exc: object) -> None:
        self.release()

    def release(self) -> None:
        """Gives it back, if that was not done. For who catches what ended the block: Ctrl-C may have come in
        the middle of the way out, and then an exception that is kept keeps the lock."""
        self._held.release()

    def _go_without(self, code: int) -> None:
        self.missing = f"no lock in /run/ipvsfast: {os.strerror(code)}"
        if self._wait is not None:
            raise TableLocked(code, f"{self.missing}; {self._outcome}")

    def _busy(self, holder: str) -> str:
        pid, _, name = holder.partition(" ")
        who = f"process {pid}" + (f" ({name})" if name else "") if pid else "another process"
        still = f" still, after {self._seconds:g} s" if self._seconds else ""
        return f"{who} is{still} replacing the table of this network namespace; {self._outcome}"


class Moments:
    """The lock for the moments in which something is changed by what may last: nobody is kept out meanwhile.
    wait: as TableLock has it; None: PATIENCE, since others of the kind have it for moments too."""

    def __init__(self, session: Session, wait: float | None = None) -> None:
        self._session, self._wait = session, wait
        self._lock = self._another("nothing was done")
        self._later = False

    def _another(self, outcome: str) -> TableLock:
        return TableLock(self._session, self._wait, outcome, PATIENCE)

    @property
    def missing(self) -> str:
        """Why there can be no lock, or ""."""
        return self._lock.missing

    def __call__(self) -> TableLock:
        """The lock for the next one, to be entered."""
        if self._later:
            self._lock = self._another("the rest was not done")
        self._later = True
        return self._lock

    def release(self) -> None:
        """As that of the lock."""
        self._lock.release()
