"""`restore --clear` and `ipvsfast-restore` on a real kernel: the least change, never a service without its
destinations, and a true account of what became of the old table."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
from pathlib import Path

import pytest

from ipvsfast import Interrupted, Ipvs
from support.command import program, rules, run
from support.front import ALONE, NATIVE, Left, filled, left, table
from support.held import held
from support.netns import fresh_namespace
from support.some_rules import some_rules

SEED = int(os.environ.get("IPVSFAST_SEED", "0")) or random.randrange(1 << 30)
TABLES = 20


@pytest.mark.parametrize("number", range(TABLES))
def test_any_table_by_any_other(number: int) -> None:
    """Exactly what the rules make of an empty table, the order of destinations too; the second time nothing is
    changed. In the library, by the command in Python and by the native one."""
    chance = random.Random(SEED + number)
    old, new = some_rules(chance), some_rules(chance)
    print(f"IPVSFAST_SEED={SEED} number {number}\n{old}\nby\n{new}")
    with filled(new), Ipvs() as ipvs:
        wanted, canonical = table(), "\n".join(ipvs.rules())
    with fresh_namespace(), Ipvs() as ipvs:
        assert ipvs.restore(old.encode()).ok
        assert ipvs.restore(new.encode(), clear=True).ok
        assert table() == wanted
        again = ipvs.restore(new.encode(), clear=True)
        assert (again.ok, again.already_there, again.added, again.changed) == (True, again.total, 0, 0)
        assert again.replaced is not None and again.replaced.untouched
    if number % 4 == 0:
        for env in (NATIVE, ALONE):
            done = left([program("ipvsfast-restore")], canonical.encode(), old, env=env)
            assert done == Left(0, b"", b"", wanted)


def listing() -> dict[str, list[str]]:
    """The destinations of each service."""
    with Ipvs() as ipvs:
        return {str(service.key): [str(d.key) for d in dests] for service, dests in ipvs.table()}


def two_tables() -> tuple[str, str]:
    """Services that stay, go and come; of those that stay the destinations go, come, and change their order."""
    old = rules(12, 120).splitlines()
    new = [
        line.replace("10.0.0.1:", "10.9.0.1:").replace("10.0.0.3:", "10.9.0.3:")
        for line in rules(14, 120).splitlines()
    ]
    new = [line.replace("-r 10.128.0.3", "-r 10.200.0.3") if "10.0.0.5:" in line else line for line in new]
    at = new.index("-a -t 10.0.0.7:80 -r 10.128.0.1:8080 -m -w 1")
    new[at : at + 120] = reversed(new[at : at + 120])
    at = new.index("-a -t 10.0.0.8:80 -r 10.128.0.1:8080 -m -w 1")
    new[at : at + 120] = [line.replace("-r 10.128", "-r 10.222") for line in new[at : at + 120]]
    return "".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new)


SENDS = 3  # that these two tables take at least, of a window each


@pytest.mark.parametrize(("name", "words"), [("ipvsfast", ("restore", "--clear")), ("ipvsfast-restore", ())])
@pytest.mark.parametrize("number", range(1, SENDS + 1))
def test_killed_at_any_send(shim: Path, name: str, words: tuple[str, ...], number: int) -> None:
    """What both tables have has destinations at every moment, and a rerun brings the rest."""
    old, new = two_tables()
    with filled(new):
        wanted = table()
    run("-R", stdin=old)
    before = listing()
    with held(shim, f"stop:{number}", *words, stdin=new, name=name) as command:
        now = listing()
        command.signal(signal.SIGKILL)
    assert number == 1 or now != before
    assert all(now[key] for key in before if key in now)
    assert [key for key in before if key not in now] in ([], ["TCP 10.0.0.1:80", "TCP 10.0.0.3:80"])
    assert run(*words, stdin=new, name=name).returncode == 0
    assert table() == wanted


def test_nothing_is_sent_for_what_is_there(shim: Path) -> None:
    """A kernel that takes no changes does not matter to rules that are in force."""
    text = rules(20, 20)
    run("-R", stdin=text)
    refusing = os.environ | {"LD_PRELOAD": str(shim), "FAULT": "refuse:1"}
    for name, words, env in (
        ("ipvsfast-restore", (), NATIVE), ("ipvsfast-restore", (), ALONE), ("ipvsfast", ("restore", "--clear", "-q"), {}),
    ):  # fmt: skip
        argv = [program(name), *words]
        done = subprocess.run(
            argv, input=text, text=True, capture_output=True, check=False, env=refusing | env
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("argv", [("ipvsfast", "restore", "--clear"), ("ipvsfast-restore",)])
@pytest.mark.parametrize("env", [{}, ALONE])
def test_a_table_that_nobody_reaches(shim: Path, argv: tuple[str, ...], env: dict[str, str]) -> None:
    """It is as it was, and that is what is said."""
    run("-R", stdin=rules(1, 3))
    before = table()
    done = subprocess.run(
        [program(argv[0]), *argv[1:]], input=rules(3, 60), text=True, capture_output=True, check=False,
        env=os.environ | env | {"LD_PRELOAD": str(shim), "FAULT": "refuse:1"},
    )  # fmt: skip
    assert done.returncode == (1 if len(argv) > 1 else 255)
    assert "Connection refused" in done.stderr
    assert re.search(r"\n4 (of 183 )?rules are in force.*; the table is as it was\n$", done.stderr)
    assert table() == before


@pytest.mark.parametrize(("name", "words"), [("ipvsfast", ("restore", "--clear")), ("ipvsfast-restore", ())])
def test_interrupted(shim: Path, name: str, words: tuple[str, ...]) -> None:
    """Ctrl-C in the middle: how many rules are in force and how many old entries are there, as a listing shows."""
    old, new = two_tables()
    run("-R", stdin=old)
    with held(shim, "stop:2", *words, stdin=new, name=name) as command:
        command.signal(signal.SIGINT)
    told = re.fullmatch(
        r"interrupted: ([\d,]+) (?:of 1,694 )?rules are in force(?:: .* not tried)?; "
        r"the table is partly replaced: ([\d,]+) old entries are still there\n",
        command.err,
    )
    assert (command.status, bool(told)) == (130, True), command.err
    assert told is not None
    old_entries = int(told[2].replace(",", ""))
    there = set(run("-S", "-n").stdout.splitlines())
    assert len(there) == old_entries + int(told[1].replace(",", ""))
    assert len(there - set(new.splitlines())) == old_entries


def test_interrupted_before_anything(shim: Path) -> None:
    """The account of the library tells that the table is as it was."""
    run("-R", stdin=rules(1, 3))
    before = table()
    with Ipvs() as ipvs:
        send = ipvs.session.send

        def ctrl_c(*_: object) -> int:
            raise KeyboardInterrupt

        ipvs.session.send = ctrl_c  # type: ignore[assignment]
        with pytest.raises(
            Interrupted, match="2 of 3 rules are in force.*; the table is as it was$"
        ) as caught:
            ipvs.restore(rules(1, 1).encode() + b"-A -f 3 -s rr\n", clear=True)
        ipvs.session.send = send  # type: ignore[method-assign]
    replaced = caught.value.restored.replaced
    assert (replaced.untouched, replaced.complete, replaced.deleted) == (True, False, 0)
    assert table() == before


def test_another_program_in_between() -> None:
    """It adds a service and takes a destination away while the table is replaced: told, and no success."""
    text = rules(2, 3)
    with Ipvs() as ipvs, Ipvs() as other:
        assert ipvs.restore(rules(1, 4).encode()).ok
        send = ipvs.session.send

        def meddled(*given: object) -> int:
            done = send(*given)  # type: ignore[arg-type]
            other.restore(b"-A -f 5 -s rr\n-a -f 5 -r 10.9.9.9:0 -g -w 1\n")
            service, dests = other.table()[-1]
            for service, dests in other.table():
                if str(service.key) == "TCP 10.0.0.1:80":
                    other.delete_destination(service.key, dests[0].key)
            return done

        ipvs.session.send = meddled  # type: ignore[assignment]
        account = ipvs.restore(text.encode(), clear=True)
    assert (account.ok, account.in_force, account.total) == (False, 7, 8)
    assert str(account) == (
        "7 of 8 rules are in force: 3 added, 4 already there, 0 refused, 1 not tried; 1 old entry deleted; "
        "another program changed the table meanwhile: 1 rule not in force any more, 2 other entries are still there"
    )


def test_counters_of_what_stays_go_on() -> None:
    """A connection to a destination that both tables have is not forgotten: the entry is the same one."""
    run("-R", stdin=rules(2, 3))
    with Ipvs() as ipvs:
        assert ipvs.restore(rules(1, 3).replace("-w 1", "-w 5").encode(), clear=True).changed == 3
        assert [d.weight for d in ipvs.table()[0][1]] == [5, 5, 5]


def test_a_refused_edit_is_told(shim: Path) -> None:
    """What stands there stays as it was, and the rest is carried out."""
    run("-R", stdin="-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1 -g -w 1\n-A -f 2 -s rr\n")
    for env in (NATIVE, ALONE):
        done = subprocess.run(
            [program("ipvsfast-restore")], text=True, capture_output=True, check=False,
            input="-A -f 1 -s nosuch\n-a -f 1 -r 10.0.0.1:0 -g -w 4\n-A -f 3 -s rr\n",
            env=os.environ | ({} if env is NATIVE else env),
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (
            0,
            "stdin:1: -A -f 1 -s nosuch: Scheduler or persistence engine not found "
            "(check the scheduler's name; its module ip_vs_NAME may be missing)\n",
        )  # fmt: skip
        assert run("-S", "-n").stdout == "-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1:0 -g -w 4\n-A -f 3 -s rr\n"


def test_many_services_change_their_scheduler() -> None:
    """More than the kernel can change one after the other: created anew, with all that they have."""
    run("-R", stdin=rules(120, 2))
    text = rules(120, 2).replace("-s rr", "-s wlc")
    for name, words in (("ipvsfast-restore", ()), ("ipvsfast", ("restore", "--clear", "-q"))):
        assert run(*words, stdin=text, name=name).returncode == 0
        assert run("-S", "-n").stdout == text
        text = text.replace("-s wlc", "-s rr")
