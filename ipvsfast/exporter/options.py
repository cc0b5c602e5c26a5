"""What an exposition is to have."""

from __future__ import annotations

from ..errors import InvalidValue
from ..model.table_filter import EVERYTHING
from ..model.value import check_range
from ..stats.sources import check_source
from .families import DESTINATION_LABELS, ROW_LABELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final, Literal

    from ..model.table_filter import TableFilter
    from ..model.types import Namespace, SnapshotSource

    Aggregate = Literal["destination", "service", "none"]
    Compatible = Literal["node_exporter"]
    Counting = Literal["state", "client"]

LEVELS: tuple[Aggregate, ...] = ("destination", "service", "none")
LEAST_SERIES = 200  # more than there are without a row
MOST_SERIES = 1_000_000
# node_exporter's labels for what it calls a backend, in its order.
NODE_LABELS = ("local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark")
NODE_DESTINATION_LABELS = ("remote_address", "remote_port")


class ExportOptions:
    """What is exported, checked. InvalidValue for what cannot be.

    aggregate: what samples are about: a "destination", a "service" (with sums over its destinations), or
    "none": sums over all. labels: which of ROW_LABELS samples have (with compat: of NODE_LABELS), None for
    all; values that differ in others only are summed. filter: which rows there are; it may not sort or limit.
    max_series: so many series at most, 0 for any number. compat: in place of services and destinations the
    names of another exporter. connections: by what the connection table is counted, None: it is not read.
    netns: whose table it is, where Exposition has to open it. source: where counters are read from, as for
    Ipvs.poller(); "auto": live ones where the kernel refreshes none.
    """

    __slots__ = ("aggregate", "compat", "connections", "filter", "labels", "max_series", "netns", "source")

    def __init__(
        self,
        aggregate: Aggregate = "destination",
        labels: Iterable[str] | None = None,
        filter: TableFilter = EVERYTHING,
        max_series: int = MOST_SERIES,
        compat: Compatible | None = None,
        connections: Counting | None = None,
        netns: Namespace | None = None,
        source: SnapshotSource = "auto",
    ) -> None:
        check_source(source)
        _check_word("aggregate", aggregate, LEVELS)
        if compat is not None:
            _check_word("compat", compat, ("node_exporter",))
        if connections is not None:
            _check_word("connections", connections, ("state", "client"))
        if filter.sort or filter.limit or filter.services_only:
            raise InvalidValue(
                "metrics are not sorted or limited, as rows would come and go: leave sort, limit and "
                "services_only out of the filter (aggregate='service' is without destinations)"
            )
        if check_range(max_series, 0, 2**63, "max_series") and max_series < LEAST_SERIES:
            raise InvalidValue(
                f"max_series must be at least {LEAST_SERIES}, or 0 for any number: so many may be there "
                "without a service"
            )
        self.aggregate: Final[Aggregate] = aggregate
        self.labels: Final[tuple[str, ...]] = _labels(labels, ROW_LABELS if compat is None else NODE_LABELS)
        self.filter: Final[TableFilter] = filter
        self.max_series: Final[int] = max_series
        self.compat: Final[Compatible | None] = compat
        self.connections: Final[Counting | None] = connections
        self.netns: Final[Namespace | None] = netns
        self.source: Final[SnapshotSource] = source

    def labels_at(self, level: Aggregate) -> tuple[str, ...]:
        """Those of the wanted labels that samples at that level have."""
        if level == "none":
            return ()
        gone = () if level == "destination" else (*DESTINATION_LABELS, *NODE_DESTINATION_LABELS)
        return tuple([label for label in self.labels if label not in gone])


def _check_word(what: str, word: object, words: tuple[str, ...]) -> None:
    if word not in words:
        raise InvalidValue(f"{what} must be one of {', '.join(words)}, not {word!r}")


def _labels(given: Iterable[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """In the order of all of them, each once."""
    if given is None:
        return known
    wanted = (given,) if isinstance(given, str) else tuple(given)
    for label in wanted:
        _check_word("a label", label, known)
    return tuple([label for label in known if label in wanted])
