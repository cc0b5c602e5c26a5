"""Poll: what one reading of the whole table costs a program that reads it again and again."""

from __future__ import annotations

from pathlib import Path

from bench.listing import FLOOR
from bench.listing import check as check_listing
from bench.run import Entry, Question
from bench.spawn import Command
from bench.tools import Tool, Tools
from bench.workloads import Workload

READER = Path(__file__).with_name("poll_reader.py")


def _entry(name: str, inside: str, python: Tool, kind: str, program: Tool | None = None) -> Entry:
    """A process that measures its readings. program: what it runs for them, and who takes part then."""
    more = program.argv if program is not None else ()
    command = Command((*python.argv, str(READER), kind, *more))
    slow = kind in ("pyroute2", "exporter")
    return Entry(name, python if program is None else program, command, slow, inside)


def entries(tools: Tools, _workload: Workload) -> list[Entry]:
    """The file, and the exporter, which reads it, have no counters."""
    python = tools.python
    apart = tools.pyroute2  # its interpreter, without the script of restore
    pyroute2 = Tool(apart.name, apart.argv[:-1], apart.version, apart.absent)
    return [
        _entry("ipvsfast", "ipvsfast, poll and delta", python, "poller"),
        _entry("ipvsfast values", "ipvsfast, table()", python, "values"),
        _entry("ipvsadm", "ipvsadm -L -n --stats --exact", python, "ipvsadm", tools.ipvsadm),
        _entry("pyroute2", "pyroute2, dumps", pyroute2, "pyroute2"),
        _entry("/proc/net/ip_vs", "the file, no counters", python, "file"),
        _entry("node exporter", "a scrape, no counters", python, "exporter", tools.exporter),
        Entry("floor", tools.floor, Command((*tools.floor.argv, "list")), inside=FLOOR),
    ]


def check(workload: Workload, stdout: Path) -> str:
    """Every reader tells how many it saw, as the floor does."""
    return check_listing(workload, stdout)


QUESTION = Question("poll", "rules read again and again", entries, check, fill=True, base=FLOOR)
