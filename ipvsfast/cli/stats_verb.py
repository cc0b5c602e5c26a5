"""`ipvsfast stats`: counters, and what was counted from one reading to the next."""

from __future__ import annotations

import time
from itertools import chain

from ..errors import IpvsError, IpvsUnavailable
from ..model.table_filter import EVERYTHING
from ..stats.poller import next_deadline
from ..stats.snapshot import REFRESH
from ..stats.sources import STEPS
from .ending import WholeTexts
from .output import ExitWith, ReaderGone, complain
from .stats_query import StatsQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..listing.chosen_rows import ChosenRows
    from ..listing.counted_records import CountedRecords
    from ..model.stats import Stats
    from ..stats.delta import Delta
    from ..stats.poller import Poller
    from ..stats.snapshot import Snapshot
    from .context import Context

_STILL = (
    "the kernel's own rates stand still in this namespace (see the sysctls net.ipv4.vs.run_estimation and "
    "est_cpulist); with --interval there are true ones"
)


def stats(context: Context, given: dict[str, str], words: list[str]) -> int:
    """The verb."""
    query = StatsQuery(given)
    if query.plot:
        from .stats_plot import plot_file

        return plot_file(context, query)
    poller = context.ipvs.poller(query.source, interval=query.interval, wanted=query.wanted)
    readings: _Totals | _Rows = _Totals(query, poller) if query.totals else _Rows(query, poller)
    kernels = query.source in ("netlink", "sockopt") and not query.totals
    if kernels and query.interval is not None and query.interval < REFRESH:
        readings.note(STEPS)
    try:
        with WholeTexts() as output:
            _repeat(query, readings, output)
    except ReaderGone:
        return 0
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    return 0


def _repeat(query: StatsQuery, readings: _Totals | _Rows, output: WholeTexts) -> None:
    """A reading at each deadline. They are multiples of the interval after the first, so nothing drifts;
    those that a long reading has let go by are left out."""
    start, deadline, written, away = time.monotonic(), 0, 0, False
    while True:
        try:
            text, made = readings.read()
        except IpvsUnavailable as error:
            if query.interval is None:
                raise
            if not away:
                complain(f"{error}; going on when it is there again")
            away = True
            readings.forget()
        else:
            away = False
            (output.write_made if made else output.write)(text)
            written += 1
        if query.interval is None or written == query.repeat:
            return
        deadline = next_deadline(start, query.interval, deadline, time.monotonic())
        time.sleep(max(0.0, start + deadline * query.interval - time.monotonic()))


class _Notes:
    """Sentences for standard error, each of them once."""

    def __init__(self, quiet: bool) -> None:
        self._said: set[str] = set()
        self._quiet = quiet

    def note(self, sentence: str) -> None:
        """Say it, unless that was done."""
        if sentence not in self._said and not self._quiet:
            complain(sentence)
        self._said.add(sentence)


class _Rows(_Notes):
    """Readings of services and destinations."""

    def __init__(self, query: StatsQuery, poller: Poller) -> None:
        super().__init__(query.quiet)
        from ..listing.chosen_rows import RowChooser

        self._query, self._poller = query, poller
        self._chooser = RowChooser(query.wanted)
        self._last: Snapshot | None = None
        self._records: CountedRecords | None = None
        self._writer = self._text_maker()

    def read(self) -> tuple[Iterator[Any], bool]:
        """The text of one reading, made from the table as it is now, and whether C makes it."""
        snapshot, before = self._poller.poll(), self._last
        for sentence in snapshot.notes:
            self.note(sentence)
        averages = self._query.rates and self._query.interval is None
        if averages and snapshot.live and snapshot.estimating is False:
            self.note(_STILL)
        delta = None if before is None else snapshot - before
        self._last = snapshot if self._query.interval is not None else None
        if self._records is not None and self._query.wanted == EVERYTHING:
            pieces = self._plain(self._records, snapshot, delta)
            if pieces is not None:
                return pieces, True
            if before is not None:  # what is gone is looked for in what was chosen of it
                self._chooser.choose(before)
        return self._writer(self._chooser.choose(snapshot, delta)), False

    def _plain(
        self, records: CountedRecords, snapshot: Snapshot, delta: Delta | None
    ) -> Iterator[Any] | None:
        """All rows at memory speed, if that can be had."""
        from ..stats.plain_rows import plain_rows

        form = self._query.form or "json"
        rows = plain_rows(snapshot, delta, form, *records.parts_of_rows(snapshot, delta))
        if rows is None:
            return None
        before, after, nothing = records.around(snapshot)
        return chain([before], rows, [after if len(snapshot.services) else nothing])

    def forget(self) -> None:
        """What comes next is a first reading again."""
        self._last = None

    def _text_maker(self) -> Callable[[ChosenRows], Iterator[str]]:
        query = self._query
        if query.form is not None:
            from ..listing.counted_records import CountedRecords

            self._records = CountedRecords(query.form)
            return self._records.text
        from ..listing.counted_tables import CountedTables

        table = CountedTables(rates=query.rates, in_full=query.exact, sort=query.wanted.sort)
        timed = query.interval is not None
        return lambda chosen: table.text(chosen, timed)


class _Totals(_Notes):
    """Readings of the totals of the namespace."""

    def __init__(self, query: StatsQuery, poller: Poller) -> None:
        super().__init__(query.quiet)
        self._poller = poller
        self._last: Stats | None = None
        self._at = 0.0
        if query.form is not None:
            from ..listing.counted_records import CountedRecords

            self._totals = CountedRecords(query.form).totals
        else:
            from ..listing.counted_tables import CountedTables

            self._totals = CountedTables(rates=query.rates, in_full=query.exact).totals

    def read(self) -> tuple[Iterator[str], bool]:
        """The text of one reading, and that it is made here."""
        before, at = self._last, self._at
        self._at = time.monotonic()
        self._last = self._poller.totals()
        return self._totals(time.time(), self._last, before, self._at - at), False

    def forget(self) -> None:
        """What comes next is a first reading again."""
        self._last = None
