"""The same question about connections, asked again and again: what changed since the answer before.

`conns --interval S` writes such answers one below the other; `conns --watch S` shows the last one.
"""

from __future__ import annotations

import time

from ..connections.table import Connections
from ..errors import IpvsError
from .output import ExitWith, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..connections.groups import Counts, Groups
    from .conns_query import Query

_SHORTEST_PAUSE = 0.05  # however long a reading takes, the kernel gets a rest


class Answers:
    """Counts of the connections that a query is about, each compared with the one before."""

    def __init__(self, query: Query, table: Connections) -> None:
        self.query = query
        self.table = table
        self.seconds: float | None = None  # between the last two answers
        self._asked: float | None = None
        self._groups: Groups | None = None
        self._count: int | None = None

    def counts(self, most: int | None = None) -> Counts:
        """The largest groups, `most` of them, with their changes."""
        self._clock()
        groups = self.table.groups(self.query.by or (), self.query.where)
        before, self._groups = self._groups, groups
        top = self.query.top
        limit = top if most is None else most if top is None else min(top, most)
        return groups.top(limit, least=self.query.least, before=before)

    def count(self) -> tuple[int, int | None]:
        """How many there are, and how many more than before."""
        self._clock()
        count = self.table.count(self.query.where)
        before, self._count = self._count, count
        return count, None if before is None else count - before

    def table_text(self, room: int | None = None) -> str:
        """The answer as a table, of `room` lines at most."""
        from ..listing.groups import groups_table

        if self.query.by is None:
            count, change = self.count()
            more = f"  {change / self.seconds:+.1f}/s" if change is not None and self.seconds else ""
            return f"{count}{more}\n"
        counts = self.counts(None if room is None else max(room - 3, 1))  # heading, others, total
        return "".join([f"{line}\n" for line in groups_table(counts, self.seconds)])

    def records(self) -> list[dict[str, object]]:
        """The answer as JSON has it, the time of its reading first."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        if self.query.by is not None:
            return [{"time": now, **record} for record in self.counts().records()]
        count, change = self.count()
        record: dict[str, object] = {"time": now, "connections": count}
        return [record if change is None else {**record, "change": change}]

    def _clock(self) -> None:
        now = time.monotonic()
        self.seconds = None if self._asked is None else max(now - self._asked, 1e-6)
        self._asked = now


def log(query: Query) -> int:
    """`--interval`: an answer every so many seconds, `--repeat` of them, or until Ctrl-C."""
    answers = Answers(query, Connections(source=query.source))
    interval = query.interval or 0.0
    due, written = time.monotonic(), 0
    try:
        while True:
            write(_form(answers, written == 0))
            written += 1
            if written == query.repeat:
                return 0
            # Without drift; a reading that takes longer than the interval leaves answers out.
            due = max(due + interval, time.monotonic() + _SHORTEST_PAUSE)
            time.sleep(max(due - time.monotonic(), 0))
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None


def _form(answers: Answers, first: bool) -> str:
    from ..listing.groups import csv_line, json_object

    form = answers.query.form
    if form == "table":
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')}\n{answers.table_text()}\n"
    records = answers.records()
    if form == "ndjson":
        return "".join([f"{json_object(record)}\n" for record in records])
    # CSV has one heading for all answers, so the column is there in the first one too.
    rows = [{**record, "change": record.get("change")} for record in records]
    lines: list[object] = [list(row.values()) for row in rows]
    if first and rows:
        lines.insert(0, list(rows[0]))
    return "".join([f"{csv_line(line)}\n" for line in lines])  # type: ignore[arg-type]
