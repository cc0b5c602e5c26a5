"""What of a table is compared and changed, and what is left to others."""

from __future__ import annotations

from ..kernel.layout import added_keys
from .problem import Problem
from .restore import RulesInvalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from ..model.keys import ServiceKey
    from ..model.scope import Scope
    from .wanted import Wanted


class Bounds:
    """Which services a plan is about: those in a scope."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope) -> None:
        self.scope: Final[Scope] = scope

    def has(self, key: ServiceKey) -> bool:
        """Whether that service is within."""
        return self.scope.has(key)

    def __reduce__(self) -> tuple[Any, ...]:
        return Bounds, (self.scope,)


def bounds_of(wanted: Wanted, scope: Scope) -> Bounds | None:
    """The bounds for what is wanted; None where there are none. RulesInvalid for what is outside of them."""
    if not scope:
        return None

    def wrong(key: ServiceKey) -> str:
        return "" if scope.has(key) else f"{key} is outside the scope {scope}"

    check_services(wanted, added_keys(wanted.rules), wrong)
    return Bounds(scope)


def check_services(wanted: Wanted, keys: list[ServiceKey], wrong: Callable[[ServiceKey], str]) -> None:
    """RulesInvalid with each service about which `wrong` has something to say."""
    problems = []
    for number, key in enumerate(keys):
        text = wrong(key)
        if text:
            line, place = wanted.place_of(number)
            problems.append(Problem(wanted.source, line, place, text))
    if problems:
        raise RulesInvalid(problems)
