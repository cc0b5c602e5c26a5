"""Counts of connections as text: a table, CSV or JSON."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..connections.count_by import Group

_COUNT = "connections"
_HEADINGS = {"client-net": "client network"}


def count_text(count: int, form: str = "table") -> str:
    """How many there are."""
    if form == "csv":
        return f"{_COUNT}\n{count}\n"
    return f"{count}\n" if form == "table" else f'{{"{_COUNT}":{count}}}\n'


def groups_text(groups: Sequence[Group], names: Sequence[str], form: str = "table") -> str:
    """One line for each group. names: those of its keys. form: table, csv, ndjson or json."""
    if form == "table":
        return _table(groups, names)
    if form == "csv":
        lines = [",".join([*names, _COUNT]), *[",".join([*keys, str(count)]) for keys, count in groups]]
        return "".join([f"{line}\n" for line in lines])
    objects = [_object(keys, names, count) for keys, count in groups]
    if form == "ndjson":
        return "".join([f"{text}\n" for text in objects])
    return "[\n" + ",\n".join(objects) + "\n]\n" if objects else "[]\n"


def _object(keys: Sequence[str], names: Sequence[str], count: int) -> str:
    import json

    values: dict[str, object] = {name.replace("-", "_"): key for name, key in zip(names, keys)}
    values[_COUNT] = count
    return json.dumps(values, separators=(",", ":"))


def _table(groups: Sequence[Group], names: Sequence[str]) -> str:
    headings = [_HEADINGS.get(name, name.replace("-", " ")) for name in names]
    rows = [headings, *[keys for keys, _ in groups]]
    widths = [max([len(row[at]) for row in rows]) for at in range(len(names))]
    counts = [_COUNT, *[str(count) for _, count in groups]]
    width = max([len(count) for count in counts])
    lines = []
    for count, row in zip(counts, rows):
        cells = [cell.ljust(size) for cell, size in zip(row, widths)]
        lines.append(f"{count:>{width}}  {'  '.join(cells)}".rstrip() + "\n")
    return "".join(lines)
