"""`conns --watch` on a terminal: what is on the screen, and how the terminal is left. The table is a made-up one."""

import re
import signal
import sys

import pytest

from support.terminal import Terminal

# Stands for the connection table: 50 rows, of which the name of a service tells how often it was read.
FAKE = """
import sys
from ipvsfast.cli import watch
from ipvsfast.cli.conns_query import Query
from ipvsfast.connections.forms import HEADS

class Report:
    matched, read, kernel_entries, unreadable, incomplete, surplus = 50, 140880, None, 0, False, 0

class Table:
    readings = 0
    def __init__(self, source=None, progress=None):
        self.account, self.progress = None, progress
    def text(self, form, where):
        Table.readings += 1
        if self.progress: self.progress(None)
        yield HEADS[form].encode()
        for row in range(50):
            yield f"TCP row {row} of reading {Table.readings}\\n".encode()
        self.account = Report
    def count(self, where):
        Table.readings += 1
        self.account = Report
        return Table.readings

watch.Connections = Table
options = dict(pair.split("=") for pair in sys.argv[1:])
sys.exit(watch.watch(Query(options), options))
"""


def watching(*options: str, **more: object) -> Terminal:
    return Terminal([sys.executable, "-I", "-c", FAKE, *options], **more)  # type: ignore[arg-type]


def test_rows_and_what_is_not_shown() -> None:
    """The title has the question and what was read; the last line says how many rows there is no room for."""
    with watching("watch=3600", "service=:443", "state=ESTABLISHED") as terminal:
        terminal.until_shown("more")
        lines = terminal.shown.split("\n")
        assert len(lines) == 24
        assert "every 3600 s (q quits)  50 matched, 140,880 read in" in lines[0]
        assert lines[1] == "--service :443 --state ESTABLISHED"
        assert lines[3] == "IPVS connection entries"
        assert lines[5].startswith("TCP row 0 ")
        assert lines[-1] == "… 32 more"
        assert lines[-2].startswith("TCP row 17 ")
        assert terminal.screen.cursor.hidden
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.as_found


def test_a_larger_terminal() -> None:
    """It is drawn again at once when its size changes, with more rows, all of them where there is room."""
    with watching("watch=3600") as terminal:
        terminal.until_shown("more")
        terminal.resize(100, 60)
        terminal.until_shown("TCP row 49 ")
        assert "more" not in terminal.shown
        terminal.type("q")
        assert terminal.end() == 0


def test_it_is_read_again() -> None:
    """After the interval there is a new answer in place of the old one."""
    with watching("watch=0.1", "count=") as terminal:
        terminal.until(lambda: terminal.shown.split("\n")[-1].split("  ")[0] not in ("", "1", "2"))
        lines = terminal.shown.split("\n")
        assert len(lines) == 4
        assert re.fullmatch(r"\d+  \+\d+\.\d/s", lines[-1])
        terminal.type("\x03")
        assert terminal.end() == 0
        assert terminal.as_found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_end_it(number: signal.Signals) -> None:
    """It ends by the signal, as any program, and leaves the terminal as it was."""
    with watching("watch=3600") as terminal:
        terminal.until_shown("more")
        terminal.process.send_signal(number)
        assert terminal.end() == -number
        assert terminal.as_found


# A shell in short: the command is a job of its own, and goes on after a stop when SIGUSR1 comes.
JOB = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTTOU})
pid = os.fork()
if not pid:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1, signal.SIGTTOU})
    os.execv(sys.argv[1], sys.argv[1:])
while os.WIFSTOPPED(status := os.waitpid(pid, os.WUNTRACED)[1]):
    os.write(1, b"<stopped>")
    signal.sigwait({signal.SIGUSR1})
    os.kill(pid, signal.SIGCONT)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_stopped_and_continued() -> None:
    """Ctrl-Z gives the terminal back; when it goes on everything is drawn anew."""
    watching = [sys.executable, "-I", "-c", FAKE, "watch=3600"]
    with Terminal([sys.executable, "-I", "-c", JOB, *watching]) as terminal:
        terminal.until_shown("reading 1")
        terminal.type("\x1a")
        terminal.until_shown("<stopped>")
        assert terminal.as_found
        terminal.process.send_signal(signal.SIGUSR1)
        terminal.until_shown("reading 2")
        assert terminal.screen.cursor.hidden
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.as_found


def test_what_came_ignored_stays_so() -> None:
    """Under nohup a closed session does not end it."""
    code = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    argv = [sys.executable, "-I", "-c", code, sys.executable, "-I", "-c", FAKE, "watch=0.1", "count="]
    with Terminal(argv) as terminal:
        terminal.until_shown("matched")
        terminal.process.send_signal(signal.SIGHUP)
        before = terminal.shown
        terminal.until(lambda: terminal.shown != before)
        terminal.type("q")
        assert terminal.end() == 0


@pytest.mark.parametrize("term", ["dumb", ""])
def test_terminals_that_can_only_print(term: str) -> None:
    """One answer below the other, without an escape sequence, until Ctrl-C."""
    with watching("watch=0.1", "count=", TERM=term) as terminal:
        terminal.until(lambda: terminal.raw.count(b"matched") >= 3)
        assert b"\x1b" not in terminal.raw
        terminal.type("\x03")
        assert terminal.end() == 0
