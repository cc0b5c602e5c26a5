"""The installed programs as processes: under every name, without privilege, with slow name servers."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from parity.arena import Arena, Space
from parity.cases import table
from parity.compare import assert_same_output, lines, plain_messages
from parity.programs import Result, Run

from support.command import program

THEIR_SCRIPTS = "/usr/sbin"
NAMES = {"ipvsadm": "ipvsfast", "ipvsadm-save": "ipvsfast-save", "ipvsadm-restore": "ipvsfast-restore"}
MODPROBE = "modprobe -- ip_vs"
NO_PRIVILEGE = [
    "Can't initialize ipvs: Permission denied (you must be root)",
    "Are you sure that IP Virtual Server is built in the kernel or as module?",
]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which our programs bear ipvsadm's names."""
    folder = tmp_path_factory.mktemp("names")
    folder.chmod(0o755)
    for name, ours in NAMES.items():
        (folder / name).symlink_to(program(ours))
    yield folder


SMOKE = [
    ("", ""), ("-L", ""), ("-Ln", ""), ("-Ln --stats", ""), ("-Ln -t 10.0.0.1:80", ""), ("-Lnc", ""), ("-S", ""),
    ("-S -n", ""), ("-A -t 10.9.9.9:80 -s wrr -p 5", ""), ("-a -t web:80 -r rs10.example.test:http -m", ""),
    ("-a -t 10.0.0.1:80 -r rs10.example.test:http -m", ""), ("-D -f 7", ""), ("-C", ""), ("--set 1 2 3", ""),
    ("-L --timeout", ""), ("--start-daemon master --mcast-interface lo", ""), ("-Z", ""), ("-A -t bad", ""),
    ("-R", "-A -f 1\n-a -f 1 -r 10.9.9.9 -m\n-L -n\n-A -f x\n"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "stdin"), SMOKE)
def test_installed_command(arena: Arena, names: Path, words: str, stdin: str) -> None:
    """Started as a process, the command does what it does when it is called inside one."""
    run = Run(tuple(words.split()), stdin.encode())
    with arena.pair(table("mixed")) as (their_space, our_space):
        theirs, ours = their_space.play("theirs", run), our_space.play(str(names / "ipvsadm"), run)
        assert_same_output(theirs, ours, run)
        assert our_space.state() == their_space.state()


@pytest.mark.parametrize("path", ["ipvsadm", "other"])
@pytest.mark.parametrize("typed", ["path", "name"])
def test_name_in_the_hint(arena: Arena, names: Path, tmp_path: Path, path: str, typed: str) -> None:
    """The hint names the program as it was called: by its path, or by the name that a shell finds in PATH."""
    link = names / "ipvsadm"
    if path == "other":
        link = tmp_path / "lvs"
        link.symlink_to(program())
    word = str(link) if typed == "path" else link.name
    with arena.space() as space:
        theirs = space.run("theirs", "--bogus", program=word)
        ours = space.run(str(link), "--bogus", program=word)
    assert ours[:3] == theirs[:3]
    assert lines(ours.stderr) == [f"Try `{word} -h' or '{word} --help' for more information."]


@pytest.mark.quirk("V")
@pytest.mark.parametrize("words", ["-v", "--version", "-v -x", "-v --bogus"])
def test_version(arena: Arena, names: Path, words: str) -> None:
    """One line that begins with the release whose command line it is, and then tells what it really is."""
    with arena.space() as space:
        theirs = space.run("theirs", *words.split())
        ours = space.run(str(names / "ipvsadm"), *words.split())
        last = space.run("ours", "-R", stdin=f"{words}\n-A -f 1\n".encode())
        assert space.state().rules == ()
    assert theirs[:3] == (
        0, b"ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n", b"")  # fmt: skip
    assert (ours.status, ours.stderr) == (0, b"")
    assert ours.stdout.startswith(b"ipvsadm v1.31 (ipvsfast ")
    assert ours.stdout.endswith(b"IPVS v1.2.1)\n")
    assert ours.stdout.count(b"\n") == 1
    assert (last.status, last.stdout) == (0, ours.stdout)


