"""`ipvsfast apply --drain SECONDS`: what is to be deleted gets the time for its connections to end."""

from __future__ import annotations

from ..errors import plural
from ..plans.apply import Applying
from .lock import wait_seconds
from .progress import for_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..drains.drain import Drained
    from ..kernel.session import Session
    from ..plans.plan import Plan
    from .drain_line import DrainLine


def drain_seconds(options: dict[str, str], verb: str = "apply") -> float | None:
    """The argument of --drain; UsageError (2) if it is none."""
    return wait_seconds(options["drain"].rpartition(",")[2], verb, "--drain") if "drain" in options else None


def drain_note(plan: Plan, options: dict[str, str]) -> str:
    """What --dry-run adds where something would be drained."""
    seconds = drain_seconds(options)
    if seconds is None:
        return ""
    from ..plans.apply_drain import deletions

    count = sum([1 if one.operation.destination else len(one.dropped) for one in deletions(plan)])
    if not count:
        return ""
    return f"; {count:,} {plural(count, 'destination')} would be drained first, for {seconds:g} s at most"


class ApplyLine:
    """Shows how an apply goes on: its operations, and the drain between them."""

    def __init__(self, session: Session, plan: Plan, seconds: float | None, quiet: bool) -> None:
        self._operations = for_terminal(len(plan), "operation", quiet)
        self._drain: DrainLine | None = None
        if seconds is not None:
            from .drain_line import DrainLine

            self._drain = DrainLine(session, seconds, quiet)

    def __call__(self, done: int) -> None:
        """So many operations were sent."""
        if self._drain is not None:
            self._drain.close()
        self._operations(done)

    def looked(self, account: Drained) -> None:
        """So far what is drained has come."""
        self._operations.close()
        if self._drain is not None:
            self._drain(account)

    def close(self) -> None:
        """Nothing of it stays."""
        self._operations.close()
        if self._drain is not None:
            self._drain.close()


def applying(session: Session, plan: Plan, seconds: float | None, line: ApplyLine) -> Applying:
    """What carries out the plan."""
    if seconds is None:
        return Applying(session, plan, line)
    from ..plans.apply_drain import DrainingApply

    return DrainingApply(session, plan, seconds, line, line.looked)
