"""Faults in the native front, between a real kernel and Python: nothing is done twice, nothing is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import program, rules
from support.front import NATIVE, Left, left

OLD = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n-A -f 3 -s mh\n"
LOST = "The kernel's reply was lost"


def spoiled(
    shim: Path, fault: str, *words: str, stdin: str = "", name: str = "ipvsfast", rules: str = OLD
) -> Left:
    return left([program(name), *words], stdin.encode(), rules, env={"LD_PRELOAD": str(shim), "FAULT": fault})


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("-A -f 9 -s rr", 1),
        ("-a -f 3 -r 10.1.0.9", 1),
        ("-D -f 3", -1),
        ("-e -t 10.0.0.1:80 -r 10.1.0.1 -m", 0),
        ("-A -f 3", 0),
    ],
)
def test_a_lost_reply_to_one_change(shim: Path, words: str, lines: int) -> None:
    """The outcome is unknown, and said to be; the change was made once, and is not asked for again."""
    # Replies come to the look-up of the family, to the question for the version, and to the change.
    done = spoiled(shim, "lost:3", *words.split())
    assert (done.status, done.stdout, done.stderr.decode()) == (255, b"", f"{LOST}\n")
    assert sum(map(len, done.table)) == 3 + lines


@pytest.mark.parametrize("number", [1, 2])
def test_a_lost_reply_before_the_change(shim: Path, number: int) -> None:
    """Nothing was asked for yet: Python does it all."""
    done = spoiled(shim, f"lost:{number}", "-A", "-f", "9", "-s", "rr")
    assert (done.status, done.stderr) == (0, b"")
    assert sum(map(len, done.table)) == 4


def test_lost_replies_to_rules(shim: Path) -> None:
    """Each rule whose outcome is unknown is told, none is sent twice, and the end is no good one."""
    text = "".join(f"-A -f {n} -s rr\n" for n in range(10, 30))
    done = spoiled(shim, "lost:3", "-R", stdin=text)
    said = done.stderr.decode().splitlines()
    assert done.status == 255
    assert [line.partition(f": {LOST}")[0] for line in said] == [
        f"stdin:{n}: {line}" for n, line in enumerate(text.splitlines(), 1)
    ]
    assert len(done.table) == 2 + 20


GROUP = "-A -f 9 -s mh\n" + "".join(f"-a -f 9 -r 10.1.0.{n}:0 -g -w 1\n" for n in range(1, 30))


def test_a_lost_reply_before_a_group(shim: Path) -> None:
    """Whether the service is there is not known: it is created and filled in the plain way."""
    assert spoiled(shim, "lost:3", "-R", stdin=GROUP) == spoiled(shim, "none", "-R", stdin=GROUP)


def test_a_lost_reply_to_a_group(shim: Path) -> None:
    """Its outcome is unknown, and told as that for each rule; it was carried out once."""
    done = spoiled(shim, "lost:4", "-R", stdin=GROUP)
    assert done.status == 255
    assert done.stderr.decode().count(LOST) == 30
    assert done.stderr.count(b"\n") == 30
    assert done.table == spoiled(shim, "none", "-R", stdin=GROUP).table


def test_half_a_group(shim: Path) -> None:
    """The kernel saw only half of it: the service that was to have its scheduler after that has it all the same."""
    done = spoiled(shim, "short:1", "-R", stdin=GROUP)
    assert done.status == 255
    assert done.stderr.decode().count(LOST) == 30
    (mine,) = (entries for entries in done.table if "mark(9)" in entries[0])
    assert "mh" in mine[0]
    assert 5 < len(mine) < 25


def test_a_kernel_that_takes_nothing(shim: Path) -> None:
    """The exchange fails for the front and for Python: one message, and nothing was done."""
    done = spoiled(shim, "refuse:1", "-R", stdin=rules(3, 60))
    assert done.status == 255
    assert done.stderr.count(b"\n") == 1
    assert sum(map(len, done.table)) == 3


def test_a_kernel_that_takes_half(shim: Path) -> None:
    """Only half of what was sent arrives: what is not known is told, and nothing is sent twice."""
    done = spoiled(shim, "short:1", "-R", stdin="".join(f"-A -f {n} -s rr\n" for n in range(10, 30)))
    assert done.status == 255
    assert LOST.encode() in done.stderr
    assert b"already exists" not in done.stderr
    assert 2 < len(done.table) < 22


COMMANDS = [
    (("-A", "-f", "9", "-s", "rr"), ""),
    (("-A", "-f", "3"), ""),
    (("-L", "-n"), ""),
    (("-S", "-n"), ""),
    (("-L", "-n", "-f", "3"), ""),
    (("-L", "-n", "-c"), ""),
    (("-R",), GROUP),
    (("-R",), "-A -f 9 -s rr\n-A -f 3 -s rr\nfoo\n"),
    ((), "-A -f 9 -s rr\n-A -f 3 -s mh\n-A -f 8 -s rr\n"),
    ((), "-A -f 9 -s rr\n-A -f 3 -s mh\n-A -f 3 -s rr\n"),
    (("-C",), ""),
]


def every_allocation(
    shim: Path, folder: Path, *words: str, stdin: str, name: str, rules: str
) -> Iterator[Left]:
    """What is left where the first allocation fails, the second, and so on to the last."""
    for number in itertools.count(1):
        failed = folder / str(number)
        done = spoiled(shim, f"memory:{number}:{failed}", *words, stdin=stdin, name=name, rules=rules)
        if not failed.exists():
            assert number > 3
            return
        yield done


@pytest.mark.parametrize(
    ("words", "stdin"), COMMANDS, ids=[f"{' '.join(words)} {len(stdin)}" for words, stdin in COMMANDS]
)
def test_no_memory(shim: Path, tmp_path: Path, words: tuple[str, ...], stdin: str) -> None:
    """Whichever allocation fails, the command is carried out once and as always, or is an error and says so."""
    name = "ipvsfast" if words else "ipvsfast-restore"
    wanted = spoiled(shim, "none", *words, stdin=stdin, name=name)
    for done in every_allocation(shim, tmp_path, *words, stdin=stdin, name=name, rules=OLD):
        if done.status == 127:
            assert done.stderr.endswith(b": out of memory\n")
        else:
            assert done == wanted


def test_clearing_without_memory(shim: Path, tmp_path: Path) -> None:
    """The same for a large table, whose destinations are sorted before they are deleted."""
    for done in every_allocation(shim, tmp_path, "-C", stdin="", name="ipvsfast", rules=rules(3, 400)):
        assert done == (0, b"", b"", [])


def test_the_shim_fails_in_the_front(shim: Path, tmp_path: Path) -> None:
    """What fails in the tests above is there: natively, without its first allocation nothing is done."""
    env = {"LD_PRELOAD": str(shim), "FAULT": f"memory:1:{tmp_path}/failed"} | NATIVE
    assert left([program(), "-L", "-n"], env=env).status == 125
