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


def order_text(services: int) -> str:
    """That so many services have destinations in another order than wanted, and keep it."""
    have = "1 service has" if services == 1 else f"{services:,} services have"
    return f"{have} destinations in another order; --order brings them into it"


def cannot_text(verb: str, path: str, why: str | None) -> str:
    """That a file cannot be read or written (verb). why: in the system's words."""
    return f"cannot {verb} {path}: {why}"


def no_way_back_text(problem: object) -> str:
    """What that means when it is to be begun."""
    return f"{problem}: this apply cannot be taken back"


def stays_open_text(problem: object) -> str:
    """And when its end is to be added."""
    return f"{problem}: it will be taken for one that was interrupted"


def plan_text(added: int, edited: int, deleted: int) -> str:
    """What a plan holds."""
    return f"{added:,} to add, {edited:,} to change, {deleted:,} to delete"
