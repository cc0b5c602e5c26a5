"""`ipvsfast plan`: the commands that make the table what a file asks for, in their order; nothing is done."""

from __future__ import annotations

from ..errors import plural
from ..language.words import UsageError
from ..outfile import write_file
from ..plans.plan import Plan
from ..plans.saved_plan import plan_to_save
from .ending import Orderly
from .output import ExitWith, ReaderGone, complain, write, write_all
from .past import tell_unsettled
from .plan_text import as_json, command_lines, notes, plan_json
from .wanted import NOTHING, asked_of, bounded, how_of, present_table, tell_left_out, text_of, wanted_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context


def plan(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0; with --detailed-exitcode 2 if there is something to do, and 1 for what goes wrong."""
    detailed = "detailed-exitcode" in options
    try:
        made = _plan(context, options, words)
    except (ExitWith, UsageError) as error:
        if detailed and not isinstance(error, ReaderGone):
            error.status = 1
        raise
    return 2 if detailed and made else 0


def _plan(context: Context, options: dict[str, str], words: list[str]) -> Plan:
    how, asked = how_of("plan", options), asked_of("plan", options)
    wanted = wanted_from(context, text_of(words[0] if words else None), options, verb="plan")
    tell_left_out(wanted)
    tell_unsettled(context)
    made = Plan(wanted, bounded(wanted, present_table(context), asked, context.ipvs.session), how)
    if "out" in options:
        _save(made, options["out"])
    if "json" in options:
        write_all(as_json(made))
        return made
    write_all(command_lines(made))
    write("".join([f"# {note}\n" for note in notes(made)]) + f"{made}\n")
    return made


def _save(made: Plan, path: str) -> None:
    try:
        with Orderly():
            others = write_file(path, [piece.encode() for piece in plan_json(made, plan_to_save(made))])
    except OSError as error:
        raise ExitWith(NOTHING, f"cannot write {path}: {error.strerror}") from None
    if others:
        complain(
            f"{path} is a new file now: {others:,} {plural(others, 'other name')} of it keep the old content"
        )
