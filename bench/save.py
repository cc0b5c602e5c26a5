"""Save: the whole table as a rule file, numeric."""

from __future__ import annotations

from pathlib import Path

from bench.listing import FLOOR
from bench.run import Entry, Question
from bench.spawn import Command
from bench.tools import Tools
from bench.workloads import Workload


def entries(tools: Tools, _workload: Workload) -> list[Entry]:
    """Who can write the rules as text; the floor is the listing's."""
    return [
        Entry("ipvsfast", tools.ours, Command((*tools.ours.argv, "-S", "-n"))),
        Entry("ipvsadm", tools.ipvsadm, Command((*tools.ipvsadm.argv, "-S", "-n"))),
        Entry("floor", tools.floor, Command((*tools.floor.argv, "list")), inside=FLOOR),
    ]


def check(workload: Workload, stdout: Path) -> str:
    """The saved lines must be the lines that filled the table, in whatever order."""
    saved = stdout.read_bytes().splitlines()
    if len(saved) == 1 and saved[0].startswith(b"{"):
        return ""
    # ipvsadm ends its lines with a blank or not, depending on the options: not what is measured here.
    rules = sorted(line.rstrip() for line in workload.rules.read_bytes().splitlines())
    if sorted(line.rstrip() for line in saved) == rules:
        return ""
    return f"the {len(saved)} saved lines are not the {len(rules)} lines that filled the table"


QUESTION = Question("save", "rules saved by -S -n", entries, check, fill=True, same_output=True, base=FLOOR)
