"""Apply: a filled table made to be what a file says, with nothing to do, and with 1 % of it changed."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.netns import PROC_TABLE
from bench.run import Entry, Question, wrong_size
from bench.spawn import NULL, Command
from bench.tools import Tools
from bench.workloads import SERVER_PORT, Workload, changed, keepalived_conf, rule_lines

NAME = "apply"
LISTING, RELOAD = "ipvsfast -L -n", "keepalived, its reload only"
NOTHING, WEIGHTS, REPLACED = "nothing", "weights", "destinations"
TITLES = {
    NOTHING: "apply of a file that the table is like already",
    WEIGHTS: "apply of a file with other weights for 1 % of the destinations",
    REPLACED: "apply of a file with other destinations for 1 %",
}
REBUILD = '"$1" -C && exec "$1" -R'
RELOADER = Path(__file__).with_name("keepalived_reload.py")


def _file(workload: Workload, what: str) -> Path:
    path = workload.rules.with_suffix(f".{what}")
    if not path.exists():
        path.write_text("".join(changed(rule_lines(workload.size), what)))
    return path


def _reload(tools: Tools, workload: Workload, what: str) -> Command:
    """A program of its own, with a clock of its own: the daemon fills the table before."""
    new = workload.keepalived.with_suffix(f".{what}.conf")
    if not new.exists():
        new.write_text("".join(changed(keepalived_conf(workload.size), what)))
    words = (
        *tools.keepalived.argv,
        *tools.ours.argv,
        str(workload.size),
        what,
        str(workload.keepalived),
        str(new),
    )
    return Command((sys.executable, "-m", "bench.keepalived_reload", *words))


def _question(what: str) -> Question:
    def entries(tools: Tools, workload: Workload) -> list[Entry]:
        path = _file(workload, what)
        found = [
            Entry("ipvsfast", tools.ours, Command((*tools.ours.argv, "apply", "-q", str(path)))),
            Entry(
                "ipvsadm -C; -R",
                tools.ipvsadm,
                Command(("/bin/sh", "-c", REBUILD, "sh", *tools.ipvsadm.argv), path),
                slow=True,
            ),
        ]
        if what == NOTHING:
            found.append(Entry(LISTING, tools.ours, Command((*tools.ours.argv, "-L", "-n"), NULL)))
        elif workload.size.rules:
            found.append(Entry(RELOAD, tools.keepalived, _reload(tools, workload, what), inside=RELOAD))
            found.append(Entry(LISTING, tools.ours, Command((*tools.ours.argv, "-L", "-n"), NULL)))
        return found

    def check(workload: Workload, stdout: Path) -> str:
        """As many as before, and the changed ones are there, but for a listing."""
        wrong = wrong_size(workload.size)
        if wrong or what == NOTHING or stdout.stat().st_size > 1000:
            return wrong
        total = workload.size.services * workload.size.destinations
        found = sum(_is_changed(line, what) for line in PROC_TABLE.read_bytes().splitlines())
        return "" if found == total // 100 else f"{found} destinations are changed, and not {total // 100}"

    return Question(f"{NAME} {what}", TITLES[what], entries, check, fill=True, base=LISTING)


def _is_changed(line: bytes, what: str) -> bool:
    words = line.split()
    if len(words) < 4 or words[0] != b"->" or words[2] != b"Masq":
        return False
    if what == WEIGHTS:
        return words[3] == b"2"
    return words[1].endswith(b":%04X" % (SERVER_PORT + 1))


QUESTIONS = tuple([_question(what) for what in TITLES])
