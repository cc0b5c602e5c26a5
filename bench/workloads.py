"""The rule sets that are measured: S services with D destinations each, the same ones every time."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SCHEDULER = "rr"
VIP_PORT = 80
SERVER_PORT = 8080
CHANGED = 100  # every so many destinations one

# Last octets 1 to 250 only, so that no address looks like a network or a broadcast address.
_LAST_OCTETS = 250
_PER_SECOND_OCTET = 256 * _LAST_OCTETS
_HALF = 128 * _PER_SECOND_OCTET


@dataclass(frozen=True)
class Size:
    """How many services, and how many destinations each of them has."""

    services: int
    destinations: int
    ipv6: bool = False

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read ``1000x50``, or ``1000x50v6``."""
        services, cross, destinations = text.removesuffix("v6").partition("x")
        if not (cross and services.isdigit() and destinations.isdigit()):
            raise ValueError(f"{text}: a size is SERVICESxDESTINATIONS, like 1000x50 or, for IPv6, 1000x50v6")
        size = cls(int(services), int(destinations), text.endswith("v6"))
        if max(size.services, size.services * size.destinations) > _HALF:
            raise ValueError(f"{text}: at most {_HALF} services and as many destinations")
        return size

    @property
    def rules(self) -> int:
        """Lines in the rule file: one per service and one per destination."""
        return self.services * (1 + self.destinations)

    def __str__(self) -> str:
        return f"{self.services}x{self.destinations}{'v6' if self.ipv6 else ''}"


NOTHING = Size(0, 0)


@dataclass(frozen=True)
class Workload:
    """A size with its files: the rules as ``ipvsadm -S -n`` prints them, and keepalived's equivalent."""

    size: Size
    rules: Path
    keepalived: Path

    @classmethod
    def write(cls, size: Size, folder: Path) -> Workload:
        """Write both files into `folder`."""
        workload = cls(size, folder / f"{size}.rules", folder / f"{size}.keepalived.conf")
        workload.rules.write_text("".join(rule_lines(size)))
        workload.keepalived.write_text("".join(keepalived_conf(size)))
        return workload


def _address(second_octet: int, index: int) -> str:
    high, low = divmod(index, _PER_SECOND_OCTET)
    third, last = divmod(low, _LAST_OCTETS)
    return f"10.{second_octet + high}.{third}.{last + 1}"


def _address6(subnet: int, index: int) -> str:
    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(f"20010db8{subnet:04x}{index + 1:020x}"))


def vip(service: int, ipv6: bool = False) -> str:
    """The address of one service, in 10.0.0.0/9 or 2001:db8::/48."""
    return _address6(0, service) if ipv6 else _address(0, service)


def server(size: Size, service: int, destination: int) -> str:
    """The address of one destination, in 10.128.0.0/9 or 2001:db8:1::/48; no two services share one."""
    index = service * size.destinations + destination
    return _address6(1, index) if size.ipv6 else _address(128, index)


def endpoint(address: str, port: int) -> str:
    """Both as ipvsadm writes them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def rule_lines(size: Size) -> Iterator[str]:
    """The rule file, line by line."""
    for s in range(size.services):
        service = f"-t {endpoint(vip(s, size.ipv6), VIP_PORT)}"
        yield f"-A {service} -s {SCHEDULER}\n"
        for d in range(size.destinations):
            yield f"-a {service} -r {endpoint(server(size, s, d), SERVER_PORT)} -m -w 1\n"


def keepalived_conf(size: Size) -> Iterator[str]:
    """The same table for keepalived: no health checks, so every destination is up from the start."""
    for s in range(size.services):
        yield f"virtual_server {vip(s, size.ipv6)} {VIP_PORT} {{\n"
        yield f"  lvs_sched {SCHEDULER}\n  lvs_method NAT\n  protocol TCP\n"
        for d in range(size.destinations):
            yield f"  real_server {server(size, s, d)} {SERVER_PORT} {{\n    weight 1\n  }}\n"
        yield "}\n"


def every(what: str) -> int:
    """Every so many destinations one is changed."""
    return 1 if what == "all" else CHANGED


def changed(lines: Iterable[str], what: str) -> Iterator[str]:
    """The same in either language with every hundredth destination changed: in "weights", or another one in
    its place ("destinations"); in "all" others in the place of all; in "nothing" none."""
    count, step = 0, every(what)
    for line in lines:
        if line.lstrip().startswith(("-a ", "real_server ")):
            count += 1
            if count % step == 0 and what == "weights":
                line = line.replace("-w 1", "-w 2").replace("weight 1", "weight 2")
            elif count % step == 0 and what in ("destinations", "all"):
                line = line.replace(f":{SERVER_PORT} ", f":{SERVER_PORT + 1} ").replace(
                    f" {SERVER_PORT} ", f" {SERVER_PORT + 1} "
                )
        yield line


def last_changed(size: Size, what: str) -> int:
    """The last service that has a destination of these."""
    step = every(what)
    last = size.services * size.destinations // step * step
    return max(0, last - 1) // size.destinations
