"""A plan whose deletions wait: what is to go gets weight 0 first, until its connections are gone."""

from __future__ import annotations

from ..changes.state_folder import state_folder
from ..drains.chosen import picked, read_chosen
from ..drains.drain import Emptying, check_seconds
from ..drains.remembered import forget, remember
from ..errors import IpvsError
from .apply import Applying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from ..changes.clock import Clock
    from ..drains.drain import Drained, OnLook
    from ..kernel.session import Session
    from ..model.keys import DestinationKey, ServiceKey
    from .apply import Applied
    from .plan import Change, Plan


def deletions(plan: Plan) -> Iterator[Change]:
    """Those of a plan that delete what is not wanted."""
    for at in range(plan.deletions_from, len(plan)):
        change = plan[at]
        if change.action == "delete":
            yield change


class _All:
    """Every destination, also one that is added meanwhile."""

    def __contains__(self, key: object) -> bool:
        return True


class DrainingApply(Applying):
    """Applies a plan; between its additions and edits, which are done at once, and its deletions it drains
    what these delete, for so many seconds at most. The weights from before are remembered until it is
    deleted. looked: called with the account of the drain at each look."""

    def __init__(
        self,
        session: Session,
        plan: Plan,
        seconds: float,
        progress: Callable[[int], None] | None = None,
        looked: OnLook | None = None,
        clock: Clock | None = None,
    ) -> None:
        check_seconds("drain", seconds)
        state_folder(session)  # what cannot be remembered is not begun
        super().__init__(session, plan, progress)
        self._seconds, self._looked, self._clock = seconds, looked, clock
        self._work: Emptying | None = None

    def _before_deletions(self) -> None:
        whole: dict[ServiceKey, Container[DestinationKey]] = {}
        some: dict[ServiceKey, set[DestinationKey]] = {}
        for change in deletions(self.plan):
            op = change.operation
            service: ServiceKey = op.service  # type: ignore[assignment]  # deletions have keys
            if op.destination is None:
                whole[service] = _All()
            else:
                some.setdefault(service, set()).add(op.destination)  # type: ignore[arg-type]  # as above
        wanted = {**some, **whole}
        entries = read_chosen(self._session, picked(wanted)) if wanted else []
        if not entries:
            return
        weights = remember(self._session, entries)
        self._work = work = Emptying(self._session, entries, self._clock)
        work.before(weights)
        work.set_zero()
        work.wait(self._seconds, self._told)

    def _told(self) -> None:
        if self._looked is not None and self._work is not None:
            self._looked(self._work.account([]))

    def account(self, ended: BaseException | None = None) -> Applied:
        """What was done so far. ended: the exception that ended it."""
        account = super().account(ended)
        account.drained = self._drained()
        return account

    def _drained(self) -> Drained | None:
        """What became of what was drained: a look afterwards tells which of it was deleted."""
        if self._work is None:
            return None
        try:
            self._work.look_for_deleted()
            forget(self._session, self._work.names("deleted", "gone"))
        except IpvsError:
            pass
        return self._work.account([])
