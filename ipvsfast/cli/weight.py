"""`ipvsfast weight`: the weight of many destinations, at once or in steps over some time."""

from __future__ import annotations

from ..drains.ramp import MOST_STEPS, Ramp
from ..errors import sentence
from ..language.words import UsageError
from ..model.address import parse_int
from ..model.kernel_names import INT_MAX
from .lasting import ended, not_begun, tell_no_lock, write_account
from .output import complain, hold_termination
from .status_line import StatusLine
from .target_options import NO_TARGET, seconds_of, targets_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..drains.ramp import Ramped
    from .context import Context


def weight(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: all that was meant has the weight; 1: not all; 2: nothing was done."""
    targets = targets_from("weight", options)
    if targets is None:
        raise UsageError(2, f"weight: {NO_TARGET}")
    goal = parse_int(words[0], 0, INT_MAX)
    if goal is None:
        raise UsageError(2, f"weight: WEIGHT is a whole number from 0 to {INT_MAX}, not `{words[0]}'")
    over = seconds_of("weight", "over", options)
    steps = _steps(options)
    if steps is not None and not over:
        raise UsageError(2, "weight: --steps needs --over: say how long they take")
    quiet = "quiet" in options
    line = StatusLine(quiet)
    wait = seconds_of("weight", "wait", options)
    work = Ramp(
        context.ipvs.session, targets, goal, over=over or 0, steps=steps,
        progress=lambda account: line.show(str(account)) if over else None,
        lock_wait=wait,
    )  # fmt: skip
    hold_termination()
    try:
        account = work.carry_out()
    except BaseException as error:
        line.close()
        if work.begun:
            raise ended(f"{work.account(error)}; the same command goes on from there", error) from None
        not_begun(error, wait)
        raise
    line.close()
    tell_no_lock(work.locks.missing, quiet)
    _tell(account, quiet)
    if "json" in options:
        write_account(account)
    return 0 if account.ok else 1


def _steps(options: dict[str, str]) -> int | None:
    if "steps" not in options:
        return None
    steps = parse_int(options["steps"], 1, MOST_STEPS)
    if steps is None:
        raise UsageError(
            2, f"weight: --steps takes a whole number from 1 to {MOST_STEPS}, not `{options['steps']}'"
        )
    return steps


def _tell(account: Ramped, quiet: bool) -> None:
    if not quiet:
        for text in account.unmet:
            complain(f"nothing is at {text}")
    for one in account.destinations:
        if one.state == "moved":
            complain(f"{one} has weight {one.weight:,}, which another program has set meanwhile: left so")
        elif one.state == "gone":
            complain(f"{one} is not there any more")
        elif one.state == "refused":
            complain(f"{one}: {sentence('edit-destination', one.errno)}")
    if not quiet or not account.ok:
        complain(str(account))
