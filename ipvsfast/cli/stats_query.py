"""What a command line of `ipvsfast stats` asks for."""

from __future__ import annotations

from ..language.words import UsageError
from ..model.address import parse_int
from .table_options import FILTERS, SHORTEST, SOURCE, counters_source, record_form, table_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.table_filter import TableFilter
    from ..model.types import RecordForm, SnapshotSource

_MOST = 2**31 - 1
_LONGEST = 86400
_MOST_DRAWN = 5000  # readings


class StatsQuery:
    """The request, checked. form: None for a table; interval: seconds between two readings, or None for
    one; repeat: how many, None for no end."""

    def __init__(self, given: dict[str, str]) -> None:
        self.wanted: TableFilter = table_filter("stats", given)
        self.form: RecordForm | None = record_form("stats", given)
        self.source: SnapshotSource = counters_source("stats", given)
        self.interval: float | None = _seconds(given)
        self.repeat: int | None = _repeat(given)
        self.rates: bool = "rates" in given
        self.exact: bool = "exact" in given
        self.totals: bool = "totals" in given
        self.quiet: bool = "quiet" in given
        self.plot: str = given.get("plot", "")
        for name in ("rates", "exact"):
            if self.form is not None and name in given:
                raise _error(f"--{self.form} has all values, in full; --{name} is for the table")
        if self.interval is None and "repeat" in given:
            raise _error("--repeat needs --interval: say how often to ask")
        if self.interval is not None and self.form == "json":
            raise _error("--interval and --json exclude each other; --ndjson is one object a line")
        if "plot" in given:
            self._check_plot(given)
        if self.totals:
            self._check_totals(given)

    def _check_plot(self, given: dict[str, str]) -> None:
        for name in ("exact", "json", "ndjson", "csv"):
            if name in given:
                raise _error(f"--plot makes a drawing; --{name} is for text")
        if self.interval is None or self.repeat is None:
            raise _error("--plot needs --interval and --repeat: say how often, and how many readings to draw")
        if not 3 <= self.repeat <= _MOST_DRAWN:
            raise _error(f"--plot draws 3 to {_MOST_DRAWN} readings, not {self.repeat}")
        sort = self.wanted.sort
        if sort and sort not in ("connections", "in_bytes", "out_bytes"):
            raise _error(f"--plot takes the busiest by connections, in_bytes or out_bytes, not by {sort}")

    def _check_totals(self, given: dict[str, str]) -> None:
        for option in FILTERS:
            if option.name in given:
                raise _error(f"--totals is about all services of the namespace; {option.spellings[0]} is not")
        if SOURCE.name in given:
            raise _error("--totals is always live, from a file of the kernel; --source is for rows")
        if self.rates and self.interval is None:
            raise _error(
                "--rates needs --interval with --totals: the kernel has no rates of its own for them"
            )


def _error(message: str) -> UsageError:
    return UsageError(2, f"stats: {message}")


def _seconds(given: dict[str, str]) -> float | None:
    if "interval" not in given:
        return None
    text = given["interval"]
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not SHORTEST <= seconds <= _LONGEST:
        raise _error(f"--interval takes seconds, {SHORTEST} to {_LONGEST}, not `{text}'")
    return seconds


def _repeat(given: dict[str, str]) -> int | None:
    if "repeat" not in given:
        return None
    number = parse_int(given["repeat"], 1, _MOST)
    if number is None:
        raise _error(f"--repeat takes a whole number from 1 to {_MOST}, not `{given['repeat']}'")
    return number
