"""`ipvsfast apply`: the table becomes what a file asks for, by the least change, and is looked at again."""

from __future__ import annotations

from time import monotonic

from ..changes.restore import RulesInvalid
from ..errors import InvalidValue, IpvsError
from ..language.words import UsageError
from ..plans.apply import Limits, TableMoved, refusal_text
from ..plans.plan import Plan
from .apply_drain import ApplyLine, applying, drain_note, drain_seconds
from .lock import CommandLock, wait_seconds
from .output import ExitWith, ReaderGone, complain, hold_termination, interrupted, write_all
from .past import Confirmable, confirm_seconds, tell_unsettled
from .wanted import (
    NOTHING,
    asked_of,
    bounded,
    how_of,
    invalid,
    present_table,
    tell_left_out,
    tell_unnamed,
    text_of,
    wanted_from,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..changes.restore import RuleText
    from ..plans.apply import Applied, Applying
    from ..plans.plan import TableState
    from .context import Context
    from .progress import Progress

_MADE_WITH = (
    "order", "keep-weights", "only", "allow-empty", "scope", "tag", "from", "config-id", "keep-going",
)  # fmt: skip


def apply(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: the table was seen to be as wanted; 1: it is not, or rules were left out; 2: nothing was done."""
    if context.done is not None:
        context.done.check_output()
        from .apply_handed import tell

        return tell(context, context.done, words[0], "quiet" in options)
    how_of("apply", options)
    asked_of("apply", options)
    limits = limits_of("apply", options)
    drain_seconds(options)
    wait = None
    if "wait" in options:
        wait = wait_seconds(options["wait"].rpartition(",")[2], "apply")
    seconds = confirm_seconds(options)
    make = _maker(context, text_of(words[0] if words else None), options)
    if "dry-run" in options:
        tell_unsettled(context)
        return _shown(_checked(make, present_table(context), limits), options)
    advice = "--wait SECONDS waits for its end"
    with CommandLock(context.ipvs.session, wait, advice, "quiet" in options, NOTHING):
        past = Confirmable(context, seconds)
        plan = _checked(make, present_table(context), limits)
        _shown(plan, options)
        return _carry_out(context, plan, options, past)


def limits_of(verb: str, options: dict[str, str]) -> Limits:
    """--max-delete and --max-change."""
    given = [
        options[name].rpartition(",")[2] if name in options else None for name in ("max-delete", "max-change")
    ]
    try:
        return Limits(*given)
    except InvalidValue as error:
        raise UsageError(2, f"{verb}: --max-delete and --max-change: {error}") from None


def _maker(context: Context, text: RuleText, options: dict[str, str]) -> Callable[[TableState], Plan]:
    """What makes the plan when the table is known; the text is read and right."""
    if not text.is_saved_plan:
        wanted, how = wanted_from(context, text, options, verb="apply"), how_of("apply", options)
        if "quiet" not in options:
            tell_left_out(wanted)
        tell_unnamed(wanted)
        asked, session = asked_of("apply", options), context.ipvs.session
        return lambda present: Plan(wanted, bounded(wanted, present, asked, session), how)
    from ..plans.saved_plan import SavedPlan

    for name in _MADE_WITH:
        if name in options:
            raise UsageError(2, f"apply: --{name} was decided when {text.name} was made: leave it out")
    try:
        saved, session = SavedPlan(text, context.names.resolver()), context.ipvs.session
        return lambda present: saved.plan(present, session)
    except (InvalidValue, RulesInvalid) as error:
        raise ExitWith(NOTHING, f"{error}; nothing was done") from None


def _checked(make: Callable[[TableState], Plan], present: TableState, limits: Limits) -> Plan:
    try:
        plan = make(present)
        limits.check(plan)
    except RulesInvalid as error:
        raise invalid(error, "the plan") from None
    except (TableMoved, InvalidValue) as error:
        raise ExitWith(NOTHING, str(error)) from None
    except MemoryError:
        raise ExitWith(NOTHING, "out of memory; nothing was done") from None
    return plan


def _shown(plan: Plan, options: dict[str, str]) -> int:
    """What is to be done. A reader who is gone does not keep it from being done."""
    if "quiet" not in options and (plan or plan.disordered or plan.leaves_settings or "dry-run" in options):
        from ..plans.difference import difference_lines
        from .plan_text import notes

        try:
            write_all(difference_lines(plan))
        except ReaderGone:
            pass
        for note in notes(plan):
            complain(note)
        if "dry-run" in options:
            complain(f"{plan}; nothing was done (--dry-run)" + drain_note(plan, options))
    return 0


def _carry_out(context: Context, plan: Plan, options: dict[str, str], past: Confirmable) -> int:
    quiet = "quiet" in options
    session, seconds = context.ipvs.session, drain_seconds(options)
    line = ApplyLine(session, plan, seconds, quiet)
    try:
        work = applying(session, plan, seconds, line)
    except IpvsError as error:
        raise ExitWith(NOTHING, str(error)) from None
    work.journal = past.begin(plan)
    try:
        status = carry_out(work, line, quiet)
        return 1 if plan.wanted.unnamed else status
    finally:
        past.over(quiet)


def carry_out(
    work: Applying, line: ApplyLine | Progress, quiet: bool,
    end: Callable[[Applied], None] = lambda account: None,
) -> int:  # fmt: skip
    """0: the table was seen to be as wanted; 1: it is not. end: told the account, if nothing ended it."""
    start = monotonic()
    hold_termination()
    try:
        account = work.carry_out()
        line.close()
        end(account)
        _refusals(account)
        if not quiet or not account.ok:
            complain(account.summary(monotonic() - start))
        return 0 if account.ok else 1
    except BaseException as error:
        line.close()
        account = work.account(error)
        _refusals(account)
        if isinstance(error, KeyboardInterrupt):
            raise interrupted(f": {account}", error) from None
        if isinstance(error, (IpvsError, MemoryError)):
            what = "out of memory" if isinstance(error, MemoryError) else error
            raise ExitWith(1, f"{what}\n{account}") from None
        complain(str(account))
        raise


def _refusals(account: Applied) -> None:
    for change, code in account.refused:
        complain(refusal_text(change, code))
