"""What commands have to say and to write about the applies of the past."""

from __future__ import annotations

from ..changes.account_text import no_way_back_text, stays_open_text
from ..changes.history import AwaitsConfirmation, History
from ..changes.take_back import command_line
from ..errors import InvalidValue, StateError
from ..language.words import UsageError
from .output import ExitWith, complain
from .wanted import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..changes.awaiting import Helper
    from ..changes.history import OpenJournal
    from ..changes.journal import Journal
    from ..changes.plan import Plan
    from .context import Context

_AWAITS = "`ipvsfast confirm' keeps it, `ipvsfast undo' takes it back"


def confirm_seconds(options: dict[str, str]) -> float:
    """The argument of --confirm-within, 0 where it is not given."""
    from ..changes.awaiting import LONGEST, check_seconds

    if "confirm-within" not in options:
        return 0.0
    text = options["confirm-within"].rpartition(",")[2]
    try:
        return check_seconds(float(text))
    except (ValueError, InvalidValue):
        what = f"seconds, 1 to {LONGEST:.0f}, not `{text}'"
        raise UsageError(2, f"apply: --confirm-within takes {what}") from None


def history_of(context: Context) -> History:
    """The history of our namespace; ExitWith (2) if it cannot be read."""
    try:
        return History(context.ipvs.session)
    except StateError as error:
        raise ExitWith(NOTHING, str(error)) from None


def interruption_text(journal: Journal) -> str:
    """What is said of an apply that was interrupted."""
    begun = f"{journal.title}, begun {journal.day} by {journal.who} (process {journal.who.pid})"
    added, edited, deleted = journal.planned
    had = f"it had {added:,} to add, {edited:,} to change, {deleted:,} to delete"
    how = "takes back what it did, to apply the same again brings the rest"
    if journal.undoes:
        how = "finishes it"
    return f"{begun}, was interrupted: {had}; `ipvsfast undo' {how}"


def tell_unsettled(context: Context) -> None:
    """What was interrupted or awaits confirmation is told to who looks at the table."""
    try:
        journal = History(context.ipvs.session).unsettled()
    except StateError:
        return  # who looks does not depend on it
    if journal is None or journal.state == "applying":
        return
    left = journal.seconds_left
    if left is not None:
        complain(f"{journal.title} awaits its confirmation, {left:.0f} s are left: {_AWAITS}")
    else:
        complain(interruption_text(journal))


class Remembering:
    """The history as apply keeps it. ExitWith (2) while an apply awaits its confirmation, or where one could
    not be taken back that has to be confirmed (seconds). say: gets what is to be told."""

    def __init__(self, context: Context, seconds: float, say: Callable[[str], None] = complain) -> None:
        self._say = say
        self._session = session = context.ipvs.session
        self._command = command_line(context.program.rpartition("/")[2])
        self._problem: StateError | None = None
        self._seconds = seconds
        self._interrupted: Journal | None = None
        self._journal: OpenJournal | None = None
        self._helper: Helper | None = None
        try:
            history = History(session)
            self._interrupted = history.unsettled()
            if self._interrupted is None:
                history.tidy()
                return
        except StateError as error:
            self._cannot(error)
            return
        if self._interrupted.may_lapse:
            error_ = AwaitsConfirmation(self._interrupted)
            error_.advice = _AWAITS
            raise ExitWith(NOTHING, str(error_))
        self._say(interruption_text(self._interrupted))

    def _cannot(self, error: StateError) -> None:
        if self._seconds:
            raise ExitWith(NOTHING, f"{error}: it could not be taken back; nothing was done") from None
        self._problem = error

    def begin(self, plan: Plan) -> OpenJournal | None:
        """The journal of what follows; None where there is nothing to do, or none can be."""
        if not len(plan):
            if self._interrupted is not None:
                self._interrupted.add("done", {})
            return None
        try:
            if self._problem is None:
                self._journal = self._begun(plan)
        except StateError as error:
            self._cannot(error)
        if self._problem is not None:
            self._say(no_way_back_text(self._problem))
        return self._journal

    def _begun(self, plan: Plan) -> OpenJournal:
        history = History(self._session, make=True)
        continues = 0 if self._interrupted is None else self._interrupted.number
        journal = history.begin(plan, self._command, continues=continues, confirm_within=self._seconds)
        if self._seconds:
            from ..changes.awaiting import awaited

            self._helper = awaited(self._session, history, journal)
        return journal

    def end(self, quiet: bool) -> None:
        """The apply is over, however that came."""
        if self._helper is not None:
            self._helper.release()
        if self._journal is not None and self._journal.problem is not None:
            self._say(stays_open_text(self._journal.problem))
        if self._helper is not None and not quiet:
            text = f"it is taken back in {self._seconds:g} s unless `ipvsfast confirm' keeps it"
            self._say(f"{text}; `ipvsfast undo' takes it back at once")
