"""`ipvsfast diff` of two files: no kernel, no privilege."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.command import run

OLD = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
-A -f 7 -s wlc -p 60
-a -f 7 -r 10.1.0.9 -g -w 1
"""
NEW = """\
--set 100 0 0
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5 -x 9
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.4:80 -m -w 1
-A -u 10.0.0.1:53 -s sh -b sh-port
-a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 1
"""
LINES = """\
~ --set 100 0 0  # tcp 0 -> 100
~ -A -t 10.0.0.1:80 -s wrr  # scheduler rr -> wrr
~ -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5 -x 9  # weight 1 -> 5, upper 0 -> 9
+ -a -t 10.0.0.1:80 -r 10.1.0.4:80 -m -w 1
+ -A -u 10.0.0.1:53 -s sh -b sh-port
+ -a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 1
- -A -f 7 -s wlc -p 60
- -a -f 7 -r 10.1.0.9:0 -g -w 1
- -a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
"""
NOTE = "1 service has destinations in another order; --order brings them into it\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """The two of them."""
    paths = tmp_path / "old", tmp_path / "new"
    for path, text in zip(paths, (OLD, NEW)):
        path.write_text(text)
    return str(paths[0]), str(paths[1])


def test_lines(files: tuple[str, str]) -> None:
    """What comes, goes and changes, with what changes; status 1."""
    done = run("diff", *files)
    assert (done.returncode, done.stdout, done.stderr) == (1, LINES + f"# {NOTE}", "")


def test_order(files: tuple[str, str]) -> None:
    """Where the order counts, what has to move is a difference."""
    done = run("diff", "--order", *files)
    moved = "~ -a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1  # moved to its place\n"
    at = LINES.index("+ -a")
    assert (done.returncode, done.stdout) == (1, LINES[:at] + moved + LINES[at:])


def test_summary(files: tuple[str, str]) -> None:
    """Only the numbers."""
    done = run("diff", "--summary", *files)
    assert (done.returncode, done.stdout) == (1, f"3 to add, 3 to change, 3 to delete\n{NOTE}")


def test_only_and_keep_weights(files: tuple[str, str]) -> None:
    """What is not asked for is not told."""
    assert run("diff", "--only", "add", "--summary", *files).stdout.startswith(
        "3 to add, 0 to change, 0 to delete"
    )
    done = run("diff", "--keep-weights", "--only", "edit", *files)
    assert "-r 10.1.0.2:80 -m -w 1 -x 9  # upper 0 -> 9\n" in done.stdout
    assert run("diff", "--only", "remove", *files).returncode == 2


def test_json(files: tuple[str, str]) -> None:
    """One object with the same."""
    done = run("diff", "--json", *files)
    found = json.loads(done.stdout)
    assert (found["add"], found["change"], found["delete"], found["disordered"]) == (3, 3, 3, 1)
    assert [change["action"] for change in found["changes"]] == ["edit"] * 3 + ["add"] * 3 + ["delete"] * 2
    assert found["changes"][2]["differences"] == {"weight": [1, 5], "upper": [0, 9]}
    assert [one["address"] for one in found["changes"][6]["dropped"]] == ["10.1.0.9"]


def test_no_difference(files: tuple[str, str]) -> None:
    """Nothing is said, and the status is 0; one of the files can be standard input."""
    for argv in (("-", files[0]), (files[0], "-")):
        done = run("diff", *argv, stdin=OLD)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_cannot_be_told(files: tuple[str, str]) -> None:
    """Status 2, with the reason."""
    done = run("diff", files[0], "/nowhere")
    assert (done.returncode, done.stderr) == (2, "cannot read /nowhere: No such file or directory\n")
    done = run("diff", "-", files[0], stdin="-a -f 1 -r 10.0.0.1\nx\n")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "stdin:1: -a -f 1 -r 10.0.0.1: its service is not defined before it",
        "stdin:2: x: this is no rule",
        "2 mistakes in stdin; nothing was done",
    ]
    done = run("diff", files[0], "-", stdin="")
    assert (done.returncode, done.stderr) == (
        2, "stdin holds no service: the table would be empty; nothing was done (--allow-empty if that is meant)\n"
    )  # fmt: skip
    assert run("diff", "--allow-empty", files[0], "-", stdin="").returncode == 1
    assert run("diff", "-", "-").returncode == 2
