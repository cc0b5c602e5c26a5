"""What to type after a refusal: the library says what and where, the command line what to do about it."""

from __future__ import annotations

import errno as _e

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..changes.problem import Problem

_ADVICE: dict[tuple[str, int], str] = {
    ("add-service", _e.EEXIST): "edit it with -E, or delete it first",
    ("edit-service", _e.ESRCH): "add it with -A",
    ("add-destination", _e.ESRCH): "add the service first with -A",
    ("edit-destination", _e.ESRCH): "add the service first with -A",
    ("add-destination", _e.EEXIST): "edit it with -e",
    ("edit-destination", _e.ENOENT): "add it with -a",
    ("start-daemon", _e.ENODEV): "name an existing interface with --mcast-interface",
}


def problem_text(problem: Problem) -> str:
    """`FILE:LINE: the rule: sentence (what to do)`"""
    return problem.told(_ADVICE.get((problem.command, problem.errno)) or problem.advice)
