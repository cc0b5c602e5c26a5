"""`ipvsfast apply FILE` with something to do: what the front does of it is what Python alone would do."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ipvsfast.history.journal import read_journal
from support.command import program, rules, run
from support.front import ALONE, NATIVE, Left, filled, left, table
from support.held import held
from support.some_rules import some_rules

SEED = int(os.environ.get("IPVSFAST_SEED", "0")) or random.randrange(1 << 30)
PAIRS = 12
LEFT_TO_PYTHON = 125
# What differs from run to run.
MOMENTS = {"when", "who", "boot"}
OLD = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
-A -f 7 -s wlc -p 60
-a -f 7 -r 10.1.0.9:0 -g -w 1
"""
NEW = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 4
-a -t 10.0.0.1:80 -r 10.1.0.5:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
-A -u 10.0.0.1:53 -s sh -b sh-port
-a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 1
"""


class Done(NamedTuple):
    """What an apply leaves behind. journals: what they say, but for moments."""

    left: Left
    journals: list[Any]


def journals(state: Path) -> list[Any]:
    """Those of all namespaces there, and what is no journal."""
    found: list[Any] = []
    for path in sorted(state.rglob("*-*/*")):
        journal = read_journal(str(path), "") if path.name.startswith("journal-") else None
        if journal is None:
            found.append(path.name)
            continue
        head = {name: value for name, value in journal._head.items() if name not in MOMENTS | {"size"}}
        found.append((head, journal.who.user, journal.content(), journal.later))
    return found


def done(argv: list[str], old: str, state: Path, env: dict[str, str]) -> Done:
    """One apply to a table of its own, with a state folder of its own."""
    found = left(argv, rules=old, env=env | {"IPVSFAST_STATE": str(state)})
    stderr = re.sub(rb"after [\d.]+ s", b"after 0.00 s", found.stderr)
    return Done(found._replace(stderr=stderr), journals(state))


def assert_alike(path: Path, old: str, *words: str, env: dict[str, str] | None = None) -> Done:
    """The front and Python alone do the same; what it is. env: of the front."""
    argv = [program(), "apply", *words, str(path)]
    alone = done(argv, old, path.with_name("alone"), ALONE)
    ours = done(argv, old, path.with_name("ours"), env or {})
    assert ours == alone
    return ours


@pytest.mark.parametrize("number", range(PAIRS))
def test_some_table_to_another(tmp_path: Path, number: int) -> None:
    """Output, status, table with its order, and journal: whatever is there, and whatever is wanted."""
    chance = random.Random(SEED + number)
    print(f"IPVSFAST_SEED={SEED}")
    with filled(some_rules(chance)):
        old = run("-S", "-n").stdout
    with filled(some_rules(chance)):
        new = run("-S", "-n").stdout
    path = tmp_path / "rules"
    path.write_text(new)
    found = assert_alike(path, old, *[["-q"], []][number % 2], env=[NATIVE, {}][number % 2])
    assert found.left.status == 0


def test_lines_of_every_kind(tmp_path: Path) -> None:
    """Without Python: what comes, goes and changes, numbers of each, and the order that stays."""
    path = tmp_path / "rules"
    path.write_text(NEW)
    found = assert_alike(path, OLD, env=NATIVE)
    assert found.left.stdout.decode() == """\
