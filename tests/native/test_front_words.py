"""The front's reader of command lines means what the grammar means, or leaves the line to it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity import lines
from parity.cases import read_all
from parity.test_listings import NAMES, ONE, ONE_VIEWS, VIEWS
from parity.test_matrix import COMMANDS, OPTIONS

from support.front_reader import LIST, REPLACE, Meaning, by_front, by_grammar

EXAMPLES = int(os.environ.get("IPVSFAST_FRONT_EXAMPLES", "700"))

TAKEN = [
    "-A -t 10.0.0.1:80",
    "-A -t 10.0.0.1:80 -s rr",
    "-A -s rr -t 10.0.0.1:80 -p",
    "-At 10.0.0.1:80 -p 60 -M 255.255.255.0 -srr",
    "-A -t 10.0.0.1:0 -p",
    "-Aou10.0.0.1:53",
    "-A -p -f 7 -6",
    "-Af7 -6p 5 -M64 --pe sip",
    "--add-service --fwmark-service=3 --scheduler mh -b mh-port,mh-fallback",
    "-E -t 10.0.0.1:80 -s wrr -b flag-1",
    "-D -t 10.0.0.1:0",
    "-D -f 1 -6",
    "-a -t 10.0.0.1:80 -r 192.168.0.1",
    "--add-server -t 10.0.0.1:80 --real-server 192.168.0.1 --weight=3",
    "--edit-server -t 10.0.0.1:80 -r 192.168.0.1 --masquerading",
    "--delete-server -t 10.0.0.1:80 -r 192.168.0.1",
    "-a -r 192.168.0.1:80 -t 10.0.0.1:80 -g",
    "-a -t 10.0.0.1:80 -mr 192.168.0.1:8080 -w5",
    "-a -f 1 -r 192.168.0.1:8080",
    "-a -f 1 -r 192.168.0.1 -w 0 -x 2147483647 -y 1",
    "-at[2001:db8::1]:80 -r [2001:db8::2] -i",
    "-a -u 10.0.0.1:53 -r 192.168.0.1 -i --tun-type ipip",
    "-e -u 10.0.0.1:53 -r 192.168.0.1 -i --tun-type=gue --tun-port 6080",
    "-e -u 10.0.0.1:53 -r 192.168.0.1 -i --tun-csum --tun-type gre",
    "-a -t 10.0.0.1:80 -r [2001:db8::2]:80 -i -w 3",
    "-d -t 10.0.0.1:80 -r 192.168.0.1:8080",
    "-d -t 10.0.0.1:80 -r 192.168.0.1",
    "-d --sctp-service 10.0.0.1:80 -r 192.168.0.1",
    "--set 900 0 2678400",
    "-Z",
    "--zero -t 10.0.0.1:80",
    "-C",
    "-R",
    "--restore",
    "-Sn",
    "--save --numeric --sort",
    "-Ln",
    "-l -n",
    "-Ln --stats --rate --exact --nosort --sort",
    "-Ln --thresholds --tun-info -t 10.0.0.1:80",
    "-Ln --persistent-conn -f 3 -6",
    "-L --timeout",
    "-L -n --timeout",
    "-Lnc",
    "-L -c -n --persistent-conn",
]
LEFT = [
    "",
    "-L",
    "--add-destination -t 10.0.0.1:80 -r 192.168.0.1",
    "-S",
    "-h",
    "--help",
    "-v",
    "conns",
    "-Lc",
    "-L --daemon",
    "-nL",
    "-n",
    "-",
    "--",
    "-Lnx",
    "-L -n --source proc -c",
    "-Ln --timeout --stats",
    "-Lnc --timeout",
    "-Ln -t 10.0.0.1:http",
    "-A -t 10.0.0.1",
    "-A -t localhost:80",
    "-A -t 10.0.0.1:80 -s rr -s rr",
    "-A -t 10.0.0.1:80 -M 255.255.255.0",
    "-A -6 -f 1",
    "-A -t 10.0.0.1:80 -A",
    "-A -t 10.0.0.1:80 -o",
    "-A -t 10.0.0.1:80 -w 1",
    "-A -t 10.0.0.1:80 word",
    "-A -t 10.0.0.1:80 --scheduler",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:8080",
    "-a -t 10.0.0.1:80",
    "-a -t 10.0.0.1:80 -r 192.168.0.1 -g -m",
    "-a -t 10.0.0.1:80 -r 192.168.0.1 --tun-type ipip",
    "-d -t 10.0.0.1:80 -r 192.168.0.1 -w 1",
    "-d -t 10.0.0.1:80 -r [2001:db8::1]:80",
    "-E -r 192.168.0.1:80 -t 10.0.0.1:80",
    "--set 1 2",
    "--set 1 2 3 4",
    "--set=1 2 3",
    "--start-daemon master",
    "-Zn",
    "-Cn",
    "-R file",
]


@pytest.mark.parametrize("line", TAKEN)
def test_plain_lines_are_taken(line: str) -> None:
    """Every option in every spelling, in any order, means what it means in Python."""
    words = line.split()
    assert by_front(words) == by_grammar(words)


@pytest.mark.parametrize("line", LEFT)
def test_other_lines_are_left_to_python(line: str) -> None:
    """Names, mistakes, and whatever needs more words than C has."""
    assert by_front(line.split()) is None


@pytest.mark.parametrize(
    "words",
    [
        ["-A", "-t", "10.0.0.1:80 -p 5"],
        ["-A", "-t", "10.0.0.1:80", "-s", "rr -o"],
        ["-A", "-t", "10.0.0.1:80", "-s", "rr\n-A -f 1 -s rr"],
        ["-A", "-t", "10.0.0.1:80", "-s", ""],
        ["-A", "-t", "10.0.0.1:80", "-s", "r\xe4"],
        ["-A", "-t", "10.0.0.1:80", "-p", ""],
        ["-a", "-t", "10.0.0.1:80", "-r", "192.168.0.1 -g -w 5 -x 3"],
        ["--set", "1 2", "3", ""],
        ["-A", "-t", "10.0.0.1:80", "--pe", "x" * 600],
    ],
)
def test_a_word_stays_one_word(words: list[str]) -> None:
    """What would be several words of the rule line, or none, is not taken."""
    assert by_front(words) is None


@pytest.mark.parametrize(
    ("program", "line", "taken"),
    [
        ("save", "-n", Meaning(LIST, view=6)),
        ("save", "-n -n", Meaning(LIST, view=6)),
        ("save", "", None),
        ("save", "-n -h", None),
        ("save", "-n word", None),
        ("restore", "", Meaning(REPLACE)),
        ("restore", "--help", None),
        ("restore", "word", None),
    ],
)
def test_the_programs_beside(program: str, line: str, taken: Meaning | None) -> None:
    """-save with -n and -restore with nothing are plain."""
    assert by_front(line.split(), program) == taken


def agree(words: list[str]) -> None:
    taken = by_front(words)
    if taken is not None:
        assert taken == by_grammar(words), words


EDGES = ["2678400", "2678401", "65535", "65536", "2147483647", "2147483648", "0", "00", "360", "+1", "1 "]


@st.composite
def near(draw: st.DrawFn) -> list[str]:
    """A line that is taken, with a few words changed, dropped, added or moved."""
    words = draw(st.sampled_from(TAKEN)).split()
    others = st.sampled_from(sorted({word for line in TAKEN + LEFT for word in line.split()} | set(EDGES)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(words)))
        kind = draw(st.sampled_from(["add", "drop", "change", "swap"]))
        if kind == "add" or at == len(words):
            words.insert(at, draw(others))
        elif kind == "drop":
            del words[at]
        elif kind == "change":
            words[at] = draw(others)
        else:
            other = draw(st.integers(0, len(words) - 1))
            words[at], words[other] = words[other], words[at]
    return words


@settings(max_examples=EXAMPLES, deadline=None)
@given(near())
def test_nearly_plain_lines(words: list[str]) -> None:
    """Whatever is taken means the same to the grammar: the same message for the kernel, the same listing."""
    agree(words)


@settings(max_examples=EXAMPLES, deadline=None)
@given(lines.line())
def test_random_lines(words: list[str]) -> None:
    """The same for the lines with which the command is held against ipvsadm."""
    agree(words)


@settings(max_examples=EXAMPLES, deadline=None)
@given(lines.fitting_line())
def test_random_right_lines(parts: list[list[str]]) -> None:
    """The same for those that are right but perhaps for their values."""
    agree([word for words in parts for word in words])


def parity_lines() -> list[list[str]]:
    """The command lines of the parity tests that are written down."""
    found = [list(case.argv) for case in read_all() if "as" not in case.options]
    found += [words.split() for _ in NAMES for words in VIEWS]
    found += [f"{view} {one}".split() for _ in NAMES for one in ONE for view in ONE_VIEWS]
    for _, column, start in COMMANDS:
        for _, option, letters in OPTIONS:
            if letters.split()[column] == "a":
                found.append([*start.split(), *option.split()])
    return found


def test_enough_is_taken() -> None:
    """At least 40 of 100 lines of the parity tests: a front that leaves everything to Python is caught."""
    every = parity_lines()
    taken = [words for words in every if by_front(words) is not None]
    assert len(taken) >= 0.4 * len(every), f"{len(taken)} of {len(every)}"
    for words in every:
        agree(words)
