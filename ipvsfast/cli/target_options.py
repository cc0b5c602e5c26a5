"""The options by which verbs that change destinations name them: as ipvsadm's options do, or as filters."""

from __future__ import annotations

from ..language.options import Option
from ..language.words import UsageError
from .table_options import FILTERS, table_filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..drains.chosen import Targets
    from ..model.table_filter import TableFilter

_BLOCK = "Verb options"
_KINDS = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP"}
_SPELLINGS = {
    "tcp": ("-t", "--tcp-service"),
    "udp": ("-u", "--udp-service"),
    "sctp": ("--sctp-service",),
}
_FILTERS = {option.name: option for option in FILTERS}
_COMMON: tuple[str, ...] = ("destination", "family")
_OTHERS: tuple[str, ...] = ("service", "protocol")
TARGETS = (
    *[
        Option(_BLOCK, f"{kind}-target", _SPELLINGS[kind], "ADDRESS,...",
               f"of {name} services at these: address, address:PORT, NET/LENGTH, or :PORT")
        for kind, name in _KINDS.items()
    ],
    Option(_BLOCK, "mark-target", ("-f", "--fwmark-service", "--fwmark"), "MARK,...",
           "of services of these firewall marks"),
    Option(_BLOCK, "destination", ("-r", "--real-server", "--destination"), "ADDRESS,...",
           "destinations at these, of all services if none is named"),
    *[
        Option(_BLOCK, name, _FILTERS[name].spellings, _FILTERS[name].argument, text)
        for name, text in (
            ("service", "of services of any protocol at these; a ! in front excludes, here as above"),
            ("protocol", "of services of these protocols: tcp, udp, sctp, fwm (marks)"),
            ("family", "of services of ipv4 or ipv6"),
        )
    ],
)  # fmt: skip
NO_TARGET = "name services (-t, -u, -f, --service ...) or destinations (-r): it is not about all of them"


def seconds_of(verb: str, name: str, options: dict[str, str]) -> float | None:
    """The seconds of an option that was given."""
    from .lock import wait_seconds  # reaches the extension, which the tables of options go without

    return wait_seconds(options[name].rpartition(",")[2], verb, f"--{name}") if name in options else None


def targets_from(verb: str, options: dict[str, str]) -> Targets | None:
    """What the options mean; None if there are none. UsageError (2) where they are wrong."""
    if not any(option.name in options for option in TARGETS):
        return None
    from ..drains.chosen import Targets

    common: dict[str, str] = {name: options[name] for name in _COMMON if name in options}
    filters: list[TableFilter] = []
    for kind in _KINDS:
        if f"{kind}-target" in options:
            service = options[f"{kind}-target"]
            filters.append(table_filter(verb, {**common, "service": service, "protocol": kind}))
    if "mark-target" in options:
        filters.append(table_filter(verb, {**common, "fwmark": options["mark-target"]}))
    others = {name: options[name] for name in _OTHERS if name in options}
    if filters and others:
        first = next(option for option in TARGETS if option.name in others)
        raise UsageError(2, f"{verb}: {first.spellings[0]} does not go with -t, -u, --sctp-service and -f")
    return Targets(filters or table_filter(verb, {**common, **others}))
