"""The short form of tests/campaigns/apply_sweep.py: refused operations and lost replies, and what an apply says then."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from campaigns.apply_sweep import CASES, places, tables

STEPS = {"refuse-op": 4, "recv-error": 3, "send-error": 4}


@pytest.mark.parametrize("kind", STEPS)
def test_what_is_said_is_there(shim: Path, tmp_path: Path, kind: str) -> None:
    """Status, numbers and what is left are as the table shows; nothing is deleted behind a refused addition; applying
    it again brings the rest."""
    found = list(places(kind, shim, tmp_path, CASES[0], STEPS[kind]))
    assert found
    assert not any(found), [wrong for wrong in found if wrong]


def test_one_table_after_the_other() -> None:
    """Whatever was there: exactly the next one, by turns with --order, and then there is nothing to do."""
    seed = random.randrange(1 << 30)
    assert [wrong for wrong in tables(8, seed) if wrong] == []
