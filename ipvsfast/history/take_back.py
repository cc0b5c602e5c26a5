"""The last apply is taken back: which one that is, by what plan, and what is written about it."""

from __future__ import annotations

from ..changes.lock import TableLock
from ..errors import StateError
from ..model.result import leave_with
from ..plans.apply import Applying, read_present
from ..plans.tags import come_back, gone
from .history import History, settle
from .journal import DONE
from .undo import NothingToUndo, Undo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from ..kernel.session import Session
    from ..plans.apply import Applied
    from .history import OpenJournal
    from .journal import Journal


class TakingBack:
    """The last apply, and the plan that takes it back. force: what others have changed since is changed back.

    An undo is an apply too: taken back, it brings again what it had taken back. One that was interrupted is
    finished instead. NothingToUndo, UndoMoved (see Undo).
    """

    def __init__(self, session: Session, history: History, force: bool = False) -> None:
        self._session, self._history = session, history
        found, self._continues = _last(history)
        self.journal: Final[Journal] = found
        if not force and not history.is_certain:
            text = "this kernel does not tell whether it was done here, or in an earlier network namespace"
            raise NothingToUndo(f"{text} of the same inode (force takes it back all the same)")
        self.plan: Final[Undo] = Undo(history.chain(self.journal), read_present(session), force)
        self.unwritten: StateError | None = None

    def begin(self, command: str, progress: Callable[[int], None] | None = None) -> Applying:
        """What carries the plan out, when its journal is written. unwritten: why that could not be."""
        journal: OpenJournal | None = None
        tag = self.journal.tag
        try:
            if tag:
                come_back(self._session, tag, self.plan.services_back())
            if len(self.plan):
                journal = self._history.begin(
                    self.plan, command, undoes=self.journal.number, continues=self._continues, tag=tag
                )
        except StateError as error:  # what was there before matters more
            self.unwritten = error
        self._number = 0 if journal is None else journal.journal.number
        work = Applying(self._session, self.plan, progress)
        work.journal = journal
        return work

    def end(self, applied: Applied) -> None:
        """Tells the journal of what was taken back."""
        if applied.ok:
            try:
                if self.journal.tag:
                    gone(self._session, self.journal.tag, self.plan.services_gone())
                unfinished = self._history.get(self._continues) if self._continues else None
                if unfinished is not None:  # the rest of it is done
                    unfinished.add(DONE, {})
                settle(self._history, self.journal, self._number or self._continues)
            except StateError as error:
                self.unwritten = error


def undo(
    session: Session, force: bool, wait: float | None, progress: Callable[[int], None] | None
) -> Applied:
    """Takes the last apply back, under the lock of the namespace; see Ipvs.undo()."""
    lock = TableLock(session, wait)
    try:
        with lock:
            taking = TakingBack(session, History(session), force)
            work = taking.begin(command_line(), progress)
            try:
                applied = work.carry_out()
            except BaseException as error:
                leave_with(error, applied=work.account(error))
            taking.end(applied)
            return applied
    except BaseException:
        lock.release()
        raise


def _last(history: History) -> tuple[Journal, int]:
    """What is to be taken back, and the number of the undo that had begun with it."""
    last = history.unsettled() or history.last()
    if last is None:
        earlier = history.earlier()
        if not earlier:
            raise NothingToUndo("no apply to this table is remembered")
        text = f"the last apply, {earlier[-1].title} on {earlier[-1].day}, was before this machine"
        raise NothingToUndo(f"{text} was started again, and its table is gone")
    if last.state == "undone":
        raise NothingToUndo(f"{last.title} was taken back already")
    if last.undoes and last.is_open:
        undone = history.get(last.undoes)
        if undone is not None:
            return undone, last.number
    return last, 0


def command_line(program: str = "") -> str:
    """What this process was called with, for a journal. program: instead of its first word."""
    import sys

    text = " ".join([program or sys.argv[0].rpartition("/")[2] or "python", *sys.argv[1:]])
    return text if len(text) <= 500 else f"{text[:497]}..."
