"""The progress line: on a terminal only, only when it takes long, and gone at the end."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.command import program, rules
from support.terminal import on_terminal, screen

pytestmark = pytest.mark.usefixtures("netns")

MANY = rules(1, 1500)  # some sends


@pytest.fixture
def slow(shim: Path) -> dict[str, str]:
    """The environment in which every send of rules takes so long that it is worth a sign."""
    return {"LD_PRELOAD": str(shim), "FAULT": "pause:1"}


def test_a_long_restore_shows_it_and_removes_it(slow: dict[str, str]) -> None:
    """Rules done, rate, time left; then only the summary stays."""
    shown = on_terminal("restore", stdin=MANY, **slow)
    assert re.search(r"\r[\d,]+ of 1,501 rules, [\d,]+/s, \d+ s left\x1b\[K", shown)
    assert re.fullmatch(r"1,501 of 1,501 rules are in force after \d+\.\d\d s\n", screen(shown))


def test_quiet_and_short_ones_do_not(slow: dict[str, str]) -> None:
    """Neither with --quiet nor for what is done at once."""
    assert "\x1b" not in on_terminal("restore", "-q", stdin=MANY, **slow)
    assert "\x1b" not in on_terminal("restore", stdin="-A -f 1 -s rr\n")


def test_a_long_dash_r_shows_it_too(slow: dict[str, str]) -> None:
    """-R does not know how many there will be: rules done and rate."""
    shown = on_terminal("-R", stdin=MANY, **slow)
    assert re.search(r"\r[\d,]+ rules, [\d,]+/s\x1b\[K", shown)
    assert screen(shown) == ""


def test_nothing_where_nobody_looks(slow: dict[str, str]) -> None:
    """Standard error is no terminal: the summary only."""
    done = subprocess.run(
        [program(), "restore"], input=MANY, capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, **slow},
    )  # fmt: skip
    assert done.stderr.count("\n") == 1
    assert "\r" not in done.stderr
