"""What commands have to say and to write about the applies of the past."""

from __future__ import annotations

from ..errors import InvalidValue, StateError
from ..history.history import AwaitsConfirmation, History
from ..history.remembering import Remembering, interruption_text
from ..history.take_back import command_line
from ..language.words import UsageError
from .output import ExitWith, complain
from .wanted import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..history.awaiting import Helper
    from ..history.history import OpenJournal
    from ..plans.plan import Plan
    from .context import Context

_AWAITS = "`ipvsfast confirm' keeps it, `ipvsfast undo' takes it back"


def confirm_seconds(options: dict[str, str]) -> float:
    """The argument of --confirm-within, 0 where it is not given."""
    from ..history.awaiting import LONGEST, check_seconds

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


class Confirmable(Remembering):
    """The history as apply keeps it. ExitWith (2) while an apply awaits its confirmation, or where one could
    not be taken back that has to be confirmed (seconds)."""

    def __init__(self, context: Context, seconds: float) -> None:
        self._seconds = seconds
        self._helper: Helper | None = None
        command = command_line(context.program.rpartition("/")[2])
        try:
            super().__init__(context.ipvs.session, command, complain)
        except AwaitsConfirmation as error:
            error.advice = _AWAITS
            raise ExitWith(NOTHING, str(error)) from None

    def cannot(self, error: StateError) -> None:
        if self._seconds:
            raise ExitWith(NOTHING, f"{error}: it could not be taken back; nothing was done") from None
        super().cannot(error)

    def begun(self, plan: Plan, history: History, continues: int) -> OpenJournal:
        journal = history.begin(plan, self.command, continues=continues, confirm_within=self._seconds)
        if self._seconds:
            from ..history.awaiting import awaited

            self._helper = awaited(self.session, history, journal)
        return journal

    def over(self, quiet: bool) -> None:
        """The apply is over, however that came."""
        if self._helper is not None:
            self._helper.release()
        self.end()
        if self._helper is not None and not quiet:
            text = f"it is taken back in {self._seconds:g} s unless `ipvsfast confirm' keeps it"
            complain(f"{text}; `ipvsfast undo' takes it back at once")
