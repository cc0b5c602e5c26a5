"""What is said on the terminal while the connection table is read."""

from __future__ import annotations

import os

from ..errors import IpvsError, plural
from .output import ExitWith, complain
from .progress import for_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..connections.table import Connections, Pace
    from .context import Context

_LONG = 1.0  # seconds that a reading has to take before its cost is worth a word


class ConnProgress:
    """A progress line, and once a word of warning where reading gets slower as it goes on.

    streamed: rows go to standard output; if that is a terminal too, the line would be in their way.
    """

    def __init__(self, context: Context, streamed: bool, quiet: bool, advice: str) -> None:
        self._context = context
        self._advice = advice
        self._terminal = os.isatty(2) and not quiet
        self._line = for_terminal(0, "connection", quiet or (streamed and os.isatty(1)))
        self._told = False
        self._asked = False
        self.table: Connections | None = None

    def __call__(self, pace: Pace) -> None:
        """Called about every 50 ms."""
        if not self._line.due():
            return
        if not self._asked:  # once: the answer takes a dump of the table, or a walk by the kernel
            self._asked = True
            self._line.total = self._expected()
        total = max(self._line.total, pace.rows)
        left = pace.seconds_left(total)
        if pace.quadratic and self._terminal and not self._told and pace.seconds + left > _LONG:
            self._told = True
            self._line.close()
            complain(self._warning(total, pace.seconds + left))
        self._line(pace.rows, left)

    def close(self) -> None:
        self._line.close()

    def _expected(self) -> int:
        """How many entries there are: what the kernel counts, or the sum over all destinations."""
        status = self.table.status() if self.table else None
        if status is not None and status.entries is not None:
            return status.entries
        try:
            table = self._context.ipvs.table()
        except (IpvsError, ExitWith):
            return 0
        return sum(d.active + d.inactive + d.persistent for _, dests in table for d in dests)

    def _warning(self, total: int, seconds: float) -> str:
        text = "this kernel reads its connection table more slowly the further it comes (Linux before 6.14)"
        if self._line.total:
            text += f": about {total:,} {plural(total, 'connection')} will take {_duration(seconds)}"
        return f"{text}; {self._advice}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.0f} h"
