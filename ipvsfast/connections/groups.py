"""All counts of one reading, and the largest of them with what they are part of."""

from __future__ import annotations

from ..errors import InvalidValue
from .count_by import Group, counts_of, parse_keys, unpack_groups, unpack_records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..kernel.conn_reader import ConnGroups
    from .count_by import Key


class Counts(list[Group]):
    """Groups, largest first, out of all that were counted.

    by: what was counted by. total: all connections counted, in these groups and in others. distinct: how
    many groups there are in all. changes: for each group how many more connections it has than in the counts
    before; None: nothing to compare with. total_change: the same for the total.
    """

    def __init__(
        self,
        by: tuple[str, ...],
        packed: bytes,
        entry_size: int,
        *,
        total: int,
        distinct: int,
        changes: list[int] | None = None,
        total_change: int | None = None,
    ) -> None:
        super().__init__(unpack_groups(packed, entry_size, parse_keys(by)))
        self.by: tuple[str, ...] = by
        self.total: int = total
        self.distinct: int = distinct
        self.changes: list[int] | None = changes
        self.total_change: int | None = total_change
        self._packed = packed
        self._entry_size = entry_size

    @property
    def others(self) -> tuple[int, int]:
        """(groups, connections) that were counted and are not here."""
        return self.distinct - len(self), self.total - sum([count for _, count in self])

    def records(self) -> list[dict[str, object]]:
        """The groups as JSON has them: fields named as those of an entry, `connections`, `total`, and
        `change` where there were counts before."""
        found = []
        for at, record in enumerate(unpack_records(self._packed, self._entry_size, parse_keys(self.by))):
            record["total"] = self.total
            if self.changes is not None:
                record["change"] = self.changes[at]
            found.append(record)
        return found

    def fields(self) -> list[str]:
        """The names in records(), where there is no record too."""
        names = [name for key in parse_keys(self.by) for name in key.names]
        change = [] if self.changes is None else ["change"]
        return [*dict.fromkeys(names), "connections", "total", *change]


class Groups:
    """Every key that occurred in one reading with its count, kept in C: about 50 bytes for each key.

    Made by Connections.groups(). total: connections that were counted.
    """

    def __init__(self, keys: Sequence[Key], counted: ConnGroups, total: int) -> None:
        self.by: tuple[str, ...] = tuple([key.spelling for key in keys])
        self.total: int = total
        self._counted = counted

    def __len__(self) -> int:
        return len(self._counted)

    def __repr__(self) -> str:
        return f"<Groups by {','.join(self.by)}: {len(self):,} of {self.total:,} connections>"

    def top(self, count: int | None = None, *, least: int = 1, before: Groups | None = None) -> Counts:
        """The largest groups, `count` at most (None: any number), of at least `least` connections.
        before: counts by the same keys, to which changes are told."""
        if before is not None and before.by != self.by:
            raise InvalidValue(f"counts by {','.join(self.by)} cannot be compared with {','.join(before.by)}")
        # No more groups than this can have so many connections.
        most = self.total // max(least, 1)
        size = self._counted.entry_size
        packed = self._counted.top(most if count is None else min(count, most))
        numbers = counts_of(packed, size)
        enough = sum([number >= least for number in numbers])
        packed = packed[: size * enough]
        changes = total_change = None
        if before is not None:
            changes = [now - then for now, then in zip(numbers, before._counted.find(packed))]
            total_change = self.total - before.total
        return Counts(
            self.by, packed, size, total=self.total, distinct=len(self),
            changes=changes, total_change=total_change,
        )  # fmt: skip
