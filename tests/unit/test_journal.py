"""Journals of applies: what is written is read again, and what is damaged or foreign does not count."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ipvsfast import How, InvalidValue, Plan, StateError, TableState, Undo, UndoMoved
from ipvsfast.changes.restore import RuleText
from ipvsfast.history.awaiting import check_seconds
from ipvsfast.history.journal import Journal, begun, process_start, read_journal
from ipvsfast.plans.wanted import read_wanted

OLD = b"""\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
-A -f 7 -s wlc -p 60
-a -f 7 -r 10.1.0.9 -g -w 1
"""
NEW = b"""\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5
-A -u 10.0.0.1:53 -s sh
"""


def state(text: bytes) -> TableState:
    return TableState.of(read_wanted(RuleText(text), allow_empty=True))


def plan(old: bytes, new: bytes, order: bool = False) -> Plan:
    return Plan(read_wanted(RuleText(new), allow_empty=True), state(old), How(order))


def journal(folder: Path, made: Plan, number: int = 1, **head: object) -> Journal:
    who = {"user": "root", "sudo": "alice", "pid": os.getpid(), "started": process_start(os.getpid())}
    values = {
        "when": 1.0, "who": who, "command": "ipvsfast apply rules", "folder": "/", "source": "rules", "tag": "",
        "undoes": 0, "continues": 0, "confirm_within": 0, "boot": "0", "main": False, **head,
    }  # fmt: skip
    path = folder / f"journal-{number:08}"
    path.write_bytes(begun(made, **values))
    found = read_journal(str(path), "0")
    assert found is not None
    return found


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The head, the operations with what they take away, and lines that come later."""
    made = plan(OLD, NEW)
    one = journal(tmp_path, made)
    assert one.content() == (bytes(made.ops), made.before())
    assert (one.state, str(one.who), one.title) == ("applying", "root (sudo: alice)", "apply 1 of rules")
    one.add("done", {"done": [1, 2, 3]})
    again = read_journal(one.path, "0")
    assert again == one
    assert (again.state, again.done, again.planned) == ("done", (1, 2, 3), (1, 2, 3))
    assert json.loads(json.dumps(again.to_dict()))["who"]["sudo"] == "alice"


def test_what_is_not_whole_does_not_count(tmp_path: Path) -> None:
    """A head that is cut, a line that is cut, a process of the same number."""
    one = journal(tmp_path, plan(OLD, NEW))
    path = Path(one.path)
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    assert read_journal(one.path, "0") is None
    path.write_bytes(whole + b'\n{"state":"don')
    found = read_journal(one.path, "0")
    assert found is not None
    assert found.state == "applying"
    found.add("done", {})
    again = read_journal(one.path, "0")
    assert again is not None
    assert again.state == "done"
    path.write_bytes(whole.replace(b'"pid"', b'"pid" ').replace(b'"started": ', b'"started": 1'))
    found = read_journal(one.path, "0")
    assert found is not None
    assert found.state == "interrupted"
    assert read_journal(str(tmp_path / "journal-00000099"), "0") is None


def test_another_version_is_not_taken_apart(tmp_path: Path) -> None:
    """It says so."""
    one = journal(tmp_path, plan(OLD, NEW))
    path = Path(one.path)
    path.write_bytes(path.read_bytes().replace(b"endian", b"xxdian").replace(b"little 1", b"little 9"))
    found = read_journal(one.path, "0")
    assert found is not None
    with pytest.raises(StateError, match="written by another version"):
        found.content()


@pytest.mark.parametrize("order", [False, True])
def test_the_plan_back(tmp_path: Path, order: bool) -> None:
    """From what was wanted to what was there; and nothing from there."""
    made = plan(OLD, NEW, order)
    one = journal(tmp_path, made)
    back = Undo([one], state(NEW))
    assert str(back) == "3 to add, 2 to change, 1 to delete"
    assert str(Undo([one], state(OLD))) == "0 to add, 0 to change, 0 to delete"
    other = NEW.replace(b"-w 5", b"-w 3")
    with pytest.raises(UndoMoved) as caught:
        Undo([one], state(other))
    assert caught.value.moved == ["TCP 10.0.0.1:80: destination 10.1.0.2:80 was changed"]
    assert str(Undo([one], state(other), True)) == "3 to add, 2 to change, 1 to delete"


def test_two_parts_of_one(tmp_path: Path) -> None:
    """An apply that was interrupted, and the one that went on from it, are taken back together."""
    half = OLD.replace(b"-s rr", b"-s wrr")
    first = journal(tmp_path, plan(OLD, NEW))
    second = journal(tmp_path, plan(half, NEW), 2, continues=1)
    back = Undo([first, second], state(NEW))
    assert str(back) == "3 to add, 2 to change, 1 to delete"
    assert [change.differences for change in back if change.operation.command == "edit-service"] == [
        {"scheduler": ("wrr", "rr")}
    ]


@pytest.mark.parametrize("seconds", [0.5, -1, 86401, float("nan")])
def test_seconds_to_confirm(seconds: float) -> None:
    """From one to a day."""
    with pytest.raises(InvalidValue):
        check_seconds(seconds)
    assert check_seconds(60) == 60
