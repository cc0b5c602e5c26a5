"""`ipvsfast diff`, `plan` and `apply` on a real kernel: exactly what is wanted, by the least change, and a true
account of it."""

from __future__ import annotations

import json
import os
import pickle
import random
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ipvsfast import Interrupted, InvalidValue, Ipvs, TableMoved
from support.command import program, rules, run
from support.front import filled, table
from support.held import held
from support.netns import fresh_namespace
from support.odd_entries import OddService, send
from support.some_rules import some_rules
from support.two_tables import NEW, OLD

SEED = int(os.environ.get("IPVSFAST_SEED", "0")) or random.randrange(1 << 30)
TABLES = 6

MORE = rules(3, 60).replace(" 10.0.", " 10.99.")
NOTE = "1 service has destinations in another order; --order brings them into it"
COMMANDS = f"""\
ipvsadm -E -t 10.0.0.1:80 -s wrr  # scheduler rr -> wrr
ipvsadm -e -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5  # weight 1 -> 5
ipvsadm -a -t 10.0.0.1:80 -r 10.1.0.4:80 -m -w 1
ipvsadm -A -u 10.0.0.1:53 -s sh -b sh-port
ipvsadm -a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 1
ipvsadm -D -f 7
ipvsadm -d -t 10.0.0.1:80 -r 10.1.0.3:80
# {NOTE}
3 to add, 2 to change, 3 to delete
"""


def unordered() -> list[list[str]]:
    """The table with no regard to the order of destinations."""
    return [[service, *sorted(rest)] for service, *rest in table()]


def fill(text: str) -> None:
    assert run("restore", "-q", stdin=text).returncode == 0


@pytest.mark.parametrize("number", range(TABLES))
def test_any_table_by_any_other(number: int) -> None:
    """Exactly what is wanted; then there is no difference, and applying it again sends nothing. With --order the
    destinations stand as if they had been added to an empty table. From rules, JSON and NDJSON alike."""
    chance = random.Random(SEED + number)
    old, new = some_rules(chance), some_rules(chance)
    print(f"IPVSFAST_SEED={SEED} number {number}\n{old}\nby\n{new}")
    with filled(new):
        wanted, any_order = table(), unordered()
        texts = new, run("list", "--json").stdout, run("list", "--ndjson").stdout
        assert all(run("diff", "--order", stdin=text).returncode == 0 for text in texts)
    text = texts[number % 3]
    for words in ((), ("--order",)):
        with filled(old):
            differs = run("diff", *words, stdin=text).returncode
            summary = run("diff", "--summary", *words, stdin=text).stdout.splitlines()[0]
            done = run("apply", *words, stdin=text)
            assert done.returncode == 0, done.stderr
            assert "the table is as wanted" in done.stderr
            assert (table() == wanted) if words else (unordered() == any_order)
            assert bool(differs) == bool(done.stdout)
            told = re.search(r"([\d,]+) added, ([\d,]+) changed, ([\d,]+) deleted", done.stderr)
            assert told is not None
            assert summary == "{} to add, {} to change, {} to delete".format(*told.groups())
            before = table()
            again = run("apply", *words, stdin=text)
            assert (again.returncode, again.stdout) == (0, "")
            assert again.stderr.splitlines()[-1].startswith("0 added, 0 changed, 0 deleted")
            assert table() == before
            assert run("diff", *words, stdin=text).returncode == 0


def test_commands_can_be_pasted(tmp_path: Path) -> None:
    """A shell that carries them out makes the table that apply makes."""
    fill(OLD)
    done = run("plan", stdin=NEW)
    assert (done.returncode, done.stdout, done.stderr) == (0, COMMANDS, "")
    assert run("plan", "--detailed-exitcode", stdin=NEW).returncode == 2
    assert run("plan", "--detailed-exitcode", stdin=OLD).returncode == 0
    assert run("plan", "--detailed-exitcode", stdin="x").returncode == 1
    (tmp_path / "ipvsadm").symlink_to(program())
    script = "".join(line for line in done.stdout.splitlines(True) if line.startswith("ipvsadm"))
    subprocess.run(
        ["sh", "-e"], input=script, text=True, check=True, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    )
    pasted = table()
    with filled(OLD):
        assert run("apply", stdin=NEW).returncode == 0
        assert table() == pasted


def test_a_dry_run_changes_nothing() -> None:
    """It shows the same and says that nothing was done."""
    fill(OLD)
    before = table()
    done = run("apply", "--dry-run", stdin=NEW)
    assert done.returncode == 0
    assert done.stdout == run("diff", stdin=NEW).stdout.replace(f"# {NOTE}\n", "")
    assert done.stderr == f"{NOTE}\n3 to add, 2 to change, 3 to delete; nothing was done (--dry-run)\n"
    assert table() == before


