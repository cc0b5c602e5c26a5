"""`ipvsfast apply --keep-going`: a name server that is away keeps no rule back that needs it not, and nothing that
a rule left out may want is deleted."""

from __future__ import annotations

import pytest

from ipvsfast import InvalidValue, Ipvs
from ipvsfast.changes.restore import RuleText
from ipvsfast.plans.wanted import read_wanted
from ipvsfast.resolver import Resolver
from support.command import run
from support.names import FakeLookups

pytestmark = pytest.mark.usefixtures("netns")

THERE = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-A -t 10.0.0.9:80 -s rr
"""
WANTED = """\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r web.invalid:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 3
-A -t site.invalid:80 -s rr
-a -t site.invalid:80 -r 10.1.0.3:80 -m -w 1
-A -u 10.0.0.1:53 -s rr
"""
IN_FORCE = """\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 3
-A -t 10.0.0.9:80 -s rr
-A -u 10.0.0.1:53 -s rr
"""


def lines() -> list[str]:
    return sorted(run("-S", "-n").stdout.splitlines())


@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["told", "quiet"])
def test_the_rest_is_in_force(quiet: list[str]) -> None:
    """Each rule that is left out is told with its line, and the status says that not all is there."""
    assert run("-R", stdin=THERE).returncode == 0
    done = run("apply", "--keep-going", *quiet, "-", stdin=WANTED)
    assert done.returncode == 1
    assert lines() == sorted(IN_FORCE.splitlines())
    for number in (2, 4, 5):
        assert f"stdin:{number}: " in done.stderr
    assert "3 rules are left out (--keep-going); so nothing is deleted\n" in done.stderr
    assert "- " not in [line[:2] for line in done.stdout.splitlines()]
    again = run("apply", "--keep-going", "-", stdin=WANTED)
    assert again.returncode == 1
    assert again.stdout == ""


def test_without_it_nothing_is_done() -> None:
    """A file of which one name fails changes nothing."""
    assert run("-R", stdin=THERE).returncode == 0
    before = lines()
    assert run("apply", "-", stdin=WANTED).returncode == 2
    assert lines() == before


def test_where_all_names_are_known() -> None:
    """It is the same as without it: also what is not wanted goes."""
    assert run("-R", stdin=THERE).returncode == 0
    wanted = "-A -t 10.0.0.1:80 -s rr\n"
    done = run("apply", "--keep-going", "-", stdin=wanted)
    assert done.returncode == 0, done.stderr
    assert lines() == wanted.splitlines()


def test_other_mistakes_still_count() -> None:
    """Only a name is passed over, nothing that is wrong in the text."""
    done = run("apply", "--keep-going", "-", stdin=WANTED + "-A -t 10.0.0.1:99999 -s rr\n")
    assert done.returncode == 2
    assert "stdin:7: " in done.stderr
    assert lines() == []


def test_only_services_with_failed_names() -> None:
    """What is left of the file is nothing: that never means an empty table."""
    assert run("-R", stdin=THERE).returncode == 0
    before = lines()
    done = run("apply", "--keep-going", "-", stdin="-A -t site.invalid:80 -s rr\n")
    assert done.returncode == 2
    assert "stdin:1: " in done.stderr
    assert lines() == before


def test_only_rules_have_names() -> None:
    """Another form is refused, not read as if the option were not there."""
    done = run("apply", "--keep-going", "-", stdin='{"services": []}')
    assert done.returncode == 2
    assert "only rules can be left out for their names" in done.stderr


def test_from_python() -> None:
    """A name without an answer, and one without an address: neither is in the plan, and nothing is deleted."""
    lookups = FakeLookups(addresses={("known", 2): [bytes([10, 1, 0, 7])]}, fail={"away": "no answer"})
    text = "-A -t 10.0.0.1:80\n" + "".join(
        [f"-a -t 10.0.0.1:80 -r {name}:80\n" for name in ("away", "known", "none")]
    )
    names = Resolver(lookups=lookups)
    with pytest.raises(InvalidValue):
        read_wanted(RuleText(text.encode()), names)
    wanted = read_wanted(RuleText(text.encode()), names, keep_going=True)
    assert [problem.line for problem in wanted.unnamed] == [2, 4]
    assert run("-R", stdin=THERE).returncode == 0
    with Ipvs() as ipvs:
        plan = ipvs.plan(wanted)
        assert (plan.added, plan.edited, plan.deleted) == (1, 1, 0)
        assert plan.how.only == ("add", "edit")
