"""Reading a wanted table from a file or standard input, for the verbs that compare and apply; and the options
that say how to get there."""

from __future__ import annotations

from ..changes.restore import RulesInvalid, RuleText
from ..errors import InvalidValue, IpvsError
from ..language.words import UsageError
from ..plans.apply import read_present
from ..plans.forms import SOURCES
from ..plans.plan import ACTIONS, How
from ..plans.wanted import NoService, Wanted, read_wanted
from .advice import problem_text
from .output import ExitWith, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from ..kernel.session import Session
    from ..model.scope import Scope
    from ..model.types import WantedForm
    from ..plans.plan import TableState
    from .context import Context

STDIN = "stdin"
NOTHING = 2  # exit status: nothing was done


def text_of(path: str | None) -> RuleText:
    """A file, or standard input; ExitWith (2) if it cannot be read."""
    try:
        if path is not None and path != "-":
            return RuleText(path)
        with open(0, "rb", closefd=False) as stream:
            return RuleText(stream.read(), STDIN)
    except OSError as error:
        raise ExitWith(NOTHING, f"cannot read {path or STDIN}: {error.strerror}") from None
    except InvalidValue as error:
        raise ExitWith(NOTHING, str(error)) from None


def form_named(verb: str, options: dict[str, str], number: int, files: int) -> WantedForm:
    """--from, of the file of that number among so many: one form is for all of them."""
    forms: Any = options.get("from", "auto").split(",")
    for form in forms:
        if form not in SOURCES:
            raise UsageError(2, f"{verb}: --from takes {', '.join(SOURCES)}, not `{form}'")
    if len(forms) > files:
        raise UsageError(2, f"{verb}: --from takes one form for each file, not `{options['from']}'")
    if "config-id" in options and "keepalived" not in forms:
        raise UsageError(2, f"{verb}: --config-id goes with --from keepalived only")
    found: WantedForm = forms[number] if number < len(forms) else forms[-1]
    return found


def wanted_from(
    context: Context, text: RuleText, options: dict[str, str], verb: str, number: int = 0, files: int = 1
) -> Wanted:
    """What the text asks for; ExitWith (2) after all its mistakes. number: which of several files it is."""
    source = form_named(verb, options, number, files)
    try:
        return read_wanted(
            text, context.names.resolver(), source=source, config_id=options.get("config-id"),
            allow_empty="allow-empty" in options, keep_going="keep-going" in options,
        )  # fmt: skip
    except RulesInvalid as error:
        raise invalid(error, text.name) from None
    except NoService as error:
        raise ExitWith(NOTHING, f"{error} (--allow-empty if that is meant)") from None
    except InvalidValue as error:
        raise ExitWith(NOTHING, f"{error}; nothing was done") from None


def tell_left_out(wanted: Wanted, every: bool = False, say: Callable[[str], None] = complain) -> None:
    """On standard error, what a configuration says beside. every: each a line, else one for all of a kind.
    say: gets it instead."""
    for text in wanted.left_out_texts(every):
        say(text)


def tell_unnamed(wanted: Wanted) -> None:
    """On standard error, the rules that were left out for their names."""
    for problem in wanted.unnamed:
        complain(problem_text(problem))
    count = len(wanted.unnamed)
    if count:
        left = "1 rule is left out" if count == 1 else f"{count:,} rules are left out"
        complain(f"{left} (--keep-going); so nothing is deleted")


def present_table(context: Context) -> TableState:
    """The table of our namespace, all of it; ExitWith (2) if it cannot be read."""
    session = context.ipvs.session
    try:
        return read_present(session)
    except IpvsError as error:
        raise ExitWith(NOTHING, str(error)) from None


class Asked:
    """--scope and --tag: what of the table is meant."""

    __slots__ = ("scope", "tag")

    def __init__(self, verb: str, options: dict[str, str]) -> None:
        from ..model.scope import Scope
        from ..plans.tags import check_tag

        scope = options["scope"].split(",") if "scope" in options else ()
        self.tag: Final[str] = options.get("tag", "")
        name = "scope"
        try:
            self.scope: Final[Scope] = Scope(scope)
            name = "tag"
            if name in options:
                check_tag(self.tag)
        except InvalidValue as error:
            raise UsageError(2, f"{verb}: --{name}: {error}") from None


def asked_of(verb: str, options: dict[str, str]) -> Asked | None:
    """What of the table is meant; None for all of it."""
    return Asked(verb, options) if "scope" in options or "tag" in options else None


def bounded(wanted: Wanted, present: TableState, asked: Asked | None, session: Session | None) -> TableState:
    """What of the table is compared; ExitWith (2) after all services that are wanted outside of it. session:
    where a tag counts."""
    if asked is None:
        return present
    from ..plans.bounds import bounds_of

    try:
        return present.within(bounds_of(wanted, asked.scope, asked.tag, session))
    except RulesInvalid as error:
        raise invalid(error, wanted.source) from None
    except IpvsError as error:
        raise ExitWith(NOTHING, f"{error}; nothing was done") from None


def invalid(error: RulesInvalid, source: str) -> ExitWith:
    """What ends the command (2), after all mistakes were told."""
    for problem in error.problems:
        complain(problem_text(problem))
    count = len(error.problems)
    mistakes = "mistake" if count == 1 else "mistakes"
    return ExitWith(NOTHING, f"{count} {mistakes} in {source}; nothing was done")


def how_of(verb: str, options: dict[str, str]) -> How:
    """--order, --keep-weights and --only."""
    only: Any = options["only"].split(",") if "only" in options else ACTIONS
    try:
        return How("order" in options, "keep-weights" in options, only)
    except InvalidValue:
        wrong = options["only"]
        raise UsageError(2, f"{verb}: --only takes {', '.join(ACTIONS)}, or several, not `{wrong}'") from None
