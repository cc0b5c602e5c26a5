"""Which samples there are about rows: by filter, labels and aggregation, and within the limit of series."""

from __future__ import annotations

from array import array

from ..kernel.sample_lines import RowLabels
from ..model.kernel_names import SCTP
from ..model.table_filter import EVERYTHING
from .families import DESTINATION_LABELS, OF_DESTINATIONS, OF_SERVICES, ROW_LABELS, SERVICE_LABELS
from .options import LEVELS, NODE_DESTINATION_LABELS, NODE_LABELS
from .rows import LabelTexts, RowSamples, grouped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from ..listing.chosen_rows import RowChooser
    from ..stats.snapshot import Snapshot
    from .families import Family
    from .options import Aggregate, ExportOptions
    from .rows import Numbers


class RowMaker:
    """Makes the samples about the rows of snapshots of one table."""

    def __init__(self, options: ExportOptions) -> None:
        self._options: Final = options
        self._labels = LabelTexts()
        self._chooser: RowChooser | None = None
        if options.filter != EVERYTHING:
            from ..listing.chosen_rows import RowChooser

            self._chooser = RowChooser(options.filter)

    def within(self, snapshot: Snapshot, room: int | None) -> tuple[list[RowSamples], Aggregate]:
        """The samples that are wanted, or as much of that as `room` series allow (None: any number), and what
        they are about."""
        services, destinations = self._chosen(snapshot)
        levels = LEVELS[LEVELS.index(self._options.aggregate) :]
        for level in levels:
            kept = self._options.labels_at(level)
            if self._options.compat is not None:
                rows = self._compatible(snapshot, destinations, kept, room)
            else:
                rows = [
                    self._made(OF_SERVICES, snapshot, services, kept, room),
                    self._made(OF_DESTINATIONS, snapshot, destinations, kept, room),
                ]
            found = [one for one in rows if one is not None]
            enough = room is None or sum([one.series() for one in found]) <= room
            if level == "none" or (enough and len(found) == len(rows)):
                return found, level
        raise AssertionError("the last level takes what is left")

    def _chosen(self, snapshot: Snapshot) -> tuple[Numbers | None, Numbers | None]:
        """The numbers of the rows that are wanted; None: all."""
        if self._chooser is None:
            return None, None
        chosen = self._chooser.choose(snapshot)
        return array("I", chosen.services), array("I", chosen.destinations)

    def _made(
        self, families: Sequence[Family], snapshot: Snapshot, numbers: Numbers | None,
        kept: tuple[str, ...], room: int | None,
    ) -> RowSamples | None:  # fmt: skip
        """The samples of one kind; None where it is plain that they are too many."""
        subject = families[0].subject
        names = tuple([name for name in kept if subject == "destination" or name in SERVICE_LABELS])
        whole = names == (SERVICE_LABELS if subject == "service" else ROW_LABELS)
        has_destination = bool(set(names) & set(DESTINATION_LABELS))
        # Counters of services count the same as those of their destinations together, but do not jump when
        # a destination goes.
        families = [
            family
            for family in families
            if (whole or not family.whole)
            and (family.kind != "counter" or subject == "service" or has_destination)
        ]
        return self._of(families, snapshot, numbers, names, whole, room)

    def _of(
        self, families: Sequence[Family], snapshot: Snapshot, numbers: Numbers | None,
        names: tuple[str, ...], whole: bool, room: int | None,
    ) -> RowSamples | None:  # fmt: skip
        subject = families[0].subject
        columns = snapshot.services if subject == "service" else snapshot.destinations
        count = len(columns) if numbers is None else len(numbers)
        least = count * len([family for family in families if not family.sparse])
        if whole and room is not None and least > room:
            return None
        if whole:
            labels = self._labels.of(snapshot, subject, names, numbers)
            return RowSamples(families, snapshot, numbers, labels, None)
        return RowSamples(
            families, snapshot, numbers, *self._grouped(snapshot, subject, names, numbers, count)
        )

    def _grouped(
        self, snapshot: Snapshot, subject: str, names: tuple[str, ...], numbers: Numbers | None, count: int
    ) -> tuple[RowLabels, list[int]]:
        """Labels that several rows may have, and for each row which it has."""
        if not names:
            return RowLabels.of([""]), [0] * count
        if subject == "service" or set(names) & {*DESTINATION_LABELS, *NODE_DESTINATION_LABELS}:
            return grouped(self._labels.of(snapshot, subject, names, numbers).texts())
        # All destinations of a service have the same: they need not be written for each.
        homes: list[int] = snapshot.destinations["service"].tolist()
        if numbers is not None:
            homes = [homes[number] for number in numbers]
        return grouped(self._labels.of(snapshot, "service", names, None).texts(), homes)

    def _compatible(
        self, snapshot: Snapshot, numbers: Numbers | None, kept: tuple[str, ...], room: int | None
    ) -> list[RowSamples | None]:
        from .compat import BACKENDS

        # node_exporter knows no SCTP.
        pairs = zip(snapshot.services["protocol"], snapshot.services["fwmark"])
        unknown = [protocol == SCTP and not mark for protocol, mark in pairs]
        if True in unknown:
            homes = snapshot.destinations["service"]
            chosen = range(len(homes)) if numbers is None else numbers
            numbers = array("I", [number for number in chosen if not unknown[homes[number]]])
        return [self._of(BACKENDS, snapshot, numbers, kept, _is_unique(snapshot, kept), room)]


def _is_unique(snapshot: Snapshot, kept: tuple[str, ...]) -> bool:
    """Whether no two destinations have the same labels of node_exporter: it does not tell a mark of IPv4 from
    the same of IPv6."""
    marks = [mark for mark in snapshot.services["fwmark"] if mark]
    return kept == NODE_LABELS and len(set(marks)) == len(marks)
