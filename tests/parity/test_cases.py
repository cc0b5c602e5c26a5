"""Every case of cases/*.txt, played through ipvsadm and through ipvsfast."""

from __future__ import annotations

import pytest
from parity.arena import Arena, Pair
from parity.cases import Case, read_all
from parity.compare import assert_expected, assert_same_listing, assert_same_output, is_listing
from parity.programs import SECONDS, Result, Run


def run_of(case: Case) -> Run:
    environment = tuple(tuple(word.split("=", 1)) for word in case.options.get("env", "").split())
    return Run(
        case.argv,
        case.stdin,
        program=case.options.get("as", "ipvsadm"),
        stdout=case.options.get("stdout", ""),
        environment=environment,  # type: ignore[arg-type]
        uid=int(case.options.get("uid", "0")),
        seconds=int(case.options.get("seconds", SECONDS)),
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in read_all()])
def test_case(arena: Arena, case: Case) -> None:
    """Both programs print the same, end the same and leave the same table, or what the case states."""
    run = run_of(case)
    addresses = tuple(case.options.get("address", "").split())
    with arena.alike(case.setup, case.devices, addresses) as pair:
        theirs, ours = pair.theirs.play("theirs", run), pair.ours.play("ours", run)
        if case.theirs and case.ours:
            check_quirk(case, pair, theirs, ours)
            return
        assert_same_output(theirs, ours, run, case.options.get("order", ""))
        if is_listing(run):
            assert_same_listing(pair.theirs, run, theirs)
        pair.assert_same_state()


def check_quirk(case: Case, pair: Pair, theirs: Result, ours: Result) -> None:
    """Each does what the case states of it, and that is not the same."""
    assert case.theirs and case.ours
    their_state, our_state = pair.theirs.state(), pair.ours.state()
    stated = next((one for one in case.theirs if one.status == theirs.status), case.theirs[0])
    assert_expected(theirs, their_state, stated)
    assert_expected(ours, our_state, case.ours)
    assert (theirs[:3], their_state) != (ours[:3], our_state), "this is no difference any more"
    if stated.rules is None and case.ours.rules is None:
        assert our_state == their_state