@pytest.mark.quirk("H")
@pytest.mark.parametrize("words", ["-h", "--help", "-h foo --bogus"])
def test_help(arena: Arena, names: Path, words: str) -> None:
    """Help goes to standard output, ends with status 0 and ignores what follows; its words are our own."""
    with arena.space() as space:
        theirs = space.run("theirs", *words.split())
        ours = space.run(str(names / "ipvsadm"), *words.split())
    assert (theirs.status, theirs.stderr) == (ours.status, ours.stderr) == (0, b"")
    for text in (theirs.stdout, ours.stdout):
        assert b"Usage:" in text
        assert b"--add-service" in text
    assert ours.stdout != theirs.stdout


@pytest.mark.quirk("1")
@pytest.mark.parametrize("words", ["-v", "-h", "-A", "-A -t bad", "-L -z", "foo", "-L --timeout --daemon"])
def test_what_needs_no_privilege(arena: Arena, words: str) -> None:
    """ipvsadm asks the kernel before it reads its arguments; ipvsfast answers without."""
    run = Run(tuple(words.split()), uid=65534)
    with arena.space() as space:
        theirs, ours = space.play("theirs", run), space.play("ours", run)
        privileged = space.run("ours", *words.split())
    assert (theirs.status, lines(theirs.stderr)[-2:]) == (2, NO_PRIVILEGE)
    if words != "-v":
        assert ours[:3] == privileged[:3]
    assert ours.status == (0 if words in ("-h", "-v") else 255 if words in ("foo", "-L -z") else 2)
    assert lines(ours.stderr)[-2:] != NO_PRIVILEGE


@pytest.mark.quirk("M")
@pytest.mark.parametrize(
    "words", ["", "-Ln", "-S", "-A -f 1", "-C", "-R", "-L --timeout", "-Lnc", "--set 1 2 3"]
)
def test_what_needs_privilege(arena: Arena, words: str) -> None:
    """Both say so in two lines; ipvsadm also tries to load a module that it could not use."""
    run = Run(tuple(words.split()), b"-A -f 1\n", uid=65534)
    with arena.space() as space:
        theirs, ours = space.play("theirs", run), space.play("ours", run)
    assert (theirs.status, theirs.stdout, lines(theirs.stderr)) == (2, b"", [MODPROBE, *NO_PRIVILEGE])
    assert (ours.status, ours.stdout, lines(ours.stderr)) == (2, b"", NO_PRIVILEGE)


@pytest.mark.quirk("40")
def test_silent_name_server(arena: Arena, tmp_path: Path) -> None:
    """A name server that does not answer costs ipvsadm its patience per row, ipvsfast a short while once."""
    rules = "-A -f 1 -s rr\n" + "".join([f"-a -f 1 -r 192.168.7.{i} -m\n" for i in (1, 2, 3)])
    with arena.space(rules) as space:
        space.call("parity.traffic:silent_name_server", str(tmp_path))
        try:
            theirs = space.run("theirs", "-L")
            ours = space.run("ours", "-L", environment=(("IPVSFAST_DNS_TIMEOUT", "0.5"),))
        finally:
            space.call("parity.traffic:usual_name_files")
    assert ours[:3] == theirs[:3]
    assert theirs.seconds > 3 * 0.9
    assert ours.seconds < theirs.seconds


def shell(space: Space, program_path: str, command: str) -> Result:
    """Runs a command of the shell in which P is the program."""
    return space.run("/bin/bash", "-c", f'P() {{ {program_path} "$@"; }}; {command}', program="bash")


