"""Samples about the services, or about the destinations, of one reading."""

from __future__ import annotations

from ..model.kernel_names import F_PERSISTENT, FORWARDING
from .families import DESTINATION_LABELS
from .labels import kept_of, row_label_text
from .lines import head, label_text, sample_lines, with_labels
from .options import is_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Final

    from ..stats.snapshot import Snapshot
    from .families import Family

_AT_ONCE = 2000  # lines of a block; some 256 KiB


class RowSamples:
    """The families about rows of one kind, with their values.

    numbers: of the rows that are wanted, None for all. kept: the labels that samples have. Rows that have the
    same labels are summed; what has no sum is there only where all labels are. Counters of destinations are
    not there without any label of these: those of the services count the same, and do not jump when one goes.
    """

    def __init__(
        self, families: Sequence[Family], snapshot: Snapshot, numbers: list[int] | None, kept: tuple[str, ...]
    ) -> None:
        self.subject: Final = families[0].subject
        self.kept: Final = kept_of(self.subject, kept)
        self._snapshot = snapshot
        self._columns: Any = snapshot.services if self.subject == "service" else snapshot.destinations
        self._numbers: Sequence[int] = range(len(self._columns)) if numbers is None else numbers
        self._whole = is_whole(kept, self.subject)
        self.families: Final = [family for family in families if self._has(family)]
        self._labels, self._groups = self._grouped()

    def _has(self, family: Family) -> bool:
        if family.whole and not self._whole:
            return False
        counts_twice = family.kind == "counter" and self.subject == "destination"
        return not counts_twice or bool(set(self.kept) & set(DESTINATION_LABELS))

    def _texts(self) -> list[str]:
        keys, below = self._snapshot.services.keys(), self._snapshot.destinations.keys()
        if self.subject == "service":
            return [row_label_text(keys[n], None, self.kept) for n in self._numbers]
        homes = self._snapshot.destinations["service"]
        return [row_label_text(keys[homes[n]], below[n], self.kept) for n in self._numbers]

    def _grouped(self) -> tuple[list[str], list[int] | None]:
        """The labels of every sample, and for each row the number of its sample; None: its own."""
        if not self.kept:
            return [""], [0] * len(self._numbers)
        texts = self._texts()
        if self._whole:
            return texts, None
        found: dict[str, int] = {}
        groups = [found.setdefault(text, len(found)) for text in texts]
        return list(found), groups

    def series(self) -> int:
        """How many samples there are."""
        count = 0
        for family in self.families:
            if family.sparse:
                count += sum([value != 0 for value in self.values(family)])
            else:
                count += len(self._labels)
        return count

    def values(self, family: Family) -> list[int]:
        """A value for each sample."""
        if family.kind == "info":
            return [1] * len(self._labels)
        column = self._columns[family.column]
        if family.column == "timeout":  # it is set also where nothing is persistent
            flags = self._columns["flags"]
            column = [seconds if bits & F_PERSISTENT else 0 for seconds, bits in zip(column, flags)]
        numbers = [column[n] for n in self._numbers]
        if self._groups is None:
            return numbers
        sums = [0] * len(self._labels)
        for group, value in zip(self._groups, numbers):
            sums[group] += value
        return sums

    def labels(self, family: Family) -> list[str]:
        """The labels of each sample."""
        if family.kind != "info":
            return self._labels
        if self.subject == "service":
            texts = zip(self._columns["scheduler"], self._columns["engine"])
            more = [label_text(family.labels, pair)[1:-1] for pair in texts]
        else:
            words = [*FORWARDING, *[f"method-{n}" for n in range(len(FORWARDING), 8)]]
            known = [label_text(family.labels, (word,))[1:-1] for word in words]
            more = [known[number] for number in self._columns["forwarding"]]
        return [with_labels(text, more[n]) for text, n in zip(self._labels, self._numbers)]

    def blocks(self, openmetrics: bool) -> Iterator[bytes]:
        """The text of all families."""
        for family in self.families:
            labels, values, first = self.labels(family), self.values(family), head(family, openmetrics)
            for at in range(0, len(labels), _AT_ONCE):
                part = slice(at, at + _AT_ONCE)
                lines = sample_lines(family.sample_name, labels[part], values[part], family.sparse)
                if lines:
                    yield (first + lines).encode()
                    first = ""
