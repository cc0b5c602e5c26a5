"""Json: the whole table with its counters, for a program."""

from __future__ import annotations

import json
from pathlib import Path

from bench.listing import FLOOR
from bench.listing import check as check_listing
from bench.run import Entry, Question
from bench.spawn import Command
from bench.tools import Tools
from bench.workloads import Workload


def entries(tools: Tools, _workload: Workload) -> list[Entry]:
    """ipvsadm has no JSON: a program reads its text, whose counters are whole with --exact."""
    return [
        Entry("ipvsfast", tools.ours, Command((*tools.ours.argv, "list", "--json"))),
        Entry("ipvsfast -L", tools.ours, Command((*tools.ours.argv, "-L", "-n", "--stats", "--exact"))),
        Entry("ipvsadm", tools.ipvsadm, Command((*tools.ipvsadm.argv, "-L", "-n", "--stats", "--exact"))),
        Entry("floor", tools.floor, Command((*tools.floor.argv, "list")), inside=FLOOR),
    ]


def check(workload: Workload, stdout: Path) -> str:
    """As many services and destinations as there are rules."""
    text = stdout.read_text()
    if not text.startswith('{"timeouts"'):
        return check_listing(workload, stdout)
    services, size = json.loads(text)["services"], workload.size
    found = len(services), sum(len(one["destinations"]) for one in services)
    if found == (size.services, size.services * size.destinations):
        return ""
    return f"the JSON has {found[0]} services and {found[1]} destinations"


QUESTION = Question("json", "rules with counters as list --json", entries, check, fill=True, base=FLOOR)
