"""What a command line of `ipvsfast conns` asks for."""

from __future__ import annotations

from ..connections.filter import ConnectionFilter
from ..connections.source import chosen_source
from ..language.values import UsageError
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

    def __init__(self, given: dict[str, str]) -> None:
        self.count: bool = "count" in given
        self.by: list[Key] | None = None
        self.top: int | None = _number(given, "top", 1)
        self.least: int = _number(given, "min", 1) or 1
        self.sample: int | None = _number(given, "sample", 1, _MOST_SAMPLED)
        self.watch: float | None = _seconds(given, "watch")
        self.interval: float | None = _seconds(given, "interval")
        self.repeat: int | None = _number(given, "repeat", 1)
        self.engines_shown: bool = "persistent-conn" in given
        self.details: bool = "details" in given
        self.quiet: bool = "quiet" in given
        self.source = chosen_source(given.get("source"))
        self.form: OutputForm = _one_of(given, FORMATS) or "table"
        if "by" in given:
            from ..connections.count_by import parse_keys

            self.by = parse_keys(given["by"])
        self._check(given)
        self.where: ConnectionFilter = _filter(given)

    def _check(self, given: dict[str, str]) -> None:
        for name in ("top", "min"):
            if name in given and self.by is None:
                raise _error(f"--{name} needs --by: say what to count by, such as --by client")
        chosen = [name for name in ("count", "by", "sample") if name in given]
        if len(chosen) > 1:
            raise _error(f"--{chosen[0]} and --{chosen[1]} exclude each other")
        _exclude(given, "sample", "limit")
        _exclude(given, "templates", "no-templates")
        for name in ("count", "by", *FORMATS):
            _exclude(given, "persistent-conn", name)
        for name in FORMATS:
            _exclude(given, "watch", name)
        self._check_interval(given)
        if "details" in given and ("csv" not in given or "by" in given or "count" in given):
            raise _error("--details is for entries as --csv; in JSON they are there wherever they are known")

    def _check_interval(self, given: dict[str, str]) -> None:
        if "repeat" in given and self.interval is None:
            raise _error("--repeat needs --interval: say how often to ask")
        if self.interval is None:
            return
        if not self.count and self.by is None:
            raise _error("--interval needs --count or --by: say what to count")
        _exclude(given, "interval", "watch")
        if "json" in given:
            raise _error("--interval and --json exclude each other; --ndjson is one object a line")

    @property
    def streamed(self) -> bool:
        """Whether rows are printed as they are read."""
        return not self.count and self.by is None and self.sample is None


def _error(text: str) -> UsageError:
    return UsageError(2, f"conns: {text}")


def _exclude(given: dict[str, str], one: str, other: str) -> None:
    if one in given and other in given:
        raise _error(f"--{one} and --{other} exclude each other")


def _one_of(given: dict[str, str], names: tuple[OutputForm, ...]) -> OutputForm | None:
    found = [name for name in names if name in given]
    if len(found) > 1:
        raise _error(f"--{found[0]} and --{found[1]} exclude each other")
    return found[0] if found else None


def _number(given: dict[str, str], name: str, low: int, high: int = _MOST) -> int | None:
    if name not in given:
        return None
    number = parse_int(given[name], low, high)
    if number is None:
        raise _error(f"--{name} takes a whole number from {low} to {high}, not `{given[name]}'")
    return number


def _seconds(given: dict[str, str], name: str) -> float | None:
    if name not in given:
        return None
    text = given[name]
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= _LONGEST_WATCH:
        raise _error(f"--{name} takes seconds, 0.1 to {_LONGEST_WATCH}, not `{text}'")
    return seconds


def _several(given: dict[str, str], name: str) -> Any:
    """The texts between commas; the filter refuses those that it does not know."""
    return tuple(given[name].split(",")) if name in given else ()


def _filter(given: dict[str, str]) -> ConnectionFilter:
    templates = True if "templates" in given else False if "no-templates" in given else None
    return ConnectionFilter(
        client=_several(given, "client"),
        service=_several(given, "service"),
        destination=_several(given, "destination"),
        states=_several(given, "state"),
        protocols=_several(given, "protocol"),
        families=_several(given, "family"),
        expires_below=_number(given, "expires-below", 1) or 0,
        templates=templates,
        engines=_several(given, "pe"),
        limit=_number(given, "limit", 1) or 0,
    )
