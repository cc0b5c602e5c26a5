"""The short form of tests/campaigns: a few places of each fault, on each of the commands that write rules."""

import errno
from pathlib import Path

import pytest
from campaigns.fault_sweep import CASES, places
from campaigns.kill_sweep import rounds

STEPS = {"kill-before": 3, "kill-after": 1, "send-error": 2, "recv-error": 3, "module-memory": 2}


@pytest.mark.parametrize("kind", STEPS)
def test_a_fault_leaves_nothing_that_a_rerun_does_not_mend(shim: Path, tmp_path: Path, kind: str) -> None:
    """Killed, refused or without memory: no service is left without scheduler, status 0 is no lie."""
    found = [
        wrong
        for case in (CASES[0], CASES[3], CASES[4])
        for wrong in places(kind, shim, tmp_path, case, (errno.ENOBUFS,), STEPS[kind])
    ]
    assert found
    assert not any(found), [wrong for wrong in found if wrong]


def test_an_apply_killed_at_any_moment() -> None:
    """Ten moments: undone or finished, the table is exactly the one or the other."""
    assert list(rounds(10, 1)) == [""] * 10
