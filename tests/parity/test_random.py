"""Random command lines and random tables: the two programs must agree on all of them."""

from __future__ import annotations

from hypothesis import given, note, seed
from parity.arena import Arena, Space
from parity.compare import (
    assert_same_listing,
    assert_same_output,
    is_listing,
    is_restore,
    without_thresholds,
)
from parity.excuses import excuse
from parity.lines import start, steps
from parity.programs import Run
from parity.randomness import PLAYED, SEED, random_examples


def lines_of(run: Run) -> list[list[str]]:
    """The command lines in a run."""
    if not is_restore(run):
        return [list(run.argv)]
    text = run.stdin.decode().replace("\t", " ").replace("\r", " ")
    return [list(run.argv), *[[word for word in line.split(" ") if word] for line in text.split("\n")]]


def unwanted(run: Run) -> bool:
    """Help and version, whose texts differ."""
    return any(
        words[:1] and words[0] in ("-h", "--help", "-v", "--version") for words in lines_of(run)
    ) or any(words[0][:2] in ("-h", "-v") for words in lines_of(run) if words)


def play(run: Run, theirs: Space, ours: Space) -> bool:
    """Plays one line on both sides; False if they meet a deliberate difference."""
    PLAYED["lines"] += len(lines_of(run))
    their_result, our_result = theirs.play("theirs", run), ours.play("ours", run)
    PLAYED[f"status {their_result.status}"] += 1
    our_result = our_result._replace(stdout=without_thresholds(our_result.stdout))
    try:
        assert_same_output(their_result, our_result, run, "services")
        assert ours.attributes() == theirs.attributes()
    except AssertionError:
        number = excuse(lines_of(run), our_result.stderr.decode("utf-8", "replace"))
        if not number:
            raise
        PLAYED[f"excused by {number}"] += 1
        return False
    if is_listing(run) and their_result.status == 0:
        assert_same_listing(theirs, run, their_result, thresholds_lost=True)
    return True


@seed(SEED)
@random_examples()
@given(start(), steps)
def test_random_lines(arena: Arena, rules: str, examples: list[tuple[tuple[str, ...], bytes]]) -> None:
    """Any sequence of command lines prints the same, ends the same and leaves the same table."""
    with arena.pair(rules) as (theirs, ours):
        for argv, stdin in examples:
            run = Run(argv, stdin)
            if unwanted(run):
                continue
            note(f"ipvsadm {argv} <<< {stdin!r}")
            if not play(run, theirs, ours):
                return
        assert ours.state() == theirs.state()
