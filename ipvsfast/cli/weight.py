"""`ipvsfast weight`: the weight of many destinations, at once or in steps over some time."""

from __future__ import annotations

from ..changes.ramp import MOST_STEPS, Ramp
from ..errors import InvalidValue, IpvsError, sentence
from ..language.words import UsageError
from ..model.address import parse_int
from ..model.kernel_names import INT_MAX
from .drain import NOTHING
from .output import ExitWith, complain, hold_termination, interrupted, write
from .status_line import StatusLine
from .target_options import NO_TARGET, seconds_of, targets_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..changes.ramp import Ramped
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
    work = Ramp(
        context.ipvs.session, targets, goal, over=over or 0, steps=steps,
        progress=lambda account: line.show(str(account)) if over else None,
    )  # fmt: skip
    hold_termination()
    try:
        account = work.carry_out()
    except BaseException as error:
        line.close()
        if work.begun:
            raise _ended(work.account(error), error) from None
        if isinstance(error, (InvalidValue, IpvsError)):
            raise ExitWith(NOTHING, str(error)) from None
        raise
    line.close()
    _tell(account, quiet)
    if "json" in options:
        import json

        write(json.dumps(account.to_dict(), separators=(",", ":")) + "\n")
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


def _ended(account: Ramped, error: BaseException) -> BaseException:
    """How the command ends where something ended the ramp."""
    where = f"{account}; the same command goes on from there"
    if isinstance(error, KeyboardInterrupt):
        return interrupted(f": {where}", error)
    if isinstance(error, (IpvsError, MemoryError)):
        return ExitWith(1, f"{'out of memory' if isinstance(error, MemoryError) else error}\n{where}")
    complain(where)
    return error


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
