"""The account of an apply that the native front has begun and cannot tell: csrc/front/apply.c."""

from __future__ import annotations

from ..errors import StateError
from ..history.history import History, OpenJournal
from ..kernel.layout import OP_SIZE
from ..kernel.session import exchange_error
from ..kernel.table_reading import reading_of
from ..model.settings import Timeouts
from ..plans.account_text import stays_open_text
from ..plans.apply import Applying
from ..plans.plan import How, Plan, TableState
from ..plans.wanted import Wanted
from .output import ExitWith, complain
from .progress import for_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.session import Session
    from ..plans.apply import Applied
    from .context import Context
    from .done import Done


class _Sent(Applying):
    """A plan that was sent, with the results that there are."""

    def __init__(self, session: Session, plan: Plan, done: Done) -> None:
        super().__init__(session, plan)
        self._results = done.results
        self._done = done

    def carry_out(self) -> Applied:
        """Nothing is sent again."""
        if self._done.interrupted:
            raise self._done.interruption()
        if self._done.error:
            raise exchange_error(self._done.error)
        return self.account()


def tell(context: Context, done: Done, source: str, quiet: bool) -> int:
    """What became of it; the exit status."""
    from .apply import carry_out

    if not done.text:
        done_of = f"{done.count:,} of {len(done.results):,} operations were carried out"
        raise ExitWith(1, f"out of memory; {done_of}, `ipvsfast diff' shows what is left")
    none = Timeouts._make(0, 0, 0)
    end = done.line * OP_SIZE
    wanted = Wanted(source, None, bytearray(memoryview(done.text)[:end]), none, [])
    present = TableState(reading_of(done.text[end:]), none, [])
    work = _Sent(context.ipvs.session, Plan(wanted, present, How()), done)
    work.journal = _journal(context, done.size)
    try:
        return carry_out(work, for_terminal(0, "operation", True), quiet)
    finally:
        if work.journal is not None and work.journal.problem is not None:
            complain(stays_open_text(work.journal.problem))


def _journal(context: Context, number: int) -> OpenJournal | None:
    try:
        found = History(context.ipvs.session).get(number) if number else None
    except StateError:
        found = None
    return None if found is None else OpenJournal(found)
