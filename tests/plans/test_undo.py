"""`ipvsfast undo` and `history` on a real kernel: the last apply is taken back, exactly, or nothing is done."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ipvsfast import Ipvs, NothingToUndo
from support.command import program, rules, run
from support.front import filled, table
from support.held import held
from support.netns import fresh_namespace
from support.odd_entries import OddService, send
from support.some_rules import some_rules
from support.two_tables import NEW, OLD

SEED = int(os.environ.get("IPVSFAST_SEED", "0")) or random.randrange(1 << 30)
TABLES = 4
MORE = rules(3, 60).replace(" 10.0.", " 10.99.")
# It takes some sends to come from the one to the other.
MUCH = rules(12, 120)
OTHER = rules(18, 120).replace("10.0.0.3:", "10.9.0.3:").replace("-r 10.128.0.1", "-r 10.200.0.1")


def unordered() -> list[list[str]]:
    """The table without the order of destinations."""
    return [[service[0], *sorted(service[1:])] for service in table()]


def fill(text: str) -> None:
    assert run("restore", "-q", stdin=text).returncode == 0


def apply(text: str, *words: str) -> None:
    done = run("apply", "-q", *words, stdin=text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def undo(*words: str) -> str:
    """What it says, if all is well."""
    done = run("undo", *words)
    assert done.returncode == 0, done.stderr
    return done.stderr


def history() -> list[dict[str, Any]]:
    found = json.loads(run("history", "--json").stdout)["history"]
    assert isinstance(found, list)
    return found


def states() -> list[str]:
    return [one["state"] for one in history()]


def test_the_last_apply_is_taken_back() -> None:
    """By the least change, and shown; taken back itself, it is done again."""
    fill(OLD)
    before = unordered()
    apply(NEW)
    after = unordered()
    done = run("undo")
    assert done.returncode == 0
    assert (
        done.stdout
        == """\
