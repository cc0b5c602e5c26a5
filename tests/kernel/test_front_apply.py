"""`ipvsfast apply FILE` on plain rules is the front's; whatever is out of the ordinary it leaves to Python."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from support.command import program, rules, run
from support.front import NATIVE, assert_alike, filled, left
from support.held import held
from support.some_rules import some_rules

SEED = int(os.environ.get("IPVSFAST_SEED", "0")) or random.randrange(1 << 30)
LEFT_TO_PYTHON = 125
OLD = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
-A -f 7 -s wlc -p 60
-a -f 7 -r 10.1.0.9:0 -g -w 1
"""


def by_the_front(path: Path, old: str, *words: str) -> bool:
    """Whether it does it, and not Python."""
    done = left([program(), "apply", *words, str(path)], rules=old, env=NATIVE)
    assert done.status in (0, LEFT_TO_PYTHON)
    return done.status == 0


@pytest.mark.parametrize("number", range(4))
def test_nothing_to_do(tmp_path: Path, number: int) -> None:
    """Services of every kind, in any order: the same sentence, or none, and status 0."""
    chance = random.Random(SEED + number)
    print(f"IPVSFAST_SEED={SEED}")
    path = tmp_path / "rules"
    with filled(some_rules(chance)):
        lines = run("-S", "-n").stdout.splitlines(keepends=True)
    services: list[str] = []
    for line in lines:
        if line.startswith("-A"):
            services.append(line)
        else:
            services[-1] += line
    chance.shuffle(services)
    text = "".join(services)
    path.write_text(text)
    for words in ((), ("-q",), ("--quiet",)):
        assert by_the_front(path, text, *words)
        done = assert_alike([program(), "apply", *words, str(path)], rules=text)
        assert (done.status, done.stdout) == (0, b"")
        count = f"{len(lines):,} {'entry' if len(lines) == 1 else 'entries'}"
        told = f"0 added, 0 changed, 0 deleted after 0.00 s; the table is as wanted: {count} of {path}\n"
        assert done.stderr == (b"" if words else told.encode())


def test_many(tmp_path: Path) -> None:
    """Large numbers have commas; a text that is read in pieces; the option behind the file."""
    path = tmp_path / "rules"
    text = rules(30, 60)
    path.write_text(f"# a comment\n\n{text}")
    assert by_the_front(path, text)
    done = assert_alike([program(), "apply", str(path)], rules=text)
    assert done.stderr.endswith(f"the table is as wanted: 1,830 entries of {path}\n".encode())
    assert assert_alike([program(), "apply", str(path), "-q"], rules=text).stderr == b""


@pytest.mark.parametrize("old", [
    OLD.replace("-w 1\n-a", "-w 2\n-a"), OLD.replace("-s rr", "-s wrr"), OLD.replace("-p 60", "-p 61"), OLD.replace("-f 7", "-f 8"),
    OLD.replace(".2:80 -m", ".2:80 -g"), OLD.replace(".2:80", ".3:80"), OLD + "-A -f 1 -s rr\n", OLD + "-a -f 7 -r 10.1.0.8:0 -g -w 1\n",
    "".join(OLD.splitlines(True)[:3]), "".join(OLD.splitlines(True)[:4]), "", OLD.replace("-w 1\n", "-w 1 -x 9\n"),
    OLD.replace("10.1.0.1:80", "10.1.0.4:80").replace("10.1.0.2:", "10.1.0.1:").replace("10.1.0.4:", "10.1.0.2:"),
])  # fmt: skip
def test_a_difference(tmp_path: Path, old: str) -> None:
    """Whichever it is, and whoever takes it: what comes of it is the same; the order too."""
    path = tmp_path / "rules"
    path.write_text(OLD)
    # tests/plans/test_front_changes.py compares all else. Only the lines for settings of a service are Python's.
    of_service = (
        any(old.count(word) != OLD.count(word) for word in ("-s rr\n", "-p 60\n")) and old.count("\n") == 5
    )
    assert by_the_front(path, old) != of_service
    done = left([program(), "apply", str(path)], rules=old)
    alone = left([program(), "apply", str(path)], rules=old, env={"IPVSFAST_FRONT": "off"})
    assert (done.status, done.stdout, done.table) == (0, alone.stdout, alone.table)


@pytest.mark.parametrize("text", [
    OLD.rstrip("\n"), OLD + "-A -t localhost:81 -s rr\n", OLD + "--set 1 2 3\n", OLD + OLD, OLD + "-A -f 7 -s wlc -p 60\n", "", "# nothing\n",
    "-a -f 7 -r 10.1.0.9:0 -g -w 1\n" + OLD, OLD + "-a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1\n", OLD + "x\n", OLD.replace(" -w 1", ""),
    OLD + "-a -f 7 -r 224.0.0.1:0 -g -w 1\n", OLD + "-a -f 7 -r 10.1.0.8:0 -g -w 1 -x 1 -y 2\n", '{"services": []}',
])  # fmt: skip
def test_what_is_out_of_the_ordinary_is_for_python(tmp_path: Path, text: str) -> None:
    """Names, settings, mistakes, no line end: what comes of it is the same."""
    path = tmp_path / "rules"
    path.write_text(text)
    assert not by_the_front(path, OLD)
    assert_alike([program(), "apply", "-q", str(path)], rules=OLD)


def test_words_that_are_for_python(tmp_path: Path) -> None:
    """Options, no file, a missing one, a pipe, two files; and under the name ipvsadm there is no verb."""
    path = tmp_path / "rules"
    path.write_text(OLD)
    for words in (["--order", str(path)], [], ["-"], [f"{path}x"], [str(tmp_path)], ["/dev/stdin"], [str(path), str(path)], ["--qui", str(path)]):  # fmt: skip
        assert left([program(), "apply", *words], rules=OLD, env=NATIVE).status == LEFT_TO_PYTHON
        assert_alike([program(), "apply", "-q", *words], stdin=OLD.encode(), rules=OLD)
    name = tmp_path / "ipvsadm"
    name.symlink_to(program())
    assert assert_alike([str(name), "apply", str(path)], rules=OLD).status != 0


def test_the_lock(tmp_path: Path, shim: Path) -> None:
    """Who finds it taken is told so, with nothing to do too."""
    path = tmp_path / "rules"
    path.write_text(OLD)
    subprocess.run([program(), "restore", "-q", str(path)], check=True)
    text = rules(3, 60).replace(" 10.0.", " 10.99.")
    with held(shim, "stop:1", "apply", "-q", stdin=OLD + text) as first:
        done = run("apply", str(path))
        assert done.returncode == 2
        assert f"process {first.pid} (ipvsfast) is replacing the table" in done.stderr
        first.signal(signal.SIGCONT)
    assert first.status == 0


def test_what_is_not_settled_is_for_python(tmp_path: Path) -> None:
    """An apply that awaits its confirmation, and one that was killed: that is told, though all is as wanted."""
    path = tmp_path / "rules"
    path.write_text(OLD)
    native = os.environ | NATIVE
    assert run("apply", "-q", "--confirm-within", "3600", str(path)).returncode == 0
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([program(), "apply", "-q", str(path)], env=native, check=True)
    assert run("apply", "-q", str(path)).returncode == 2
    assert run("confirm", "-q").returncode == 0
    subprocess.run([program(), "apply", "-q", str(path)], env=native, check=True)