@pytest.mark.parametrize(
    ("words", "text", "told"),
    [
        (("--max-delete", "2"), NEW, "the plan deletes 3 of 6 entries, and max-delete is 2: nothing was done\n"),
        (("--max-delete", "49%"), NEW, "the plan deletes 3 of 6 entries, and max-delete is 49%: nothing was done\n"),
        (("--max-change", "1"), NEW, "the plan changes 2 of 6 entries, and max-change is 1: nothing was done\n"),
        ((), "", "stdin holds no service: the table would be empty; nothing was done (--allow-empty if that is meant)\n"),
        ((), '{"services": [{"fwmark": 1}]}', "1 mistake in stdin; nothing was done\n"),
        (("--max-delete", "x"), NEW, "apply: --max-delete and --max-change: a limit is a number, or a percentage up to 100%, not 'x'\n"),
    ],
)  # fmt: skip
def test_guards(words: tuple[str, ...], text: str, told: str) -> None:
    """Status 2, a sentence, and the table is as it was."""
    fill(OLD)
    before = table()
    done = run("apply", *words, stdin=text)
    assert done.returncode == 2
    assert done.stderr.endswith(told)
    assert table() == before


def test_just_within_the_guards() -> None:
    """What is allowed is done."""
    fill(OLD)
    assert run("apply", "-q", "--max-delete", "50%", "--max-change", "2", stdin=NEW).returncode == 0
    assert run("apply", "-q", "--allow-empty", stdin="").returncode == 0
    assert table() == []


def test_weights_are_kept() -> None:
    """Destinations that are there keep theirs, others come with that of the file."""
    fill(OLD)
    assert run("apply", "-q", "--keep-weights", stdin=NEW).returncode == 0
    with Ipvs() as ipvs:
        weights = {str(d.key): d.weight for s, dests in ipvs.table() if s.port == 80 for d in dests}
    assert weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1, "10.1.0.4:80": 1}
    assert run("diff", "--keep-weights", stdin=NEW).returncode == 0


@pytest.mark.parametrize(
    ("only", "numbers"),
    [
        ("add", "3 added, 0 changed, 0"),
        ("edit", "0 added, 2 changed, 0"),
        ("add,delete", "3 added, 0 changed, 3"),
    ],
)
def test_only_some_actions(only: str, numbers: str) -> None:
    """The others are left alone, and that is no failure."""
    fill(OLD)
    done = run("apply", "--only", only, stdin=NEW)
    assert done.returncode == 0
    assert f"{numbers} deleted" in done.stderr
    assert f"as wanted ({only.replace(',', ', ')} only)" in done.stderr


def test_timeouts_and_daemons_that_are_named() -> None:
    """They are brought to what the file says, where it names them, and left alone where not."""
    start = "--start-daemon master --mcast-interface lo --syncid {}\n"
    fill(OLD + "--set 50 60 70\n" + start.format(7))
    assert run("diff", stdin=OLD).returncode == 0
    assert run("diff", stdin=OLD + "--set 50 0 70\n" + start.format(7)).returncode == 0
    text = OLD + "--set 100 0 0\n" + start.format(8)
    shown = run("diff", stdin=text).stdout
    assert shown == "~ --set 100 0 0  # tcp 50 -> 100\n~ " + start.format(8).rstrip() + "  # sync_id 7 -> 8\n"
    done = run("apply", stdin=text)
    assert (done.returncode, done.stdout) == (0, shown)
    assert "0 added, 2 changed, 0 deleted" in done.stderr
    with Ipvs() as ipvs:
        assert [daemon.sync_id for daemon in ipvs.daemons()] == [8]
        assert (ipvs.timeouts().tcp, ipvs.timeouts().tcp_fin, ipvs.timeouts().udp) == (100, 60, 70)
        whole = run("list", "--json").stdout
        assert run("diff", stdin=whole).returncode == 0
        ipvs.stop_daemon("master")
    assert run("diff", stdin=whole).stdout.startswith(
        "+ --start-daemon master --mcast-interface lo --syncid 8"
    )
    assert run("apply", "-q", stdin=whole).returncode == 0
    assert run("list", "--json").stdout == whole


def test_a_refused_addition() -> None:
    """What the kernel refuses is told; nothing is deleted then, and what is in force is said."""
    fill(OLD)
    text = NEW + "-A -f 9 -s nonesuch\n-a -f 9 -r 10.1.0.1 -g\n"
    done = run("apply", stdin=text)
    assert done.returncode == 1
    assert "add-service FWM 9: Scheduler or persistence engine not found\n" in done.stderr
    account = done.stderr.splitlines()[-1]
    assert re.fullmatch(
        r"3 added, 2 changed, 0 deleted after .* s, 2 refused, 2 operations not sent; "
        r"the table is not as wanted: 2 to add, 0 to change, 3 to delete", account
    )  # fmt: skip
    with Ipvs() as ipvs:
        assert len(ipvs.table()) == 3


