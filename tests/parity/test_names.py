"""Host names and a name server that answers, fails, or says nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from parity.arena import Arena, Space
from parity.compare import lines
from parity.programs import Run

from support.command import program
from support.nameserver import AAAA, REFUSED, SERVFAIL, A, Answer

FOUR, SIX = bytes([10, 9, 8, 7]), bytes.fromhex("20010db8000000000000000000000077")
WRONG = "illegal virtual server address[:port] specified"
FAILED = "web could not be looked up: Temporary failure in name resolution"

Answers = dict[tuple[str, int], Answer]


class Asked(list[tuple[str, int]]):
    """What the name server was asked, once it has ended."""


@contextmanager
def served(space: Space, folder: Path, answers: Answers, *rest: object) -> Iterator[Asked]:
    """A name server in a namespace. rest: see parity.traffic.name_server."""
    asked = Asked()
    space.call("parity.traffic:name_server", str(folder), answers, *rest)
    try:
        yield asked
    finally:
        asked += space.call("parity.traffic:no_name_server")


@pytest.mark.quirk("28")
@pytest.mark.parametrize("answers", [{("web", AAAA): [SIX]}, {("web", A): [], ("web", AAAA): [SIX]}])
def test_a_name_without_ipv4_address(arena: Arena, tmp_path: Path, answers: Answers) -> None:
    """Its IPv6 address is taken: the server says that there is no other, or not even such a name for IPv4."""
    run = Run(("-A", "-t", "web:80", "-s", "rr"))
    with arena.space() as space, served(space, tmp_path, answers):
        theirs, ours = space.play("theirs", run), space.play("ours", run)
        assert (theirs.status, lines(theirs.stderr)) == (2, [WRONG])
        assert ours[:3] == (0, b"", b"")
        assert space.state().rules == ("-A -t [2001:db8::77]:80 -s rr",)


@pytest.mark.quirk("D")
@pytest.mark.parametrize("answer", [SERVFAIL, REFUSED, None], ids=["SERVFAIL", "REFUSED", "silent"])
@pytest.mark.parametrize("command", ["-A", "-R"])
def test_a_failed_look_up_is_no_ipv6_service(
    arena: Arena, tmp_path: Path, answer: Answer, command: str
) -> None:
    """No answer about IPv4 is not the answer that there is none: nothing is made, and why is said.

    IPv6 is not even asked about, so that a silent server costs no more than ipvsadm waits for it.
    """
    rule = "-A -t web:80 -s rr"
    run = Run(("-R",), f"{rule}\n".encode()) if command == "-R" else Run(tuple(rule.split()))
    with arena.space() as space:
        with served(space, tmp_path, {("web", A): answer, ("web", AAAA): [SIX]}) as their_questions:
            theirs = space.play("theirs", run)
        with served(space, tmp_path, {("web", A): answer, ("web", AAAA): [SIX]}) as our_questions:
            ours = space.play("ours", run)
        assert space.state().rules == ()
    assert (theirs.status, lines(theirs.stderr)) == (2, [WRONG])
    place = f"stdin:1: {rule}: " if command == "-R" else ""
    assert (ours.status, lines(ours.stderr)) == (2, [f"{place}{WRONG} ({FAILED})"])
    assert set(our_questions) == set(their_questions) == {("web", A)}
    assert len(our_questions) <= len(their_questions)


RULES = "".join(
    [f"-A -t s{n}.example:80 -s rr\n-a -t s{n}.example:80 -r d{n}.example:80 -m\n" for n in range(3)]
)
NAMES = [f"{kind}{n}.example" for n in range(3) for kind in "sd"]
FOUND: Answers = {(name, A): [bytes([10, 0, at, 1])] for at, name in enumerate(NAMES)}


def saved() -> list[str]:
    rules = []
    for n in range(3):
        rules += [
            f"-A -t 10.0.{2 * n}.1:80 -s rr",
            f"-a -t 10.0.{2 * n}.1:80 -r 10.0.{2 * n + 1}.1:80 -m -w 1",
        ]
    return rules


@pytest.mark.parametrize("words", [("restore",), ("restore", "--clear"), ("restore", "--check"), ()])
def test_names_of_a_file_are_looked_up_together(arena: Arena, tmp_path: Path, words: tuple[str, ...]) -> None:
    """The server answers nothing before it was asked for the last of them; each is asked for once."""
    name = "ipvsfast" if words else "ipvsfast-restore"
    with arena.space() as space:
        with served(space, tmp_path, FOUND, len(NAMES), "30 1") as asked:
            result = space.play(program(name), Run(words, RULES.encode(), program=name))
        assert result.status == 0, result
        assert space.state().rules == (() if "--check" in words else tuple(saved()))
    assert sorted(asked) == sorted([(name, A) for name in NAMES])


@pytest.mark.parametrize("words", [("restore",), ("restore", "--check")])
def test_names_that_could_not_be_looked_up(arena: Arena, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Nobody is told that an address is illegal because a name server is down; nothing is sent."""
    rules = "-A -t 10.0.0.1:80\n-A -t web:80\n-A -t nosuch:80\n-A -t good:80\n-A -t web:81\n"
    with arena.space() as space:
        with served(space, tmp_path, {("web", A): None, ("good", A): [FOUR]}) as asked:
            result = space.play(program(), Run(words, rules.encode(), program="ipvsfast"))
        assert space.state().rules == ()
    assert result.status == 1
    assert lines(result.stderr) == [
        f"stdin:2: -A -t web:80: {FAILED}",
        "stdin:3: -A -t nosuch:80: no such host: nosuch",
        f"stdin:5: -A -t web:81: {FAILED}",
        "3 mistakes in stdin" + ("" if "--check" in words else "; nothing was sent"),
    ]
    assert ("web", AAAA) not in asked


@pytest.mark.parametrize(
    "words", ["-A -t web:80", "-L -t web:80", "restore --check {}/rules", "restore {}/rules"]
)
def test_ctrl_c_ends_a_look_up(arena: Arena, tmp_path: Path, words: str) -> None:
    """The resolver would wait for two and a half minutes; the server never answers."""
    (tmp_path / "rules").write_text("-A -t web:80\n-A -t www:80\n")
    argv = [word.format(tmp_path) for word in words.split()]
    with arena.space() as space, served(space, tmp_path, {("web", A): None, ("www", A): None}, 0, "30 5"):
        status, messages = space.call("parity.traffic:interrupted", program(), *argv)
        # Before a restore does anything Ctrl-C just ends it: a shell says 130 of that, too.
        assert (status in (130, -signal.SIGINT), messages) == (True, "")
        assert space.state().rules == ()
