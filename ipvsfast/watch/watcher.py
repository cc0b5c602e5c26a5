"""What a watch does: it reads the file, looks at the table and applies, one step after the other."""

from __future__ import annotations

from time import monotonic

from ..changes.lock import TableLock
from ..changes.restore import RulesInvalid, RuleText
from ..errors import InvalidValue, IpvsError, StateError, TableLocked
from ..filewatch import FileWatch, signatures
from ..history.history import AwaitsConfirmation, History
from ..history.remembering import Remembering
from ..model.result import leave_with
from ..plans.apply import Applying, read_present, refusal_text
from ..plans.bounds import bounds_of
from ..plans.difference import difference_lines
from ..plans.forms import form_of
from ..plans.plan import Plan
from ..plans.wanted import NoService, read_wanted
from ..resolver import Resolver
from .event import Blind, Stopped, WatchEvent
from .state import LINES, LOOK, READ, WatchState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..kernel.session import Session
    from ..model.types import WatchEventKind
    from ..plans.apply import Applied
    from ..plans.wanted import Wanted
    from .event import Around
    from .options import WatchOptions


class _State(WatchState):
    """What it says becomes events."""

    def __init__(self, source: str, options: WatchOptions, around: Around) -> None:
        super().__init__(source, self.note, options.interval, options.wait, options.enforce)
        self._around = around
        self.account: Applied | None = None  # of the apply that is being told

    def note(self, text: str) -> None:
        """What is of no other kind."""
        self.report("note", text)

    def report(self, kind: WatchEventKind, text: str, lines: Sequence[str] = (), ok: bool = True) -> None:
        """Tells it."""
        account = self.account if kind == "applied" else None
        self._around.told(WatchEvent(kind, text, lines, ok, account))


def read_watched(
    text: RuleText, options: WatchOptions, included: set[str] | None = None, keep_going: bool = False
) -> Wanted:
    """What the file asks for, as read_wanted() has it, which says what is raised; nothing outside of the
    scope. keep_going: rules with a name that has no address are left out, of those forms that can do so."""
    if text.is_saved_plan:
        raise InvalidValue(f"{text.name} is a saved plan, which is for one table at one time")
    form = form_of(text) if options.source == "auto" else options.source
    wanted = read_wanted(
        text, Resolver(), source=form, config_id=options.config_id, allow_empty=options.allow_empty,
        keep_going=keep_going and form == "rules", included=included,
    )  # fmt: skip
    bounds_of(wanted, options.scope)
    return wanted


