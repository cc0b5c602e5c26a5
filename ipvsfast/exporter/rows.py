"""Samples about the services, or about the destinations, of one reading."""

from __future__ import annotations

from array import array

from ..kernel.sample_lines import FamilyLines, RowLabels, row_labels
from ..model.kernel_names import F_PERSISTENT, FORWARDING
from .labels import row_label_text
from .lines import head, label_text, sample_lines, with_labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Final

    from ..kernel.sample_lines import SampleBlocks
    from ..stats.columns import Shape
    from ..stats.snapshot import Snapshot
    from .families import Family

    Numbers = array[int]

_MOST = 2**64
_FORWARDING = (*FORWARDING, *[f"method-{number}" for number in range(len(FORWARDING), 8)])


class LabelTexts:
    """The labels of the rows of a snapshot that are wanted, kept as long as they are the same."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, tuple[str, ...]], tuple[Shape, Numbers | None, RowLabels]] = {}

    def of(
        self, snapshot: Snapshot, subject: str, names: tuple[str, ...], numbers: Numbers | None
    ) -> RowLabels:
        """Those of services or of destinations with these names."""
        known = self._kept.get((subject, names))
        if known is not None and known[0] is snapshot.shape and known[1] == numbers:
            return known[2]
        found = row_labels(snapshot.rows, names, subject == "destination", numbers)
        if found is None:
            found = RowLabels.of(defined_labels(snapshot, subject, names, numbers))
        self._kept[subject, names] = snapshot.shape, numbers, found
        return found


def defined_labels(
    snapshot: Snapshot, subject: str, names: tuple[str, ...], numbers: Numbers | None
) -> list[str]:
    """What C writes, and what stands where it cannot."""
    keys, below = snapshot.services.keys(), snapshot.destinations.keys()
    if subject == "service":
        chosen = range(len(keys)) if numbers is None else numbers
        return [row_label_text(keys[n], None, names) for n in chosen]
    homes, chosen = snapshot.destinations["service"], range(len(below)) if numbers is None else numbers
    return [row_label_text(keys[homes[n]], below[n], names) for n in chosen]


class RowSamples:
    """The families about rows of one kind, with their values.

    labels: of the samples. numbers: which rows they are about, None for all. groups: for each of these rows
    the number of its sample, in which rows are summed; None: each row has a sample of its own.
    """

    def __init__(
        self, families: Sequence[Family], snapshot: Snapshot, numbers: Numbers | None,
        labels: RowLabels, groups: list[int] | None,
    ) -> None:  # fmt: skip
        self.families: Final = families
        self.subject: Final = families[0].subject
        self._snapshot = snapshot
        self._columns: Any = snapshot.services if self.subject == "service" else snapshot.destinations
        self._numbers = numbers
        self._groups = groups
        self._labels = labels
        self._made: dict[str, array[int] | list[int]] = {}
        self._counts: dict[str, int] = {}

    @property
    def _chosen(self) -> Sequence[int]:
        return range(len(self._columns)) if self._numbers is None else self._numbers

    def series(self) -> int:
        """How many samples there are."""
        return sum([self._count(family) for family in self.families])

    def _count(self, family: Family) -> int:
        if not family.sparse:
            return len(self._labels)
        if family.name not in self._counts:
            samples = self._samples(family)
            if samples is not None:
                self._counts[family.name] = len(samples)
            else:
                self._counts[family.name] = sum([value != 0 for value in self.values(family)])
        return self._counts[family.name]

    def values(self, family: Family) -> array[int] | list[int]:
        """A value for each sample."""
        if family.column not in self._made:
            self._made[family.column] = self._sums(family)
        return self._made[family.column]

    def _sums(self, family: Family) -> array[int] | list[int]:
        column = self._columns[family.column]
        if family.column == "timeout":  # it is set also where nothing is persistent
            flags = self._columns["flags"]
            column = [seconds if bits & F_PERSISTENT else 0 for seconds, bits in zip(column, flags)]
        values: list[int] = column if isinstance(column, list) else column.tolist()
        if self._numbers is not None:
            values = [values[number] for number in self._numbers]
        if self._groups is not None:
            sums = [0] * len(self._labels)
            for group, value in zip(self._groups, values):
                sums[group] += value
            values = sums
        # Sums may be larger than what C takes, and numbers of 32 bits may be below 0.
        return array("Q", values) if values and min(values) >= 0 and max(values) < _MOST else values

    def words(self, family: Family) -> list[str]:
        """Of an info family what may stand behind the labels."""
        if self.subject == "destination":
            return [label_text(family.labels, (word,))[1:-1] for word in _FORWARDING]
        return [label_text(family.labels, pair)[1:-1] for pair in self._scheduling()]

    def _scheduling(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys(zip(self._columns["scheduler"], self._columns["engine"])))

    def _which(self) -> array[int]:
        """For each service its word."""
        found = {pair: number for number, pair in enumerate(self._scheduling())}
        pairs = list(zip(self._columns["scheduler"], self._columns["engine"]))
        return array("I", [found[pairs[number]] for number in self._chosen])

    def write(self, blocks: SampleBlocks, openmetrics: bool) -> Iterator[memoryview]:
        """The text of all families into blocks."""
        for family in self.families:
            if not self._count(family):
                continue
            yield from blocks.text(head(family, openmetrics))
            samples = self._samples(family)
            if samples is None:
                yield from blocks.text(self.defined_lines(family))
            else:
                yield from blocks.samples(samples)

    def _samples(self, family: Family) -> FamilyLines | None:
        """What C writes; None for numbers that it does not take."""
        name, labels, of_dests = family.sample_name, self._labels, self.subject == "destination"
        words = self.words(family) if family.kind == "info" else None
        if words is not None and not of_dests:
            return FamilyLines(name, labels, words=words).of_array(self._which())
        if self._groups is None and family.column != "timeout":
            column = family.column or "forwarding"
            samples = FamilyLines(name, labels, family.sparse, words)
            return samples.of_rows(self._snapshot.rows, column, of_dests, self._numbers)
        values = self.values(family)
        return (
            FamilyLines(name, labels, family.sparse).of_array(values) if isinstance(values, array) else None
        )

    def defined_lines(self, family: Family) -> str:
        """The lines of a family: what C has to write."""
        labels = self._labels.texts()
        if family.kind == "info":
            words = self.words(family)
            if self.subject == "service":
                which: Sequence[int] = self._which()
            else:
                which = [self._columns["forwarding"][n] % len(words) for n in self._chosen]
            labels = [with_labels(text, words[number]) for text, number in zip(labels, which)]
            return sample_lines(family.sample_name, labels, [1] * len(labels))
        return sample_lines(family.sample_name, labels, self.values(family), family.sparse)


def grouped(texts: Sequence[str], homes: Sequence[int] | None = None) -> tuple[RowLabels, list[int]]:
    """Each text once, and for each row the number of its text. homes: for each row which of the texts it has;
    None: there is one for each."""
    known: dict[str, int] = {}
    numbers: Sequence[int] = [known.setdefault(text, len(known)) for text in texts]
    if homes is not None:
        numbers = [numbers[home] for home in homes]
    found: dict[int, int] = {}
    groups = [found.setdefault(number, len(found)) for number in numbers]
    names = list(known)
    return RowLabels.of([names[number] for number in found]), groups
