"""What of a table is compared and changed, and what is left to others: a scope, and the services of a tag."""

from __future__ import annotations

from ..changes.problem import Problem
from ..changes.restore import RulesInvalid
from ..kernel.layout import added_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from ..kernel.session import Session
    from ..model.keys import ServiceKey
    from ..model.scope import Scope
    from .wanted import Wanted


class Bounds:
    """Which services a plan is about: those in a scope; with a tag only those that it has, and what is
    wanted, which becomes its own."""

    __slots__ = ("scope", "tag", "services")

    def __init__(self, scope: Scope, tag: str = "", services: frozenset[ServiceKey] | None = None) -> None:
        self.scope: Final[Scope] = scope
        self.tag: Final[str] = tag
        self.services: Final[frozenset[ServiceKey] | None] = services

    def has(self, key: ServiceKey) -> bool:
        """Whether that service is within."""
        return (self.services is None or key in self.services) and self.scope.has(key)

    def __reduce__(self) -> tuple[Any, ...]:
        return Bounds, (self.scope, self.tag, self.services)


def bounds_of(wanted: Wanted, scope: Scope, tag: str = "", session: Session | None = None) -> Bounds | None:
    """The bounds for what is wanted; None where there are none. session: where the tag counts. RulesInvalid
    for services that are outside the scope, or another tag's; StateError if nobody knows whose they are."""
    if not scope and not tag:
        return None
    keys = added_keys(wanted.rules)
    owners: dict[ServiceKey, str] = {}
    if tag and session is not None:
        from .tags import check_tag, read_owners

        check_tag(tag)
        owners = read_owners(session)

    def wrong(key: ServiceKey) -> str:
        if not scope.has(key):
            return f"{key} is outside the scope {scope}"
        owner = owners.get(key, tag)
        return f"{key} is of the tag {owner}, not of {tag}" if owner != tag else ""

    check_services(wanted, keys, wrong)
    if not tag:
        return Bounds(scope)
    ours = [key for key, owner in owners.items() if owner == tag]
    return Bounds(scope, tag, frozenset([*ours, *keys]))


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
