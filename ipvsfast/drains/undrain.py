"""Destinations that were drained get the weights back that they had."""

from __future__ import annotations

from ..changes.lock import Moments
from ..errors import InvalidValue, StateError, plural
from .chosen import read_again, read_chosen, send_all
from .drain import GONE
from .remembered import forget, remembered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from ..kernel.session import Session
    from ..model.keys import DestinationKey, ServiceKey
    from ..model.types import UndrainState
    from .chosen import Name, Targets
    from .remembered import Weights


class UndrainedDestination:
    """What became of one destination. state: "restored"; "changed": it has a weight that another program has
    set, and keeps it; "gone": it is not there any more; "refused": the kernel refused, `errno` says why.
    before: its weight before the drain. weight: the one that it has now."""

    __slots__ = ("service", "destination", "state", "before", "weight", "errno")

    def __init__(self, name: Name, state: UndrainState, before: int, weight: int, code: int = 0) -> None:
        self.service: Final[ServiceKey] = name[0]
        self.destination: Final[DestinationKey] = name[1]
        self.state: Final[UndrainState] = state
        self.before: Final[int] = before
        self.weight: Final[int] = weight
        self.errno: Final[int] = code

    def to_dict(self) -> dict[str, Any]:
        """All of that; service and destination as their to_dict() has them."""
        keys = {"service": self.service.to_dict(), "destination": self.destination.to_dict()}
        return {**keys, **{name: getattr(self, name) for name in ("state", "before", "weight", "errno")}}

    def __str__(self) -> str:
        return f"{self.service} {self.destination}"

    def __repr__(self) -> str:
        return f"<UndrainedDestination {self}: {self.state}>"


class Undrained:
    """The account. destinations: what became of each that was remembered. unknown: `TCP 10.0.0.1:80
    10.1.0.7:80` of those that were meant too, have weight 0, and of which nothing is remembered."""

    __slots__ = ("destinations", "unknown")

    def __init__(self, destinations: list[UndrainedDestination], unknown: list[str]) -> None:
        self.destinations: Final[list[UndrainedDestination]] = destinations
        self.unknown: Final[list[str]] = unknown

    def those(self, *states: UndrainState) -> list[UndrainedDestination]:
        """The destinations in these states."""
        return [one for one in self.destinations if one.state in states]

    @property
    def ok(self) -> bool:
        """Whether all that was meant has the weight that it had."""
        return not self.unknown and all(one.state == "restored" for one in self.destinations)

    def to_dict(self) -> dict[str, Any]:
        """ok, how many destinations are in each state, the destinations, and the unknown ones."""
        counts = {
            name: sum([one.state == name for one in self.destinations])
            for name in ("restored", "changed", "gone", "refused")
        }
        rows = [one.to_dict() for one in self.destinations]
        return {"ok": self.ok, **counts, "destinations": rows, "unknown": self.unknown}

    def __str__(self) -> str:
        count, done = len(self.destinations), len(self.those("restored"))
        of = "" if done == count else f" of {count:,}"
        return f"{done:,}{of} {plural(count, 'destination')} with the weight from before"

    def __repr__(self) -> str:
        return f"<Undrained {self}>"


def undrain(
    session: Session, targets: Targets | None, *, force: bool = False, wait: float | None = None
) -> Undrained:
    """What is remembered of destinations that are meant (None: all of it) is in force again, and forgotten.
    force: also where another program has set a weight meanwhile. wait: for the lock. InvalidValue if nothing
    is remembered, TableLocked."""
    locks = Moments(session, wait)
    try:
        with locks():
            weights, rows = _undrain(session, targets, force)
    except BaseException:
        locks.release()
        raise
    return Undrained(rows, _unknown(session, weights, targets) if targets is not None else [])


def _undrain(
    session: Session, targets: Targets | None, force: bool
) -> tuple[Weights, list[UndrainedDestination]]:
    weights = {
        name: weight
        for name, weight in remembered(session).items()
        if targets is None or _meant(targets, *name)
    }
    if not weights:
        meant = "of no such destination a weight" if targets is not None else "no weight"
        raise InvalidValue(f"{meant} is remembered in this network namespace; nothing was done")
    rows = _set_back(session, weights, force)
    try:
        forget(session, [(one.service, one.destination) for one in rows if one.state in ("restored", "gone")])
    except StateError:
        pass  # the weights are back; another undrain finds them as they should be
    return weights, rows


def _meant(targets: Targets, service: ServiceKey, destination: DestinationKey) -> bool:
    of_it = targets.mean(service)
    return of_it is not None and of_it(destination)


def _set_back(session: Session, weights: Weights, force: bool) -> list[UndrainedDestination]:
    now = read_again(session, weights)
    todo = [name for name in weights if name in now and now[name].weight != weights[name]]
    todo = [name for name in todo if force or not now[name].weight]
    codes = send_all(session, [now[name].with_weight(weights[name]) for name in todo])
    done = dict(zip(todo, codes))
    rows = []
    for name, weight in weights.items():
        has = now[name].weight if name in now else 0
        code = done.get(name, 0)
        if name not in now or code in GONE:
            rows.append(UndrainedDestination(name, "gone", weight, 0))
        elif code:
            rows.append(UndrainedDestination(name, "refused", weight, has, code))
        elif name in done or has == weight:
            rows.append(UndrainedDestination(name, "restored", weight, weight))
        else:
            rows.append(UndrainedDestination(name, "changed", weight, has))
    return rows


def _unknown(session: Session, weights: Weights, targets: Targets) -> list[str]:
    meant = read_chosen(session, targets.mean)
    idle = [entry for entry in meant if not entry.weight and entry.name not in weights]
    return [f"{entry.service} {entry.destination.key}" for entry in idle]
