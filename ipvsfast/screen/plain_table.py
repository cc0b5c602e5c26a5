"""What the live screen shows as plain text, one reading below the other."""

from __future__ import annotations

from ..listing.figures import amount, short
from .columns import GRAPH, cell, fitting
from .order import Order, columns_of
from .rows import DESTINATIONS, SERVICES, Rows, TextFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..listing.chosen_rows import RowChooser
    from ..listing.counted import Texts
    from ..stats.window import Moment

_NOTHING = TextFilter("")


class PlainTable:
    """Readings as tables of ASCII."""

    def __init__(
        self, chooser: RowChooser, *, sort: str, upwards: bool, destinations: bool, limit: int
    ) -> None:
        self._chooser = chooser
        self._sort, self._upwards, self._limit = sort, upwards, limit
        self._kind = DESTINATIONS if destinations else SERVICES
        self._texts: dict[str, Texts] = {}
        self._order = Order()

    def text(self, moment: Moment, time: str, width: int) -> Iterator[str]:
        """One reading in pieces, lines of `width` columns."""
        rows = Rows(self._kind, moment, self._texts)
        chosen = self._chooser.choose(moment.snapshot)
        numbers = self._order.numbers(rows, chosen, None, _NOTHING, self._sort, self._upwards)
        for line in self._heading(moment, time):
            yield f"{line[:width].rstrip()}\n"
        name_width, columns = fitting(columns_of(self._kind), width)
        columns = [column for column in columns if column.name != GRAPH]
        title = " Service" if self._kind == SERVICES else " Destination"
        heads = [c.title.rjust(c.width) if not c.text else f" {c.title}".ljust(c.width) for c in columns]
        yield f"{title:<{name_width}}{''.join(heads)}\n"
        for row in numbers[: self._limit or None]:
            mark = rows.mark(row)
            label = rows.texts[row] if self._kind == DESTINATIONS and name_width >= 45 else rows.label(row)
            cells = [
                f" {cell(rows, c, row)}".ljust(c.width) if c.text else cell(rows, c, row).rjust(c.width)
                for c in columns
            ]
            yield f"{mark}{label:<{name_width - 1}}{''.join(cells)}\n"
        yield "\n"

    def _heading(self, moment: Moment, time: str) -> Iterator[str]:
        snapshot, delta = moment.snapshot, moment.delta
        over = "the kernel's own rates" if delta is None else f"rates over {delta.seconds:.3g} s"
        over += ", live" if snapshot.live and delta is not None else ""
        yield f"{time}  {len(snapshot.services)} services, {len(snapshot.destinations)} destinations, {over}"
        active = short(sum(moment.of_destinations("active")))
        inactive = short(sum(moment.of_destinations("inactive")))
        if moment.totals is not None:
            new, in_packets, out_packets, in_bytes, out_bytes = moment.totals
            yield (
                f"total: new {amount(new, '/s')}, "
                f"in {amount(in_bytes, 'B/s')} {amount(in_packets, 'pkt/s')}, "
                f"out {amount(out_bytes, 'B/s')} {amount(out_packets, 'pkt/s')}"
            )
        yield f"connections: {active} active, {inactive} inactive"
