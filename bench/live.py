"""Live counters beside the kernel's own: what a poll of the whole table costs by each source, in one boot.

`python -m bench.live`, as root, on a kernel where live counters can be had: `python -m tests.vm -k 6.12
--memory 2000 --timeout 1800 -- ...`. With IPVSFAST_VM_ACCELERATOR=icount a nanosecond there is one
instruction, so that the figures are counts which do not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench import netns
from bench.workloads import Size, rule_lines, server, vip

RUNS = 5


def _installed() -> Any:
    """The installed package: the checkout, which stands first, has no compiled module."""
    sys.path.append(sys.path.pop(0))
    return importlib.import_module("ipvsfast")


def _polls(package: Any, ipvs: Any, size: Size) -> list[tuple[str, Callable[[], Any]]]:
    """(name, what is timed). Each has read once."""
    some = package.TableFilter(destination=f"{server(size, 0, 0)}/24")
    pollers = [
        ("live", ipvs.poller("live")),
        ("live, one service", ipvs.poller("live", wanted=package.TableFilter(service=vip(0)))),
        ("live, destinations of a /24", ipvs.poller("live", wanted=some)),
        ("netlink", ipvs.poller("netlink")),
        ("sockopt", ipvs.poller("sockopt")),
    ]
    for _, poller in pollers:
        poller.poll()
    return [(name, poller.poll) for name, poller in pollers]


def _time(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--size", type=Size.parse, default=Size(1000, 50), metavar="SIZE", help="1000x50")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help=f"default {RUNS}")
    arguments = parser.parse_args()
    if os.geteuid() != 0 or not netns.has_ipvs():
        print("bench: root and a kernel with IPVS are needed", file=sys.stderr)
        return 2
    netns.enter_fresh()
    counted = os.environ.get("IPVSFAST_VM_ACCELERATOR") == "icount"
    unit, scale = ("million instructions", 1000.0) if counted else ("ms", 1000.0)
    package = _installed()
    with package.Ipvs() as ipvs:
        ipvs.restore(rule_lines(arguments.size))
        time.sleep(3)  # since Linux 7.1 the kernel makes its table larger a moment later
        try:
            opening = _time(lambda: ipvs.poller("live").open())
        except package.IpvsError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
        polls = _polls(package, ipvs, arguments.size)
        times: dict[str, list[float]] = {name: [] for name, _ in polls}
        for _ in range(arguments.runs):
            for name, poll in polls:
                times[name].append(_time(poll))
    print(f"Linux {os.uname().release}, {os.cpu_count()} CPU, {arguments.size}, in {unit}")
    print(f"  {'opening':<28} {opening * scale:10.1f}")
    for name, found in times.items():
        rest = f"median {median(found) * scale:.1f}, max {max(found) * scale:.1f}; {len(found)} runs"
        print(f"  {name:<28} {min(found) * scale:10.1f}  ({rest})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
