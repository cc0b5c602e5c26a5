"""The connection table in numbers: by state, or by client."""

from __future__ import annotations

from ..connections.table import Connections
from .families import BY_CLIENT, BY_STATE, CLIENTS, INCOMPLETE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..connections.groups import Groups
    from .collect import Samples
    from .options import ExportOptions

_KEYS = {"state": ("protocol", "state"), "client": ("client",)}


class Counted:
    """What one reading of the connection table gave."""

    def __init__(self, options: ExportOptions) -> None:
        table = Connections(options.netns, source="auto")
        by = options.connections or "state"
        self._groups: Groups = table.groups(_KEYS[by])
        self.by_client: Final[bool] = by == "client"
        self._incomplete = bool(table.account and table.account.incomplete)

    def add(self, samples: Samples, room: int | None) -> bool:
        """Adds at most so many of them, the largest; whether these are all."""
        about = [(INCOMPLETE, int(self._incomplete))]
        if self.by_client:
            about.append((CLIENTS, len(self._groups)))
        for family, value in about:
            samples.one(family, value)
        found = self._groups.top(None if room is None else max(0, room - len(about)))
        rows = []
        for parts, count in found:
            protocol = parts[:1] if self.by_client else (parts[0].lower(),)
            rows.append(((*protocol, *parts[1:]), count))
        samples.add(BY_CLIENT if self.by_client else BY_STATE, rows)
        return len(found) == len(self._groups)