~ -a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 4  # weight 1 -> 4
+ -a -t 10.0.0.1:80 -r 10.1.0.5:80 -m -w 1
+ -A -u 10.0.0.1:53 -s sh -b sh-port
+ -a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 1
- -A -f 7 -s wlc -p 60
- -a -f 7 -r 10.1.0.9:0 -g -w 1
- -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
"""  # fmt: skip
    order, account = found.left.stderr.splitlines()
    assert order == b"1 service has destinations in another order; --order brings them into it"
    assert account.startswith(b"3 added, 1 changed, 3 deleted after")
    again = assert_alike(
        path, NEW.replace(".5:80", ".6:80").replace(".3:80", ".5:80").replace(".6:80", ".3:80")
    )
    assert again.left.stdout == b""
    assert order in again.left.stderr


def test_many(tmp_path: Path) -> None:
    """Some hundreds of operations, over several sends, in a table of which most stays."""
    old = rules(20, 60)
    path = tmp_path / "rules"
    lines = old.splitlines(keepends=True)
    changed = [line.replace("-w 1", "-w 7") if number % 5 == 1 else line for number, line in enumerate(lines)]
    path.write_text("".join(changed).replace("-r 10.128.0.1", "-r 10.200.0.1"))
    assert_alike(path, old, "-q", env=NATIVE)


ODD = [
    OLD + "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n",  # stands twice
    NEW + "-a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 2\n",
    NEW.replace("-r 10.1.0.3", "-r 10.1.0.5"),
    OLD.replace("-s rr", "-s wrr"),  # an edit of a service has words of its own
    OLD.replace("10.1.0.9:0 -g -w 1", "10.1.0.9:0 -i -w 1 --tun-type ipip"),
    "-A -t 10.0.0.1:80 -s no-such-scheduler\n" + OLD[OLD.index("-A -f"):],
]  # fmt: skip


@pytest.mark.parametrize("new", ODD)
def test_what_is_left_to_python(tmp_path: Path, new: str) -> None:
    """Mistakes and what has words of its own, before anything was done; refusals, with what is in force."""
    path = tmp_path / "rules"
    path.write_text(new)
    argv = [program(), "apply", str(path)]
    assert done(argv, OLD, tmp_path / "none", NATIVE).left.status == LEFT_TO_PYTHON
    assert_alike(path, OLD)


def test_the_state_folder(tmp_path: Path) -> None:
    """It is made where there is none; where others may write into it Python says so; old journals go."""
    path, state = tmp_path / "rules", tmp_path / "state"
    environ = os.environ | NATIVE | {"IPVSFAST_STATE": str(state)}
    with filled(OLD):
        for number in range(103):
            path.write_text(OLD.replace("-w 1", f"-w {number + 2}"))
            subprocess.run([program(), "apply", "-q", str(path)], env=environ, check=True)
        (folder,) = state.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        names = sorted(one.name for one in folder.iterdir())
        assert names == [f"journal-{number:08}" for number in range(4, 104)]
        folder.chmod(0o777)
        path.write_text(OLD)
        last = subprocess.run([program(), "apply", "-q", str(path)], env=environ, check=False)
        assert last.returncode == LEFT_TO_PYTHON


def test_undo_and_history(tmp_path: Path) -> None:
    """Of what the front has applied: back, exactly, and forth again."""
    path = tmp_path / "rules"
    path.write_text(NEW)
    with filled(OLD):
        before = table()
        subprocess.run([program(), "apply", "-q", str(path)], env=os.environ | NATIVE, check=True)
        after = table()
        assert run("undo", "-q").returncode == 0
        assert [sorted(one) for one in table()] == [sorted(one) for one in before]
        assert run("undo", "-q").returncode == 0
        assert [sorted(one) for one in table()] == [sorted(one) for one in after]
        kept = json.loads(run("history", "--json").stdout)["history"]
        assert [one["state"] for one in kept] == ["undone", "undone", "done"]
        assert kept[0]["command"] == f"ipvsfast apply -q {path}"
        assert kept[0]["done"] == {"added": 3, "changed": 1, "deleted": 3}


def test_a_reader_who_is_gone(tmp_path: Path) -> None:
    """Where SIGPIPE ends us nothing was done and nothing stays; a full disk is told; where it is ignored all is done."""
    path, state = tmp_path / "rules", tmp_path / "state"
    path.write_text(NEW)
    environ = os.environ | NATIVE | {"IPVSFAST_STATE": str(state)}
    for trap in ("", "trap '' PIPE; "):
        ignored = bool(trap)
        with filled(OLD):
            before = table()
            reader, writer = os.pipe()
            os.close(reader)
            found = subprocess.run(
                ["sh", "-c", f"{trap}exec {program()} apply {path}"],
                stdout=writer, stderr=subprocess.DEVNULL, env=environ, check=False,
                restore_signals=True,
            )  # fmt: skip
            os.close(writer)
            assert found.returncode == (0 if ignored else -signal.SIGPIPE)
            assert (table() == before) == (not ignored)
            assert len([one for one in state.rglob("*-*/*") if one.is_file()]) == int(ignored)
    with filled(OLD), open("/dev/full", "wb") as full:
        before = table()
        environ.pop("IPVSFAST_FRONT")
        full_disk = subprocess.run(
            [program(), "apply", str(path)], stdout=full, stderr=subprocess.PIPE, env=environ, check=False
        )
        assert full_disk.returncode == 1
        assert full_disk.stderr == b"cannot write to standard output: No space left on device\n"
        assert table() == before


def test_killed_at_each_step(tmp_path: Path, shim: Path) -> None:
    """Wherever it is killed: taken back, or finished, exactly; and where no journal was left nothing was done."""
    path = tmp_path / "rules"
    path.write_text(NEW)
    with filled(NEW):
        wanted = [sorted(one) for one in table()]
    ends = {"nothing": 0, "undone": 0, "finished": 0}
    for number in itertools.count(1, 3):
        fired = tmp_path / f"fired-{number}"
        with filled(OLD):
            before = [sorted(one) for one in table()]
            subprocess.run(
                [program(), "apply", "-q", str(path)], check=False, stderr=subprocess.DEVNULL,
                env=os.environ | NATIVE | {"LD_PRELOAD": str(shim), "FAULT": f"kill-step:{number}:{fired}"},
            )  # fmt: skip
            kept = json.loads(run("history", "--json").stdout)["history"]
            if not fired.exists():
                break
            if not kept:
                ends["nothing"] += 1
                assert [sorted(one) for one in table()] == before
                assert "interrupted" not in run("diff", "--summary", str(path)).stderr
            elif number % 2 or kept[-1]["state"] == "done":
                ends["undone"] += 1
                assert run("undo", "-q").returncode == 0
                assert [sorted(one) for one in table()] == before
            else:
                ends["finished"] += 1
                assert run("apply", "-q", str(path)).returncode == 0
                assert [sorted(one) for one in table()] == wanted
    assert all(ends.values()), ends


def test_a_signal_between_two_sends(tmp_path: Path, shim: Path) -> None:
    """Ctrl-C and SIGTERM: what was done is told, and can be taken back."""
    path = tmp_path / "rules"
    path.write_text(NEW)
    for number, word in ((signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")):
        with filled(OLD):
            with held(shim, "stop:1", "apply", str(path)) as apply:
                apply.signal(number)
            assert apply.status == 128 + number
            assert f"{word}: 3 added, 1 changed, 0 deleted, 2 operations not sent; the table is" in apply.err
            assert run("undo", "-q").returncode == 0


def test_another_writer(tmp_path: Path, shim: Path) -> None:
    """Who adds a service while the table is read, so that the plan does not know it: it is seen afterwards."""
    path = tmp_path / "rules"
    path.write_text(NEW)
    add = f"env -u LD_PRELOAD {program()} -A -t 10.99.0.1:80 -s rr 2>&- || true"
    for fault in ("services:1", "dests:1", "dests:2"):
        with filled(OLD):
            found = subprocess.run(
                [program(), "apply", str(path)], capture_output=True, text=True, check=False,
                env=os.environ | {"LD_PRELOAD": str(shim), "FAULT": f"{fault}:{add}"},
            )  # fmt: skip
            as_wanted = run("diff", str(path)).returncode == 0
            assert found.returncode == (0 if as_wanted else 1), (fault, found.stderr)
            assert ("the table is as wanted" in found.stderr) == as_wanted
