"""`apply --tag`: two that share a table never touch each other's services."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from ipvsfast import InvalidValue, Ipvs, RulesInvalid
from ipvsfast.changes.state_folder import state_folder
from support.command import run
from support.front import table
from support.held import held

ONE = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n"
TWO = "-A -t 10.0.0.2:80 -s rr\n-A -f 7 -s rr\n"
FREE = "-A -t 10.0.0.3:80 -s rr\n"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place of its own for what is remembered."""
    monkeypatch.setenv("IPVSFAST_STATE", str(tmp_path / "state"))


def tags() -> dict[str, list[str]]:
    """What is remembered."""
    with Ipvs() as ipvs:
        path = Path(state_folder(ipvs.session, make=False)) / "tags.json"
    return json.loads(path.read_text())["tags"] if path.exists() else {}


def there() -> list[str]:
    """The services of the table."""
    with Ipvs() as ipvs:
        return sorted(str(service.key) for service in ipvs.services())


def applied(tag: str, text: str, *words: str) -> str:
    """Standard error of an apply that has to go well."""
    done = run("apply", "--tag", tag, *words, stdin=text)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_each_has_its_own() -> None:
    """Deletions are of its own services only; what nobody has is left alone unless the file wants it."""
    assert run("restore", "-q", stdin=FREE).returncode == 0
    applied("a", ONE)
    applied("b", TWO)
    assert there() == ["FWM 7", "TCP 10.0.0.1:80", "TCP 10.0.0.2:80", "TCP 10.0.0.3:80"]
    assert tags() == {"a": ["TCP 10.0.0.1:80"], "b": ["TCP 10.0.0.2:80", "FWM 7"]}
    assert run("diff", "--tag", "a", stdin=ONE).returncode == 0
    assert (
        run("diff", "--summary", "--tag", "b", stdin=TWO[:24]).stdout
        == "0 to add, 0 to change, 1 to delete\n"
    )
    applied("b", "-A -t 10.0.0.2:80 -s rr\n" + FREE)
    assert there() == ["TCP 10.0.0.1:80", "TCP 10.0.0.2:80", "TCP 10.0.0.3:80"]
    assert tags()["b"] == ["TCP 10.0.0.2:80", "TCP 10.0.0.3:80"]
    applied("b", "", "--allow-empty")
    assert there() == ["TCP 10.0.0.1:80"]
    assert tags() == {"a": ["TCP 10.0.0.1:80"]}


def test_what_another_has_is_refused() -> None:
    """The tag is named, with the line, and nothing is done; also if the service is not there just now."""
    applied("a", ONE)
    before = table()
    for verb in ("diff", "plan", "apply"):
        done = run(verb, "--tag", "b", stdin=TWO + ONE)
        assert done.returncode == 2
        assert done.stderr == (
            "stdin:3: -A -t 10.0.0.1:80 -s rr: TCP 10.0.0.1:80 is of the tag a, not of b\n"
            "1 mistake in stdin; nothing was done\n"
        )
    assert table() == before
    assert run("-D", "-t", "10.0.0.1:80").returncode == 0
    assert run("apply", "--tag", "b", stdin=ONE).returncode == 2
    applied("a", ONE)
    assert table() == before


def test_with_nothing_to_do_it_is_adopted() -> None:
    """And with a scope too, outside of which the tag keeps what it has."""
    assert run("restore", "-q", stdin=ONE + TWO).returncode == 0
    before = table()
    assert "0 added, 0 changed, 0 deleted" in applied("a", ONE + TWO)
    assert (tags(), table()) == ({"a": ["TCP 10.0.0.1:80", "TCP 10.0.0.2:80", "FWM 7"]}, before)
    applied("a", ONE, "--scope", "tcp")
    assert there() == ["FWM 7", "TCP 10.0.0.1:80"]
    assert tags() == {"a": ["TCP 10.0.0.1:80", "FWM 7"]}


