"""The line of help that a person at a terminal gets after a message about the command line."""

import os
import pty
import subprocess

import pytest

from ipvsfast.cli.commands import find, parse_verb
from ipvsfast.cli.help import slip, verb_help
from ipvsfast.language.parse import parse
from ipvsfast.language.words import UsageError
from support.command import program
from support.names import FakeResolver


def on_terminal(*argv: str) -> tuple[int, list[str]]:
    """(exit status, lines) with a terminal as standard error."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, stderr=theirs, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        os.close(theirs)
        text = b""
        while True:
            try:
                text += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        os.close(ours)
    return child.returncode, text.decode().splitlines()


def test_the_line_is_for_terminals_only() -> None:
    """The old message, then one line; elsewhere the old message alone. The status is the same."""
    argv = [program(), "-L", "--stat"]
    assert on_terminal(*argv) == (255, ["--stat: unknown option", "Did you mean --stats?"])
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (255, "--stat: unknown option\n")


def test_nothing_is_said_when_nothing_is_known() -> None:
    """An option that resembles none."""
    assert on_terminal(program(), "-L", "--qqq") == (255, ["--qqq: unknown option"])


SLIPS = [
    # half-typed and mistyped options; those that go with the command come first
    ("-L --sta", "Did you mean --stats?"),
    ("--sta", "Did you mean --start-daemon?"),
    ("-L --conections", "Did you mean --connection?"),
    ("-L --tcp 10.0.0.1:80", "Did you mean --tcp-service?"),
    ("-a -t 10.0.0.1:80 -r 10.0.0.2 --wieght=3", "Did you mean --weight?"),
    ("--lst", "Did you mean --list?"),
    # other programs' words
    ("--flush", "Did you mean --clear?"),
    ("-a -t 10.0.0.1:80 -r 10.0.0.2 --nat", "Did you mean --masquerading?"),
    # one dash
    ("-L -stats", "Did you mean --stats?"),
    ("-L -timeout", "Did you mean --timeout?"),
    ("-list", "Did you mean --list?"),
    # the command is not first, or is missing
    ("--stats -L", "The command comes first; --stats goes with -L."),
    ("-s rr -A", "The command comes first; -s goes with -A, -E."),
    ("-w7 -a", "The command comes first; -w goes with -a, -e."),
    ("-6 -f 1", "The command comes first; -6 goes with -A, -E, -D, -a, -e, -d, -L, -Z."),
    ("--numeric=1", "The command comes first; -n goes with -S, -L."),
    # words
    ("timeout", "Did you mean --timeout?"),
    ("cons --count", "Did you mean conns?"),
    ("help cons", "Did you mean conns?"),
    ("help xyz", ""),
    ("instal-compat /sbin", "Did you mean install-compat?"),
    ("restore --chek", "Did you mean --check?"),
    # nothing to say
    ("-Lnz", ""),
    ("-L -w 3", ""),
    ("-L --list=1", ""),
    ("--list=1", "Did you mean --list?"),
    ("foo", ""),
    ("x y", ""),
    # names
    ("-A -t nosuch:80", "No such host: nosuch."),
    ("-A -t nosuch:", ""),
    ("-", ""),
    ("-A -t 10.0.0.1:80 -w x", ""),
    ("restore a b", ""),
]


def error_of(argv: list[str]) -> UsageError:
    verb = find(argv[0])
    with pytest.raises(UsageError) as caught:
        if verb:
            verb_help(parse_verb(verb, argv[1:])[1], "ipvsfast")
        else:
            parse(argv, FakeResolver())
    return caught.value


@pytest.mark.parametrize(("line", "expected"), SLIPS, ids=[case[0] for case in SLIPS])
def test_slips(line: str, expected: str) -> None:
    """What is said to a mistaken line."""
    argv = line.split()
    assert slip(argv, "ipvsfast", error_of(argv)) == expected


def test_verbs_are_not_suggested_to_callers_of_ipvsadm() -> None:
    """Under that name there are none."""
    argv = ["instal-compat", "/sbin"]
    assert slip(argv, "/sbin/ipvsadm", error_of(argv)) == ""
    assert slip(["timeout"], "ipvsadm", error_of(["timeout"])) == "Did you mean --timeout?"
