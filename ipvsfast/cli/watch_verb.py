"""`ipvsfast watch FILE`: the table stays what a file asks for, as long as this runs."""

from __future__ import annotations

from time import monotonic

from ..changes.restore import RulesInvalid
from ..errors import InvalidValue
from ..history.take_back import command_line
from ..language.words import UsageError
from ..plans.wanted import NoService, NothingNamed
from ..sdnotify import Notifier
from ..watch.event import Around, Blind
from ..watch.options import INTERVAL, LOCK_SECONDS, WatchOptions
from ..watch.watcher import Watcher, read_watched, refusals
from .advice import problem_text
from .apply import limits_of
from .apply_drain import drain_seconds
from .lock import wait_seconds
from .output import ExitWith, complain
from .wanted import NOTHING, asked_of, form_named, how_of, invalid, text_of
from .watch_daemon import Log, Signals, ended_by, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..drains.drain import Drained
    from ..plans.apply import Applied
    from ..watch.event import WatchEvent
    from .context import Context


def watch(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: it was ended while it had nothing to do, or what is to be checked has no mistake; 2: it could not
    begin, or there is one."""
    (path,) = words
    if path == "-":
        raise UsageError(2, "watch: standard input does not change: name a file")
    if "check" in options:
        return _check(path, _options(options))
    with Signals() as signals:
        asked = _options(options)
        run = _VerbRun(Log(path if "json" in options else ""), signals)
        command = command_line(context.program.rpartition("/")[2])
        try:
            return run.until_ended(Watcher(context.ipvs.session, path, asked, run, command))
        except Blind as error:
            raise ExitWith(NOTHING, str(error.strerror)) from None


def _check(path: str, asked: WatchOptions) -> int:
    """A name that has no address now is no mistake: it may have one when the watch looks."""
    try:
        wanted = read_watched(text_of(path), asked, keep_going=True)
        unnamed = list(wanted.unnamed)
        found = f"{len(wanted):,} {'entry' if len(wanted) == 1 else 'entries'}"
    except NothingNamed as error:
        unnamed = error.problems
    except RulesInvalid as error:
        raise invalid(error, path) from None
    except NoService as error:
        raise ExitWith(NOTHING, f"{error} ({_VerbRun.allow_empty} if that is meant)") from None
    except InvalidValue as error:
        raise ExitWith(NOTHING, str(error)) from None
    for problem in unnamed:
        complain(problem_text(problem))
    if unnamed:
        found = "it waits for names to have addresses"
    complain(f"{path}: {found}, no mistakes")
    return 0


def _seconds(options: dict[str, str], name: str, default: float) -> float:
    if name not in options:
        return default
    return wait_seconds(options[name].rpartition(",")[2], "watch", f"--{name}")


def _options(options: dict[str, str]) -> WatchOptions:
    """UsageError (2) for what cannot be."""
    how, asked = how_of("watch", options), asked_of("watch", options)
    limits_of("watch", options)
    limits = {
        name: options[name].rpartition(",")[2] for name in ("max-delete", "max-change") if name in options
    }
    return WatchOptions(
        order=how.order, keep_weights=how.keep_weights, only=how.only,
        scope=() if asked is None else asked.scope, tag="" if asked is None else asked.tag,
        max_delete=limits.get("max-delete"), max_change=limits.get("max-change"),
        drain=drain_seconds(options, "watch"), source=form_named("watch", options, 0, 1),
        config_id=options.get("config-id"), allow_empty="allow-empty" in options,
        interval=_seconds(options, "interval", INTERVAL), wait=_seconds(options, "wait", LOCK_SECONDS),
        enforce="enforce" in options,
    )  # fmt: skip


class _VerbRun(Around):
    """What is told goes into the log, signals end it, and the service manager knows how things are."""

    allow_empty = "--allow-empty"
    no_interval = "--interval 0"

    def __init__(self, say: Log, signals: Signals) -> None:
        self._say, self._signals = say, signals
        self._notifier = Notifier()
        self._beat = 0.0
        self._loading = True  # the manager waits for the end of it

    def until_ended(self, watcher: Watcher) -> int:
        """Until a signal ends it."""
        while not self._signals.came:
            self.alive()
            try:
                worked = watcher.step()
            except KeyboardInterrupt as error:
                account: Applied | None = getattr(error, "applied", None)
                if account is None:
                    raise
                raise self._ended(account) from None
            if worked:
                continue
            self._notifier.status(watcher.status)
            if self._loading:
                self._loading = False
                self._notifier.ready()
            self._wait(watcher)
        self._notifier.stopping()
        self._say(f"ended by {ended_by(self._signals.came)}; the table stays as it is")
        return 0

    def _wait(self, watcher: Watcher) -> None:
        """For whatever comes next."""
        seconds = watcher.seconds()
        if self._notifier.watchdog:
            beat = max(self._beat + self._notifier.watchdog - monotonic(), 0.0)
            seconds = beat if seconds is None else min(seconds, beat)
        wait_for([self._signals.fd, *watcher.fds], seconds)
        if self._signals.reload():
            self._notifier.reloading()
            self._loading = True
            watcher.reload()
        watcher.look()

    def told(self, event: WatchEvent) -> None:
        for text in (event.text, *event.lines):
            self._say(text)

    def alive(self) -> None:
        if self._notifier.watchdog and monotonic() - self._beat >= self._notifier.watchdog:
            self._beat = monotonic()
            self._notifier.alive()

    def drained(self, account: Drained) -> None:
        self.alive()
        if self._loading:
            self._notifier.takes_longer()
        self._notifier.status(
            f"waits for the connections of {len(account.left):,} destinations with weight 0"
        )

    def exposed(self) -> AbstractContextManager[None]:
        return self._signals.exposed()

    def _ended(self, account: Applied) -> ExitWith:
        """A signal has ended it in the middle of an apply."""
        self._notifier.stopping()
        for text in refusals(account):
            self._say(text)
        self._say(f"ended by {ended_by(self._signals.came)} while the table was changed: {account}")
        return ExitWith(128 + self._signals.came)
