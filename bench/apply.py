"""Apply: a filled table made to be what a file says, with nothing to do, 1 % of it or all of it changed."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.netns import PROC_TABLE
from bench.run import Entry, Question, wrong_size
from bench.spawn import NULL, Command
from bench.tools import Tools
from bench.workloads import SERVER_PORT, Size, Workload, changed, every, keepalived_conf, rule_lines

NAME = "apply"
LISTING, DAEMON, RELOAD = "ipvsfast -L -n", "keepalived, filling too", "keepalived, its reload"
NOTHING, WEIGHTS, REPLACED, ALL = "nothing", "weights", "destinations", "all"
TITLES = {
    NOTHING: "apply of a file that the table is like already",
    WEIGHTS: "apply of a file with other weights for 1 % of the destinations",
    REPLACED: "apply of a file with other destinations for 1 %",
    ALL: "apply of a file with other destinations for all",
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
                shared=REBUILD,
            ),
        ]
        if what != NOTHING and workload.size.rules:
            found.append(
                Entry(
                    DAEMON, tools.keepalived, _reload(tools, workload, what), slow=what == ALL, inside=RELOAD
                )
            )
        return [*found, Entry(LISTING, tools.ours, Command((*tools.ours.argv, "-L", "-n"), NULL))]

    def check(workload: Workload, stdout: Path) -> str:
        """As many as before, and the changed ones are there, but for a listing."""
        if what == NOTHING or stdout.stat().st_size > 1000:
            return wrong_size(workload.size)
        return not_reached(workload.size, what)

    return Question(f"{NAME} {what}", TITLES[what], entries, check, fill=True, base=LISTING, whole=True)


def not_reached(size: Size, what: str) -> str:
    """What the table of this namespace lacks of one that is changed so, or nothing."""
    wanted = size.services * size.destinations // every(what)
    found = sum(_is_changed(line, what) for line in PROC_TABLE.read_bytes().splitlines())
    wrong = "" if found == wanted else f"{found} destinations are changed, and not {wanted}"
    return wrong_size(size) or wrong


def _is_changed(line: bytes, what: str) -> bool:
    words = line.split()
    if len(words) < 4 or words[0] != b"->" or words[2] != b"Masq":
        return False
    if what == WEIGHTS:
        return words[3] == b"2"
    return words[1].endswith(b":%04X" % (SERVER_PORT + 1))


QUESTIONS = tuple([_question(what) for what in TITLES])
