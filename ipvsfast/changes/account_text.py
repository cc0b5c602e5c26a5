"""The sentences of an account that the native front has too (csrc/front/texts.py)."""

from __future__ import annotations


def done_text(added: int, edited: int, deleted: int, seconds: float | None = None) -> str:
    """What was done. seconds: what it took, to be told too."""
    after = f" after {seconds:.2f} s" if seconds is not None else ""
    return f"{added:,} added, {edited:,} changed, {deleted:,} deleted{after}"


def as_wanted_text(done: str, entries: int, source: str, only: str = "") -> str:
    """That all is as wanted. entries: of what was read from `source`."""
    there = f"{entries:,} {'entry' if entries == 1 else 'entries'} of {source}"
    return f"{done}; the table is as wanted{only}: {there}"
