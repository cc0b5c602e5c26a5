"""`ipvsfast watch FILE`: the table stays what a file asks for, as long as this runs."""

from __future__ import annotations

from time import monotonic

from ..changes.apply import Applying, read_present, refusal_text
from ..changes.bounds import bounds_of
from ..changes.history import AwaitsConfirmation, History
from ..changes.lock import TableLock
from ..changes.plan import Plan
from ..changes.restore import RulesInvalid, RuleText
from ..changes.wanted import NoService, read_wanted
from ..changes.watch import LINES, LOOK, READ, WatchState
from ..errors import InvalidValue, IpvsError, StateError, TableLocked
from ..filewatch import FileWatch, signatures
from ..language.words import UsageError
from ..resolver import Resolver
from ..sdnotify import Notifier
from .advice import problem_text
from .apply import limits_of
from .apply_drain import drain_seconds
from .lock import wait_seconds
from .output import ExitWith
from .past import Remembering
from .plan_text import difference_lines
from .wanted import NOTHING, asked_of, form_named, how_of, tell_left_out
from .watch_daemon import Log, Signals, ended_by, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..changes.apply import Applied
    from ..changes.drain import Drained
    from ..changes.plan import TableState
    from ..changes.wanted import Wanted
    from .context import Context

INTERVAL = 60.0
LOCK_SECONDS = 10.0


