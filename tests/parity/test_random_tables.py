"""Random tables: both programs list them alike, and read back what either has saved."""

from __future__ import annotations

import pytest
from hypothesis import given, note, seed
from parity.arena import Arena
from parity.compare import assert_same_listing, stated
from parity.programs import Run
from parity.randomness import SEED, random_examples
from parity.tables import table

VIEWS = [
    "-Ln",
    "-L",
    "-Ln --nosort",
    "-Ln --stats",
    "-Ln --thresholds",
    "-Ln --persistent-conn",
    "-Ln --tun-info",
]


@seed(SEED)
@random_examples(6)
@given(table())
def test_listings_of_random_tables(arena: Arena, rules: str) -> None:
    """Every view of any table is the same, byte for byte and in the kernel's or ipvsadm's order."""
    with arena.space(rules) as space:
        for view in VIEWS:
            assert_same_listing(space, Run(tuple(view.split())))
        for words in (("-S", "-n"), ("-S",)):
            assert_same_listing(space, Run(words), thresholds_lost=True)


@seed(SEED)
@random_examples(6)
@given(table(thresholds=False))
@pytest.mark.parametrize(("writer", "reader"), [("theirs", "ours"), ("ours", "theirs"), ("ours", "ours")])
def test_saved_tables_read_back(arena: Arena, writer: str, reader: str, rules: str) -> None:
    """What -S -n of one program writes, -R of the other makes into the same table again."""
    with arena.space(rules) as first, arena.space() as second:
        saved = first.run(writer, "-S", "-n")
        note(saved.stdout.decode())
        result = second.run(reader, "-R", stdin=saved.stdout)
        assert (result.status, result.stdout, result.stderr) == (0, b"", b"")
        # The kernel puts servers in front, so that sorted rules turn their order around.
        assert second.attributes(ordered=False) == first.attributes(ordered=False)
        assert sorted(stated(second.state())) == sorted(stated(first.state()))


@pytest.mark.quirk("9")
@seed(SEED)
@random_examples(6)
@given(table())
def test_thresholds_survive(arena: Arena, rules: str) -> None:
    """What -S -n of ipvsfast writes has the thresholds, and ipvsadm -R reads them."""
    with arena.space(rules) as first, arena.space() as second:
        saved = first.run("ours", "-S", "-n")
        assert second.run("theirs", "-R", stdin=saved.stdout).status == 0
        assert second.attributes(ordered=False) == first.attributes(ordered=False)
