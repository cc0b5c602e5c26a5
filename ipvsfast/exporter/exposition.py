"""The table as an exposition: what one scrape gives."""

from __future__ import annotations

import time
from _thread import allocate_lock

from ..errors import IpvsError, IpvsUnavailable, NotPermitted
from ..kernel.sample_lines import SampleBlocks
from ..stats.namespace import is_estimating
from .collect import Samples, collect
from .families import (
    BUILD,
    CHANGED,
    DETAIL,
    DURATION,
    ERRORS,
    LIMIT,
    LIMITED,
    SERIES,
    STATUS,
    UP,
)
from .limits import RowMaker
from .lines import END, head, sample_lines
from .options import ExportOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from ..client import Ipvs
    from ..stats.poller import Poller
    from .counting import Counted
    from .rows import RowSamples

__all__ = ["ExportOptions", "Exposition", "Scraped"]

# Those that every exposition has, beyond what was read: see Exposition._own() and the two of _read().
_OWN = 12
_LEAST_ROWS = 20  # more than there are of rows that are summed up to nothing
_REASONS = ("not_permitted", "unavailable", "connections", "other")


class Scraped:
    """What one scrape gave; it does not change, and many may read it.

    at: when the reading ended, by time.monotonic(). up: whether the table could be read; error: why not.
    notes: what should be known of the counters, a sentence each.
    """

    def __init__(
        self, samples: Samples, rows: list[RowSamples], error: IpvsError | None, notes: list[str]
    ) -> None:
        self.at: Final[float] = time.monotonic()
        self.up: Final[bool] = error is None
        self.error: Final[IpvsError | None] = error
        self.notes: Final[list[str]] = notes
        self._samples = samples
        self._rows = rows

    @property
    def age(self) -> float:
        """Seconds since the reading ended."""
        return time.monotonic() - self.at

    def blocks(self, openmetrics: bool) -> Iterator[bytes | memoryview]:
        """The whole text in blocks of some 256 KiB, each valid until the next. openmetrics: in that
        form, else in Prometheus' 0.0.4."""
        blocks = SampleBlocks()
        for family, labels, values in self._samples.found:
            if values:
                text = head(family, openmetrics) + sample_lines(family.sample_name, labels, values)
                yield from blocks.text(text)
        for rows in self._rows:
            yield from rows.write(blocks, openmetrics)
        if openmetrics:
            yield from blocks.text(END)
        yield from blocks.flush()


class Exposition:
    """Reads a table again and again for those who scrape it; threads may share one.

    ipvs: the table; None: that of options.netns, opened by the first scrape that can. Where connections are
    counted, they are those of options.netns.
    """

    def __init__(self, ipvs: Ipvs | None, options: ExportOptions) -> None:
        self.options: Final[ExportOptions] = options
        self._ipvs = ipvs
        self._poller: Poller | None = None
        self._rows = RowMaker(options)
        self._lock = allocate_lock()
        self._errors = dict.fromkeys(_REASONS, 0)
        self._changed = 0
        self._notes: list[str] = []

    def open(self) -> None:
        """Gets live counters ready if they are what scrapes are to read, for who gives up privileges; nothing
        is done while there is no table. IpvsError with source "live" where they cannot be had."""
        with self._lock:
            if self._ipvs is None:
                return
            poller = self._poller = self._poller or self._ipvs.poller(self.options.source)
            if self.options.source == "live" or is_estimating(self._ipvs.session) is False:
                poller.open()

    def scrape(self) -> Scraped:
        """Read the table now. Trouble with the kernel does not raise: `ipvs_up` tells it."""
        with self._lock:
            self._notes = []
            samples = Samples()
            rows: list[RowSamples] = []
            error: IpvsError | None = None
            started = time.monotonic()
            try:
                rows = self._read(samples)
            except IpvsError as caught:
                error, samples = caught, Samples()
                self._errors[_reason(caught)] += 1
            seconds = time.monotonic() - started
            return Scraped(self._own(error is None, seconds, samples, rows), rows, error, self._notes)

    def _read(self, samples: Samples) -> list[RowSamples]:
        if self._ipvs is None:
            from ..client import Ipvs

            self._ipvs = Ipvs(self.options.netns)
        if self._poller is None:
            self._poller = self._ipvs.poller(self.options.source)
        snapshot = collect(self._ipvs, self._poller, samples, self.options)
        self._changed += snapshot.unstable > 0
        self._notes = snapshot.notes
        counted = self._count()
        fits = counted is None or counted.by_client or counted.add(samples, self._room(samples, _LEAST_ROWS))
        rows, level = self._rows.within(snapshot, self._room(samples))
        if counted is not None and counted.by_client:
            taken = sum([one.series() for one in rows])
            fits = counted.add(samples, self._room(samples, taken))
        room = self._room(samples, sum([one.series() for one in rows]) - 1)
        if room == 0:  # the kernel has very many numbers of its own
            samples.leave_out(STATUS)
            fits = False
        wanted = self.options.aggregate
        samples.add(DETAIL, [((wanted, level), 1)])
        samples.one(LIMITED, int(not fits or level != wanted))
        return rows

    def _count(self) -> Counted | None:
        if self.options.connections is None:
            return None
        from .counting import Counted

        try:
            return Counted(self.options)
        except IpvsError:
            self._errors["connections"] += 1
            return None

    def _room(self, samples: Samples, taken: int = 0) -> int | None:
        """How many more series there may be, with those that every exposition has; None: any number."""
        if not self.options.max_series:
            return None
        return max(0, self.options.max_series - len(samples) - _OWN - taken)

    def _own(self, up: bool, seconds: float, others: Samples, rows: list[RowSamples]) -> Samples:
        """All few samples: those about the exporter, and the others."""
        from .. import __version__

        own = Samples()
        own.one(UP, int(up))
        own.add(ERRORS, [((reason,), count) for reason, count in self._errors.items()])
        own.one(DURATION, seconds)
        own.add(BUILD, [((__version__,), 1)])
        own.one(CHANGED, self._changed)
        own.one(LIMIT, self.options.max_series)
        count = len(own) + 1 + len(others) + sum([one.series() for one in rows])
        own.one(SERIES, count)
        return Samples([*own.found, *others.found])


def _reason(error: IpvsError) -> str:
    if isinstance(error, NotPermitted):
        return "not_permitted"
    return "unavailable" if isinstance(error, IpvsUnavailable) else "other"
