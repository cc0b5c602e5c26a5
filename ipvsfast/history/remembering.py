"""The history around an apply: what is written of it, and what is said where that cannot be."""

from __future__ import annotations

from ..errors import StateError
from ..plans.account_text import no_way_back_text, stays_open_text
from .history import AwaitsConfirmation, History

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from ..kernel.session import Session
    from ..plans.plan import Plan
    from .history import OpenJournal
    from .journal import Journal


def interruption_text(journal: Journal) -> str:
    """What is said of an apply that was interrupted."""
    begun = f"{journal.title}, begun {journal.day} by {journal.who} (process {journal.who.pid})"
    added, edited, deleted = journal.planned
    had = f"it had {added:,} to add, {edited:,} to change, {deleted:,} to delete"
    how = "takes back what it did, to apply the same again brings the rest"
    if journal.undoes:
        how = "finishes it"
    return f"{begun}, was interrupted: {had}; `ipvsfast undo' {how}"


class Remembering:
    """The history around one apply. An apply that cannot be remembered is begun all the same, which is told
    (say); AwaitsConfirmation while another one awaits that. command: what it is called with."""

    def __init__(self, session: Session, command: str, say: Callable[[str], None]) -> None:
        self.session: Final[Session] = session
        self.command: Final[str] = command
        self._say = say
        self._problem: StateError | None = None
        self._interrupted: Journal | None = None
        self._journal: OpenJournal | None = None
        try:
            history = History(session)
            self._interrupted = history.unsettled()
            if self._interrupted is None:
                history.tidy()
                return
        except StateError as error:
            self.cannot(error)
            return
        if self._interrupted.may_lapse:
            raise AwaitsConfirmation(self._interrupted)
        say(interruption_text(self._interrupted))

    def cannot(self, error: StateError) -> None:
        """It cannot be remembered."""
        self._problem = error

    def begin(self, plan: Plan) -> OpenJournal | None:
        """The journal of what follows; None where there is nothing to do, or none can be."""
        if not len(plan):
            if self._interrupted is not None:
                self._interrupted.add("done", {})
            return None
        try:
            if self._problem is None:
                continues = 0 if self._interrupted is None else self._interrupted.number
                self._journal = self.begun(plan, History(self.session, make=True), continues)
        except StateError as error:
            self.cannot(error)
        if self._problem is not None:
            self._say(no_way_back_text(self._problem))
        return self._journal

    def begun(self, plan: Plan, history: History, continues: int) -> OpenJournal:
        """The journal of a plan. continues: the number of the apply that it goes on with."""
        return history.begin(plan, self.command, continues=continues)

    def end(self) -> None:
        """The apply is over, however that came."""
        if self._journal is not None and self._journal.problem is not None:
            self._say(stays_open_text(self._journal.problem))