PIPED = [
    ("P -Ln 2>&-", 0), ("P -Ln <&-", 0), ("P -A -t bad 2>&-", 2), ("P -A -f 3 <&- >&- 2>&-", 0),
    ("P -C > /dev/full", 0), ("P -A -f 3 2> /dev/full", 0), ("P -S -n | head -1", 0), ("P -v | cat > /dev/null", 0),
    ("{ sleep 0.3; P -Ln; echo $? >&2; } | true", 0),
    ("P -S -n | P -R; echo $?", 0), ("echo -n '-A -f 5' | P -R", 0),
    ("P -A -f 3 < /", 0), ("P -Ln < /", 0), ("P -A -f 3 1< / 2< /", 0), ("P -A -t bad 2< /", 2), ("P -C 1< /", 0),
]  # fmt: skip


@pytest.mark.parametrize(("command", "status"), PIPED)
def test_streams(arena: Arena, names: Path, command: str, status: int) -> None:
    """Closed standard streams, pipes whose reader has gone: nothing is said or done otherwise."""
    with arena.pair("-A -f 7\n") as (their_space, our_space):
        theirs = shell(their_space, f"{THEIR_SCRIPTS}/ipvsadm", command)
        ours = shell(our_space, str(names / "ipvsadm"), command)
        assert our_space.state() == their_space.state()
    their_lines, our_lines = (
        lines(theirs.stderr),
        [re.sub(r"^stdin:1: [^:]*: ", "", s) for s in lines(ours.stderr)],
    )
    assert (ours.status, ours.stdout) == (theirs.status, theirs.stdout)
    assert [line.partition(" (")[0] for line in our_lines] == their_lines
    assert ours.status == status


# Into a pipe that nobody reads; E is the status.
UNREAD = [
    ("P -Ln >&4", "E"), ("P -S -n >&4", "E"), ("P -S >&4", "E"), ("P -Lnc >&4", "E"), ("P -L --timeout >&4", "E"),
    ("P >&4", "E"), ("P -h >&4", "E"), ("P -v >&4", "E"), ("P -A -f 3 >&4", "0"), ("P -A -t bad >&4", "2"),
    ("set -o pipefail; P -Ln | false", "1"),
]  # fmt: skip


def unread(folder: Path, ignored: bool) -> str:
    """The beginning of a command of the shell that gives it descriptor 4: a pipe without a reader."""
    os.mkfifo(folder / "pipe")
    # Opened for both ways first, as there would be somebody to wait for.
    start = f"exec 3<> {folder}/pipe; exec 4> {folder}/pipe; exec 3>&-; "
    return start + ('trap "" PIPE; ' if ignored else "")


# Where the signal is ignored -R goes on behind its listing; else it depends on how full a buffer was.
AMONG_RULES = "printf -- '-A -f 3\\n-L -n\\n-A -f 4\\n' | P -R >&4"


@pytest.mark.parametrize(
    ("command", "status", "ignored"),
    [*[(*case, ignored) for case in UNREAD for ignored in (False, True)], (AMONG_RULES, "E", True)],
)
def test_a_reader_that_has_gone(
    arena: Arena, names: Path, tmp_path: Path, command: str, status: str, ignored: bool
) -> None:
    """SIGPIPE ends both in the same way; where it came ignored, both go on and end well."""
    line = unread(tmp_path, ignored) + command
    expected = (0 if ignored else 128 + signal.SIGPIPE) if status == "E" else int(status)
    with arena.pair("-A -f 7\n") as (their_space, our_space):
        theirs = shell(their_space, f"{THEIR_SCRIPTS}/ipvsadm", line)
        ours = shell(our_space, str(names / "ipvsadm"), line)
        assert our_space.state() == their_space.state()
    assert ours[:3] == theirs[:3]
    assert ours.status == expected


