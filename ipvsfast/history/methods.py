"""Methods of Ipvs that take applies back; see there."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..kernel.session import Session
    from ..plans.apply import Applied
    from .journal import Journal
    from .undo import Undo


class HistoryMethods:
    """Methods of Ipvs; see there."""

    _session: Session

    def undo_plan(self, *, force: bool = False) -> Undo:
        """What would take the last apply back that was remembered; nothing is done. NothingToUndo if there is
        none; UndoMoved, unless force, if others have changed since what it touched."""
        from .history import History
        from .take_back import TakingBack

        return TakingBack(self._session, History(self._session), force).plan

    def undo(
        self, *, force: bool = False, wait: float | None = None, progress: Callable[[int], None] | None = None
    ) -> Applied:
        """Take the last apply back that was remembered, and look at the table again; an account of what was
        done. It is remembered too: taken back, it brings again what it took away. NothingToUndo and UndoMoved
        as by undo_plan(); wait, progress and what leaves it as with apply_plan()."""
        from .take_back import undo

        return undo(self._session, force, wait, progress)

    def history(self) -> list[Journal]:
        """The applies to the table of this network namespace that are remembered, the oldest first."""
        from .history import History

        return History(self._session).all()

    def confirm(self, *, wait: float | None = None) -> Journal:
        """Keep what apply_plan(confirm_within=...) did; NothingToConfirm if nothing awaits that."""
        from ..changes.lock import TableLock
        from .history import History, confirm

        with TableLock(self._session, wait):
            return confirm(History(self._session))
