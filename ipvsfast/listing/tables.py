"""The tables of `ipvsadm -L`: services with their servers, in all views but the counters.

Column widths, trailing blanks and cuts are ipvsadm's: programs read these tables by column.
"""

from __future__ import annotations

from ..model.address import format_ip
from ..model.kernel_names import AF_INET6, F_PERSISTENT, F_SCHED, SCTP, TCP, UDP, flag_names
from .endpoints import IPV4_WIDTH, Named, Numeric, addresses_of, protocol_name
from .headers import DEFAULT, HEADERS, version_line
from .order import sort_destinations, sort_services

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..model.destination import Destination
    from ..model.keys import ServiceKey
    from ..model.service import Service
    from ..model.settings import Info
    from ..model.types import ViewName
    from .endpoints import Endpoints, Names

    Table = Iterable[tuple[Service, Sequence[Destination]]]
    ServiceLine = Callable[[str, Service], str]
    ServerRows = Callable[[list[str], Sequence[Destination]], list[str]]

PROTOCOL_LABELS = {TCP: "TCP ", UDP: "UDP ", SCTP: "SCTP"}
# Forwarding methods that no list knows are what printf makes of a null pointer.
METHODS = {"masq": "Masq", "local": "Local", "tunnel": "Tunnel", "route": "Route"}
NO_METHOD = "(null)"
_CHECKSUMS = {"nocsum": "-c", "csum": "+c", "remcsum": "r+c"}


class ListOptions:
    """How to list. view: "default" or one of PRECEDENCE. exact: counters are never scaled.

    sort: ipvsadm's order instead of the given one. info: what the version line says; without it there
    is no such line, as in listings of a single service.
    """

    __slots__ = ("view", "exact", "sort", "info")

    def __init__(
        self, view: ViewName = DEFAULT, *, exact: bool = False, sort: bool = True, info: Info | None = None
    ) -> None:
        if view not in HEADERS:
            raise ValueError(f"there is no view {view!r}")
        self.view: ViewName = view
        self.exact: bool = exact
        self.sort: bool = sort
        self.info: Info | None = info


def render(table: Table, options: ListOptions, names: Names | None = None) -> Iterator[str]:
    """The listing in pieces: the lines above it, then every service with its servers.

    names: addresses and ports are shown by name where it has one; it looks all of them up first.
    """
    if options.sort:
        table = sort_services(table)
    if names is not None:
        table = list(table)
        names.prefetch(addresses_of(table))
    yield (version_line(options.info) if options.info else "") + HEADERS[options.view]
    yield from lines(table, options, names)


def lines(table: Table, options: ListOptions, names: Names | None = None) -> Iterator[str]:
    """What stands below that: services in the given order, a piece for each."""
    endpoints: Endpoints = Numeric() if names is None else Named(names, IPV4_WIDTH)
    service_line, server_rows = _formats(options)
    for service, destinations in table:
        line = service_line(service_label(service.key, endpoints), service)
        if not destinations:
            yield line
            continue
        if options.sort:
            destinations = sort_destinations(destinations)
        texts = endpoints.servers(destinations, protocol_name(service.key[2]))
        yield line + "".join(server_rows(texts, destinations))


def _formats(options: ListOptions) -> tuple[ServiceLine, ServerRows]:
    if options.view in ("stats", "rate"):
        from .counters import counter_formats

        return counter_formats(options.view, options.exact)
    return service_line, _SERVER_ROWS[options.view]


def service_label(key: ServiceKey, endpoints: Endpoints) -> str:
    """`TCP  10.0.0.1:80`, `FWM  7 IPv6`. Marks are unsigned, where ipvsadm prints them signed."""
    fwmark, family, protocol, packed, port = key
    if fwmark:
        return f"FWM  {fwmark} IPv6" if family == AF_INET6 else f"FWM  {fwmark}"
    label = PROTOCOL_LABELS.get(protocol, "?   ")
    return f"{label} {endpoints.one(packed, port, protocol_name(protocol))}"


def is_persistent(service: Service) -> bool:
    """Whether it is, if only for the 0 seconds that another program may have asked for."""
    return bool(service.persistent or service.scheduler_flags & F_PERSISTENT)


def mask_text(service: Service) -> str:
    """The netmask of a persistent service; "" where there is nothing to show."""
    if not is_persistent(service) or service.netmask == service.full_mask:
        return ""
    if service.key[1] == AF_INET6:
        return str(service.netmask)
    return format_ip(service.netmask.to_bytes(4, "big"))


def flags_text(service: Service) -> str:
    """Scheduler flags as `sh-fallback,sh-port`; "" if there are none."""
    return ",".join(flag_names(service.scheduler, service.scheduler_flags)) if service.scheduler_flags else ""


def service_line(label: str, service: Service) -> str:
    """The line of a service in all views but the counters."""
    line = f"{label} {service.scheduler}"
    if service.scheduler_flags & F_SCHED:
        line += f" ({flags_text(service)})"
    if is_persistent(service):
        line += f" persistent {service.persistent}"
        mask = mask_text(service)
        if mask:
            line += f" mask {mask}"
        if service.engine:  # ipvsadm hides it where there is no persistence
            line += f" pe {service.engine}"
    return f"{line} ops\n" if service.one_packet else f"{line}\n"


def _default_rows(texts: list[str], destinations: Sequence[Destination]) -> list[str]:
    row = "  -> %-28s %-7s %-6d %-10u %-10u\n"
    method = METHODS.get
    return [
        row % (text, method(d.forwarding, NO_METHOD), d.weight, d.active, d.inactive)
        for text, d in zip(texts, destinations)
    ]


def _tunnel_rows(texts: list[str], destinations: Sequence[Destination]) -> list[str]:
    row = "  -> %-28s %-7s %-13s %-6d %-10u %-10u\n"
    method = METHODS.get
    return [
        row % (text, method(d.forwarding, NO_METHOD), tunnel_text(d), d.weight, d.active, d.inactive)
        for text, d in zip(texts, destinations)
    ]


def tunnel_text(destination: Destination) -> str:
    """`ipip`, `gue:6080:+c`, `gre:-c`; `n/a` if it is not tunnelled."""
    if destination.forwarding != "tunnel":
        return "n/a"
    tunnel = destination.tunnel
    if tunnel.type == "ipip":
        return "ipip"
    checksum = _CHECKSUMS.get(tunnel.checksum, tunnel.checksum)
    return f"gue:{tunnel.port}:{checksum}" if tunnel.type == "gue" else f"{tunnel.type}:{checksum}"


def _threshold_rows(texts: list[str], destinations: Sequence[Destination]) -> list[str]:
    row = "  -> %-28s %-10u %-10u %-10u %-10u\n"
    return [row % (text, d.upper, d.lower, d.active, d.inactive) for text, d in zip(texts, destinations)]


def _persistent_rows(texts: list[str], destinations: Sequence[Destination]) -> list[str]:
    row = "  -> %-28s %-9u %-11u %-10u %-10u\n"
    return [
        row % (text, d.weight & 0xFFFFFFFF, d.persistent, d.active, d.inactive)  # weight is unsigned here
        for text, d in zip(texts, destinations)
    ]


_SERVER_ROWS = {
    DEFAULT: _default_rows,
    "tun-info": _tunnel_rows,
    "thresholds": _threshold_rows,
    "persistent-conn": _persistent_rows,
}
