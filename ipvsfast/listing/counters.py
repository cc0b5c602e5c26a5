"""The `--stats` and `--rate` tables, and how ipvsadm shortens numbers in them.

ipvsadm keeps only the low 32 bits of a server's connections, packets and rates; here all numbers are
whole, in the same columns.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..model.destination import Destination
    from ..model.service import Service
    from ..model.stats import Stats

    ServiceLine = Callable[[str, Service], str]
    ServerRows = Callable[[list[str], Sequence[Destination]], list[str]]
    Five = tuple[int, int, int, int, int]

_WHOLE = 100_000_000  # from here on numbers are shortened
_STEPS = (
    (1_000_000_000, 1_000, "K"),
    (100_000_000_000, 1_000_000, "M"),
    (100_000_000_000_000, 1_000_000_000, "G"),
)
_WHOLE_ROW = "  -> %-28s %8d %8d %8d %8d %8d\n"
_ROW = "  -> %-28s%s%s%s%s%s\n"


def scaled(value: int) -> str:
    """A counter in nine columns: whole below 10**8, else cut down to K, M, G or T.

    Nothing separates a long one from its neighbour: `100T18446744T`.
    """
    if value < _WHOLE:
        return f"{value:9d}"
    for limit, unit, letter in _STEPS:
        if value < limit:
            return f"{value // unit:8d}{letter}"
    return f"{value // 1_000_000_000_000:8d}T"


def exact(value: int) -> str:
    """A counter in full: nine columns if they suffice, else a blank and all its digits."""
    return f" {value:8d}"


def totals(stats: Stats) -> Five:
    """Connections, packets in and out, bytes in and out."""
    return stats.connections, stats.in_packets, stats.out_packets, stats.in_bytes, stats.out_bytes


def rates(stats: Stats) -> Five:
    """The same per second: connections, packets in and out, bytes in and out."""
    return stats.cps, stats.in_pps, stats.out_pps, stats.in_bps, stats.out_bps


def counter_formats(view: str, in_full: bool) -> tuple[ServiceLine, ServerRows]:
    """How the view "stats" or "rate" shows a service and its servers. in_full: `--exact`."""
    of = totals if view == "stats" else rates
    number = exact if in_full else scaled
    # Connections and packets per second of a server are never shortened, those of a service are.
    count = exact if view == "rate" else number

    def service_line(label: str, service: Service) -> str:
        return f"{label:<33}{''.join(map(number, of(service.stats)))}\n"

    def server_rows(texts: list[str], destinations: Sequence[Destination]) -> list[str]:
        rows = []
        for text, destination in zip(texts, destinations):
            values = a, b, c, d, e = of(destination.stats)
            if in_full or max(values) < _WHOLE:
                rows.append(_WHOLE_ROW % (text, a, b, c, d, e))
            else:
                rows.append(_ROW % (text, count(a), count(b), count(c), number(d), number(e)))
        return rows

    return service_line, server_rows
