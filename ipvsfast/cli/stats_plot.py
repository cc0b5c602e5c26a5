"""`ipvsfast stats --plot FILE`: what was counted in a short run, as a drawing."""

from __future__ import annotations

import errno
import os
import time
from heapq import nlargest

from ..errors import IpvsError
from ..listing.chosen_rows import RowChooser
from ..listing.plot import MOST_LINES, Panel, drawing
from ..outfile import write_file
from ..stats.poller import next_deadline
from ..stats.window import RATED, SPAN, RateWindow
from .output import INTERRUPTED, ExitWith, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..stats.poller import Poller
    from ..stats.window import Moment
    from .context import Context
    from .stats_query import StatsQuery

_CANDIDATES = 100  # of each reading; of as many rows nothing is missing
_PANELS = (
    ("New connections a second", ""),
    ("Bytes a second from clients", "B"),
    ("Bytes a second to clients", "B"),
)
_SHOWN = ("connections", "in_bytes", "out_bytes")
_TOTALS = "the network namespace"


class Recorder:
    """The rates of rows, reading after reading: of the busiest ones, by what sorts."""

    def __init__(self, query: StatsQuery) -> None:
        self._query = query
        # A filter that asks for destinations gets lines of destinations, else they are of services.
        self._below = query.wanted.about_destinations
        self._sort = query.wanted.sort if query.wanted.sort in RATED else _SHOWN[0]
        self._chooser = RowChooser(query.wanted.replace(sort="", limit=0))
        self._lines: dict[str, dict[int, tuple[float, ...]]] = {}
        self.seconds: list[float] = []
        self.began: float = 0.0  # seconds since 1970
        self.live: bool = query.totals  # whether all rates are of one interval, without steps
        self._first = 0.0

    def add(self, moment: Moment) -> None:
        """One reading; a first one has no rates."""
        if not self.began:
            self.began, self._first = moment.snapshot.time, moment.snapshot.at
            self.live |= moment.snapshot.live
        self.live &= self._query.totals or moment.snapshot.live
        if self._query.totals:
            if moment.totals is not None:
                rates = dict(zip(RATED, moment.totals))
                self._note(moment, [(_TOTALS, tuple([rates[name] for name in _SHOWN]))])
        elif moment.delta is not None:
            self._note(moment, self._busiest(moment))

    def _note(self, moment: Moment, rows: Any) -> None:
        number = len(self.seconds)
        self.seconds.append(moment.snapshot.at - self._first)
        for name, rates in rows:
            self._lines.setdefault(name, {})[number] = rates

    def _busiest(self, moment: Moment) -> Iterator[tuple[str, tuple[float, ...]]]:
        snapshot, delta = moment.snapshot, moment.delta
        assert delta is not None
        chosen = self._chooser.choose(snapshot)
        deltas: Any = delta.destinations if self._below else delta.services
        by = deltas[f"{self._sort}_rate"].tolist()
        rows = nlargest(_CANDIDATES, chosen.destinations if self._below else chosen.services, by.__getitem__)
        keys, below = snapshot.services.keys(), snapshot.destinations.keys()
        homes = snapshot.destinations["service"]
        columns = [deltas[f"{name}_rate"] for name in _SHOWN]
        for row in rows:
            name = f"{below[row]} of {keys[homes[row]]}" if self._below else str(keys[row])
            yield name, tuple([column[row] for column in columns])

    def text(self, title: str, subtitle: str) -> str:
        """The drawing of the rows with the largest sums."""
        at = _SHOWN.index(self._sort) if self._sort in _SHOWN else 0
        sums = {name: sum([rates[at] for rates in line.values()]) for name, line in self._lines.items()}
        most = min(self._query.wanted.limit or MOST_LINES, MOST_LINES)
        names = nlargest(most, sums, key=sums.__getitem__)
        panels = []
        for which, (heading, unit) in enumerate(_PANELS):
            lines = {name: self._values(name, which) for name in names}
            panels.append(Panel(heading, unit, lines))
        left = len(sums) - len(names)
        more = f"; {left} more row{'s' * (left != 1)} left out" if left > 0 else ""
        return drawing(title, subtitle + more, self.seconds, panels)

    def _values(self, name: str, which: int) -> list[float | None]:
        found: list[float | None] = [None] * len(self.seconds)
        for number, rates in self._lines[name].items():
            found[number] = rates[which]
        return found


def plot_file(context: Context, query: StatsQuery) -> int:
    """Reads as often as was asked for, and writes the drawing. Ctrl-C leaves out the readings to come."""
    problem = _why_not(query.plot)
    if problem:
        raise ExitWith(1, f"cannot write {query.plot}: {problem}")
    recorder, interrupted = Recorder(query), False
    try:
        # Totals are always live, whatever is read of rows.
        source = "sockopt" if query.totals else query.source
        poller = context.ipvs.poller(source, interval=query.interval, wanted=query.wanted)
        _record(query, poller, recorder)
    except KeyboardInterrupt:
        interrupted = True
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    if not recorder.seconds:
        raise ExitWith(
            INTERRUPTED if interrupted else 1, f"{query.plot} was not written: there are no rates yet"
        )
    try:
        write_file(query.plot, [_drawn(query, recorder).encode()])
    except OSError as error:
        raise ExitWith(1, f"cannot write {query.plot}: {error.strerror}") from None
    return INTERRUPTED if interrupted else 0


def _why_not(path: str) -> str | None:
    """Why a file cannot be written, as far as that can be known before there is anything to write."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        return os.strerror(errno.EISDIR)
    if not os.path.isdir(folder):
        return os.strerror(errno.ENOENT)
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        return os.strerror(errno.EACCES)
    return None


def _record(query: StatsQuery, poller: Poller, recorder: Recorder) -> None:
    """A reading at each deadline."""
    assert query.interval is not None
    assert query.repeat is not None
    window, start, number = RateWindow(), time.monotonic(), 0
    said: set[str] = set()
    for reading in range(query.repeat):
        if reading:
            number = next_deadline(start, query.interval, number, time.monotonic())
            time.sleep(max(0.0, start + number * query.interval - time.monotonic()))
        snapshot = poller.poll()
        if not query.quiet and not query.totals:
            for sentence in snapshot.notes:
                if sentence not in said:
                    complain(sentence)
                said.add(sentence)
        recorder.add(window.add(snapshot))


def _drawn(query: StatsQuery, recorder: Recorder) -> str:
    what = "Traffic through IPVS" if query.totals else "The busiest of IPVS"
    over = "one interval, live" if recorder.live else f"{max(SPAN, query.interval or 0):g} s"
    began = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(recorder.began))
    subtitle = f"from {began} on, a reading every {query.interval:g} s, rates over {over}"
    return recorder.text(f"{what} on {os.uname().nodename}", subtitle)
