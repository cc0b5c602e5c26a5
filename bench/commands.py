"""Small commands: one change or one short listing, a whole process each, as scripts call them."""

from __future__ import annotations

from pathlib import Path

from bench.run import Entry, Question
from bench.spawn import NULL, Command
from bench.tools import Tool, Tools
from bench.workloads import NOTHING, SERVER_PORT, VIP_PORT, Size, Workload, server, vip

NAME = "commands"
TWENTY = Size(4, 4)
SERVICE = f"-t {vip(0)}:{VIP_PORT}"
SERVER = f"-r {server(TWENTY, 0, 0)}:{SERVER_PORT}"
NEW_SERVICE, NEW_SERVER = "-t 10.127.0.1:80", "-r 10.255.0.1:8080"
ADDS = 100
# A hundred processes, one after the other: what a script that sets up a table comes to.
LOOP = f"""\
i=0
while [ $i -lt {ADDS} ]; do
	i=$((i + 1))
	"$@" -a {SERVICE} -r 10.255.0.$i:8080 -m -w 1 || exit
done"""
IPVSADM, ALONE = "ipvsadm", "Python alone"


def _words(words: str, tool: Tool, _workload: Workload) -> Command:
    return Command((*tool.argv, *words.split()))


def _one_rule(_words: str, tool: Tool, workload: Workload) -> Command:
    path = workload.rules.with_name("one.rules")
    path.write_text(f"-A {NEW_SERVICE} -s rr\n")
    return Command((*tool.argv, "-R"), path)


def _loop(_words: str, tool: Tool, _workload: Workload) -> Command:
    return Command(("/bin/sh", "-c", LOOP, "sh", *tool.argv), NULL)


def check(_workload: Workload, _stdout: Path) -> str:
    """The exit status is all that is asked; the parity tests compare what is done and printed."""
    return ""


def _question(
    words: str, title: str = "", *, before: Size = TWENTY, status: int = 0, base: str = IPVSADM
) -> Question:
    make = {"-R": _one_rule, "loop": _loop}.get(words, _words)

    def entries(tools: Tools, workload: Workload) -> list[Entry]:
        found = [("ipvsfast", tools.ours), (IPVSADM, tools.ipvsadm), (ALONE, tools.alone)]
        return [Entry(name, tool, make(words, tool, workload)) for name, tool in found]

    return Question(
        f"{NAME} {title or words}", title or words, entries, check,
        empty_only=True, before=before, status=status, base=base,
    )  # fmt: skip


QUESTIONS = (
    _question("-L -n", "-L -n of an empty table", before=NOTHING),
    _question("-L -n", "-L -n of 20 rows"),
    _question(f"-A {NEW_SERVICE} -s rr"),
    _question(f"-A {SERVICE} -s rr", f"-A {SERVICE} -s rr, refused", status=255),
    _question(f"-a {SERVICE} {NEW_SERVER} -m"),
    _question(f"-e {SERVICE} {SERVER} -m -w 5"),
    _question(f"-d {SERVICE} {SERVER}"),
    _question(f"-d {SERVICE} {NEW_SERVER}", f"-d {SERVICE} {NEW_SERVER}, refused", status=255),
    _question("-Z"),
    _question("-R", "-R of one rule"),
    _question("loop", f"{ADDS} adds in a shell loop"),
    _question("-L --daemon", "-L --daemon, which is Python's", base=ALONE),
)
