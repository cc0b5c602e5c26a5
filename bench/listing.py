"""List: the whole table as text, numeric."""

from __future__ import annotations

from pathlib import Path

from bench.run import Entry, Question
from bench.spawn import Command
from bench.tools import Tools
from bench.workloads import Workload

FLOOR = "floor, dump only"


def entries(tools: Tools, _workload: Workload) -> list[Entry]:
    """keepalived and pyroute2 list nothing that could be compared."""
    return [
        Entry("ipvsfast", tools.ours, Command((*tools.ours.argv, "-L", "-n"))),
        Entry("ipvsadm", tools.ipvsadm, Command((*tools.ipvsadm.argv, "-L", "-n"))),
        Entry("floor", tools.floor, Command((*tools.floor.argv, "list")), inside=FLOOR),
    ]


def check(workload: Workload, stdout: Path) -> str:
    """Three lines of heading, then one per rule; the floor tells numbers instead."""
    lines = stdout.read_bytes().splitlines()
    size = workload.size
    if len(lines) == 1:
        expected = f'"services": {size.services}, "destinations": {size.services * size.destinations},'
        return "" if expected.encode() in lines[0] else f"the dump is short: {lines[0].decode()}"
    destinations = sum(line.startswith(b"  -> ") for line in lines[3:])
    services = sum(line.startswith(b"TCP  ") for line in lines[3:])
    if (services, destinations) == (size.services, size.services * size.destinations):
        return ""
    return f"the listing has {services} services and {destinations} destinations"


QUESTION = Question("list", "rules listed by -L -n", entries, check, fill=True, same_output=True, base=FLOOR)