def watch(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: it was ended while it had nothing to do; 2: it could not begin."""
    (path,) = words
    if path == "-":
        raise UsageError(2, "watch: standard input does not change: name a file")
    with Signals() as signals:
        return _Watcher(context, options, path, signals).run()


def _seconds(options: dict[str, str], name: str, default: float) -> float:
    if name not in options:
        return default
    return wait_seconds(options[name].rpartition(",")[2], "watch", f"--{name}")


class _Watcher:
    """Does what the state asks for, and tells it what came of that."""

    def __init__(self, context: Context, options: dict[str, str], path: str, signals: Signals) -> None:
        self._context, self._path, self._signals = context, path, signals
        self._how, self._asked = how_of("watch", options), asked_of("watch", options)
        self._limits = limits_of("watch", options)
        self._drain = drain_seconds(options, "watch")
        self._form = form_named("watch", options, 0, 1)
        self._config_id = options.get("config-id")
        self._allow_empty = "allow-empty" in options
        self._interval = interval = _seconds(options, "interval", INTERVAL)
        wait = _seconds(options, "wait", LOCK_SECONDS)
        self._say = Log(path if "json" in options else "")
        self._session = context.ipvs.session
        self._state = WatchState(path, self._say, interval, wait, "enforce" in options)
        self._included: tuple[str, ...] = ()  # files and patterns that the file includes
        self._known: tuple[object, ...] = ()
        self._without_lock = ""
        self._notifier = Notifier()
        self._beat = 0.0
        self._loading = True  # the manager waits for the end of it
        self._file: FileWatch | None = None
        try:
            self._file = FileWatch(path)
        except OSError as error:
            self._unwatched(error)

    def _unwatched(self, error: OSError) -> None:
        """It cannot be told of changes of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        text = f"changes of {self._path} are not told to it: {error.strerror}"
        if not self._interval:
            raise ExitWith(NOTHING, f"{text}; with --interval 0 it would never look at it")
        self._say(f"{text}; it is looked at every {self._interval:g} s")

    def run(self) -> int:
        """Until a signal ends it."""
        while not self._signals.came:
            now = monotonic()
            self._alive()
            step = self._state.next(now)
            if step == READ:
                self._read(now)
            elif step == LOOK:
                self._look(now)
            else:
                self._notifier.status(self._state.status)
                if self._loading:
                    self._loading = False
                    self._notifier.ready()
                self._wait()
        self._notifier.stopping()
        self._say(f"ended by {ended_by(self._signals.came)}; the table stays as it is")
        return 0

    def _wait(self) -> None:
        """For whatever comes next."""
        now = monotonic()
        seconds = self._state.seconds(now)
        if self._notifier.watchdog:
            beat = max(self._beat + self._notifier.watchdog - now, 0.0)
            seconds = beat if seconds is None else min(seconds, beat)
        wait_for([self._signals.fd, *([] if self._file is None else [self._file.fd])], seconds)
        if self._signals.reload():
            self._notifier.reloading()
            self._loading = True
            self._state.asked(monotonic())
        if self._file is None:
            return
        try:
            happened = self._file.happened()
        except OSError as error:
            self._unwatched(error)
            return
        if happened:
            self._state.touched(monotonic(), happened == "written")

    def _alive(self) -> None:
        if self._notifier.watchdog and monotonic() - self._beat >= self._notifier.watchdog:
            self._beat = monotonic()
            self._notifier.alive()

    def _read(self, now: float) -> None:
        """The file is read as a whole, twice looked at; and once more where it includes others than before,
        as these were not watched yet."""
        before = self._signatures()
        included: set[str] = set()
        error: Exception | None = None
        try:
            wanted = self._wanted(RuleText(self._path), included)
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
            tell_left_out(wanted, say=self._say)

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
            return [problem_text(problem) for problem in error.problems]
        if isinstance(error, NoService):
            return [f"{error} (--allow-empty if that is meant)"]
        if isinstance(error, OSError):
            return [f"cannot read {self._path}: {error.strerror}"]
        return ["out of memory" if isinstance(error, MemoryError) else str(error)]

    def _wanted(self, text: RuleText, included: set[str]) -> Wanted:
        if text.is_saved_plan:
            raise InvalidValue(f"{text.name} is a saved plan, which is for one table at one time")
        wanted = read_wanted(
            text, Resolver(), source=self._form, config_id=self._config_id, allow_empty=self._allow_empty,
            included=included,
        )  # fmt: skip
        if self._asked is not None:
            bounds_of(wanted, self._asked.scope)
        return wanted

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
            self._state.trouble(
                now,
                f"{self._path} is not put in force",
                [problem_text(problem) for problem in error.problems],
            )
        except IpvsError as error:
            self._state.trouble(now, str(error))
        except MemoryError:
            self._state.trouble(now, "out of memory")

    def _tell_missing(self, lock: TableLock) -> None:
        if lock.missing != self._without_lock:
            self._without_lock = lock.missing
            if lock.missing:
                self._say(f"{lock.missing}; nothing keeps others from replacing the table at the same time")

    def _plan(self, wanted: Wanted) -> Plan:
        present: TableState = read_present(self._session)
        if self._asked is not None:
            asked = self._asked
            present = present.within(bounds_of(wanted, asked.scope, asked.tag, self._session))
        return Plan(wanted, present, self._how)

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
        self._limits.check(plan)
        past = Remembering(self._context, 0.0, self._say)
        work = self._applying(plan)
        self._state.begins(str(plan), lambda: _lines(plan))
        try:
            work.journal = past.begin(plan)
            self._carry_out(now, work)
        finally:
            past.end(quiet=True)

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
        if self._drain is None:
            return Applying(self._session, plan, lambda done: self._alive())
        from ..changes.apply_drain import DrainingApply

        return DrainingApply(self._session, plan, self._drain, lambda done: self._alive(), self._drained)

    def _drained(self, account: Drained) -> None:
        self._alive()
        self._notifier.status(
            f"waits for the connections of {len(account.left):,} destinations with weight 0"
        )

    def _carry_out(self, now: float, work: Applying) -> None:
        start = monotonic()
        try:
            with self._signals.exposed():
                account = work.carry_out()
        except BaseException as error:
            account = work.account(error)
            if isinstance(error, KeyboardInterrupt):
                raise self._ended(account) from None
            if not isinstance(error, (IpvsError, MemoryError)):
                raise
            what = "out of memory" if isinstance(error, MemoryError) else str(error)
            self._state.applied(monotonic(), account.ok, f"{what}; {account}", _refusals(account))
            return
        seconds = monotonic() - start if account.ok else None
        self._state.applied(monotonic(), account.ok, account.summary(seconds), _refusals(account))

    def _ended(self, account: Applied) -> ExitWith:
        """A signal has ended it in the middle of an apply."""
        self._notifier.stopping()
        for text in _refusals(account):
            self._say(text)
        self._say(f"ended by {ended_by(self._signals.came)} while the table was changed: {account}")
        return ExitWith(128 + self._signals.came)


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


def _refusals(account: Applied) -> Sequence[str]:
    return [refusal_text(change, code) for change, code in account.refused]
