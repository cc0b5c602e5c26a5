"""ipvsfast-save and ipvsfast-restore as far as no kernel is needed: options, names, and the check of the input."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.cli.context import Context
from ipvsfast.cli.restore_programs import StdinCheck
from ipvsfast.language.line import split_line
from ipvsfast.language.parse import parse
from ipvsfast.language.words import UsageError
from support.command import NOBODY, program
from support.names import FakeResolver


def run(name: str, *argv: str, stdin: str = "") -> tuple[int, str, str]:
    """(exit status, standard output, standard error) of an installed program, without privilege."""
    prefix = NOBODY if os.geteuid() == 0 else ()
    done = subprocess.run([*prefix, name, *argv], input=stdin, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def compat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder, open to everybody, with ipvsadm's names."""
    folder = tmp_path_factory.mktemp("compat")
    for path in (folder, *folder.parents[:2]):
        if path.owner() == folder.owner():
            path.chmod(0o755)
    for script in ("save", "restore"):
        (folder / f"ipvsadm-{script}").symlink_to(program(f"ipvsfast-{script}"))
    return folder


SAVE_USAGE = (
    "{}: Script to save the IPVS table to stdout.\n"
    "   With the -n option, prints out the table in numeric format.\n"
)


@pytest.mark.parametrize(
    "argv", [("-x",), ("-nn",), ("--numeric",), ("-n", "--"), ("word", "-"), ("-h",), ("--help",)]
)
def test_save_refuses_other_options(compat: Path, argv: tuple[str, ...]) -> None:
    """The two lines on standard error, with the program's base name, and status 1."""
    assert run(f"{compat}/ipvsadm-save", *argv) == (1, "", SAVE_USAGE.format("ipvsadm-save"))
    if argv not in (("-h",), ("--help",)):
        assert run(program("ipvsfast-save"), *argv) == (1, "", SAVE_USAGE.format("ipvsfast-save"))


@pytest.mark.parametrize("name", ["ipvsfast-save", "ipvsfast-restore"])
def test_our_names_have_help(name: str) -> None:
    """-h anywhere prints it, and nothing is read or changed."""
    for argv in (("-h",), ("--help",), ("word", "--help")):
        status, out, err = run(program(name), *argv, stdin="-A -f 1\n")
        assert (status, err) == (0, "")
        assert out.startswith(f"Usage:\n  {name} [options]\n")


WRONG = [
    ("-A -f 0\n", 2, ["stdin:1: -A -f 0: invalid fwmark value `0' specified"]),
    (
        "\n# c\n-A -f 1\n-a -f 1\n",
        2,
        ["stdin:4: -a -f 1: You need to supply the 'real-server' option for the 'add-server' command"],
    ),
    (
        "-A -f 1 -z\n-A -f 0\n",
        255,
        ["stdin:1: -A -f 1 -z: -z: unknown option", "stdin:2: -A -f 0: invalid fwmark value `0' specified"],
    ),
    ("ipvsadm -A -f 1 -w\n", 255, ["stdin:1: ipvsadm -A -f 1 -w: -w: missing argument"]),
    ("-A -f 1\nfoo\n", 255, ["stdin:2: foo: Try `{} -h' or '{} --help' for more information."]),
    ("-R\n", 255, ["stdin:1: -R: Try `{} -h' or '{} --help' for more information."]),
    ("-L --stats --timeout", 2, ["stdin:1: -L --stats --timeout: options conflicts in the list command"]),
    ("-L -6\n", 2, ["stdin:1: -L -6: -6 used before -f"]),
    (
        "-A -f 1\r\n -\x1b[1m\t-x  \r\n",
        255,
        ["stdin:2: -\\x1b[1m\\x09-x: Try `{} -h' or '{} --help' for more information."],
    ),
    (
        "-A -f 0\n-h\n-A -f 0\n",
        2,
        [
            "stdin:1: -A -f 0: invalid fwmark value `0' specified",
            "stdin:3: -A -f 0: invalid fwmark value `0' specified",
        ],
    ),
]


@pytest.mark.parametrize(("text", "status", "lines"), WRONG, ids=[repr(case[0]) for case in WRONG])
def test_wrong_input_is_reported_as_a_whole(compat: Path, text: str, status: int, lines: list[str]) -> None:
    """Every mistake with its line, the status that ipvsadm has for the first; the kernel is not asked.

    The hint speaks of the main program that belongs to the name.
    """
    count = "1 line is" if len(lines) == 1 else f"{len(lines)} lines are"
    for path, main in ((program("ipvsfast-restore"), "ipvsfast"), (f"{compat}/ipvsadm-restore", "ipvsadm")):
        expected = [
            *[line.replace("{}", main) for line in lines],
            f"{count} wrong; the table was left as it is",
        ]
        assert run(path, "any", "-words", stdin=text) == (
            status,
            "",
            "".join(f"{line}\n" for line in expected),
        )


@pytest.mark.parametrize("stdin", ["<&-", "0> /dev/null"])
def test_unreadable_input(stdin: str) -> None:
    """A closed or write-only standard input is an error, not an empty table."""
    line = f"{program('ipvsfast-restore')} {stdin}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "cannot read standard input: Bad file descriptor\n")


def first_status(text: str) -> int:
    """The status of the first line that the grammar refuses; lines behind -h and -v do not count."""
    for line in text.split("\n"):
        words = split_line(line)
        if words:
            try:
                command = parse(words, FakeResolver()).command
            except UsageError as error:
                return error.status
            if command == "restore":
                return 255
            if command in ("help", "version"):
                return 0
    return 0


LINES = st.sampled_from(
    ["-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1", "# x", "", "  ", "-A -f 1 -p", "-C",
     "-A -t 10.0.0.1", "-A -t 10.0.0.1:80 -s", "-A -t 10.0.0.1:80 --x", "x", "-R", "-L -n", "-v", "-h", "-D",
     "ipvsadm", "ipvsadm -Z", "-a -t 10.0.0.1:80 -r [::1]:80 -m -w 1"]
)  # fmt: skip


@given(st.lists(LINES, max_size=12), st.booleans())
def test_the_check_agrees_with_the_grammar(lines: list[str], ended: bool) -> None:
    """Whatever the order of canonical lines, others and mistakes, the status is that of the first mistake."""
    text = "\n".join(lines) + ("\n" if ended else "")
    command = Context("ipvsfast")
    command.names = FakeResolver()
    assert StdinCheck(command).run(text.encode()).status == first_status(text)
