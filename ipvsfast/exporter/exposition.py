"""The table as an exposition: what one scrape gives."""

from __future__ import annotations

import time
from _thread import allocate_lock

from ..errors import IpvsError, IpvsUnavailable, NotPermitted
from .collect import Samples, collect
from .families import (
    BUILD,
    CHANGED,
    DURATION,
    ERRORS,
    LIMIT,
    OF_DESTINATIONS,
    OF_SERVICES,
    UP,
)
from .lines import END, head, sample_lines
from .options import ExportOptions
from .rows import RowSamples

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from ..client import Ipvs
    from ..stats.poller import Poller
    from ..stats.snapshot import Snapshot

__all__ = ["ExportOptions", "Exposition", "Scraped"]

_REASONS = ("not_permitted", "unavailable", "connections", "other")


class Scraped:
    """What one scrape gave; it does not change, and many may read it.

    at: when the reading ended, by time.monotonic(). up: whether the table could be read; error: why not.
    """

    def __init__(self, samples: Samples, rows: list[RowSamples], error: IpvsError | None) -> None:
        self.at: Final[float] = time.monotonic()
        self.up: Final[bool] = error is None
        self.error: Final[IpvsError | None] = error
        self._samples = samples
        self._rows = rows

    @property
    def age(self) -> float:
        """Seconds since the reading ended."""
        return time.monotonic() - self.at

    def blocks(self, openmetrics: bool) -> Iterator[bytes | memoryview]:
        """The whole text in blocks of some 256 KiB, each valid until the next. openmetrics: in that
        form, else in Prometheus' 0.0.4."""
        lines = []
        for family, labels, values in self._samples.found:
            if values:
                lines += [head(family, openmetrics), sample_lines(family.sample_name, labels, values)]
        yield "".join(lines).encode()
        for rows in self._rows:
            yield from rows.blocks(openmetrics)
        if openmetrics:
            yield END.encode()


class Exposition:
    """Reads a table again and again for those who scrape it; threads may share one.

    ipvs: the table; None: that of options.netns, opened by the first scrape that can.
    """

    def __init__(self, ipvs: Ipvs | None, options: ExportOptions) -> None:
        self.options: Final[ExportOptions] = options
        self._ipvs = ipvs
        self._poller: Poller | None = None
        self._lock = allocate_lock()
        self._errors = dict.fromkeys(_REASONS, 0)
        self._changed = 0

    def scrape(self) -> Scraped:
        """Read the table now. Trouble with the kernel does not raise: `ipvs_up` tells it."""
        with self._lock:
            samples, rows = Samples(), list[RowSamples]()
            error: IpvsError | None = None
            started = time.monotonic()
            try:
                rows = self._read(samples)
            except IpvsError as caught:
                error, samples = caught, Samples()
                self._errors[_reason(caught)] += 1
            self._add_own(samples, rows, error is None, time.monotonic() - started)
            return Scraped(samples, rows, error)

    def _read(self, samples: Samples) -> list[RowSamples]:
        if self._ipvs is None:
            from ..client import Ipvs

            self._ipvs = Ipvs(self.options.netns)
        if self._poller is None:
            self._poller = self._ipvs.poller()
        snapshot = collect(self._ipvs, self._poller, samples)
        self._changed += snapshot.unstable > 0
        return self._rows(snapshot)

    def _rows(self, snapshot: Snapshot) -> list[RowSamples]:
        kept = self.options.labels_at(self.options.aggregate)
        return [RowSamples(of, snapshot, None, kept) for of in (OF_SERVICES, OF_DESTINATIONS)]

    def _add_own(self, samples: Samples, rows: list[RowSamples], up: bool, seconds: float) -> None:
        from .. import __version__

        samples.one(UP, int(up))
        samples.add(ERRORS, [((reason,), count) for reason, count in self._errors.items()])
        samples.one(DURATION, seconds)
        samples.add(BUILD, [((__version__,), 1)])
        samples.one(CHANGED, self._changed)
        samples.one(LIMIT, self.options.max_series)


def _reason(error: IpvsError) -> str:
    if isinstance(error, NotPermitted):
        return "not_permitted"
    return "unavailable" if isinstance(error, IpvsUnavailable) else "other"