+ -A -f 7 -s wlc -p 60
+ -a -f 7 -r 10.1.0.9:0 -g -w 1
~ -A -t 10.0.0.1:80 -s rr  # scheduler wrr -> rr
~ -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1  # weight 5 -> 1
+ -a -t 10.0.0.1:80 -r 10.1.0.3:80 -m -w 1
- -A -u 10.0.0.1:53 -s sh -b sh-port
- -a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 1
- -a -t 10.0.0.1:80 -r 10.1.0.4:80 -m -w 1
"""
    )
    told = done.stderr.splitlines()
    assert told[0].startswith("taking back apply 1 of stdin of 20")
    assert told[1].startswith("3 added, 2 changed, 3 deleted after ")
    assert told[1].endswith("; what apply 1 of stdin had changed is as before")
    assert unordered() == before
    assert states() == ["undone", "done"]
    undo()
    assert unordered() == after
    assert states() == ["undone", "undone", "done"]
    undo()
    assert unordered() == before


@pytest.mark.parametrize("number", range(TABLES))
@pytest.mark.parametrize("order", [False, True])
def test_some_table_to_another_and_back(number: int, order: bool) -> None:
    """Whatever the two hold; with --order the order of destinations too."""
    chance = random.Random(f"{SEED} {number}")
    old, new = some_rules(chance), some_rules(chance)
    with filled(old):
        before = table()
        apply(new, *(["--order"] if order else []))
        after = unordered()
        undo()
        assert unordered() == [[one[0], *sorted(one[1:])] for one in before], (SEED, number)
        if order:
            assert table() == before, (SEED, number)
        undo()
        assert unordered() == after, (SEED, number)


def test_what_was_not_touched_is_left_alone() -> None:
    """Other services, and other destinations of the same, whatever became of them."""
    fill(OLD)
    before = unordered()
    apply(NEW)
    for words in (
        ("-A", "-f", "99"), ("-a", "-f", "99", "-r", "10.1.0.1"),
        ("-a", "-t", "10.0.0.1:80", "-r", "10.1.0.77:80", "-m"),
        ("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.1:80", "-m", "-w", "9"),
    ):  # fmt: skip
        assert run(*words).returncode == 0
    undo()
    assert run("-D", "-f", "99").returncode == 0
    assert run("-d", "-t", "10.0.0.1:80", "-r", "10.1.0.77:80").returncode == 0
    assert run("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.1:80", "-m", "-w", "1").returncode == 0
    assert unordered() == before


MOVED = [
    (("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.2:80", "-m", "-w", "3"),
     "TCP 10.0.0.1:80: destination 10.1.0.2:80 was changed"),
    (("-E", "-t", "10.0.0.1:80", "-s", "lc"), "TCP 10.0.0.1:80 was changed"),
    (("-D", "-t", "10.0.0.1:80"), "TCP 10.0.0.1:80 was deleted"),
    (("-d", "-t", "10.0.0.1:80", "-r", "10.1.0.4:80"), None),
    (("-A", "-f", "7", "-s", "rr"), "FWM 7 was added"),
    (("-a", "-t", "10.0.0.1:80", "-r", "10.1.0.3:80", "-g"), "TCP 10.0.0.1:80: destination 10.1.0.3:80 was added"),
    (("-a", "-u", "10.0.0.1:53", "-r", "10.1.0.5:53", "-m"), "UDP 10.0.0.1:53: destination 10.1.0.5:53 was added"),
    (("-D", "-u", "10.0.0.1:53"), None),
    (("--set", "77", "0", "0"), "the timeouts were changed"),
]  # fmt: skip


@pytest.mark.parametrize(("foreign", "told"), MOVED)
def test_what_moved_meanwhile(foreign: tuple[str, ...], told: str | None) -> None:
    """It is refused, and said; --force takes back all the same. What is as before already is no obstacle."""
    fill(OLD + "--set 50 60 70\n")
    before = unordered()
    apply(NEW + "--set 51 60 70\n")
    assert run(*foreign).returncode == 0
    now = unordered()
    if told:
        for words in ((), ("--dry-run",)):
            done = run("undo", *words)
            text = f"what is to be taken back has changed since: {told}"
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith(text), done.stderr
            assert done.stderr.endswith("; nothing was done (--force takes it back all the same)\n")
        assert unordered() == now
        assert states() == ["done"]
    undo("--force" if told else "-q")
    with Ipvs() as ipvs:
        assert ipvs.timeouts().tcp == 50
    if foreign[0] != "-D" or not told:
        assert unordered() == before
    else:  # of what was not touched nobody knows what it was
        assert unordered() == [[one for one in service if "'10.1.0.1'" not in one] for service in before]


def test_a_dry_run_and_nothing_to_undo() -> None:
    """Nothing is done and nothing written."""
    done = run("undo")
    assert (done.returncode, done.stderr) == (2, "no apply to this table is remembered; nothing was done\n")
    assert run("history").stdout == ""
    assert run("history", "--json").stdout == '{"history":[]}\n'
    fill(OLD)
    apply(NEW)
    after = unordered()
    done = run("undo", "--dry-run")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 8
    assert done.stderr.endswith("3 to add, 2 to change, 3 to delete; nothing was done (--dry-run)\n")
    assert unordered() == after
    assert states() == ["done"]


def test_an_apply_without_change_writes_nothing(own_state: Path) -> None:
    """Nor does one that only shows."""
    fill(OLD)
    apply(OLD)
    run("apply", "--dry-run", stdin=NEW)
    assert list(own_state.iterdir()) == []


def test_timeouts_and_daemons() -> None:
    """They come back too; a daemon that was started is stopped again."""
    start = "--start-daemon master --mcast-interface lo --syncid {}\n"
    fill(OLD + "--set 50 60 70\n")
    apply(NEW + "--set 51 0 71\n" + start.format(3))
    apply(NEW + start.format(4) + start.format(9).replace("master", "backup"))
    with Ipvs() as ipvs:
        assert sorted(d.sync_id for d in ipvs.daemons()) == [4, 9]
        undo()
        assert [d.sync_id for d in ipvs.daemons()] == [3]
        undo()
        assert sorted(d.sync_id for d in ipvs.daemons()) == [4, 9]
    fill_again = run("apply", "-q", "--order", stdin=OLD + start.format(5))
    assert fill_again.returncode == 0
    with Ipvs() as ipvs:
        ipvs.stop_daemon("master")
        done = run("undo")
        assert "the master daemon was stopped" in done.stderr
        undo("--force")
        assert sorted(d.sync_id for d in ipvs.daemons()) == [4, 9]


def test_a_started_daemon_and_timeouts_are_taken_back() -> None:
    """Both in one."""
    fill(OLD + "--set 50 60 70\n")
    text = OLD + "--set 51 0 71\n--start-daemon backup --mcast-interface lo --syncid 3\n"
    apply(text)
    done = run("undo")
    assert (
        done.stdout
        == (
            "~ --set 50 60 70  # tcp 51 -> 50, udp 71 -> 70\n"
            "- --start-daemon backup --mcast-interface lo --syncid 3 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1"
            " --sync-maxlen 1472\n"
        )
        or "- --start-daemon backup" in done.stdout
    )
    with Ipvs() as ipvs:
        assert ipvs.daemons() == []
        assert (ipvs.timeouts().tcp, ipvs.timeouts().udp) == (50, 70)


def test_another_namespace_has_its_own_history() -> None:
    """What was done there is not undone here, not even in one that gets the number of one that is gone."""
    for _ in range(20):
        with fresh_namespace(), Ipvs() as ipvs:
            with pytest.raises(NothingToUndo):
                ipvs.undo()
            assert ipvs.apply_plan(ipvs.plan(NEW.encode()), remember=True).ok
            assert [one.state for one in ipvs.history()] == ["done"]
    with fresh_namespace():
        assert "no apply to this table is remembered" in run("undo").stderr


def test_after_a_boot_nothing_is_undone(own_state: Path, tmp_path: Path) -> None:
    """The table of then is gone, and that is said; the history still shows it."""
    # This network namespace stands for the main one: process 1 is in another.
    fill(OLD)
    apply(NEW)
    (folder,) = own_state.iterdir()
    for file in folder.iterdir():
        head, _, rest = file.read_bytes().partition(b"\n")
        values = json.loads(head)
        values["boot"], values["main"] = "00000000", True
        file.write_bytes(json.dumps(values).encode() + b"\n" + rest)
    folder.rename(folder.with_name("00000000-1-1"))
    told = run("undo").stderr
    assert told == "no apply to this table is remembered; nothing was done\n"
    enter = ("nsenter", "--net=/proc/1/ns/net")
    found = subprocess.run([*enter, program(), "undo"], capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert (
        "was before this machine was started again, and its table is gone; nothing was done" in found.stderr
    )
    found = subprocess.run([*enter, program(), "history"], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[1].endswith("done, before the last boot")


def test_the_history() -> None:
    """Who, when, what and from where; a row each, or JSON."""
    fill(OLD)
    apply(NEW)
    run("undo", "-q")
    rows = run("history").stdout.splitlines()
    assert rows[0].split() == ["No", "When", "Who", "Add,", "change,", "delete", "From", "State"]
    assert rows[1].split()[-8:] == ["root", "3,", "2,", "3", "stdin", "undone", "by", "2"]
    assert rows[2].split()[-7:] == ["root", "3,", "2,", "3", "undo", "of", "1", "done"][-7:]
    first, second = history()
    assert first["command"] == "ipvsfast apply -q"
    assert first["done"] == {"added": 3, "changed": 2, "deleted": 3}
    assert (first["undone_by"], second["undoes"], second["source"][:8]) == (2, 1, "what was")
    assert first["who"]["user"] == "root"


def test_it_is_bounded(own_state: Path) -> None:
    """A hundred at most, and the numbers go on."""
    one, two = OLD.encode(), OLD.replace("-w 1", "-w 2").encode()
    with Ipvs() as ipvs:  # a hundred processes would take a minute
        ipvs.restore(one)
        for number in range(102):
            assert ipvs.apply_plan(ipvs.plan(one if number % 2 else two), remember=True).ok
    (folder,) = own_state.iterdir()
    names = sorted(path.name for path in folder.iterdir())
    assert (len(names), names[0], names[-1]) == (100, "journal-00000003", "journal-00000102")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    undo("-q")


def test_where_nothing_can_be_kept(own_state: Path) -> None:
    """The apply is carried out with a word about it; what has to be confirmed is refused."""
    own_state.rmdir()
    own_state.write_text("")
    fill(OLD)
    before = table()
    done = run("apply", "-q", "--confirm-within", "60", stdin=NEW)
    assert done.returncode == 2
    assert done.stderr.endswith("it could not be taken back; nothing was done\n")
    assert table() == before
    done = run("apply", "-q", stdin=NEW)
    assert done.returncode == 0
    assert done.stderr.endswith("this apply cannot be taken back\n")
    assert len(done.stderr.splitlines()) == 1


def test_what_another_program_made_comes_back() -> None:
    """Also what no rule makes."""
    with Ipvs() as ipvs:
        assert send(ipvs, [(OddService(protocol=47), [])]) == [""]
    before = unordered()
    apply(OLD)
    undo()
    assert unordered() == before


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("finish", [False, True])
def test_killed_in_the_middle(shim: Path, number: int, finish: bool) -> None:
    """The next command says so; undo takes back what was done, and applying again brings the rest."""
    with filled(OTHER):
        after = unordered()
    fill(MUCH)
    before = unordered()
    with held(shim, f"stop:{number}", "apply", stdin=OTHER) as command:
        assert states() == ["applying"]
        assert run("diff", "--summary", stdin=OTHER).stderr == ""
        command.signal(signal.SIGKILL)
    assert states() == ["interrupted"]
    for verb in ("diff", "plan"):
        told = run(verb, stdin=OTHER).stderr
        assert told.startswith("apply 1 of stdin, begun 20"), told
        assert "was interrupted: it had" in told
    if finish:
        done = run("apply", "-q", stdin=OTHER)
        assert done.returncode == 0
        assert "was interrupted" in done.stderr
        assert unordered() == after
        assert run("diff", "--summary", stdin=OTHER).stderr == ""
    undo("-q")
    assert unordered() == before
    assert run("diff", "--summary", stdin=MUCH).stderr == ""
    assert "interrupted" not in states()


def test_an_undo_that_is_killed(shim: Path) -> None:
    """The next one finishes it; the one after brings all again."""
    fill(MUCH)
    before = unordered()
    apply(OTHER)
    after = unordered()
    with held(shim, "stop:2", "undo") as command:
        command.signal(signal.SIGKILL)
    assert states() == ["done", "interrupted"]
    assert "`ipvsfast undo' finishes it" in run("diff", "--summary", stdin=MUCH).stderr
    undo("-q")
    assert unordered() == before
    undo("-q")
    assert unordered() == after


def test_an_undo_that_is_killed_after_any_send(shim: Path, tmp_path: Path) -> None:
    """Also after its last one, so that nothing is left to do: it is not told as interrupted any more."""
    fill(OLD)
    before = unordered()
    for number in itertools.count(1):
        apply(NEW)
        fired = tmp_path / str(number)
        fault = {"LD_PRELOAD": str(shim), "FAULT": f"kill-after:{number}:{fired}"}
        done = subprocess.run([program(), "undo", "-q"], env={**os.environ, **fault}, check=False)
        if not fired.exists():
            break
        assert done.returncode == -signal.SIGKILL
        undo("-q")
        assert unordered() == before
        assert "interrupted" not in states()
        assert run("diff", "--summary", stdin=OLD).stderr == ""
    assert number > 2


def test_killed_while_it_drains(shim: Path) -> None:
    """What was to be deleted has weight 0 by then, which nobody else has set."""
    fill(MUCH)
    before = unordered()
    with held(shim, "stop:2", "apply", "--drain", "0", stdin=OTHER) as command:
        command.signal(signal.SIGKILL)
    with Ipvs() as ipvs:
        gone = ("-t", "10.0.0.1:80", "-r", "10.128.0.1:80")
        words = next(
            (rule.split()[1:] for rule in ipvs.rules() if rule.startswith("-a ") and "-r 10.128.0.1" in rule),
            gone,
        )
    words = [*words[: words.index("-w")], "-w", "0"] if "-w" in words else [*words, "-w", "0"]
    assert run("-e", *words).returncode == 0
    undo("-q")
    assert unordered() == before


@pytest.mark.parametrize(
    "words", [("--drain", "0"), ("--tag", "web"), ("--tag", "web", "--scope", "10.0.0.0/8,fwmark")]
)
def test_other_ways_to_apply(words: tuple[str, ...]) -> None:
    """After a drain, and with a tag or within a scope: the same, and it can be applied again."""
    fill("-A -t 192.0.2.1:80 -s rr\n")
    if words[0] == "--tag":
        apply(OLD, *words)
        before = unordered()
        apply(NEW, *words)
    else:
        apply(OLD)
        before = unordered()
        apply(NEW, *words)
    after = unordered()
    undo("-q")
    assert unordered() == before
    apply(NEW, *words)
    assert unordered() == after


def test_a_refused_apply_is_taken_back() -> None:
    """What was done of it."""
    fill(OLD)
    before = unordered()
    assert run("apply", stdin=NEW + "-A -f 9 -s nonesuch\n").returncode == 1
    assert states() == ["incomplete"]
    undo()
    assert unordered() == before


def test_a_damaged_journal(own_state: Path) -> None:
    """It is said, and nothing is done; a line that is not whole does not count."""
    fill(OLD)
    apply(NEW)
    (file,) = own_state.rglob("journal-*")
    whole = file.read_bytes()
    file.write_bytes(whole + b'\n{"state":"und')
    assert states() == ["done"]
    start = whole.index(b"\n") + 40
    file.write_bytes(whole[:start] + b"xxxx" + whole[start + 4 :])
    done = run("undo")
    assert done.returncode == 2
    assert "is damaged; nothing was done" in done.stderr
