"""The options by which verbs choose services and destinations, and write them; the same for all of them."""

from __future__ import annotations

from ..language.options import NUMBERS, Option
from ..language.words import UsageError
from ..model.address import parse_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.table_filter import TableFilter
    from ..model.types import RecordForm, SnapshotSource

FORMS: tuple[RecordForm, ...] = ("json", "ndjson", "csv")
_BLOCK = "Verb options"
_MOST = 2**32 - 1
_SETTINGS = ", ".join([option.field for option in NUMBERS])


def _option(name: str, help: str, argument: str = "") -> Option:
    return Option(_BLOCK, name, (f"--{name}",), argument, help)


FILTERS = (
    _option("service", "services at these addresses: address, NET/LENGTH, :PORT, or address:PORT; a ! in "
            "front excludes, here and in the next five", "ADDRESS,..."),
    _option("destination", "destinations at these", "ADDRESS,..."),
    _option("protocol", "services of these protocols: tcp, udp, sctp, fwm (marks)", "PROTOCOL,..."),
    _option("family", "services of ipv4 or ipv6", "FAMILY,..."),
    # The name of ipvsadm's option brings a list of all schedulers into the manual page.
    Option(_BLOCK, "schedulers", ("--scheduler",), "NAME,...", "services with these schedulers"),
    _option("fwmark", "services of these firewall marks", "MARK,..."),
    _option("min-active", "destinations with at least so many active connections", "NUMBER"),
    _option("zero-weight", "destinations of weight 0"),
    _option("services-only", "services without their destinations"),
    _option("sort", f"sort by a column: service, destination, {_SETTINGS}, "
            "active, inactive, persistent, or a counter such as connections or in_bytes; the largest first",
            "COLUMN"),
    _option("limit", "only the first NUMBER destinations (services with --services-only)", "NUMBER"),
)  # fmt: skip
# Its own name brings another list of sources into the completions than that of connections.
SOURCE = Option(
    _BLOCK, "counters-source", ("--source",), "SOURCE",
    "counters from: auto (default), live (as they are at that moment, by BPF), netlink or sockopt "
    "(the kernel's own, of every 2 seconds)",
)  # fmt: skip
SHORTEST = 0.05  # seconds between two readings
OUTPUT = (
    _option("json", "print one JSON object"),
    _option("ndjson", "print one JSON object a line"),
    _option("csv", "print comma-separated values, a header first"),
)


def table_filter(verb: str, options: dict[str, str]) -> TableFilter:
    """What the options choose; UsageError (2) where they are wrong."""
    from ..model.table_filter import TableFilter

    def several(name: str) -> Any:
        return tuple(options[name].split(",")) if name in options else ()

    def number(name: str, low: int, high: int = _MOST) -> int:
        if name not in options:
            return 0
        found = parse_int(options[name], low, high)
        if found is None:
            raise UsageError(
                2, f"{verb}: --{name} takes a whole number from {low} to {high}, not `{options[name]}'"
            )
        return found

    marks = [parse_int(text, 1, _MOST) for text in several("fwmark")]
    if None in marks:
        raise UsageError(2, f"{verb}: --fwmark takes numbers from 1 to {_MOST}, not `{options['fwmark']}'")
    try:
        return TableFilter(
            service=several("service"), destination=several("destination"), protocols=several("protocol"),
            fwmarks=tuple([mark for mark in marks if mark]), families=several("family"),
            schedulers=several("schedulers"), min_active=number("min-active", 1),
            zero_weight=True if "zero-weight" in options else None, sort=options.get("sort", ""),
            limit=number("limit", 1), services_only="services-only" in options,
        )  # fmt: skip
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(2, f"{verb}: {error}") from None


def counters_source(verb: str, options: dict[str, str]) -> SnapshotSource:
    """Where counters are to be read from; UsageError (2) for a word that is none."""
    from ..stats.sources import chosen_source

    try:
        return chosen_source(options.get(SOURCE.name))
    except ValueError as error:
        raise UsageError(2, f"{verb}: {error}") from None


def record_form(verb: str, options: dict[str, str]) -> RecordForm | None:
    """The form for programs that was asked for."""
    found = [form for form in FORMS if form in options]
    if len(found) > 1:
        raise UsageError(2, f"{verb}: --{found[0]} and --{found[1]} exclude each other")
    return found[0] if found else None
