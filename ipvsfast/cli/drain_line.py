"""How a drain goes on, as somebody sees it who waits for it."""

from __future__ import annotations

import os
from time import monotonic

from ..drains.drain import connections_text
from ..errors import plural
from .output import complain
from .status_line import StatusLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..drains.drain import Drained
    from ..kernel.session import Session

_QUIESCENT = "net.ipv4.vs.expire_quiescent_template"


class DrainLine:
    """Says how a drain goes on: a line that is redrawn on a terminal, else one now and then."""

    def __init__(self, session: Session, timeout: float | None, quiet: bool) -> None:
        self._session = session
        self._quiet = quiet
        self._timeout = timeout
        self._end: float | None = None
        self._line = StatusLine(quiet)
        self._noted = False

    def __call__(self, account: Drained) -> None:
        self.notes(account)
        if self._end is None and self._timeout is not None:
            self._end = monotonic() + self._timeout
        if not account.left:
            return
        count = len(account.destinations)
        left = "" if self._end is None else f", {max(self._end - monotonic(), 0):.0f} s left"
        self._line.show(
            f"{count:,} {plural(count, 'destination')}, weight 0: {len(account.left):,} with "
            f"{connections_text(account.connections)}",
            left,
        )

    def notes(self, account: Drained) -> None:
        """What is to be said once."""
        if self._noted or self._quiet:
            return
        self._noted = True
        for text in account.unmet:
            complain(f"nothing is at {text}")
        if account.persistent:
            complain(_persistence_note(self._session, account))

    def close(self) -> None:
        """Nothing of the line stays."""
        self._line.close()


def _persistence_note(session: Session, account: Drained) -> str:
    count = len(account.destinations)
    of = (
        "it is"
        if count == 1
        else f"{account.persistent:,} of them {'is' if account.persistent == 1 else 'are'}"
    )
    value = _sysctl(session)
    what = "go on coming there" if value == "0" else "come elsewhere from now on"
    known = f"of a persistent service: clients that it knows {what}"
    return f"{of} {known} ({_QUIESCENT} is {value})" if value else f"{of} {known} unless {_QUIESCENT} is set"


def _sysctl(session: Session) -> str:
    fd = session.open_file(f"/proc/sys/{_QUIESCENT.replace('.', '/')}")
    if fd < 0:
        return ""
    try:
        return os.read(fd, 16).decode("ascii", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)
