"""What a command line of `ipvsfast conns` asks for."""

from __future__ import annotations

from ..connections.filter import ConnectionFilter
from ..connections.source import chosen_source
from ..language.words import UsageError
from ..model.address import parse_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from ..connections.count_by import Key

    OutputForm = Literal["table", "json", "ndjson", "csv"]

FORMATS: tuple[OutputForm, ...] = ("json", "ndjson", "csv")
_MOST = 2**31 - 1
_MOST_SAMPLED = 1_000_000  # they are kept in memory
_LONGEST_WATCH = 86400


class Query:
    """The request, checked: what to count or list, of which connections, in which form.

    by: keys to count by, or None; top: how many of the groups, None for all;
    least: only those of so many connections. sample: rows, or None.
    form: table, json, ndjson or csv; details: csv with what only BPF tells. watch, interval: seconds between
    two readings, shown in place or written below each other, or None; repeat: how many, None for no end.
    """

    def __init__(self, options: dict[str, str]) -> None:
        self.count: bool = "count" in options
        self.by: list[Key] | None = None
        self.top: int | None = _number(options, "top", 1)
        self.least: int = _number(options, "min", 1) or 1
        self.sample: int | None = _number(options, "sample", 1, _MOST_SAMPLED)
        self.watch: float | None = _seconds(options, "watch")
        self.interval: float | None = _seconds(options, "interval")
        self.repeat: int | None = _number(options, "repeat", 1)
        self.engines_shown: bool = "persistent-conn" in options
        self.details: bool = "details" in options
        self.quiet: bool = "quiet" in options
        self.source = chosen_source(options.get("source"))
        self.form: OutputForm = _one_of(options, FORMATS) or "table"
        if "by" in options:
            from ..connections.count_by import parse_keys

            self.by = parse_keys(options["by"])
        self._check(options)
        self.where: ConnectionFilter = _filter(options)

    def _check(self, options: dict[str, str]) -> None:
        for name in ("top", "min"):
            if name in options and self.by is None:
                raise _error(f"--{name} needs --by: say what to count by, such as --by client")
        chosen = [name for name in ("count", "by", "sample") if name in options]
        if len(chosen) > 1:
            raise _error(f"--{chosen[0]} and --{chosen[1]} exclude each other")
        _exclude(options, "sample", "limit")
        _exclude(options, "templates", "no-templates")
        for name in ("count", "by", *FORMATS):
            _exclude(options, "persistent-conn", name)
        for name in FORMATS:
            _exclude(options, "watch", name)
        self._check_interval(options)
        if "details" in options and ("csv" not in options or "by" in options or "count" in options):
            raise _error("--details is for entries as --csv; in JSON they are there wherever they are known")

    def _check_interval(self, options: dict[str, str]) -> None:
        if "repeat" in options and self.interval is None:
            raise _error("--repeat needs --interval: say how often to ask")
        if self.interval is None:
            return
        if not self.count and self.by is None:
            raise _error("--interval needs --count or --by: say what to count")
        _exclude(options, "interval", "watch")
        if "json" in options:
            raise _error("--interval and --json exclude each other; --ndjson is one object a line")

    @property
    def streamed(self) -> bool:
        """Whether rows are printed as they are read."""
        return not self.count and self.by is None and self.sample is None


def _error(text: str) -> UsageError:
    return UsageError(2, f"conns: {text}")


def _exclude(options: dict[str, str], one: str, other: str) -> None:
    if one in options and other in options:
        raise _error(f"--{one} and --{other} exclude each other")


def _one_of(options: dict[str, str], names: tuple[OutputForm, ...]) -> OutputForm | None:
    found = [name for name in names if name in options]
    if len(found) > 1:
        raise _error(f"--{found[0]} and --{found[1]} exclude each other")
    return found[0] if found else None


def _number(options: dict[str, str], name: str, low: int, high: int = _MOST) -> int | None:
    if name not in options:
        return None
    number = parse_int(options[name], low, high)
    if number is None:
        raise _error(f"--{name} takes a whole number from {low} to {high}, not `{options[name]}'")
    return number


def _seconds(options: dict[str, str], name: str) -> float | None:
    if name not in options:
        return None
    text = options[name]
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= _LONGEST_WATCH:
        raise _error(f"--{name} takes seconds, 0.1 to {_LONGEST_WATCH}, not `{text}'")
    return seconds


def _several(options: dict[str, str], name: str) -> Any:
    """The texts between commas; the filter refuses those that it does not know."""
    return tuple(options[name].split(",")) if name in options else ()


def _filter(options: dict[str, str]) -> ConnectionFilter:
    templates = True if "templates" in options else False if "no-templates" in options else None
    return ConnectionFilter(
        client=_several(options, "client"),
        service=_several(options, "service"),
        destination=_several(options, "destination"),
        states=_several(options, "state"),
        protocols=_several(options, "protocol"),
        families=_several(options, "family"),
        expires_below=_number(options, "expires-below", 1) or 0,
        templates=templates,
        engines=_several(options, "pe"),
        limit=_number(options, "limit", 1) or 0,
    )
