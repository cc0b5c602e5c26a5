"""The help text, and suggestions for mistyped options."""

import pytest

from ipvsfast.cli.help import USAGE, help_text, suggest, synopsis
from ipvsfast.language.options import OPTIONS, SPELLINGS


def test_help_names_every_option() -> None:
    """Help is made from the table: nothing is missing, and it fits a terminal of 120 columns."""
    text = help_text("prog")
    for option in OPTIONS:
        assert f"  {synopsis(option)}" in text
        assert option.help in text
    assert text.count("  prog -") == len(USAGE) == 13
    assert text.endswith("\n")
    assert max(len(line) for line in text.splitlines()) <= 120


def test_every_spelling_is_an_option_once() -> None:
    """No two rows share a word; the long form is the last."""
    assert len(SPELLINGS) == sum(len(option.spellings) for option in OPTIONS)
    assert all(option.spellings[-1].startswith("--") for option in OPTIONS)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--stat", "--stats"), ("-stats", "--stats"), ("--wieght=3", "--weight"), ("--numerci", "--numeric"),
        ("--tcp_service", "--tcp-service"), ("--tcp", "--tcp-service"), ("--lsit", "--list"),
        ("--tun-crc", None), ("--Weight", "--weight"), ("-z", None), ("--bogus", None), ("", None),
        ("--", None), ("--flush", "--clear"),
    ],
)  # fmt: skip
def test_suggestions(word: str, expected: str | None) -> None:
    """A mistyped or shortened long option finds its neighbour; what resembles nothing finds none."""
    assert suggest(word) == expected
