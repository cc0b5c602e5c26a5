"""What a watch does next, and says, told by what has happened and when: no clock, no file, no kernel."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ipvsfast.changes.restore import RuleText
from ipvsfast.plans.wanted import Wanted, read_wanted
from ipvsfast.watch.state import (
    LINES,
    LOCK_PAUSE,
    LONGEST,
    LOOK,
    MOST_RETRY,
    OPEN,
    QUIET,
    READ,
    RETRY,
    WatchState,
)

INTERVAL = 60.0
WAIT = 10.0


def wanted(text: str = "-A -f 1 -s rr\n") -> Wanted:
    return read_wanted(RuleText(text.encode(), "rules"))


class Story:
    """A state, the time in its story, and what it has said since one last asked."""

    def __init__(self, interval: float = INTERVAL, enforce: bool = False) -> None:
        self._said: list[str] = []
        self.state = WatchState("rules", self._said.append, interval, WAIT, enforce)
        self.now = 1000.0

    def said(self) -> list[str]:
        found = list(self._said)
        self._said.clear()
        return found

    def next(self) -> str:
        """What comes next, as soon as it comes."""
        assert not self.state.next(self.now) or not self.state.seconds(self.now)
        seconds = self.state.seconds(self.now)
        if seconds is None:
            return ""
        assert seconds == 0 or not self.state.next(self.now + seconds * 0.999)
        self.now += seconds
        return self.state.next(self.now)

    def found(self, text: str = "1 to add", key: int = 1, lines: Sequence[str] = ("+ -A -f 1",)) -> bool:
        return self.state.found(self.now, text, key, lambda: lines)


def in_force(interval: float = INTERVAL, enforce: bool = False) -> Story:
    """The file is in force, and nothing is to be done."""
    story = Story(interval, enforce)
    assert story.next() == READ
    assert story.state.accepted(story.now, wanted())
    assert story.next() == LOOK
    assert story.found()
    story.state.applied(story.now, True, "1 added")
    assert story.said() == ["1 added"]
    assert story.state.status == "the table is as wanted: 1 entry"
    return story


def test_it_looks_at_the_table_now_and_then() -> None:
    """Each interval from the last look; without one never."""
    story = in_force()
    start = story.now
    assert story.next() == LOOK
    assert story.now == start + INTERVAL
    assert in_force(interval=0).state.seconds(0) is None


def test_a_file_is_read_when_it_is_quiet() -> None:
    """A burst is one change; one that does not end is read after some time all the same."""
    story = in_force(interval=0)
    for _ in range(3):
        story.state.touched(story.now, False)
        assert not story.state.next(story.now)
        story.now += QUIET / 2
    last = story.now - QUIET / 2
    assert story.next() == READ
    assert story.now == pytest.approx(last + QUIET)
    story.state.accepted(story.now, wanted("-A -f 2\n"))
    assert story.next() == LOOK
    assert story.found()
    story.state.applied(story.now, True, "done")
    start = story.now
    while story.state.next(story.now) != READ:
        story.state.touched(story.now, False)
        story.now += QUIET / 2
    assert start + LONGEST <= story.now < start + LONGEST + 1


def test_a_file_that_is_being_written_is_not_read() -> None:
    """Half of it could be without mistakes. The interval does not read it either."""
    story = in_force(interval=5)
    story.state.touched(story.now, True)
    assert not story.state.is_settled
    start = story.now
    assert story.next() == LOOK
    assert story.now == start + 5
    assert not story.found("", 0)
    story.state.touched(story.now, False)
    closed = story.now
    assert story.next() == READ
    assert story.now == pytest.approx(closed + QUIET)
    story.state.accepted(story.now, wanted())
    assert story.state.is_settled
    story = in_force(interval=0)
    story.state.touched(story.now, True)
    start = story.now
    assert story.next() == READ
    assert story.now == start + OPEN


def test_the_same_once_more_is_no_change() -> None:
    """Other comments, another order of nothing: the table is not looked at."""
    story = in_force(interval=0)
    story.state.touched(story.now, False)
    assert story.next() == READ
    assert not story.state.accepted(story.now, wanted("# hello\n-A -f 1 -s rr\n"))
    assert story.next() == ""
    assert story.said() == []


def test_who_asks_gets_the_file_in_force() -> None:
    """Also where it has not changed, and others have changed the table."""
    story = in_force(interval=0)
    story.state.asked(story.now)
    assert story.next() == READ
    assert not story.state.accepted(story.now, wanted())
    assert story.next() == LOOK
    assert story.found()
    story.state.begins("1 to add", lambda: ["+ -A -f 1"])
    assert story.said() == ["rules is put in force: 1 to add", "+ -A -f 1"]
    story.state.asked(story.now)
    story.state.accepted(story.now, wanted())
    assert not story.found("", 0)
    assert story.said() == ["the table is as rules asks for: 1 entry"]


def test_a_file_with_mistakes() -> None:
    """It is told once; what was wanted before stays so, until the file is right again."""
    story = in_force()
    for _ in range(2):
        story.state.touched(story.now, False)
        assert story.next() == READ
        story.state.refused(story.now, ["rules:1: nonsense"])
    assert story.said() == ["rules cannot be used: what it held before stays wanted", "rules:1: nonsense"]
    assert story.state.status == (
        "rules cannot be used: what it held before stays wanted; the table is as wanted: 1 entry"
    )
    assert story.next() == LOOK
    assert not story.found()
    assert story.said()[0].startswith("the table is not as rules asks for, which has not changed")
    story.state.touched(story.now, False)
    assert story.next() == READ
    story.state.refused(story.now, ["rules:2: other nonsense"])
    assert len(story.said()) == 2
    story.state.touched(story.now, False)
    assert story.next() == READ
    story.state.accepted(story.now, wanted())
    assert story.said() == ["rules can be used now"]


def test_many_mistakes_are_cut() -> None:
    """The log is not the place for thousands."""
    story = Story()
    story.state.refused(story.now, [f"rules:{number}: nonsense" for number in range(1000)])
    assert len(story.said()) == LINES + 2


def test_no_file_at_the_start() -> None:
    """Nothing is done, and the next look may find one."""
    story = Story()
    assert story.next() == READ
    story.state.refused(story.now, ["cannot read rules"])
    assert story.said() == ["rules cannot be used: nothing is changed", "cannot read rules"]
    assert story.next() == LOOK
    assert story.state.wanted is None
    story.state.refused(story.now, ["cannot read rules"])
    assert story.said() == []
    story.state.accepted(story.now, wanted())
    assert story.next() == LOOK
    assert story.found()


def test_changes_of_others() -> None:
    """Told once until they are other ones; when they are gone, that is told."""
    story = in_force()
    for _ in range(2):
        assert story.next() == LOOK
        assert not story.found()
    assert story.said() == [
        "the table is not as rules asks for, which has not changed: 1 to add", "+ -A -f 1"
    ]  # fmt: skip
    assert story.next() == LOOK
    assert not story.found(key=2)
    assert len(story.said()) == 2
    assert story.state.status.startswith("the table is not as rules asks for")
    assert story.next() == LOOK
    assert not story.found("", 0)
    assert story.said() == ["the table is as rules asks for again: 1 entry"]


def test_a_change_of_the_file_changes_them_back() -> None:
    """It is about the whole table."""
    story = in_force()
    assert story.next() == LOOK
    assert not story.found()
    story.state.touched(story.now, False)
    assert story.next() == READ
    story.state.accepted(story.now, wanted("-A -f 2\n"))
    assert story.next() == LOOK
    assert story.found()


def test_enforce() -> None:
    """They are changed back, and told."""
    story = in_force(enforce=True)
    assert story.next() == LOOK
    assert story.found()
    story.state.begins("1 to add", lambda: ["+ -A -f 1"])
    assert story.said() == ["what others have changed is changed back: 1 to add", "+ -A -f 1"]


def test_what_cannot_be_reached_is_told_once() -> None:
    """It is tried at every look, without an interval too."""
    for interval, again in ((INTERVAL, INTERVAL), (0, RETRY)):
        story = in_force(interval)
        story.state.asked(story.now)
        assert story.next() == READ
        story.state.accepted(story.now, wanted())
        for _ in range(3):
            assert story.next() == LOOK
            start = story.now
            story.state.trouble(story.now, "no IPVS")
        assert story.said() == ["no IPVS"]
        assert story.state.status == "no IPVS"
        assert story.next() == LOOK
        assert story.now == start + again
        assert story.found()


def test_an_apply_that_is_refused_again_and_again() -> None:
    """Told once. As each leaves a trace they come more and more seldom; another refusal begins anew."""
    story = in_force()
    story.state.touched(story.now, False)
    story.next()
    story.state.accepted(story.now, wanted("-A -f 2\n"))
    pauses = []
    for _ in range(9):
        assert story.next() == LOOK
        assert story.found()
        story.state.begins("1 to add", list)
        start = story.now
        story.state.applied(story.now, False, "0 added, 1 refused", ["no memory"])
        pauses.append((story.state.seconds(start) or 0) / INTERVAL)
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == MOST_RETRY / INTERVAL
    assert story.said() == ["rules is put in force: 1 to add", "0 added, 1 refused", "no memory"]
    story.next()
    story.state.applied(story.now, False, "0 added, 2 refused", ["no memory"])
    assert story.state.seconds(story.now) == INTERVAL
    story.next()
    assert story.found()
    story.state.applied(story.now, True, "2 added")
    assert story.said()[-1] == "2 added"


def test_the_lock() -> None:
    """It tries for some time, then says so once, and tries again at the next look."""
    story = in_force(enforce=True)
    assert story.next() == LOOK
    for _ in range(2):
        start = story.now
        tries = 0
        while story.state.seconds(story.now) in (0, LOCK_PAUSE):
            assert story.next() == LOOK
            story.state.busy(story.now, "process 1 is replacing the table")
            tries += 1
        assert story.now - start == pytest.approx(WAIT)
        assert tries == WAIT / LOCK_PAUSE + 1
        assert story.next() == LOOK
    assert story.said() == ["process 1 is replacing the table"]


def test_another_apply_awaits_its_confirmation() -> None:
    """Told once; it looks when that is decided at the latest, and does what the file asks for then."""
    story = in_force()
    story.state.asked(story.now)
    assert story.next() == READ
    story.state.accepted(story.now, wanted())
    assert story.next() == LOOK
    story.state.awaits(story.now, "apply 1 awaits its confirmation", 300.0)
    assert story.state.seconds(story.now) == INTERVAL
    story.state.awaits(story.now, "apply 1 awaits its confirmation", 3.0)
    assert story.state.seconds(story.now) == 4
    story.state.awaits(story.now, "apply 1 awaits its confirmation", None)
    assert story.state.seconds(story.now) == INTERVAL
    assert story.said() == ["apply 1 awaits its confirmation: until that is decided nothing is changed"]
    assert story.next() == LOOK
    assert story.found()
