"""What a namespace's IPVS table holds, told by one reader for both sides.

The text of the real ipvsadm is the neutral part; it says nothing of thresholds in -S nor of what it
does not show, so the attributes themselves, read with netlink, follow.
"""

from __future__ import annotations

from typing import NamedTuple

from parity.programs import THEIRS, Run, run_file

from ipvsfast import Ipvs

QUESTIONS = b"-Sn\n-Ln --nosort --thresholds\n-L --timeout\n-L --daemon\n"


class State(NamedTuple):
    """rules: lines of the real -S -n. text: the rest of what it shows, one piece per service, sorted.

    attributes: every service with its servers in the kernel's order, timeouts, daemons.
    """

    rules: tuple[str, ...]
    text: tuple[str, ...]
    attributes: tuple[str, ...]


def read_state() -> State:
    """The state of the current namespace."""
    result = run_file(THEIRS, Run(("-R",), QUESTIONS))
    assert result.status == 0, result
    rules, colon, rest = result.stdout.decode().partition("IP Virtual Server version")
    assert colon, result
    return State(tuple(rules.splitlines()), tuple(blocks(rest)), tuple(attributes()))


def blocks(listing: str) -> list[str]:
    """A listing cut into its services, each with its servers, sorted; other lines count as services."""
    found: list[str] = []
    for line in listing.splitlines():
        if line.startswith("  -> ") and found:
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return sorted(found)


def attributes(counters: bool = False, ordered: bool = True) -> list[str]:
    """The table as the API reads it. counters: with them. ordered: servers in the kernel's order."""
    lines = []
    with Ipvs() as ipvs:
        for service, destinations in ipvs.table():
            servers = [_destination(d) for d in destinations]
            if not ordered:
                servers.sort()
            lines.append(
                f"{service.key} {service.scheduler} {service.persistent} {service.netmask:x} "
                f"{service.engine} {service.one_packet} {service.scheduler_flags:x} "
                + " / ".join(servers)
                + (f" {service.stats} {[d.stats for d in destinations]}" if counters else "")
            )
        lines.sort()
        lines.append(str(ipvs.timeouts()))
        lines += sorted(str(daemon) for daemon in ipvs.daemons())
    return lines


def _destination(destination: object) -> str:
    names = ("key", "forwarding", "weight", "upper", "lower", "tunnel", "active", "inactive", "persistent")
    return " ".join([str(getattr(destination, name)) for name in names])
