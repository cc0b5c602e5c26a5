"""Start-up: listing a table that is empty, beside an interpreter that does nothing."""

from __future__ import annotations

from pathlib import Path

from bench.run import Entry, Question
from bench.spawn import Command
from bench.tools import Tools
from bench.workloads import Workload

PYTHON = "python3 -I -c pass"


def entries(tools: Tools, _workload: Workload) -> list[Entry]:
    """The interpreter is the one that runs ours."""
    return [
        Entry(PYTHON, tools.python, Command((*tools.python.argv, "-c", "pass"))),
        Entry("ipvsfast", tools.ours, Command((*tools.ours.argv, "-L", "-n"))),
        Entry("ipvsadm", tools.ipvsadm, Command((*tools.ipvsadm.argv, "-L", "-n"))),
        Entry("floor", tools.floor, Command((*tools.floor.argv, "nothing"))),
    ]


def check(_workload: Workload, _stdout: Path) -> str:
    """A status of zero is all that is asked."""
    return ""


QUESTION = Question("startup", "-L -n on an empty table", entries, check, empty_only=True, base=PYTHON)
