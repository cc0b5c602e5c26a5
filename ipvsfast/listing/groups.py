"""Counts of connections as text: a table, CSV or JSON."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..connections.groups import Counts

_COUNT = "connections"
_HEADINGS = {"client-net": "client network"}


def count_text(count: int, form: str = "table") -> str:
    """How many there are."""
    if form == "csv":
        return f"{_COUNT}\n{count}\n"
    return f"{count}\n" if form == "table" else f'{{"{_COUNT}":{count}}}\n'


def groups_text(counts: Counts, form: str = "table") -> str:
    """One line for each group. form: table (with a line for the others, and one for all), csv, ndjson or
    json."""
    if form == "table":
        return "".join([f"{line}\n" for line in groups_table(counts)])
    if form == "csv":
        lines = [counts.fields(), *[record.values() for record in counts.records()]]
        return "".join([f"{csv_line(line)}\n" for line in lines])
    objects = [json_object(record) for record in counts.records()]
    if form == "ndjson":
        return "".join([f"{text}\n" for text in objects])
    return "[\n" + ",\n".join(objects) + "\n]\n" if objects else "[]\n"


def json_object(record: dict[str, object]) -> str:
    """One object on one line."""
    import json

    return json.dumps(record, separators=(",", ":"))


def csv_line(values: Iterable[object]) -> str:
    """true and false as JSON has them, and nothing for null."""
    return ",".join([_cell(value) for value in values])


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def groups_table(counts: Counts, seconds: float | None = None) -> list[str]:
    """The lines of a table: heading, groups, the others together, all together.

    seconds: between these counts and those before, for a column with the change in a second.
    """
    names = [name.partition(":")[0] for name in counts.by]
    more, their_count = counts.others
    rows = [[str(count), _share(count, counts.total), *keys] for keys, count in counts]
    blank = [""] * (len(names) - 1)
    if more:
        text = f"{more} other" if more == 1 else f"{more} others"
        rows.append([str(their_count), _share(their_count, counts.total), text, *blank])
    rows.append([str(counts.total), "", "total", *blank])
    headings = [_COUNT, "share", *[_HEADINGS.get(name, name.replace("-", " ")) for name in names]]
    if seconds is None:
        return _aligned([headings, *rows], 2)
    headings.insert(2, "change/s")
    for row, change in zip(rows, _changes(counts, bool(more))):
        row.insert(2, "" if change is None else _rate(change / seconds))
    return _aligned([headings, *rows], 3)


def _changes(counts: Counts, others: bool) -> list[int | None]:
    """One for each line below the heading."""
    if counts.changes is None or counts.total_change is None:
        return [None] * (len(counts) + 2)
    rest = [counts.total_change - sum(counts.changes)] if others else []
    return [*counts.changes, *rest, counts.total_change]


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f}%" if total else ""


def _rate(change: float) -> str:
    text = f"{change:+.1f}"
    return "0.0" if text[1:] == "0.0" else text


def _aligned(rows: Sequence[Sequence[str]], numbers: int) -> list[str]:
    """Columns below each other, so many of them to the right."""
    widths = [max([len(row[at]) for row in rows]) for at in range(len(rows[0]))]
    return [
        "  ".join(
            [cell.rjust(width) if at < numbers else cell.ljust(width)
             for at, (cell, width) in enumerate(zip(row, widths))]
        ).rstrip()
        for row in rows
    ]  # fmt: skip
