"""`--scope` of diff, plan and apply on a real kernel: what is outside is nobody's business."""

from __future__ import annotations

import json
import pickle
import random
from pathlib import Path

import pytest
from campaigns.foreign_writer import writer_beside_applies

from ipvsfast import Ipvs, RulesInvalid, Scope, Service, ServiceKey, TableMoved, from_rule
from support.command import run
from support.front import table
from support.some_rules import some_rules

OURS = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n-A -f 7 -s wlc\n"
THEIRS = "-A -t 10.0.1.1:80 -s rr\n-a -t 10.0.1.1:80 -r 10.1.0.1:80 -m -w 1\n-A -f 70 -s rr -p 60\n-A -u 10.0.0.1:53 -s sh\n"
WANTED = "-A -t 10.0.0.2:80 -s rr\n-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5\n"
SCOPE = ("--scope", "tcp:10.0.0.0/24", "--scope=fwmark:1-9")


def fill(text: str) -> None:
    assert run("restore", "-q", stdin=text).returncode == 0


def key_of(rule: str) -> ServiceKey:
    """That of the service of a rule."""
    service = from_rule(rule).service
    return service.key if isinstance(service, Service) else service  # type: ignore[return-value]


def test_only_what_is_inside_is_changed() -> None:
    """Seen by diff, plan and apply; then there is no difference."""
    fill(OURS + THEIRS)
    with Ipvs() as ipvs:
        foreign = [
            entry for entry in ipvs.table() if not Scope(["tcp:10.0.0.0/24", "fwmark:1-9"]).has(entry[0].key)
        ]
    lines = run("diff", *SCOPE, stdin=WANTED)
    assert (lines.returncode, sorted(lines.stdout.splitlines())) == (1, [
        "+ -A -t 10.0.0.2:80 -s rr", "- -A -f 7 -s wlc", "~ -a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5  # weight 1 -> 5",
    ])  # fmt: skip
    assert run("plan", *SCOPE, stdin=WANTED).stdout.endswith("1 to add, 1 to change, 1 to delete\n")
    assert run("apply", *SCOPE, "--max-delete", "30%", stdin=WANTED).returncode == 2  # one of three
    done = run("apply", *SCOPE, "--max-delete", "34%", stdin=WANTED)
    assert done.returncode == 0, done.stderr
    assert "the table is as wanted: 3 entries" in done.stderr
    assert run("diff", *SCOPE, stdin=WANTED).returncode == 0
    with Ipvs() as ipvs:
        now = ipvs.table()
    assert all(entry in now for entry in foreign)
    assert len(now) == len(foreign) + 2


def test_what_is_wanted_outside_is_a_mistake(tmp_path: Path) -> None:
    """Each is told with its line, or its place in JSON, and nothing is done."""
    fill(OURS)
    before = table()
    text = WANTED + "# nothing\n-A -f 10 -s rr\n-A -u 10.0.0.1:53\n"
    told = (
        "stdin:5: -A -f 10 -s rr: FWM 10 is outside the scope tcp:10.0.0.0/24,fwmark:1-9\n"
        "stdin:6: -A -u 10.0.0.1:53: UDP 10.0.0.1:53 is outside the scope tcp:10.0.0.0/24,fwmark:1-9\n"
        "2 mistakes in stdin; nothing was done\n"
    )
    for verb in ("diff", "plan", "apply"):
        done = run(verb, *SCOPE, stdin=text)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
    for form, place in (("--json", "stdin:1: services[1]: "), ("--ndjson", "stdin:2: the document: ")):
        done = run("apply", "--scope", "tcp", stdin=run("list", form).stdout)
        assert done.returncode == 2
        assert done.stderr in [
            f"{one}FWM 7 is outside the scope tcp\n1 mistake in stdin; nothing was done\n"
            for one in (place, place.replace("[1]", "[0]").replace(":2:", ":1:"))
        ]
    assert run("apply", "--scope", "x", stdin=text).stderr.startswith("apply: --scope: no scope: 'x' (")
    assert table() == before


