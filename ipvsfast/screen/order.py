"""Which rows the live screen has, one below the other."""

from __future__ import annotations

from .columns import DESTINATION_COLUMNS, SERVICE_COLUMNS
from .rows import SERVICES, Rows, TextFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..listing.chosen_rows import ChosenRows
    from .columns import Column

_BY_NAME = ("service", "destination", "scheduler", "forwarding")


class Order:
    """Rows chosen by a text and sorted by a column; what rests on keys alone is worked out once for all
    moments that share them."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, ...]] = {}

    def numbers(
        self, rows: Rows, chosen: ChosenRows, service: int | None, text: TextFilter, sort: str, upwards: bool
    ) -> list[int]:
        """The numbers of the rows from top to bottom. service: only destinations of this one."""
        base = self._base(rows, chosen, service)
        found = self._filtered(rows, base, text)
        if sort in ("service", "destination"):
            found = self._named(rows, found, sort)
            return found[::-1] if upwards else found
        column = column_of(rows.kind, sort)
        if column is None:
            return found
        # Texts are read downwards from A, numbers from the largest.
        return sorted(found, key=rows.values(column).__getitem__, reverse=(sort in _BY_NAME) == upwards)

    def _base(self, rows: Rows, chosen: ChosenRows, service: int | None) -> list[int]:
        if rows.kind == SERVICES:
            return chosen.services
        if service is None:
            kept = self._kept.get("all")
            if kept is None or kept[0] is not chosen.runs:
                kept = self._kept["all"] = chosen.runs, chosen.destinations
            return kept[1]  # type: ignore[return-value]
        at = chosen.services.index(service) if service in chosen.services else -1
        return chosen.runs[at] if at >= 0 else []

    def _filtered(self, rows: Rows, base: list[int], text: TextFilter) -> list[int]:
        if not text:
            return base
        kept = self._kept.get("filtered")
        if kept is None or kept[0] is not base or kept[1] is not text or kept[2] is not rows.texts:
            kept = self._kept["filtered"] = base, text, rows.texts, text.choose(rows.texts, base)
        return kept[3]  # type: ignore[return-value]

    def _named(self, rows: Rows, found: list[int], sort: str) -> list[int]:
        """As listings have them: services, and in them destinations; or by the address of destinations."""
        if sort != "destination" or rows.kind == SERVICES:
            return found
        kept = self._kept.get("named")
        if kept is None or kept[0] is not found or kept[1] is not rows.texts:
            below = rows.snapshot.destinations.keys()
            kept = self._kept["named"] = found, rows.texts, sorted(found, key=below.__getitem__)
        return kept[2]  # type: ignore[return-value]


def columns_of(kind: str) -> tuple[Column, ...]:
    """The columns of services, or of destinations."""
    return SERVICE_COLUMNS if kind == SERVICES else DESTINATION_COLUMNS


def column_of(kind: str, name: str) -> Column | None:
    """A column by its name; None where these rows have none of that name."""
    return next((column for column in columns_of(kind) if column.name == name), None)
