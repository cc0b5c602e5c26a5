"""The services, or the destinations, of one moment: their texts, numbers and order. Nothing is made for a row
that is not shown, except where it is searched."""

from __future__ import annotations

from ..listing.counted import Texts, events
from ..model.destination import SHARE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..stats.window import Moment
    from .columns import Column

_SUMMED = ("active", "inactive", "persistent", SHARE)
_MARKS = {"appeared": "+", "zeroed": "0"}
SERVICES, DESTINATIONS = "services", "destinations"


class Rows:
    """One kind of rows of a moment. texts: those of earlier moments, which fit as long as the keys are the
    same."""

    def __init__(self, kind: str, moment: Moment, texts: dict[str, Texts]) -> None:
        snapshot, delta = moment.snapshot, moment.delta
        services = kind == SERVICES
        self.kind: str = kind
        self._moment: Any = moment
        self.snapshot = snapshot
        self._columns: Any = snapshot.services if services else snapshot.destinations
        self._deltas: Any = delta and (delta.services if services else delta.destinations)
        self._found: dict[str, Any] = {}
        self._events: dict[int, str] | None = None
        keys, below = snapshot.services.keys(), snapshot.destinations.keys()
        self._keys, self._below = keys, below
        # Of destinations it is what is searched: with the service.
        if kind not in texts or texts[kind].keys_of is not (keys if services else below):
            if services:
                texts[kind] = Texts(keys, lambda row: str(keys[row]))
            else:
                homes = snapshot.destinations["service"]
                texts[kind] = Texts(below, lambda row: f"{below[row]}  {keys[homes[row]]}")
        self.texts: Texts = texts[kind]

    def __len__(self) -> int:
        return len(self._columns)

    def label(self, row: int) -> str:
        """The name of a row, within its service."""
        return str(self._keys[row]) if self.kind == SERVICES else str(self._below[row])

    def key(self, row: int) -> tuple[Any, ...]:
        """What identifies a row, whatever becomes of its number."""
        if self.kind == SERVICES:
            return (self._keys[row],)
        return self._keys[self.home(row)], self._below[row]

    def find(self, key: tuple[Any, ...]) -> int | None:
        """The number of the row with that key, looked for without a table of all keys."""
        try:
            service = self._keys.index(key[0])
            if self.kind == SERVICES:
                return service
            first, count = self.span(service)
            return self._below.index(key[1], first, first + count)
        except ValueError:
            return None

    def home(self, row: int) -> int:
        """The number of the service of a destination."""
        number: int = self.get("service")[row]
        return number

    def span(self, service: int) -> tuple[int, int]:
        """The number of the first destination of a service, and how many there are."""
        services = self.snapshot.services
        return services["first_destination"][service], services["destination_count"][service]

    def mark(self, row: int) -> str:
        """What stands in front of a row: + it is new, 0 it was zeroed, ! nothing new goes there."""
        if self._events is None:
            self._events = events(self._deltas)
        return _MARKS.get(self._events.get(row, "")) or ("!" if self.idle(row) else " ")

    def idle(self, row: int) -> bool:
        """Whether it has no share of new connections, nor any of its destinations."""
        if self.kind == SERVICES:
            first, count = self.span(row)
            return not any(self._moment.of_destinations(SHARE)[first : first + count])
        return not self.get(SHARE)[row]

    def get(self, name: str) -> Any:
        """A column of the snapshot, looked up once."""
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._columns[name]
        return found

    def number(self, column: Column, row: int) -> Any:
        """One value of a column."""
        if column.rate is not None:
            return self._rates(column.rate)[row]
        if self._is_sum(column.name):
            first, count = self.span(row)
            return sum(self._moment.of_destinations(column.of)[first : first + count])
        if column.name == "scheduler":  # a column of text is made for all services
            return self.scheduler(row)
        return self.get(column.of)[row]

    def scheduler(self, service: int) -> str:
        """That of one service."""
        return self.snapshot.services.row(service).scheduler

    def values(self, column: Column) -> Sequence[Any]:
        """Those of all rows, by number: what sorts."""
        found: Any
        if column.rate is not None:
            found = self._rates(column.rate)
        elif self._is_sum(column.name):
            values = self._moment.of_destinations(column.of)
            spans = zip(self.get("first_destination"), self.get("destination_count"))
            found = [sum(values[first : first + count]) for first, count in spans]
        else:
            found = self.get(column.of)
        return found if isinstance(found, list) else found.tolist()

    def _is_sum(self, name: str) -> bool:
        return self.kind == SERVICES and name in _SUMMED

    def _rates(self, names: tuple[str, str]) -> Any:
        """True ones; of a first reading the kernel's own averages."""
        if self._deltas is None:
            return self.get(names[1])
        name = f"{names[0]}_rate"
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._deltas[name]
        return found


class TextFilter:
    """Words that all have to be in the text of a row; `!word` must not. Case does not count."""

    def __init__(self, text: str) -> None:
        words = text.lower().split()
        self._wanted = [word for word in words if word[0] != "!"]
        self._excluded = [word[1:] for word in words if word[0] == "!" and len(word) > 1]

    def __bool__(self) -> bool:
        return bool(self._wanted or self._excluded)

    def choose(self, texts: Texts, rows: list[int]) -> list[int]:
        """The rows that it lets through."""
        for word in self._wanted:
            rows = [row for row in rows if word in texts[row].lower()]
        for word in self._excluded:
            rows = [row for row in rows if word not in texts[row].lower()]
        return rows
