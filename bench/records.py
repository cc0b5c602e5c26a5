"""Json: the whole table with its counters, for a program."""

from __future__ import annotations

import json
from pathlib import Path

from bench.listing import FLOOR
from bench.listing import check as check_listing
from bench.run import Entry, Question
from bench.spawn import Command
from bench.tools import Tools
from bench.workloads import Workload, endpoint


def entries(tools: Tools, _workload: Workload) -> list[Entry]:
    """ipvsadm has no JSON: a program reads its text, whose counters are whole with --exact."""
    return [
        Entry("ipvsfast", tools.ours, Command((*tools.ours.argv, "list", "--json"))),
        Entry("ipvsfast -L", tools.ours, Command((*tools.ours.argv, "-L", "-n", "--stats", "--exact"))),
        Entry("ipvsadm", tools.ipvsadm, Command((*tools.ipvsadm.argv, "-L", "-n", "--stats", "--exact"))),
        Entry("floor", tools.floor, Command((*tools.floor.argv, "list")), inside=FLOOR),
    ]


def _from_json(text: str) -> list[tuple[str, str]]:
    return [
        (endpoint(service["address"], service["port"]), endpoint(one["address"], one["port"]))
        for service in json.loads(text)["services"]
        for one in service["destinations"]
    ]


def _from_listing(text: str) -> list[tuple[str, str]]:
    found, service = [], ""
    for line in text.splitlines()[3:]:
        kind, place = line.split()[:2]
        if kind == "->":
            found.append((service, place))
        else:
            service = place
    return found


def check(workload: Workload, stdout: Path) -> str:
    """Each destination of the rules, under its service, and no other; the floor tells numbers instead."""
    text = stdout.read_text()
    if text.startswith('{"services"'):
        return check_listing(workload, stdout)
    rules = [line.split() for line in workload.rules.read_text().splitlines() if line.startswith("-a")]
    wanted = sorted((words[2], words[4]) for words in rules)
    found = _from_json(text) if text.startswith("{") else _from_listing(text)
    return "" if sorted(found) == wanted else f"{len(found)} destinations, and not those of the rules"


QUESTION = Question("json", "rules with counters as list --json", entries, check, fill=True, base=FLOOR)
