"""Undo, history and confirmation in the library."""

from __future__ import annotations

import errno
import os
import pickle
import stat
import time
from collections.abc import Callable

import pytest

from ipvsfast import (
    AwaitsConfirmation,
    Interrupted,
    InvalidValue,
    Ipvs,
    IpvsError,
    NothingToConfirm,
    NothingToUndo,
    Service,
    UndoMoved,
)
from ipvsfast.kernel.session import Session
from support.front import table
from support.netns import Namespace

OLD = b"-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n"
NEW = b"-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 7\n-A -f 3 -s rr\n"
PATIENCE = 120


def test_a_journal_that_may_not_last_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails once the journal stands in its place: nothing is applied, and nothing seems cut short."""
    real = os.fsync

    def failing(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)

    with Ipvs() as ipvs:
        ipvs.restore(OLD)
        before = table()
        # A context of its own: to undo all would take back where the tests keep their journals.
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            with pytest.raises(IpvsError, match="Input/output error"):
                ipvs.apply_plan(ipvs.plan(NEW), remember=True)
        assert table() == before
        assert ipvs.history() == []
        assert ipvs.apply_plan(ipvs.plan(NEW), remember=True).ok


def test_an_apply_is_remembered_and_taken_back() -> None:
    """Only where it is asked for; the accounts say what was done."""
    with Ipvs() as ipvs:
        ipvs.restore(OLD)
        before = table()
        assert ipvs.apply_plan(ipvs.plan(NEW)).ok
        assert ipvs.history() == []
        with pytest.raises(NothingToUndo):
            ipvs.undo()
        assert ipvs.apply_plan(ipvs.plan(OLD), remember=True).ok
        assert ipvs.apply_plan(ipvs.plan(NEW), remember=True).ok
        (_, last) = ipvs.history()
        assert (last.state, last.planned, last.done, last.who.pid) == (
            "done",
            (1, 1, 0),
            (1, 1, 0),
            os.getpid(),
        )
        plan = ipvs.undo_plan()
        assert [change.operation.command for change in plan] == ["edit-destination", "delete-service"]
        assert [repr(change) for change in pickle.loads(pickle.dumps(plan))] == [
            repr(change) for change in plan
        ]
        assert ipvs.history()[-1].state == "done"
        applied = ipvs.undo(wait=1)
        assert (applied.ok, applied.edited, applied.deleted) == (True, 1, 1)
        assert table() == before
        assert [one.state for one in ipvs.history()] == ["done", "undone", "done"]


def test_what_moved_is_told() -> None:
    """Nothing is done; with force it is."""
    with Ipvs() as ipvs:
        ipvs.restore(OLD)
        ipvs.apply_plan(ipvs.plan(NEW), remember=True)
        ipvs.edit_service(Service.mark(3, "wlc"))
        with pytest.raises(UndoMoved) as caught:
            ipvs.undo()
        assert caught.value.moved == ["FWM 3 was changed"]
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        assert ipvs.undo(force=True).ok
        assert len(ipvs.table()) == 1


def test_to_be_confirmed() -> None:
    """By this process or another; another apply is refused until then."""
    with Ipvs() as ipvs:
        ipvs.restore(OLD)
        with pytest.raises(InvalidValue, match="seconds to confirm"):
            ipvs.apply_plan(ipvs.plan(NEW), confirm_within=0.5)
        assert ipvs.apply_plan(ipvs.plan(NEW), confirm_within=3600).ok
        (journal,) = ipvs.history()
        assert journal.state == "awaiting"
        assert journal.seconds_left is not None
        assert 3000 < journal.seconds_left <= 3600
        with pytest.raises(AwaitsConfirmation):
            ipvs.apply_plan(ipvs.plan(OLD), remember=True)
        assert ipvs.confirm().confirmed
        with pytest.raises(NothingToConfirm):
            ipvs.confirm()
        assert ipvs.apply_plan(ipvs.plan(NEW), confirm_within=5).ok  # nothing to do
        assert len(ipvs.history()) == 1


def test_of_another_namespace(new_netns: Callable[[], Namespace]) -> None:
    """What waits is in that of the table, wherever the process is."""
    there = new_netns()
    with Ipvs(there.name) as ipvs, Ipvs() as here:
        ipvs.restore(OLD)
        assert ipvs.apply_plan(ipvs.plan(NEW), confirm_within=1).ok
        assert here.history() == []
        end = time.monotonic() + PATIENCE
        while len(ipvs.table()) != 1:
            assert time.monotonic() < end
            time.sleep(0.05)
        while ipvs.history()[0].state != "undone":
            assert time.monotonic() < end
            time.sleep(0.05)
        assert here.table() == []


def test_interrupted() -> None:
    """What was sent is undone, and the journal has the account."""

    def stop(sent: int) -> None:
        raise KeyboardInterrupt

    with Ipvs() as ipvs:
        ipvs.restore(OLD)
        before = table()
        with pytest.raises(Interrupted):
            ipvs.apply_plan(ipvs.plan(NEW), progress=stop, remember=True)
        assert ipvs.history()[-1].state in ("done", "incomplete")
        assert ipvs.undo().ok
        assert table() == before


def test_a_kernel_without_cookies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace that may be a later one with the same inode is not undone in, unless with force."""
    real = Session.namespace_identity
    monkeypatch.setattr(Session, "namespace_identity", lambda self: (real(self)[0], 0))
    with Ipvs() as ipvs:
        ipvs.restore(OLD)
        before = table()
        ipvs.apply_plan(ipvs.plan(NEW), remember=True)
        with pytest.raises(NothingToUndo, match="this kernel does not tell"):
            ipvs.undo()
        assert ipvs.undo(force=True).ok
        assert table() == before