def test_a_kernel_that_takes_nothing(shim: Path) -> None:
    """The table is as it was, and that is what is said."""
    fill(OLD)
    before = table()
    done = subprocess.run(
        [program(), "apply"], input=NEW + MORE, text=True, capture_output=True, check=False,
        env=os.environ | {"LD_PRELOAD": str(shim), "FAULT": "refuse:1"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "0 added, 0 changed, 0 deleted" in done.stderr.splitlines()[-1]
    assert table() == before


SENDS = 3


@pytest.mark.parametrize("number", range(1, SENDS + 1))
@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_ended_at_any_send(shim: Path, number: int, ended_by: signal.Signals) -> None:
    """What both have keeps destinations; a signal that can be told has a true account; applying it again brings
    the rest."""
    old = rules(12, 120)
    new = rules(18, 120).replace("10.0.0.3:", "10.9.0.3:").replace("-r 10.128.0.1", "-r 10.200.0.1")
    with filled(new):
        wanted = unordered()
    fill(old)
    with held(shim, f"stop:{number}", "apply", stdin=new) as command:
        with Ipvs() as ipvs:
            now = {str(service.key): dests for service, dests in ipvs.table()}
        command.signal(ended_by)
    assert all(now.values())
    if ended_by != signal.SIGKILL:
        assert command.status == {signal.SIGINT: 130, signal.SIGTERM: 143}[ended_by]
        word = "interrupted" if ended_by == signal.SIGINT else "terminated"
        told = re.search(
            rf"^{word}: ([\d,]+) added, .* not sent; the table is not as wanted: (.*)$", command.err, re.M
        )
        assert told is not None, command.err
        assert run("diff", "--summary", stdin=new).stdout.splitlines()[0] == told[2]
    assert run("apply", "-q", stdin=new).returncode == 0
    assert unordered() == wanted


def saved(tmp_path: Path) -> str:
    """A plan from OLD to NEW."""
    path = str(tmp_path / "plan")
    done = run("plan", "-o", path, stdin=NEW)
    assert done.stdout == COMMANDS
    return path


def test_a_saved_plan(tmp_path: Path) -> None:
    """It is JSON, and does what it says to the table that it was made for; once."""
    with filled(NEW):
        wanted = unordered()
    fill(OLD)
    path = saved(tmp_path)
    found: Any = json.loads(Path(path).read_text())
    assert (found["add"], found["change"], found["delete"]) == (3, 2, 3)
    assert run("apply", "--order", path).returncode == 2
    assert run("apply", "--max-delete", "2", path).returncode == 2
    done = run("apply", path)
    assert done.returncode == 0, done.stderr
    assert unordered() == wanted
    done = run("apply", path)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "the table is not the one that the plan was made for: "
        "FWM 7 was deleted, TCP 10.0.0.1:80 was changed, UDP 10.0.0.1:53 was added"
    )


@pytest.mark.parametrize(
    ("foreign", "told"),
    [
        (("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.2:80", "-m", "-w", "2"), "TCP 10.0.0.1:80 was changed"),
        (("-A", "-f", "8"), "FWM 8 was added"),
        (("-D", "-f", "7"), "FWM 7 was deleted"),
        (("-E", "-f", "7", "-s", "rr"), "FWM 7 was changed"),
    ],
)
def test_a_table_that_has_moved(tmp_path: Path, foreign: tuple[str, ...], told: str) -> None:
    """A saved plan is refused, and what moved is said."""
    fill(OLD)
    path = saved(tmp_path)
    assert run(*foreign).returncode == 0
    before = table()
    done = run("apply", path)
    text = f"the table is not the one that the plan was made for: {told}; nothing was done\n"
    assert (done.returncode, done.stderr) == (2, text)
    assert table() == before


@pytest.mark.parametrize("spoil", [
    lambda text: text[:100], lambda text: text.replace("-w 5", "-w 6"), lambda text: text.replace('"how"', '"who"'),
    lambda text: text.replace('plan":1', 'plan":2'),
])  # fmt: skip
def test_a_spoiled_plan(tmp_path: Path, spoil: Any) -> None:
    """It is refused with a reason."""
    fill(OLD)
    path = Path(saved(tmp_path))
    path.write_text(spoil(path.read_text()))
    before = table()
    done = run("apply", str(path))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert table() == before


def test_the_lock(shim: Path) -> None:
    """One at a time: the second one is told, with status 2, or waits."""
    fill(OLD)
    with held(shim, "stop:1", "apply", "-q", stdin=NEW + MORE) as first:
        done = run("apply", stdin=OLD)
        assert done.returncode == 2
        assert (
            f"process {first.pid} (ipvsfast) is replacing the table of this network namespace" in done.stderr
        )
        assert run("diff", stdin=NEW).returncode == 1
        first.signal(signal.SIGCONT)
    assert first.status == 0, first.err
    assert run("apply", "-q", "--wait", "1", stdin=OLD).returncode == 0


def test_what_another_program_has_made() -> None:
    """Entries that no rule makes are deleted like others, and the plan says which have no command."""
    with Ipvs() as ipvs:
        assert send(ipvs, [(OddService(protocol=47), [])]) == [""]
    done = run("plan", stdin=OLD)
    assert "# protocol 47: ipvsadm -D " in done.stdout
    assert run("apply", "-q", stdin=OLD).returncode == 0
    with Ipvs() as ipvs:
        assert len(ipvs.table()) == 2


def test_another_program_meanwhile(shim: Path) -> None:
    """What it adds while the changes are sent is seen afterwards: no success is told, and how much differs."""
    fill(OLD)
    with held(shim, "stop:1", "apply", stdin=NEW + MORE) as command:
        assert run("-A", "-f", "99").returncode == 0
        command.signal(signal.SIGCONT)
    assert command.status == 1
    assert command.err.endswith("the table is not as wanted: 0 to add, 0 to change, 1 to delete\n")
    assert run("apply", "-q", stdin=NEW + MORE).returncode == 0


def test_many_schedulers() -> None:
    """However many change: each service keeps its destinations and their counters, and is edited."""
    old = rules(120, 2)
    fill(old)
    done = run("plan", stdin=old.replace("-s rr", "-s wlc"))
    assert done.stdout.count("ipvsadm -E") == 120
    assert "0 to add, 120 to change, 0 to delete" in done.stdout
    assert run("apply", "-q", stdin=old.replace("-s rr", "-s wlc")).returncode == 0


def test_in_another_namespace_nothing_happens() -> None:
    """Two files are compared without a kernel, whatever the table holds."""
    with fresh_namespace():
        assert run("diff", "/dev/null", "/dev/null", "--allow-empty").returncode == 0


def test_in_the_library() -> None:
    """A plan, its changes, its application; then it is refused, as the table has moved."""
    with filled(NEW):
        wanted = unordered()
    fill(OLD)
    with Ipvs() as ipvs:
        plan = ipvs.plan(NEW.encode())
        assert str(plan) == "3 to add, 2 to change, 3 to delete"
        assert (len(plan), bool(plan), plan.disordered) == (7, True, 1)
        assert [(change.action, change.operation.command) for change in plan] == [
            ("edit", "edit-service"), ("edit", "edit-destination"), ("add", "add-destination"), ("add", "add-service"),
            ("add", "add-destination"), ("delete", "delete-service"), ("delete", "delete-destination"),
        ]  # fmt: skip
        assert plan[1].differences == {"weight": (1, 5)}
        assert [str(destination.key) for destination in plan[-2].dropped] == ["10.1.0.9:0"]
        with pytest.raises(InvalidValue, match="max-delete is 2"):
            ipvs.apply_plan(plan, max_delete=2)
        applied = ipvs.apply_plan(plan, max_delete="50%", wait=1)
        assert (applied.ok, applied.added, applied.edited, applied.deleted) == (True, 3, 2, 3)
        assert unordered() == wanted
        with pytest.raises(TableMoved) as caught:
            ipvs.apply_plan(plan)
        assert "FWM 7 was deleted" in caught.value.moved
        assert not ipvs.plan(NEW.encode())
        with pytest.raises(InvalidValue):
            ipvs.plan(b"")


def test_what_ends_it_has_the_account() -> None:
    """An exception of the caller, after what was sent."""
    fill(OLD)

    def stop(sent: int) -> None:
        raise KeyboardInterrupt

    with Ipvs() as ipvs:
        plan = ipvs.plan(NEW.encode())
        with pytest.raises(Interrupted) as caught:
            ipvs.apply_plan(plan, progress=stop)
        account = caught.value.applied
        assert (account.added, account.edited, account.deleted, account.unsent) == (3, 2, 0, 2)
        assert str(account.left) == "0 to add, 0 to change, 3 to delete"
        again = pickle.loads(pickle.dumps(caught.value))
        assert str(again) == str(caught.value)
        assert list(map(repr, again.applied.left)) == list(map(repr, account.left))
        assert str(caught.value).startswith(
            "interrupted: 3 added, 2 changed, 0 deleted, 2 operations not sent"
        )