def test_a_dry_run_and_a_diff_remember_nothing() -> None:
    """Nor do they make a folder."""
    for verb in ("diff", "plan", "apply"):
        run(verb, "--tag", "a", *(["--dry-run"] if verb == "apply" else []), stdin=ONE)
    assert tags() == {}


def test_killed_in_the_middle(shim: Path) -> None:
    """What was created before is the tag's: the next apply takes it back."""
    many = "".join(f"-A -f {mark} -s rr\n" for mark in range(100, 1600))
    applied("a", ONE)
    with held(shim, "stop:2", "apply", "-q", "--tag", "b", stdin=many) as command:
        command.close()
    assert len(there()) > 1
    applied("b", "", "--allow-empty")
    assert there() == ["TCP 10.0.0.1:80"]


def test_a_saved_plan_has_its_tag(tmp_path: Path) -> None:
    """It is refused when a service has become another's meanwhile."""
    path = str(tmp_path / "plan")
    assert run("plan", "--tag", "a", "-o", path, stdin=ONE).returncode == 0
    assert run("apply", path).returncode == 0
    assert tags() == {"a": ["TCP 10.0.0.1:80"]}
    assert run("plan", "--tag", "b", "-o", path, stdin=TWO).returncode == 0
    applied("a", ONE + TWO)
    done = run("apply", path)
    assert done.returncode == 2
    assert "TCP 10.0.0.2:80 is of the tag a, not of b" in done.stderr


@pytest.mark.parametrize("tag", ["", "a b", "x" * 65, "a/b"])
def test_what_is_no_tag(tag: str) -> None:
    """It is refused, in the library too."""
    done = run("apply", "--tag", tag, stdin=ONE)
    assert (done.returncode, done.stderr.split(",")[0]) == (2, "apply: --tag: a tag is 1 to 64 letters")
    if tag:
        with Ipvs() as ipvs, pytest.raises(InvalidValue):
            ipvs.plan(ONE.encode(), tag=tag)


def test_a_damaged_file(tmp_path: Path) -> None:
    """Then nobody knows whose services are whose: nothing is done, and the file is named."""
    applied("a", ONE)
    with Ipvs() as ipvs:
        path = Path(state_folder(ipvs.session)) / "tags.json"
    path.write_text('{"version": 1')
    done = run("apply", "--tag", "b", stdin=TWO)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{path} is damaged (")
    assert there() == ["TCP 10.0.0.1:80"]


def test_in_the_library() -> None:
    """Another tag that comes in between is noticed when the plan is applied."""
    assert run("restore", "-q", stdin=TWO).returncode == 0
    with Ipvs() as ipvs:
        plan = ipvs.plan(TWO.encode(), tag="b")
        assert ipvs.apply_plan(ipvs.plan(ONE.encode(), tag="a")).ok
        applied("a", ONE + "-A -f 7 -s rr\n")
        with pytest.raises(InvalidValue, match="FWM 7 is of the tag a, not of b; nothing was done"):
            ipvs.apply_plan(plan)
        with pytest.raises(RulesInvalid):
            ipvs.plan(TWO.encode(), tag="b")
        assert tags() == {"a": ["TCP 10.0.0.1:80", "FWM 7"]}


def test_two_in_turns() -> None:
    """By chance, again and again: each finds its own as it wants it, and the other's as the other does."""
    chance = random.Random(7)
    wanted: dict[str, set[int]] = {"a": set(), "b": set()}
    for _ in range(10):
        tag, other = chance.sample(("a", "b"), 2)
        wanted[tag] = set(chance.sample(range(1, 12), chance.randrange(6))) - wanted[other]
        text = "".join(f"-A -f {mark} -s rr\n" for mark in wanted[tag])
        applied(tag, text, "--allow-empty")
        with Ipvs() as ipvs:
            assert {service.key.fwmark for service in ipvs.services()} == wanted["a"] | wanted["b"]
