"""Rule text comes as a path, as bytes, or as the lines of a list or a file."""

import io
from pathlib import Path

import pytest

from ipvsfast import InvalidValue
from ipvsfast.changes.restore import RuleText, check_rules

LINES = ["-A -t 10.0.0.1:80 -s rr\n", "# caf\u00e9\n", "-a -t 10.0.0.1:80 -r 10.1.0.7:80 -g -w 1\n"]
TEXT = "".join(LINES).encode()


def sources(folder: Path):
    """The same text in every form."""
    path = folder / "rules"
    path.write_bytes(TEXT)
    yield str(path), str(path)
    yield path, str(path)
    yield TEXT, "rules"
    yield bytearray(TEXT), "rules"
    yield memoryview(TEXT), "rules"
    yield LINES, "rules"
    yield [line.rstrip("\n") for line in LINES], "rules"
    yield [line.encode() for line in LINES], "rules"
    yield (line.rstrip("\n").encode() for line in LINES), "rules"
    yield [LINES[0], LINES[1].encode(), LINES[2]], "rules"
    yield io.BytesIO(TEXT), "rules"
    yield io.StringIO("".join(LINES)), "rules"
    yield path.open("rb"), str(path)
    yield path.open(encoding="utf-8"), str(path)


def test_every_source(tmp_path: Path) -> None:
    """All give the same bytes, twice, and the same rules; a file is called by its name."""
    for source, name in sources(tmp_path):
        text = RuleText(source)
        assert b"".join(text.chunks()) == TEXT
        assert b"".join(text.chunks()) == TEXT
        assert text.name == name
        assert (check_rules(text).total, check_rules(text).problems) == (2, [])
        if isinstance(source, io.IOBase):
            source.close()


def test_bytes_that_are_no_utf8() -> None:
    """They pass through unchanged."""
    assert b"".join(RuleText([b"# \xff"]).chunks()) == b"# \xff\n"
    assert b"".join(RuleText(["# \udcff"]).chunks()) == b"# \xff\n"


def test_text_in_the_place_of_a_path() -> None:
    """Rules as a str would be looked for as a file: that is said."""
    with pytest.raises(InvalidValue, match="a str is a path; give the text as bytes, or its lines"):
        RuleText("-A -t 10.0.0.1:80\n")


@pytest.mark.parametrize("wrong", [[5], [None], [["-A"]]], ids=repr)
def test_lines_of_another_kind(wrong) -> None:
    """A line is text or bytes."""
    with pytest.raises(TypeError, match="a line of rule text must be str or bytes, not "):
        RuleText(wrong)
