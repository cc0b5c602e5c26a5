"""`ipvsfast exporter`: the table as metrics, served until a signal ends it, or written once."""

from __future__ import annotations

from time import monotonic

from ..errors import InvalidValue, IpvsError, IpvsUnavailable
from ..exporter.exposition import Exposition
from ..exporter.options import LEVELS, ExportOptions
from ..language.words import UsageError
from ..model.address import parse_int
from ..sdnotify import Notifier
from .output import ExitWith, complain
from .table_options import counters_source, table_filter
from .watch_daemon import Log, Signals, ended_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..client import Ipvs
    from ..exporter.exposition import Scraped
    from ..exporter.listening import Listener
    from ..exporter.notes import Notes
    from ..exporter.server import Server
    from ..exporter.webconfig import WebConfigFile
    from .context import Context

CANNOT_BEGIN = 2
_LONGEST = 3600.0
_STUCK = 60.0  # seconds that a reading may take before the service manager is told no more that all is well
_STACK = 1 << 20  # of a thread: each client has one
_ONLY_SERVED = ("listen", "web-config", "min-age", "check")


def exporter(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: it was ended, has written the file, or what is to be checked has no mistake; 1: the file tells that
    the table could not be read; 2: it could not begin, or there is one."""
    wanted, min_age = export_options(options), _seconds(options)
    once = options.get("once")
    if once is not None:
        for name in _ONLY_SERVED:
            if name in options:
                raise UsageError(2, f"exporter: --{name} is for a server, and --once for a file")
        return _write_once(once, wanted)
    if "check" in options:
        return _check(options)
    import signal

    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a client, or who reads the log, may leave at any time
    with Signals() as signals:
        return _serve(options, Log(), signals, wanted, min_age)


def export_options(options: dict[str, str]) -> ExportOptions:
    """What is exported; UsageError (2) where that is wrong."""
    chosen: dict[str, Any] = {"filter": table_filter("exporter", options)}
    chosen["source"] = counters_source("exporter", options)
    for name in ("aggregate", "compat", "connections"):
        if name in options:
            chosen[name] = options[name]
    if "aggregate" in options and options["aggregate"] not in LEVELS:
        raise UsageError(2, f"exporter: --aggregate takes {', '.join(LEVELS)}, not `{options['aggregate']}'")
    if "labels" in options:
        chosen["labels"] = [name for name in options["labels"].split(",") if name]
    if "max-series" in options:
        number = parse_int(options["max-series"], 0, 2**63)
        if number is None:
            raise UsageError(2, f"exporter: --max-series takes a whole number, not `{options['max-series']}'")
        chosen["max_series"] = number
    try:
        return ExportOptions(**chosen)
    except InvalidValue as error:
        raise UsageError(2, f"exporter: {error}") from None


def _seconds(options: dict[str, str]) -> float:
    text = options.get("min-age", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST:
        raise UsageError(2, f"exporter: --min-age takes seconds, 0 to {_LONGEST:.0f}, not `{text}'")
    return seconds


def _open_table(say: Log) -> Ipvs | None:
    """The table, or None while the kernel has none; it may come, and is opened then."""
    from ..client import Ipvs

    try:
        return Ipvs()
    except IpvsUnavailable as error:
        say(f"{error}; ipvs_up is 0 until it is there")
        return None
    except IpvsError as error:
        raise ExitWith(CANNOT_BEGIN, f"exporter: {error}") from None


def _write_once(path: str, wanted: ExportOptions) -> int:
    from ..exporter.textfile import check_path, write_textfile

    try:
        check_path(path)
    except InvalidValue as error:
        raise UsageError(2, f"exporter: --once: {error}") from None
    scraped = Exposition(_open_table(Log()), wanted).scrape()
    try:
        write_textfile(path, scraped)
    except OSError as error:
        raise ExitWith(CANNOT_BEGIN, f"exporter: cannot write {path}: {error.strerror}") from None
    if scraped.error is not None:
        raise ExitWith(1, f"exporter: {scraped.error}; {path} says ipvs_up 0")
    return 0


def _check(options: dict[str, str]) -> int:
    """All that names no file was looked at before."""
    from ..exporter.listening import check_places
    from ..exporter.notes import Notes

    try:
        check_places(options["listen"].split(",") if "listen" in options else [])
    except InvalidValue as error:
        raise UsageError(2, f"exporter: --listen {error}") from None
    _web_config(options, Notes(complain))
    complain("exporter: no mistakes")
    return 0


def _serve(options: dict[str, str], say: Log, signals: Signals, wanted: ExportOptions, min_age: float) -> int:
    from threading import stack_size

    from ..exporter.notes import Notes
    from ..exporter.server import Server
    from ..exporter.sharing import Sharing

    notes = Notes(say)
    notifier = Notifier()
    stack_size(_STACK)
    ipvs = _open_table(say)
    listeners = _listeners(options)
    try:
        exposition = Exposition(ipvs, wanted)
        _open_live(exposition)
        _give_up_privileges(wanted, ipvs is not None, say)
        web = _web_config(options, notes)
        teller = _Teller(say, notes)
        sharing = Sharing(lambda: teller(exposition.scrape()), min_age)
        server = Server(listeners, sharing, notes, web)
        where = ", ".join([listener.name for listener in listeners])
        say(f"serves the table on {where}{_manner(web)}")
        notifier.ready()
        notifier.status(f"serves the table on {where}")
        _until_ended(server, signals, notifier, web)
        notifier.stopping()
        left = server.end()
        notes.sum_up(final=True)
        unserved = f"; {left} clients have not got their answers" if left else ""
        say(f"ended by {ended_by(signals.came)}{unserved}")
        return 0
    finally:
        for listener in listeners:
            listener.close()


def _manner(web: WebConfigFile | None) -> str:
    if web is None:
        return ", to everybody who comes"
    config = web.current()
    return f", {'with' if config.tls else 'without'} TLS, {'to its users' if config.auth else 'to everybody'}"


def _listeners(options: dict[str, str]) -> list[Listener]:
    """Those of the service manager; beside them only what --listen names."""
    from ..exporter.listening import DEFAULT, open_listeners, passed_listeners

    try:
        passed = passed_listeners()
    except InvalidValue as error:
        raise ExitWith(CANNOT_BEGIN, f"exporter: {error}") from None
    places = options["listen"].split(",") if "listen" in options else [] if passed else [DEFAULT]
    try:
        return [*passed, *open_listeners(places)]
    except InvalidValue as error:
        raise UsageError(2, f"exporter: --listen {error}") from None
    except OSError as error:
        raise ExitWith(
            CANNOT_BEGIN, f"exporter: cannot listen on {error.filename}: {error.strerror}"
        ) from None


def _open_live(exposition: Exposition) -> None:
    try:
        exposition.open()
    except IpvsUnavailable:
        pass  # the scrapes tell
    except IpvsError as error:
        raise ExitWith(CANNOT_BEGIN, f"exporter: {error}") from None


def _give_up_privileges(wanted: ExportOptions, opened: bool, say: Log) -> None:
    """What is left is what reading takes, whoever gets hold of this program. opened: all that takes more was
    opened."""
    from ..exporter.preloading import load_modules
    from ..privileges import BPF, NET_ADMIN, PERFMON, SYSLOG, keep_only

    load_modules()
    try:
        programs = wanted.connections or (wanted.source == "live" and not opened)
        keep_only((NET_ADMIN, BPF, PERFMON, SYSLOG) if programs else (NET_ADMIN,))
    except OSError as error:
        say(f"privileges that it does not need cannot be given up: {error.strerror}")


def _web_config(options: dict[str, str], notes: Notes) -> WebConfigFile | None:
    from ..exporter.webconfig import WebConfigFile

    if "web-config" not in options:
        return None
    path = options["web-config"]
    try:
        return WebConfigFile(path, notes)
    except InvalidValue as error:
        raise ExitWith(CANNOT_BEGIN, f"exporter: --web-config: {error}") from None
    except OSError as error:
        raise ExitWith(CANNOT_BEGIN, f"exporter: cannot read {path}: {error.strerror}") from None


class _Teller:
    """Writes what should be known of a scrape into the log: what has failed, and, once each, what the
    counters are worth."""

    def __init__(self, say: Log, notes: Notes) -> None:
        self._say, self._notes = say, notes
        self._said: set[str] = set()

    def __call__(self, scraped: Scraped) -> Scraped:
        """The same."""
        if scraped.error is not None:
            self._notes("readings that failed", f"the table cannot be read: {scraped.error}")
        for sentence in scraped.notes:
            if sentence not in self._said:
                self._say(sentence)
            self._said.add(sentence)
        return scraped


def _until_ended(server: Server, signals: Signals, notifier: Notifier, web: WebConfigFile | None) -> None:
    beat = notifier.watchdog or None
    while not signals.came:
        since = server.sharing.reading_since()
        if since is None or monotonic() - since < _STUCK:
            notifier.alive()
        server.wait((signals.fd,), beat)
        if signals.reload():
            notifier.reloading()
            if web is not None:
                web.read_again()
            notifier.ready()