@pytest.mark.parametrize("ignored", [False, True])
def test_the_reader_of_a_saved_table_has_gone(
    arena: Arena, names: Path, tmp_path: Path, ignored: bool
) -> None:
    """ipvsadm-save likewise; the verb save says that it could not write, as half a file must not look good."""
    start = unread(tmp_path, ignored)
    with arena.space("-A -f 7\n") as space:
        theirs = shell(space, f"{THEIR_SCRIPTS}/ipvsadm-save", f"{start}P -n >&4")
        ours = shell(space, str(names / "ipvsadm-save"), f"{start}P -n >&4")
        verb = shell(space, program(), f"{start}P save >&4")
    assert ours[:3] == theirs[:3]
    assert (verb.status, verb.stderr) == (
        (1, b"cannot write to standard output: Broken pipe\n") if ignored else (128 + signal.SIGPIPE, b"")
    )


@pytest.mark.quirk("41")
@pytest.mark.parametrize(
    "command",
    ["P -Ln >&-", "P -L --timeout >&-", "P -v >&-", "P -h >&-", "P -S -n >&-", "P -Ln 1< /", "P -h 1< /"],
)
def test_closed_output(arena: Arena, names: Path, command: str) -> None:
    """What cannot be written is an error of ours; ipvsadm does not notice."""
    with arena.space("-A -f 7\n") as space:
        theirs = shell(space, f"{THEIR_SCRIPTS}/ipvsadm", command)
        ours = shell(space, str(names / "ipvsadm"), command)
    assert theirs[:3] == (0, b"", b"")
    assert ours[:3] == (1, b"", b"cannot write to standard output: Bad file descriptor\n")


@pytest.mark.quirk("I")
@pytest.mark.parametrize(
    ("redirection", "reason", "left"),
    [
        ("<&-", "Bad file descriptor", 1),
        ("0> /dev/null", "Bad file descriptor", 0),
        ("< /", "Is a directory", 0),
    ],
)
def test_closed_input(arena: Arena, names: Path, redirection: str, reason: str, left: int) -> None:
    """Rules that cannot be read are an error of ours; ipvsadm takes them for an empty file.

    left: services that ipvsadm-restore leaves; with no standard input at all Debian's waits without end.
    """
    with arena.space("-A -f 7\n") as space:
        theirs = shell(space, f"{THEIR_SCRIPTS}/ipvsadm", f"P -R {redirection}")
        ours = shell(space, str(names / "ipvsadm"), f"P -R {redirection}")
        restored = shell(space, str(names / "ipvsadm-restore"), f"P {redirection}")
        assert space.state().rules == ("-A -f 7 -s wlc",)
        shell(space, f"timeout 30 {THEIR_SCRIPTS}/ipvsadm-restore", f"P {redirection}")
        assert len(space.state().rules) == left
    assert theirs[:3] == (0, b"", b"")
    expected = (1, b"", f"cannot read standard input: {reason}\n".encode())
    assert ours[:3] == restored[:3] == expected


SAVES = ["", "-n", "word", "word -n", "-n -n", "--numeric", "-h", "-nn", "-", "-n -x"]
RESTORES = [
    "", "-A -f 1\n", "# comment\n-A -f 9\n#another\n-A -f 10\n", "-A -f 1\n-A -f 1\n-A -f 2\n",
    "-A -f 1\n-A -f 1\n", "-A -f 1 -s nosuch\n", "ipvsadm -A -f 5 -s rr\n-a -f 5 -r 1.2.3.4 -m", "\n\n",
    "-L --timeout\n-A -f 1\n-Sn\n", "-A -f 1\n-E -f 1 -s lc\n-D -f 1\n-A -f 2\n", "-D -f 7\n-A -f 3\n",
]  # fmt: skip


def scripts(
    arena: Arena, names: Path, name: str, words: str, stdin: str
) -> tuple[Result, Result, Space, Space]:
    run = Run(tuple(words.split()), stdin.encode(), program=name)
    with arena.pair(table("mixed")) as (their_space, our_space):
        theirs = their_space.play(f"{THEIR_SCRIPTS}/{name}", run)
        ours = our_space.play(str(names / name), run)
        return theirs, ours, their_space.state(), our_space.state()


