"""Every listing of every kind of table, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from parity.arena import Arena, Space
from parity.cases import TABLES, table
from parity.compare import assert_same_listing, assert_same_output
from parity.programs import Run

NAMES = sorted(path.stem for path in TABLES.glob("*.rules"))
VIEWS = [
    "",
    "-L",
    "-Ln",
    "-L -n --exact",
    "-Ln --sort",
    "-Ln --nosort",
    "-L --nosort",
    "-Ln --stats",
    "-L --stats",
    "-Ln --stats --exact",
    "-Ln --stats -X --nosort",
    "-Ln --rate",
    "-L --rate",
    "-Ln --rate --exact",
    "-Ln --thresholds",
    "-L --thresholds",
    "-Ln --persistent-conn",
    "-L --persistent-conn",
    "-Ln --tun-info",
    "-L --tun-info --nosort",
    "-Ln --rate --thresholds --stats --tun-info",
    "-Ln --thresholds --persistent-conn",
    "-Ln --tun-info --persistent-conn",
    "-L --timeout",
    "-L --daemon",
    "-Lnc",
    "-Lc --persistent-conn",
    "-S -n",
    "--save --numeric --sort",
    "-S",
]
ONE = [
    "-t 10.0.0.1:80",
    "-u 10.0.0.1:53",
    "-t [2001:db8::1]:80",
    "-f 1",
    "-f 1 -6",
    "-f 3 -6",
    "-t 10.9.8.7:443",
    "--sctp-service 10.0.0.1:3868",
]
ONE_VIEWS = ["-Ln", "-L", "-Ln --stats", "-Ln --nosort --tun-info"]

# What -S of ipvsadm loses or cannot read back is in cases/quirks.txt.
LOSSY = {"thresholds": ("-S -n", "--save --numeric --sort", "-S"), "names": ("-S",)}


@pytest.fixture(scope="module", params=NAMES)
def filled(arena: Arena, request: pytest.FixtureRequest) -> Iterator[tuple[Space, Space]]:
    """The same table in two namespaces."""
    with arena.pair(table(request.param)) as (theirs, ours):
        yield theirs, ours


def views() -> list[object]:
    return [
        pytest.param(name, words, id=f"{name} {words}")
        for name in NAMES
        for words in VIEWS
        if words not in LOSSY.get(name, ())
    ]


def check(filled: tuple[Space, Space], words: str) -> None:
    their_space, our_space = filled
    run = Run(tuple(words.split()))
    theirs = their_space.play("theirs", run)
    order = "services" if "--nosort" in words else ""
    assert_same_output(theirs, our_space.play("ours", run), run, order)
    assert_same_listing(their_space, run, theirs)


@pytest.mark.parametrize(("filled", "words"), views(), indirect=["filled"])
def test_view(filled: tuple[Space, Space], words: str) -> None:
    """The whole table, in every view."""
    check(filled, words)


@pytest.mark.parametrize("words", ONE)
def test_one_service(filled: tuple[Space, Space], words: str) -> None:
    """One service, or the message that there is none."""
    for view in ONE_VIEWS:
        check(filled, f"{view} {words}")
