"""The rule lines of `ipvsadm -S`: command lines that build the table again.

Where ipvsadm writes what it cannot read back, these lines differ: thresholds are kept, marks are
unsigned, every scheduler flag has a name, and a name that does not lead back to the same address
and port gives way to the number.
"""

from __future__ import annotations

from ..language.options import NUMBERS
from ..model.destination import SETTINGS
from ..model.kernel_names import AF_INET6, F_SCHED, SCTP, TCP, UDP
from .endpoints import Numeric, Restorable, addresses_of, protocol_name
from .order import sort_destinations, sort_services
from .tables import NO_METHOD, flags_text, is_persistent, mask_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ..model.destination import Destination
    from ..model.keys import ServiceKey
    from ..model.service import Service
    from .endpoints import Endpoints, Names
    from .tables import Table

_SELECTORS = {TCP: "-t", UDP: "-u", SCTP: "--sctp-service"}
_METHODS = {"masq": "-m", "tunnel": "-i", "route": "-g", "local": "-g"}


def rule_lines(table: Table, names: Names | None = None, *, sort: bool = True) -> Iterator[str]:
    """One piece of text per service: its line and those of its servers, with line ends.

    names: addresses and ports by name, as `-S` without `-n`. sort: ipvsadm's order instead of the
    given one; the kernel puts what is added later in front.
    """
    if sort:
        table = sort_services(table)
    if names is not None:
        table = list(table)
        names.prefetch(addresses_of(table), confirm=True)
    endpoints = _endpoints(names)
    for service, destinations in table:
        selector = _selector(service.key, endpoints)
        line = f"{_service(service, selector)}\n"
        if sort:
            destinations = sort_destinations(destinations)
        yield line + _servers(selector, protocol_name(service.key[2]), destinations, endpoints)


def service_rule(service: Service, names: Names | None = None) -> str:
    """`-A -t 10.0.0.1:80 -s rr`, without a line end. names: only what it has looked up is used."""
    return _service(service, _selector(service.key, _endpoints(names)))


def destination_rule(service: ServiceKey, destination: Destination, names: Names | None = None) -> str:
    """`-a -t 10.0.0.1:80 -r 192.168.0.1:80 -m -w 1`, without a line end."""
    endpoints = _endpoints(names)
    selector = _selector(service, endpoints)
    return _servers(selector, protocol_name(service[2]), (destination,), endpoints)[:-1]


def selector(service: ServiceKey, names: Names | None = None) -> str:
    """The option that names a service: `-t 10.0.0.1:80`, `-f 7 -6`."""
    return _selector(service, _endpoints(names))


def _endpoints(names: Names | None) -> Endpoints:
    return Numeric() if names is None else Restorable(names)


def _selector(key: ServiceKey, endpoints: Endpoints) -> str:
    fwmark, family, protocol, packed, port = key
    if fwmark:
        return f"-f {fwmark} -6" if family == AF_INET6 else f"-f {fwmark}"
    option = _SELECTORS.get(protocol, "--xxx-service")  # so that no other protocol is restored as TCP
    return f"{option} {endpoints.one(packed, port, protocol_name(protocol))}"


def _service(service: Service, selector: str) -> str:
    line = f"-A {selector} -s {service.scheduler}"
    if is_persistent(service):
        line += f" -p {service.persistent}"
        mask = mask_text(service)
        if mask:
            line += f" -M {mask}"
    if service.engine:
        line += f" --pe {service.engine}"
    if service.one_packet:
        line += " -o"
    if service.scheduler_flags & F_SCHED:
        line += f" -b {flags_text(service)}"
    return line


def _servers(selector: str, protocol: str, destinations: Sequence[Destination], endpoints: Endpoints) -> str:
    start = f"-a {selector} -r "
    known: dict[object, str] = {}  # most destinations of a service have the same settings
    rows: Sequence[Any] = destinations
    lines = [
        f"{start}{text} {known.get(d[SETTINGS]) or _settings(d, known)}\n"
        for text, d in zip(endpoints.servers(destinations, protocol), rows)
    ]
    return "".join(lines)


def _settings(destination: Any, known: dict[object, str]) -> str:
    """The options of a server behind its address. Numbers that are 0 if left out stand behind the tunnel."""
    settings = forwarding, *numbers, _ = destination[SETTINGS]
    text, behind = _METHODS.get(forwarding, NO_METHOD), ""
    for option, value in zip(NUMBERS, numbers):
        if option.default:
            text += f" {option.spellings[0]} {value}"
        elif value:
            behind += f" {option.spellings[0]} {value}"
    known[settings] = text = f"{text}{_tunnel(destination)}{behind}"
    return text


def _tunnel(destination: Destination) -> str:
    if destination.forwarding != "tunnel":
        return ""
    tunnel = destination.tunnel
    if tunnel.type == "ipip":
        return " --tun-type ipip"
    # Values that have no option come out as options that -R refuses, rather than as other values.
    port = f" --tun-port {tunnel.port}" if tunnel.type == "gue" else ""
    return f" --tun-type {tunnel.type}{port} --tun-{tunnel.checksum}"