@pytest.mark.parametrize("words", SAVES)
def test_save_script(arena: Arena, names: Path, words: str) -> None:
    """ipvsadm-save prints the table, numeric with -n, and explains itself to other options."""
    theirs, ours, their_state, our_state = scripts(arena, names, "ipvsadm-save", words, "")
    assert ours[:3] == theirs[:3]
    assert our_state == their_state


@pytest.mark.parametrize("stdin", RESTORES)
def test_restore_script(arena: Arena, names: Path, stdin: str) -> None:
    """ipvsadm-restore replaces the table by what it reads; comments at the start of a line are left out."""
    theirs, ours, their_state, our_state = scripts(arena, names, "ipvsadm-restore", "ignored -x", stdin)
    assert plain_messages(ours.stderr, theirs.stderr, stdin.encode()) == theirs.stderr
    assert (ours.status, ours.stdout) == (theirs.status, theirs.stdout)
    assert our_state == their_state


@pytest.mark.quirk("43")
@pytest.mark.parametrize(
    ("stdin", "status", "message"),
    [
        ("-A -f 3\n-A -f x\n-A -f 4\n", 2, "invalid fwmark value `x' specified"),
        ("-A -f 3\nfoo\n", 255, "Try `ipvsadm -h' or 'ipvsadm --help' for more information."),
        ("-A -f 3\n-A -f 4 --bogus\n", 255, "--bogus: unknown option"),
    ],
)
def test_restore_of_wrong_rules(arena: Arena, names: Path, stdin: str, status: int, message: str) -> None:
    """ipvsadm-restore has cleared the table before it finds the mistake; ipvsfast leaves the table alone."""
    theirs, ours, their_state, our_state = scripts(arena, names, "ipvsadm-restore", "", stdin)
    assert (theirs.status, lines(theirs.stderr), their_state.rules) == (
        status,
        [message],
        ("-A -f 3 -s wlc",),
    )
    number = next(at for at, line in enumerate(stdin.splitlines(), 1) if "-A -f 3" not in line)
    rule = stdin.splitlines()[number - 1]
    assert (ours.status, lines(ours.stderr)) == (
        status,
        [f"stdin:{number}: {rule}: {message}", "1 line is wrong; the table was left as it is"],
    )
    assert len(our_state.rules) == len(
        [rule for rule in table("mixed").splitlines() if rule[:2] in ("-A", "-a")]
    )


@pytest.mark.quirk("W")
def test_restore_by_the_least_change(arena: Arena, names: Path) -> None:
    """A service whose new scheduler the kernel does not have: ipvsadm has deleted it; here it goes on as it was."""
    stdin = "-A -t 10.0.0.1:80 -s nosuch\n-a -t 10.0.0.1:80 -r 192.168.0.1:80 -g -w 7\n-A -f 9 -s rr\n"
    theirs, ours, their_state, our_state = scripts(arena, names, "ipvsadm-restore", "", stdin)
    assert (theirs.status, their_state.rules) == (0, ("-A -f 9 -s rr",))
    assert (ours.status, our_state.rules) == (
        0, ("-A -t 10.0.0.1:80 -s wlc", "-a -t 10.0.0.1:80 -r 192.168.0.1:80 -g -w 7", "-A -f 9 -s rr")
    )  # fmt: skip
    assert lines(ours.stderr) == [
        "stdin:1: -A -t 10.0.0.1:80 -s nosuch: Scheduler or persistence engine not found "
        "(check the scheduler's name; its module ip_vs_NAME may be missing)"
    ]


def test_ipvsadm_names_are_ours(names: Path) -> None:
    """The links above lead to what was installed."""
    assert {os.path.basename(os.path.realpath(names / name)) for name in NAMES} == set(NAMES.values())
