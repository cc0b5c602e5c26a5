"""Restore: a rule file into an empty table."""

from __future__ import annotations

from pathlib import Path

from bench.netns import FullTable
from bench.run import Entry, Question, wrong_size
from bench.spawn import NULL, Command
from bench.tools import Tool, Tools
from bench.workloads import Workload

FLOOR = "floor, sending only"


def _keepalived(tool: Tool, workload: Workload) -> Command:
    """In the foreground, checkers only, no log; it never ends, so the clock stops when the table is full."""
    folder = workload.keepalived.parent
    options = ("--dont-fork", "--no-syslog", "--check", "--dont-respawn", "--dont-release-ipvs")
    files = (
        f"--use-file={workload.keepalived}",
        f"--pid={folder}/keepalived.pid",
        f"--checkers_pid={folder}/checkers.pid",
    )
    return Command((*tool.argv, *options, *files), NULL, FullTable(workload.size))


def entries(tools: Tools, workload: Workload) -> list[Entry]:
    """Everyone can restore."""
    rules = workload.rules
    found = [
        Entry("ipvsfast", tools.ours, Command((*tools.ours.argv, "-R"), rules)),
        Entry("ipvsadm", tools.ipvsadm, Command((*tools.ipvsadm.argv, "-R"), rules), slow=True),
        Entry("keepalived", tools.keepalived, _keepalived(tools.keepalived, workload)),
        Entry("pyroute2", tools.pyroute2, Command(tools.pyroute2.argv, rules), slow=True),
        Entry("floor", tools.floor, Command((*tools.floor.argv, "restore"), rules), inside=FLOOR),
    ]
    # A daemon on an empty table is done before it starts: nothing to measure its start-up by.
    return [e for e in found if workload.size.rules or e.name != "keepalived"]


def check(workload: Workload, _stdout: Path) -> str:
    """The kernel must hold every rule."""
    return wrong_size(workload.size)


QUESTION = Question("restore", "rules into an empty table", entries, check, base=FLOOR)
