"""Reading rule text piece by piece: nothing is lost or taken twice, every rule knows its place."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast.changes.check import FileCheck
from ipvsfast.changes.problem import Problem, printable
from ipvsfast.changes.restore import RuleText, check_rules
from ipvsfast.changes.rule_reader import RuleReader, fd_chunks, text_chunks
from ipvsfast.language.parse import parse
from support.names import FakeResolver


def without_names(words: list[str]):
    return parse(words, FakeResolver())


class Recorder(RuleReader):
    """Notes what comes, in order."""

    def __init__(self) -> None:
        super().__init__(without_names, "rules")
        self.seen: list[tuple[int, str]] = []

    def apply(self) -> None:
        self.seen += [(self.buffer.numbers[at], self.command(at)) for at in range(self.buffer.count)]

    def other(self, request, line: bytes) -> None:
        self.seen.append((self.buffer.line, request.command))

    def mistake(self, error, line: bytes) -> None:
        self.seen.append((self.buffer.line, f"{error.status} {line.decode()}"))


RULES = (
    b"# head\nipvsadm -A -t 10.0.0.1:80 -s rr\n\n  -a -t 10.0.0.1:80 -r 192.168.0.1:80 -m\n-L -n\n"
    b"-A -f 2 -s rr\n-A -f x\nfoo\n--set 1 2 3\n-A -f 3 --bogus\r\n-A -f 4"
)
EXPECTED = [
    (2, "add-service"), (4, "add-destination"), (5, "list"), (6, "add-service"), (7, "2 -A -f x"), (8, "255 foo"),
    (9, "set"), (10, "255 -A -f 3 --bogus\r"), (11, "add-service"),
]  # fmt: skip


def test_canonical_and_other_lines_keep_their_order() -> None:
    """Whether C or the grammar reads a line does not change when it comes."""
    reader = Recorder()
    reader.read(text_chunks(RULES))
    assert reader.seen == EXPECTED


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1))
def test_pieces_of_any_size_give_the_same(sizes: list[int]) -> None:
    """A pipe delivers text in arbitrary pieces."""
    read, write = os.pipe()
    os.write(write, RULES)
    os.close(write)
    lengths = iter(sizes * (len(RULES) + 1))
    real = os.read
    try:
        os.read = lambda fd, n: real(fd, next(lengths))
        reader = Recorder()
        reader.read(fd_chunks(read))
    finally:
        os.read = real
        os.close(read)
    assert reader.seen == EXPECTED


@given(st.binary(max_size=400), st.integers(1, 60))
def test_chunks_are_the_text(text: bytes, size: int) -> None:
    """Chunks of text in memory put together are the text, and each ends with a line."""
    from ipvsfast.changes import rule_reader

    old, rule_reader.CHUNK = rule_reader.CHUNK, size
    try:
        chunks = list(text_chunks(text))
    finally:
        rule_reader.CHUNK = old
    assert b"".join(chunks) == (text if not text or text.endswith(b"\n") else text + b"\n")
    assert all(chunk.endswith(b"\n") for chunk in chunks)


def test_more_rules_than_the_buffer_holds() -> None:
    """20,000 rules, a tenth of them for the grammar: all checked, repeated ones found."""
    lines = [f"-A -f {n} -s rr" if n % 10 else f"-A -f {n}" for n in range(1, 20001)] + ["-A -f 7 -s rr"]
    checked = check_rules(RuleText(lines), without_names)
    assert checked.total == 20001
    assert [str(p) for p in checked.problems] == ["rules:20001: -A -f 7 -s rr: this stands twice"]


def test_the_assignment_at_the_head_of_a_script_is_no_rule() -> None:
    """It is told, not taken for the program's name and passed over."""
    lines = ["IPVSADM=/sbin/ipvsadm", "/sbin/ipvsadm -A -f 1", "IPVSADM=/sbin/ipvsadm -A -f 2"]
    checked = check_rules(RuleText(lines), without_names)
    assert checked.total == 1
    assert [(p.line, p.message) for p in checked.problems] == [
        (1, "this is no rule"),
        (3, "unexpected argument IPVSADM=/sbin/ipvsadm"),  # as -R says it, in ipvsadm's words
    ]


def test_a_million_keys_do_not_collide() -> None:
    """The check remembers hashes: none of many neighbouring keys is taken for another."""
    checker = FileCheck(without_names, "rules")
    for block in range(20):
        lines = [f"-A -t 10.{block}.{n >> 8}.{n & 255}:80 -s rr" for n in range(10000)]
        checker.read(text_chunks("\n".join(lines).encode()))
    assert (checker.total, checker.problems) == (200000, [])


def test_a_file_that_cannot_be_read(tmp_path) -> None:
    """The operating system's error, with the name."""
    with pytest.raises(FileNotFoundError, match="nosuch"):
        RuleText(tmp_path / "nosuch")


def test_problems_are_safe_to_print() -> None:
    """Neither the rule nor the sentence can bring control characters to a terminal."""
    problem = Problem("f", 3, b"-A \x1b[31m\xf7 \xe2\x80\xae", "bad \x07", hint="do this")
    assert str(problem) == "f:3: -A \\x1b[31m\\xf7 \\u202e: bad \\x07 (do this)"
    assert printable("gr\u00fc\u00dfe") == "gr\u00fc\u00dfe"
    assert printable("\U000e0001") == "\\U000e0001"


def test_a_long_line_is_cut() -> None:
    """Its beginning shows which it is, and its length what is wrong."""
    problem = Problem("f", 3, b"-A " + 10_000_000 * b"x", "what is " + 1000 * "y")
    assert (
        str(problem)
        == f"f:3: -A {197 * 'x'}... (10,000,003 characters): what is {192 * 'y'}... (1,008 characters)"
    )
    assert len(str(Problem("f", 3, 400 * b"x", "bad"))) == 410


def test_a_nul_byte_is_a_mistake_of_its_line() -> None:
    """In a rule file; -R reads a word up to there, as ipvsadm does."""
    checked = check_rules(RuleText(b"-A -f 1 -s rr\n-A -f 2\0 -s rr\n# \0\n-A -f 3 -s rr\0\n"))
    assert [str(problem) for problem in checked.problems] == [
        "rules:2: -A -f 2\\x00 -s rr: a NUL byte is in this line: a rule is text",
        "rules:4: -A -f 3 -s rr\\x00: a NUL byte is in this line: a rule is text",
    ]
