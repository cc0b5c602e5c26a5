"""Messages that count: one of a thing is no plural."""

import os
import pty

import pytest

from ipvsfast import Batch, Interrupted, Results, Service
from ipvsfast.changes.restore import Restored
from ipvsfast.cli import conns
from ipvsfast.cli.output import ExitWith
from ipvsfast.cli.progress import Progress
from ipvsfast.connections.table import ReadingReport
from ipvsfast.errors import plural
from support.command import run


def restored(total: int) -> Restored:
    return Restored(total, added=0, changed=0, already_there=total, problems=[])


def sent(total: int) -> Interrupted:
    batch = Batch()
    for n in range(total):
        batch.add_service(Service.mark(n + 1))
    return Interrupted(Results(batch.operations, [0] * total, 0))


def account(read: int, unreadable: int) -> ReadingReport:
    return ReadingReport._make("proc", read, read, 0, unreadable, "junk", None, 1, False, False, 0)


class Table:
    """A table of connections of which `read` were read."""

    def __init__(self, read: int) -> None:
        self.account = account(read, 0)


def unreadable(lines: int) -> str:
    with pytest.raises(ExitWith) as caught:
        conns._judge(account(5, lines))
    return caught.value.message


def drawn(done: int, total: int) -> str:
    """The progress line on a terminal."""
    main, other = pty.openpty()
    kept = os.dup(2)
    os.dup2(other, 2)
    try:
        line = Progress(total, "rule", True)
        line._next = 0
        line(done)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
    text = os.read(main, 1000).decode()
    os.close(main)
    os.close(other)
    return text.partition(", ")[0].lstrip("\r")


JUNK = "unexpected input from /proc/net/ip_vs_conn: "


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (plural(1, "rule"), "rule"),
        (plural(0, "rule"), "rules"),
        (str(restored(1)), "1 of 1 rule is in force: 0 added, 1 already there, 0 refused"),
        (str(restored(0)), "0 of 0 rules are in force"),
        (str(restored(1020)), "1,020 of 1,020 rules are in force: 0 added, 1,020 already there, 0 refused"),
        (str(sent(1)), "interrupted: 0 of 1 operation was sent"),
        (str(sent(2)), "interrupted: 0 of 2 operations were sent"),
        (conns._so_far(Table(1)), " after 1 connection, of which 1 matched"),
        (conns._so_far(Table(0)), " after 0 connections, of which 0 matched"),
        (unreadable(1), f"{JUNK}1 line is no entry, the first is `junk'"),
        (unreadable(1020), f"{JUNK}1,020 lines are no entries, the first is `junk'"),
        (drawn(1, 0), "1 rule"),
        (drawn(1, 1), "1 of 1 rule"),
        (drawn(1, 5), "1 of 5 rules"),
        (drawn(1020, 0), "1,020 rules"),
    ],
)
def test_nouns_and_verbs_agree_with_the_number(told: str, text: str) -> None:
    """One of a thing is no plural, none is."""
    assert told == text


def test_the_check_of_one_rule() -> None:
    """As the command prints it; no kernel is asked."""
    for text, told in (("-A -f 1\n", "1 rule"), ("", "0 rules"), ("-A -f 1\n-A -f 2\n", "2 rules")):
        done = run("restore", "--check", stdin=text)
        assert (done.returncode, done.stderr) == (0, f"stdin: {told}, no mistakes\n")
