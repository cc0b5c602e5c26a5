"""`ipvsfast restore`: everything is checked first; then all of it, or a true account."""

from __future__ import annotations

from time import monotonic

from ..changes.restore import Adding, RuleText, check_rules
from ..changes.rule_reader import no_services
from ..errors import IpvsError, plural
from ..language.words import UsageError
from .advice import problem_text
from .lock import CommandLock, wait_seconds
from .output import ExitWith, complain, hold_termination, interrupted
from .progress import for_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..changes.problem import Problem
    from .context import Context

STDIN = "stdin"


def restore(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: all rules are in force (or, with --check, right); 1: some are not."""
    if "keep-going" in options and "stop-on-error" in options:
        raise UsageError(2, "restore: --keep-going and --stop-on-error exclude each other")
    if "allow-empty" in options and "clear" not in options:
        raise UsageError(2, "restore: --allow-empty goes with --clear only")
    if "wait" in options and "clear" not in options:
        raise UsageError(2, "restore: --wait goes with --clear only")
    wait = wait_seconds(options["wait"].rpartition(",")[2], "restore") if "wait" in options else None
    for word in ("exist", "stop-on-error"):
        if word in options and "clear" in options:
            why = f"--{word} has no effect with --clear, which replaces all and goes on after a refusal"
            raise UsageError(2, f"restore: {why}: leave one of them out")
    text = _text(words[0] if words else None)
    checked = check_rules(text, context.parse, context.names.resolver())
    if checked.problems:
        _tell(checked.problems)
        count = len(checked.problems)
        sent = "" if "check" in options else "; nothing was sent"
        complain(f"{count} {'mistake' if count == 1 else 'mistakes'} in {text.name}{sent}")
        return 1
    if "clear" in options and not checked.services and "allow-empty" not in options:
        raise ExitWith(1, str(no_services(text.name, "--allow-empty if that is meant")))
    if "check" in options:
        if "quiet" not in options:
            complain(f"{text.name}: {checked.total:,} {plural(checked.total, 'rule')}, no mistakes")
        return 0
    if "clear" not in options:
        return _add(context, options, text, checked.total)
    advice = "--wait SECONDS waits for its end"
    with CommandLock(context.ipvs.session, wait, advice, "quiet" in options):
        return _add(context, options, text, checked.total)


def _text(path: str | None) -> RuleText:
    try:
        if path is not None and path != "-":
            return RuleText(path)
        with open(0, "rb", closefd=False) as stream:
            return RuleText(stream.read(), STDIN)
    except OSError as error:
        raise ExitWith(1, f"cannot read {path or STDIN}: {error.strerror}") from None


def _add(context: Context, options: dict[str, str], text: RuleText, total: int) -> int:
    quiet = "quiet" in options
    session = context.ipvs.session
    line = for_terminal(total, "rule", quiet)
    start = monotonic()
    work = Adding(
        session, text, total, context.parse,
        stop="keep-going" not in options, exist="exist" in options, clear="clear" in options, progress=line,
    )  # fmt: skip
    hold_termination()
    try:
        account = work.carry_out()
        line.close()
        _tell(account.problems)
        if not quiet or not account.ok:
            complain(account.summary(monotonic() - start))
        return 0 if account.ok else 1
    except BaseException as error:
        line.close()
        account = work.account(error)
        _tell(account.problems)
        if isinstance(error, KeyboardInterrupt):
            raise interrupted(f": {account}", error) from None
        if isinstance(error, (IpvsError, MemoryError)):
            what = "out of memory" if isinstance(error, MemoryError) else error
            raise ExitWith(1, f"{text.name}: {what}\n{account}") from None
        complain(str(account))
        raise


def _tell(problems: list[Problem]) -> None:
    for problem in problems:
        complain(problem_text(problem))
