"""ipvsfast-restore: replaces the table by the rules on standard input if all of them are right."""

from __future__ import annotations

import errno
import os

from ..changes.problem import Problem
from ..changes.replace import WholeTable
from ..changes.rule_reader import RuleReader, no_services, text_chunks
from ..errors import IpvsError, IpvsUnavailable
from ..kernel.session import exchange_error
from ..model.kernel_names import COMMANDS
from .advice import problem_text
from .dispatch import carry_out
from .lock import CommandLock
from .output import ExitWith, complain, hold_termination, interrupted
from .rules_stdin import Restore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..language.parse import Request
    from ..language.words import UsageError
    from .context import Context
    from .done import Done

SOURCE = "stdin"


class StopReading(Exception):
    """What follows is never carried out."""


class StdinCheck(RuleReader):
    """The first pass: finds every line that -R would not carry out. No kernel is asked.

    problems: these. status: 0, or what ipvsadm's exit status is for the first of them.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context.parse, SOURCE)
        self.status: int = 0
        self._hint = context.hint
        self.services: bool = False  # whether there is one
        self.problems: list[Problem] = []

    def run(self, text: bytes) -> StdinCheck:
        """Reads all of `text`."""
        try:
            self.read(text_chunks(text))
        except StopReading:
            pass
        return self

    def apply(self) -> None:
        self.services |= COMMANDS["add-service"] in self.buffer.commands()

    def mistake(self, error: UsageError, line: bytes) -> None:
        self.problems.append(Problem(self.source, self.buffer.line, line, error.message.rstrip("\n")))
        self.status = self.status or error.status

    def other(self, request: Request, line: bytes) -> None:
        if request.command == "restore":
            self.mistake(self._hint(), line)
        elif request.command in ("help", "version") and not self.problems:  # they end the run
            raise StopReading


def account(rules: WholeTable) -> str:
    """How far a run came that did not come to its end."""
    count = rules.in_force
    return f"{count:,} {'rule is' if count == 1 else 'rules are'} in force; {rules.replaced}"


def tell(context: Context, done: Done) -> int:
    """What became of rules that the native front has sent; the exit status."""
    rules = WholeTable(context.parse, SOURCE, context.ipvs.session)
    rules.read(text_chunks(done.text))
    rules.take(done.results, not (done.error or done.interrupted), done.count > 0)
    if done.error:
        raise _ended(exchange_error(done.error), rules)
    if done.interrupted:
        raise interrupted(f": {account(rules)}", done.interruption())
    return report(rules)


def _ended(error: IpvsError | MemoryError, rules: WholeTable) -> ExitWith:
    for problem in rules.problems:
        complain(problem_text(problem))
    if (
        isinstance(error, IpvsUnavailable) or not rules.additions_only
    ):  # the table is gone too; or it was emptied
        return ExitWith(255, str(error))
    what = "out of memory" if isinstance(error, MemoryError) else error
    return ExitWith(255, f"{what}\n{account(rules)}")


def report(rules: WholeTable) -> int:
    """Tells what was refused, and what another program did; the exit status is that of the last rule, and
    never 0 where a reply was lost."""
    for problem in rules.problems:
        complain(problem_text(problem))
    if not rules.replaced.ok:
        complain(str(rules.replaced))
    lost = any(problem.errno == errno.ENOBUFS for problem in rules.problems)
    if lost or (rules.problems and rules.problems[-1].line == rules.last):
        return 255
    return 0 if rules.replaced.ok else 1


def replace_table(
    context: Context, allow_empty: bool, done: Done | None = None, wait: float | None = None
) -> int:
    """Checks standard input and puts its rules in place of the table; the exit status. wait: seconds, if
    another replaces it already."""
    if done is not None and done.results:
        return tell(context, done)
    if done is not None and done.interrupted:  # before anything was sent
        raise done.interruption()
    text = done.text if done is not None else b""
    if done is None or not done.ended:
        text += read_all(0)
    checked = context.names.resolver().together(lambda: StdinCheck(context).run(text))
    if checked.problems:
        for problem in checked.problems:
            complain(str(problem))
        count = len(checked.problems)
        complain(f"{'1 line is' if count == 1 else f'{count} lines are'} wrong; the table was left as it is")
        return checked.status
    if not checked.services and not allow_empty:
        raise ExitWith(1, str(no_services(SOURCE, "--allow-empty if that is meant")))
    own = context.program != "ipvsadm"  # that has no such option, and its bytes are ipvsadm's
    advice = "--wait SECONDS waits for its end" if own else ""
    with CommandLock(context.ipvs.session, wait, advice, quiet=not own):
        return clear_and_restore(context, text)


def read_all(fd: int) -> bytes:
    """Everything up to the end."""
    pieces = []
    try:
        while piece := os.read(fd, 1 << 20):
            pieces.append(piece)
    except OSError as error:
        raise ExitWith(1, f"cannot read standard input: {error.strerror}") from None
    return b"".join(pieces)


def clear_and_restore(context: Context, text: bytes) -> int:
    """Puts the rules of `text` in place of the table; the exit status is that of the last rule."""
    rules = WholeTable(context.parse, SOURCE, context.ipvs.session)
    hold_termination()
    try:
        rules.read(text_chunks(text))
        if not rules.additions_only:  # commands other than additions: line by line, as ipvsadm would
            carry_out(context, context.parse(["-C"]))
            return Restore(context, SOURCE).feed(text_chunks(text))
        rules.replace()
    except (IpvsError, MemoryError) as error:
        rules.settle()
        raise _ended(error, rules) from None
    except KeyboardInterrupt as error:
        rules.settle()
        raise interrupted(f": {account(rules)}" if rules.additions_only else "", error) from None
    return report(rules)
