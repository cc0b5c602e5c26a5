"""`ipvsfast diff`: how the table, or another file, differs from what a file asks for."""

from __future__ import annotations

from ..language.words import UsageError
from ..plans.difference import difference_lines
from ..plans.plan import Plan, TableState
from .output import ExitWith, ReaderGone, write, write_all
from .past import tell_unsettled
from .plan_text import as_json, notes
from .wanted import asked_of, bounded, how_of, present_table, tell_left_out, text_of, wanted_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context


def diff(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: no difference, 1: some, 2: it could not be told."""
    if "json" in options and "summary" in options:
        raise UsageError(2, "diff: --json and --summary exclude each other")
    if words.count("-") > 1:
        raise UsageError(2, "diff: only one of two files can be standard input")
    how, asked = how_of("diff", options), asked_of("diff", options)
    texts = [text_of(word) for word in words or ["-"]]
    wanted = [
        wanted_from(context, text, options, "diff", number, len(texts)) for number, text in enumerate(texts)
    ]
    if len(wanted) > 1 and "tag" in options:
        raise UsageError(2, "diff: --tag is about the table, not about two files")
    for one in wanted:
        tell_left_out(one)
    session = None
    if len(wanted) > 1:
        present = TableState.of(wanted[0])
    else:
        tell_unsettled(context)
        present, session = present_table(context), context.ipvs.session
    try:
        plan = Plan(wanted[-1], bounded(wanted[-1], present, asked, session), how)
    except MemoryError:
        raise ExitWith(2, "out of memory") from None
    try:
        _tell(plan, options)
    except ReaderGone:
        pass
    return 1 if plan else 0


def _tell(plan: Plan, options: dict[str, str]) -> None:
    if "json" in options:
        write_all(as_json(plan))
        return
    if "summary" in options:
        write(f"{plan}\n" + "".join([f"{note}\n" for note in notes(plan)]))
        return
    write_all(difference_lines(plan))
    for note in notes(plan):
        write(f"# {note}\n")
