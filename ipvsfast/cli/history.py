"""`ipvsfast history`: the last applies to the table of this network namespace."""

from __future__ import annotations

from ..errors import StateError
from .output import ExitWith, write_all
from .past import history_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..history.journal import Journal
    from .context import Context


def history(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0, also where there is none."""
    try:
        journals = history_of(context).all()
    except StateError as error:
        raise ExitWith(2, str(error)) from None
    write_all(_json(journals) if "json" in options else _lines(journals))
    return 0


def _json(journals: list[Journal]) -> Iterator[str]:
    import json

    lines = [json.dumps(journal.to_dict(), separators=(",", ":")) for journal in journals]
    yield '{"history":[' + "".join([f"\n{line}," for line in lines])[:-1] + ("\n" if lines else "") + "]}\n"


def _lines(journals: list[Journal]) -> Iterator[str]:
    """A row each, the newest last."""
    rows = [
        (
            str(journal.number), journal.day, str(journal.who), _numbers(journal),
            f"undo of {journal.undoes}" if journal.undoes else journal.source, _state(journal),
        )
        for journal in journals
    ]  # fmt: skip
    if not rows:
        return
    rows.insert(0, ("No", "When", "Who", "Add, change, delete", "From", "State"))
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    for row in rows:
        yield "  ".join([*[text.ljust(width) for text, width in zip(row, widths)], row[5]]) + "\n"


def _numbers(journal: Journal) -> str:
    """What was done; of what was interrupted, what was to be done."""
    return ", ".join([f"{number:,}" for number in (journal.planned if journal.is_open else journal.done)])


def _state(journal: Journal) -> str:
    state = str(journal.state)
    if journal.continued_by and state == "interrupted":
        state += f", {journal.continued_by} went on"
    if journal.undone_by:
        state += f" by {journal.undone_by}"
    if journal.confirmed:
        state += ", confirmed"
    left = journal.seconds_left
    if left is not None and journal.this_boot:
        state = f"awaits confirmation, {left:.0f} s left"
        if not journal.helper_is_alive:
            state += ", but nothing takes it back: its process is gone"
    return state if journal.this_boot else f"{state}, before the last boot"