class Watcher:
    """Does what the state asks for, and tells it what came of that. command: what the history says of it.
    Blind where changes of the file are never seen."""

    def __init__(
        self, session: Session, path: str, options: WatchOptions, around: Around, command: str
    ) -> None:
        self._session, self._path, self._options = session, path, options
        self._around, self._command = around, command
        self._state = _State(path, options, around)
        self._included: tuple[str, ...] = ()  # files and patterns that the file includes
        self._known: tuple[object, ...] = ()
        self._without_lock = ""
        self._file: FileWatch | None = None
        try:
            self._file = FileWatch(path)
        except OSError as error:
            self._unwatched(error)

    def close(self) -> None:
        """Nothing is watched any more; a second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _unwatched(self, error: OSError) -> None:
        """It cannot be told of changes of the file."""
        self.close()
        text = f"changes of {self._path} are not told to it: {error.strerror}"
        if not self._options.interval:
            text = f"{text}; with {self._around.no_interval} it would never look at it"
            raise Blind(error.errno, text) from None
        self._state.note(f"{text}; it is looked at every {self._options.interval:g} s")

    @property
    def status(self) -> str:
        """How things are, in one line."""
        return self._state.status

    def step(self) -> bool:
        """Does what is to be done now; whether there was anything."""
        now = monotonic()
        step = self._state.next(now)
        if step == READ:
            self._read(now)
        elif step == LOOK:
            self._look(now)
        return bool(step)

    # Between two steps.

    @property
    def fds(self) -> list[int]:
        """What can be read when something has happened to the file."""
        return [] if self._file is None else [self._file.fd]

    def seconds(self) -> float | None:
        """Until there is something to do; None: not by itself."""
        return self._state.seconds(monotonic())

    def reload(self) -> None:
        """The file is to be read and put in force at the next step."""
        self._state.asked(monotonic())

    def look(self) -> None:
        """Whether something has happened to the file."""
        if self._file is None:
            return
        try:
            happened = self._file.happened()
        except OSError as error:
            self._unwatched(error)
            return
        if happened:
            self._state.touched(monotonic(), happened == "written")

    # The file.

    def _read(self, now: float) -> None:
        """The file is read as a whole, twice looked at; and once more where it includes others than before,
        as these were not watched yet."""
        before = self._signatures()
        included: set[str] = set()
        error: Exception | None = None
        try:
            wanted = read_watched(RuleText(self._path), self._options, included)
        except (OSError, RulesInvalid, InvalidValue, MemoryError) as caught:
            error = caught
        if self._watches_others(included) or self._signatures() != before:
            self._state.changing(now)
            return
        self._known = before
        if error is not None:
            self._known = ()  # it is read again at the next look: a name may be found then
            self._state.refused(now, self._problems(error))
        elif self._state.accepted(now, wanted):
            for text in wanted.left_out_texts():
                self._state.note(text)

    def _signatures(self) -> tuple[object, ...]:
        return signatures((self._path, *self._included))

    def _watches_others(self, included: set[str]) -> bool:
        """Whether these files are included now, and were not before."""
        if tuple(sorted(included)) == self._included:
            return False
        self._included = tuple(sorted(included))
        if self._file is not None:
            try:
                self._file.also(self._included)
            except OSError as error:
                self._unwatched(error)
        return True

    def _problems(self, error: Exception) -> list[str]:
        """Why the file cannot be used."""
        if isinstance(error, RulesInvalid):
            return [str(problem) for problem in error.problems]
        if isinstance(error, NoService):
            return [f"{error} ({self._around.allow_empty} if that is meant)"]
        if isinstance(error, OSError):
            return [f"cannot read {self._path}: {error.strerror}"]
        return ["out of memory" if isinstance(error, MemoryError) else str(error)]

    # The table.

    def _look(self, now: float) -> None:
        """At the file first, where nobody may have told of its change, then at the table."""
        if self._state.is_settled and self._signatures() != self._known:
            self._state.touched(now, False)
        wanted = self._state.wanted
        if wanted is None:
            self._state.not_yet(now)
            return
        try:
            # This reading is not kept: another one is made under the lock.
            if self._found(now, self._plan(wanted)):
                with TableLock(self._session) as lock:
                    self._tell_missing(lock)
                    self._locked(now, wanted)
        except TableLocked as error:
            self._state.busy(now, str(error))
        except RulesInvalid as error:
            lines = [str(problem) for problem in error.problems]
            self._state.trouble(now, f"{self._path} is not put in force", lines)
        except IpvsError as error:
            self._state.trouble(now, str(error))
        except MemoryError:
            self._state.trouble(now, "out of memory")

    def _tell_missing(self, lock: TableLock) -> None:
        if lock.missing != self._without_lock:
            self._without_lock = lock.missing
            if lock.missing:
                text = "nothing keeps others from replacing the table at the same time"
                self._state.note(f"{lock.missing}; {text}")

    def _plan(self, wanted: Wanted) -> Plan:
        options = self._options
        present = read_present(self._session)
        bounds = bounds_of(wanted, options.scope, options.tag, self._session)
        return Plan(wanted, present.within(bounds), options.how)

    def _found(self, now: float, plan: Plan) -> bool:
        key = hash((bytes(plan.ops), plan.before())) if plan else 0
        return self._state.found(now, str(plan) if plan else "", key, lambda: _lines(plan))

    def _locked(self, now: float, wanted: Wanted) -> None:
        """The lock is held: nobody else applies anything now."""
        if self._awaits(now):
            return
        plan = self._plan(wanted)
        if not self._found(now, plan):
            return
        self._options.limits.check(plan)
        past = Remembering(self._session, self._command, self._state.note)
        work = self._applying(plan)
        self._state.begins(str(plan), lambda: _lines(plan))
        try:
            work.journal = past.begin(plan)
            self._carry_out(work)
        finally:
            past.end()

    def _awaits(self, now: float) -> bool:
        """Whether another apply awaits its confirmation."""
        try:
            journal = History(self._session).unsettled()
        except StateError:
            return False  # the apply tells that it cannot be taken back
        if journal is None or not journal.may_lapse:
            return False
        self._state.awaits(now, AwaitsConfirmation(journal).args[1].partition(";")[0], journal.seconds_left)
        return True

    def _applying(self, plan: Plan) -> Applying:
        around, drain = self._around, self._options.drain
        if drain is None:
            return Applying(self._session, plan, lambda done: around.alive())
        from ..plans.apply_drain import DrainingApply

        return DrainingApply(self._session, plan, drain, lambda done: around.alive(), around.drained)

    def _carry_out(self, work: Applying) -> None:
        """Exceptions that are no trouble of the table, such as that of Ctrl-C, go on, with the account."""
        start = monotonic()
        try:
            with self._around.exposed():
                account = work.carry_out()
        except BaseException as error:
            account = work.account(error)
            if not isinstance(error, (IpvsError, MemoryError, Stopped)):
                leave_with(error, applied=account)
            what = "out of memory" if isinstance(error, MemoryError) else str(error)
            self._applied(account, f"{what}; {account}")
            return
        self._applied(account, account.summary(monotonic() - start if account.ok else None))

    def _applied(self, account: Applied, text: str) -> None:
        self._state.account = account
        self._state.applied(monotonic(), account.ok, text, refusals(account))
        self._state.account = None


def _lines(plan: Plan) -> list[str]:
    """The first lines of a difference, and one for the rest."""
    found: list[str] = []
    for line in difference_lines(plan):
        if len(found) == LINES:
            break
        found.append(line.rstrip("\n"))
    else:
        return found
    found[-1] = "and more, as `ipvsfast diff' shows"
    return found


def refusals(account: Applied) -> list[str]:
    """What the kernel refused, a line each."""
    return [refusal_text(change, code) for change, code in account.refused]
