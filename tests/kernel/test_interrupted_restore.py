"""Ctrl-C at any line of a restore: the account is what is there."""

import pytest

from support.sigint_sweep import CASES, sweep

pytestmark = pytest.mark.usefixtures("netns")


@pytest.mark.parametrize("case", CASES)
def test_the_account_is_true_wherever_it_is_interrupted(case: str) -> None:
    """At a sample of the lines; tests/campaigns/sigint_sweep.py does all of them."""
    assert [(place, where, wrong) for place, where, wrong in sweep(case, stride=53) if wrong] == []