def test_settings_of_the_namespace_are_left_alone() -> None:
    """They are outside every scope, and that is said."""
    fill(OURS)
    with Ipvs() as ipvs:
        before = ipvs.timeouts()
        done = run("apply", *SCOPE, stdin=f"--set 7 8 9\n{OURS}")
        assert done.returncode == 0
        note = "timeouts and daemons are left alone: no scope holds what the whole namespace has"
        assert done.stderr.splitlines()[0] == note
        assert run("diff", *SCOPE, stdin=f"--set 7 8 9\n{OURS}").stdout == f"# {note}\n"
        assert ipvs.timeouts() == before


def test_a_saved_plan_has_its_scope(tmp_path: Path) -> None:
    """What moves outside does not matter, what moves inside does."""
    fill(OURS + THEIRS)
    path = str(tmp_path / "plan")
    assert run("plan", *SCOPE, "-o", path, stdin=WANTED).returncode == 0
    assert json.loads(Path(path).read_text())["scope"] == ["tcp:10.0.0.0/24", "fwmark:1-9"]
    assert run("-D", "-f", "70").returncode == 0
    assert run("apply", "--scope", "tcp", path).returncode == 2
    done = run("apply", path)
    assert done.returncode == 0, done.stderr
    assert run("diff", *SCOPE, stdin=WANTED).returncode == 0
    assert run("plan", *SCOPE, "-o", path, stdin=OURS).returncode == 0
    fill("-A -f 9 -s wlc\n")
    told = "the table is not the one that the plan was made for: FWM 9 was added; nothing was done\n"
    assert run("apply", path).stderr == told


def test_in_the_library() -> None:
    """The plan knows its bounds, also pickled; what moves outside is no reason to refuse it."""
    fill(OURS + THEIRS)
    with Ipvs() as ipvs:
        with pytest.raises(RulesInvalid) as caught:
            ipvs.plan(WANTED.encode(), scope="fwmark")
        assert [problem.line for problem in caught.value.problems] == [1, 2]
        plan = ipvs.plan(WANTED.encode(), scope=["tcp:10.0.0.0/24", "fwmark:1-9"])
        assert run("-D", "-f", "70").returncode == 0
        again = pickle.loads(pickle.dumps(plan))
        assert again.present.bounds.scope == Scope(["tcp:10.0.0.0/24", "fwmark:1-9"])
        assert ipvs.apply_plan(again).ok
        with pytest.raises(TableMoved):
            ipvs.apply_plan(plan)


def test_any_part_of_any_table() -> None:
    """Inside it is what is wanted, outside it is what it was."""
    chance = random.Random(7)
    for _ in range(6):
        scope = Scope(
            chance.choice(("fwmark", "tcp", "!tcp", ":53", "fd00::/8", "10.0.0.0/8,fwmark:8")).split(",")
        )
        old, new = some_rules(chance), some_rules(chance)
        with Ipvs() as ipvs:
            ipvs.flush()
            ipvs.restore(old.encode())
            before = {s.key: (s, d) for s, d in ipvs.table() if not scope.has(s.key)}
            inside = b"".join(
                line for line in new.encode().splitlines(True)
                if scope.has(key_of(line.decode()))
            )  # fmt: skip
            if not inside:
                continue
            plan = ipvs.plan(inside, scope=scope.texts)
            assert ipvs.apply_plan(plan).ok
            after = {s.key: (s, d) for s, d in ipvs.table() if not scope.has(s.key)}
            assert after == before
            assert not ipvs.plan(inside, scope=scope.texts)


def test_a_second_writer_outside(tmp_path: Path) -> None:
    """It adds, edits and deletes there while tables are applied inside: it is left alone, and no report is wrong.
    tests/campaigns/foreign_writer.py does more of it."""
    told = writer_beside_applies(12, 7)
    assert told.wrong == []
    assert told.applied + told.refused == 12
    assert told.foreign > 0
