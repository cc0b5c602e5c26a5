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
_PAUSE = 0.05  # between two attempts; a signal ends it


class TableLock:
    """The lock as a context: taken on the way in, given back on the way out.

    wait: seconds to wait for it; None: not at all, and where there can be no lock (a read-only /run) it goes
    without. missing: then, why. TableLocked: another has it, or, with wait, there can be none.
    """

    def __init__(self, session: Session, wait: float | None = None) -> None:
        if wait is not None and not 0 <= wait <= LONGEST:  # a NaN is not, either
            raise InvalidValue(f"seconds to wait are 0 to {LONGEST:.0f}, not {wait!r}")
        self.missing: str = ""
        self._session = session
        self._wait = wait
        self._held = HeldLock()

    def __enter__(self) -> TableLock:
        try:
            self._take()
        except BaseException:  # nobody calls __exit__ then
            self._held.release()
            raise
        return self

    def _take(self) -> None:
        end = time.monotonic() + (self._wait or 0)
        while True:
            code, holder = self._session.take_lock(self._held)
            if not code:
                return
            if code != errno.EWOULDBLOCK:
                self._go_without(code)
                return
            left = end - time.monotonic()
            if left <= 0:
                raise TableLocked(errno.EBUSY, _busy(holder, self._wait))
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
            raise TableLocked(code, f"{self.missing}; nothing was done")


def _busy(holder: str, wait: float | None) -> str:
    pid, _, name = holder.partition(" ")
    who = f"process {pid}" + (f" ({name})" if name else "") if pid else "another process"
    still = f" still, after {wait:g} s" if wait else ""
    return f"{who} is{still} replacing the table of this network namespace; nothing was done"
