"""The rules of a saved table: only what `restore` brings back as it was is a rule.

The kernel takes from netlink what no command line asks for: other protocols, forwarding methods, flags. A
rule of such a thing would be refused, and with it the whole file, or would make something else of it. So it
is a comment that says why: `# not restorable: protocol 47: -A ...`. csrc/listing/format.c knows the same
tables in which there is nothing of the kind.
"""

from __future__ import annotations

from ..model.address import is_unicast
from ..model.destination import number_problem
from ..model.kernel_names import (
    AF_INET,
    AF_INET6,
    CHECKSUMS,
    F_PERSISTENT,
    F_SCHED,
    MAX_TIMEOUT,
    PROTOCOL_NAMES,
    TUNNELS,
    UDP,
)
from ..model.settings import Timeouts
from .order import sort_destinations, sort_services
from .rules import destination_rule, service_rule
from .state import daemon_rule, timeout_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..model.destination import Destination
    from ..model.keys import ServiceKey
    from ..model.service import Service
    from ..model.settings import SyncDaemon

    Table = Iterable[tuple[Service, Sequence[Destination]]]

COMMENT = "# not restorable: "
_OF_SERVICE = "its service is not restorable"


def saved_rules(
    table: Table, left_out: list[str], *, sort: bool = False, comments: bool = True
) -> Iterator[str]:
    """One piece of text per service: its rules, with line ends. left_out: gets what is not restorable, as
    `REASON: RULE`, which is a comment in the text unless not `comments`. sort: in ipvsadm's order."""

    def line(rule: str, reason: str) -> str:
        if not reason:
            return f"{rule}\n"
        left_out.append(f"{reason}: {rule}")
        return f"{COMMENT}{reason}: {rule}\n" if comments else ""

    for service, destinations in sort_services(table) if sort else table:
        lost = service_problem(service)
        lines = [line(service_rule(service), lost)]
        for destination in sort_destinations(destinations) if sort else destinations:
            reason = _OF_SERVICE if lost else destination_problem(service.key, destination)
            lines.append(line(destination_rule(service.key, destination), reason))
        yield "".join(lines)


def saved_settings(timeouts: Timeouts, daemons: Iterable[SyncDaemon], left_out: list[str]) -> str:
    """The rules of what is set for a whole namespace."""
    text = ""
    reason = timeouts_problem(timeouts)
    if reason:
        rule = timeout_rule(timeouts)
        left_out.append(f"{reason}: {rule[:-1]}")
        text = f"{COMMENT}{reason}: {rule}"
        # 0 leaves one as it is.
        timeouts = Timeouts._make(*[value if value <= MAX_TIMEOUT else 0 for value in _seconds(timeouts)])
    text += timeout_rule(timeouts)
    for daemon in daemons:
        reason, rule = daemon_problem(daemon), daemon_rule(daemon)
        if reason:
            left_out.append(f"{reason}: {rule[:-1]}")
            rule = f"{COMMENT}{reason}: {rule}"
        text += rule
    return text


def _seconds(timeouts: Timeouts) -> tuple[int, int, int]:
    return timeouts.tcp, timeouts.tcp_fin, timeouts.udp


def service_problem(service: Service) -> str:
    """Why no rule makes this service as it is; "" if one does."""
    fwmark, family, protocol, _, port = service.key
    persistent = service.flags & F_PERSISTENT
    if family not in (AF_INET, AF_INET6):
        return f"address family {family}"
    if not fwmark and protocol not in PROTOCOL_NAMES:
        return f"protocol {protocol}"
    if persistent and not 0 < service.persistent <= MAX_TIMEOUT:
        return f"persistent for {service.persistent} seconds"
    if persistent and family == AF_INET6 and not 0 < service.netmask <= 128:
        return f"netmask {service.netmask}"
    if not (fwmark or port or persistent):
        return "port 0 without persistence"
    if service.one_packet and not fwmark and protocol != UDP:
        return f"one-packet scheduling of {PROTOCOL_NAMES[protocol].upper()}"
    if service.scheduler_flags & ~F_SCHED:
        return f"unknown flags {service.scheduler_flags & ~F_SCHED:#x}"
    if not _is_word(service.scheduler):
        return f"scheduler {service.scheduler!a}"
    if service.engine and not _is_word(service.engine):
        return f"persistence engine {service.engine!a}"
    return ""


def destination_problem(service: ServiceKey, destination: Destination) -> str:
    """Why no rule makes this destination as it is; "" if one does."""
    (family, packed, port), forwarding = destination.key, destination.forwarding
    if forwarding not in ("masq", "route", "tunnel"):
        return f"forwarding {forwarding}"
    if family not in (AF_INET, AF_INET6):
        return f"address family {family}"
    if forwarding != "tunnel" and family != service[1]:
        return f"{forwarding} to another address family"
    if forwarding != "masq" and port != service[4] and not service[0]:
        return f"{forwarding} to another port"
    problem = number_problem(destination)
    if problem:
        return problem
    if not is_unicast(packed):
        return "no unicast address"
    return _tunnel_problem(destination) if forwarding == "tunnel" else ""


def _tunnel_problem(destination: Destination) -> str:
    tunnel = destination.tunnel
    if tunnel.type == "ipip":  # its port and its flags have no effect
        return ""
    if tunnel.type not in TUNNELS:
        return f"tunnel {tunnel.type}"
    if tunnel.checksum not in CHECKSUMS or (tunnel.type == "gre" and tunnel.checksum == "remcsum"):
        return f"{tunnel.type} tunnel with {tunnel.checksum}"
    return "gue tunnel without a port" if tunnel.type == "gue" and not tunnel.port else ""


def timeouts_problem(timeouts: Timeouts) -> str:
    """Why no rule sets these timeouts; "" if one does."""
    longest = max(_seconds(timeouts))
    return f"timeout of {longest} seconds" if longest > MAX_TIMEOUT else ""


def daemon_problem(daemon: SyncDaemon) -> str:
    """Why no rule starts this daemon; "" if one does."""
    if daemon.state not in ("master", "backup"):
        return f"daemon in {daemon.state}"
    if not 0 <= daemon.sync_id <= 255:
        return f"syncid {daemon.sync_id}"
    if daemon.max_len > 65507:
        return f"sync-maxlen {daemon.max_len}"
    return "" if _is_word(daemon.interface) else f"interface {daemon.interface!a}"


def _is_word(name: str) -> bool:
    """Whether a name is one word of a rule."""
    return name != "" and not any(c in " \t\r\n\v\f\0" for c in name)
