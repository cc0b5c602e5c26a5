"""Every case of cases/*.txt, played through ipvsadm and through ipvsfast."""

from __future__ import annotations

import pytest
from parity.arena import Arena
from parity.cases import Case, read_all
from parity.compare import assert_expected, assert_same_listing, assert_same_output, is_listing
from parity.programs import Run


def run_of(case: Case) -> Run:
    environment = tuple(tuple(word.split("=", 1)) for word in case.options.get("env", "").split())
    return Run(
        case.argv,
        case.stdin,
        program=case.options.get("as", "ipvsadm"),
        stdout=case.options.get("stdout", ""),
        environment=environment,  # type: ignore[arg-type]
        uid=int(case.options.get("uid", "0")),
    )


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in read_all()])
def test_case(arena: Arena, case: Case) -> None:
    """Both programs print the same, end the same and leave the same table, or what the case states."""
    run = run_of(case)
    with arena.pair(case.setup, case.devices) as (their_space, our_space):
        for space in (their_space, our_space):
            space.call("parity.traffic:addresses", *case.options.get("address", "").split())
        theirs = their_space.play("theirs", run)
        ours = our_space.play("ours", run)
        their_state, our_state = their_space.state(), our_space.state()
        if case.theirs and case.ours:
            assert_expected(theirs, their_state, case.theirs)
            assert_expected(ours, our_state, case.ours)
            assert (theirs[:3], their_state) != (ours[:3], our_state), "this is no difference any more"
            stated = case.theirs.rules, case.ours.rules
        else:
            assert_same_output(theirs, ours, run, case.options.get("order", ""))
            stated = None, None
            if is_listing(run):
                assert_same_listing(their_space, run)
        if stated == (None, None):
            assert our_state == their_state
