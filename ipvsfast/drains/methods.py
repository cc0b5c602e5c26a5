"""What class Ipvs has for taking destinations out and in."""

from __future__ import annotations

from ..model.result import leave_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..kernel.session import Session
    from ..model.table_filter import TableFilter
    from .drain import Drained
    from .ramp import Ramped
    from .undrain import Undrained


class WeightMethods:
    """Methods of Ipvs; see there."""

    _session: Session

    def drain(
        self,
        targets: TableFilter | Iterable[TableFilter],
        *,
        timeout: float | None = None,
        wait: bool = True,
        delete: bool = False,
        force: bool = False,
        lock_wait: float | None = None,
        progress: Callable[[Drained], None] | None = None,
    ) -> Drained:
        """Give all destinations that the filters mean the weight 0, and wait until they have no connection,
        active, inactive or persistent, any more; an account of what became of each.

        Their weights are remembered for undrain(); draining again goes on. timeout: wait so many seconds at
        most, None: without an end; wait=False: not at all. delete: those without connections are deleted
        then; force: when the time is over, those with some too. InvalidValue, with nothing done, where there
        is no such destination; StateError where weights cannot be remembered. lock_wait: seconds to wait for
        another that replaces the table, 10 by default, then TableLocked; the lock is held for moments only.
        progress: called with the account so far at each look. Whatever exception leaves it
        after that has the account as `drained`.
        """
        from .chosen import Targets
        from .drain import Draining

        work = Draining(
            self._session, Targets(targets), timeout=timeout, wait=wait, delete=delete, force=force,
            progress=progress, lock_wait=lock_wait,
        )  # fmt: skip
        try:
            return work.carry_out()
        except BaseException as error:
            if not work.begun:
                raise
            leave_with(error, drained=work.account(error))

    def undrain(
        self,
        targets: TableFilter | Iterable[TableFilter] | None = None,
        *,
        force: bool = False,
        lock_wait: float | None = None,
    ) -> Undrained:
        """Give destinations that were drained the weights that they had; None: all that were.

        One whose weight another program has set meanwhile keeps it, unless force. InvalidValue if nothing
        is remembered of those that are meant. lock_wait: as that of drain().
        """
        from .chosen import Targets
        from .undrain import undrain

        meant = Targets(targets) if targets is not None else None
        return undrain(self._session, meant, force=force, wait=lock_wait)

    def set_weights(
        self,
        targets: TableFilter | Iterable[TableFilter],
        weight: int,
        *,
        over: float = 0,
        steps: int | None = None,
        lock_wait: float | None = None,
        progress: Callable[[Ramped], None] | None = None,
    ) -> Ramped:
        """Give all destinations that the filters mean a weight, all at once or in steps; what became of each.

        over: seconds that the way there takes. steps: how many (default: one a second, or one for each
        weight in between if these are fewer). One whose weight another program sets meanwhile is left as it
        is then. InvalidValue, with nothing done, where there is no such destination. lock_wait: as that of
        drain(); the lock is held for each step. progress: called with
        the account so far after each step. Whatever exception leaves it has the account as `ramped`.
        """
        from .chosen import Targets
        from .ramp import Ramp

        work = Ramp(
            self._session, Targets(targets), weight, over=over, steps=steps, progress=progress,
            lock_wait=lock_wait,
        )  # fmt: skip
        try:
            return work.carry_out()
        except BaseException as error:
            if not work.begun:
                raise
            leave_with(error, ramped=work.account(error))
