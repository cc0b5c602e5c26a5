"""The progress line: on a terminal only, only when it takes long, and gone at the end."""

import re
import subprocess

import pytest

from support.command import program, rules
from support.terminal import on_terminal, screen

pytestmark = pytest.mark.usefixtures("netns")

SLOW = rules(1, 15000)  # one service: each add walks its list, a second or more in all


def test_a_long_restore_shows_it_and_removes_it() -> None:
    """Rules done, rate, time left; then only the summary stays."""
    shown = on_terminal("restore", stdin=SLOW)
    assert re.search(r"\r[\d,]+ of 15,001 rules, [\d,]+/s, \d+ s left\x1b\[K", shown)
    assert re.fullmatch(r"15,001 of 15,001 rules are in force after \d+\.\d\d s\n", screen(shown))


@pytest.mark.parametrize(("argv", "text"), [(("restore", "-q"), SLOW), (("restore",), rules(3, 3))])
def test_quiet_and_short_ones_do_not(argv: tuple[str, ...], text: str) -> None:
    """Neither with --quiet nor for what is done at once."""
    assert "\x1b" not in on_terminal(*argv, stdin=text)


def test_a_long_dash_r_shows_it_too() -> None:
    """-R does not know how many there will be: rules done and rate."""
    shown = on_terminal("-R", stdin=SLOW)
    assert re.search(r"\r[\d,]+ rules, [\d,]+/s\x1b\[K", shown)
    assert screen(shown) == ""


def test_nothing_where_nobody_looks() -> None:
    """Standard error is no terminal: the summary only."""
    done = subprocess.run([program(), "restore"], input=SLOW, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr.count("\n") == 1
    assert "\r" not in done.stderr
