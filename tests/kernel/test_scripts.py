"""ipvsfast-save and ipvsfast-restore on a real kernel: the round trip, and that a mistake costs nothing."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from ipvsfast import Destination, Ipvs, Service, Timeouts, Tunnel
from support.command import NOBODY, program, rules
from support.front import wait_until_read
from support.require import cannot_run

pytestmark = pytest.mark.usefixtures("netns")

HOPE = "Are you sure that IP Virtual Server is built in the kernel or as module?\n"
TABLE = [
    (Service.tcp("10.0.0.1", 80, "rr"), [Destination("10.1.0.1", 8080, forwarding="masq", weight=0)]),
    (Service.tcp("2001:db8::1", 443, "sh", scheduler_flags=["sh-port"]), [Destination("2001:db8::2", 443)]),
    (
        Service.udp("10.0.0.1", 5060, "wlc", persistent=60, engine="sip"),
        [
            Destination("10.1.0.1", 5060, weight=5, upper=9, lower=2),
            Destination("10.1.0.2", 5060, forwarding="tunnel", tunnel=Tunnel("gue", 6080, "csum")),
        ],
    ),
    (Service.mark(2**32 - 1, "rr", ipv6=True, persistent=9, netmask=64), []),
]


def fill() -> None:
    with Ipvs() as ipvs:
        for service, dests in TABLE:
            ipvs.add_service(service)
            for dest in dests:
                ipvs.add_destination(service.key, dest)


def table() -> list[tuple[Service, list[Destination]]]:
    """The table in an order of its own."""
    with Ipvs() as ipvs:
        found = [(service, sorted(dests, key=lambda dest: dest.key)) for service, dests in ipvs.table()]
    return sorted(found, key=lambda entry: entry[0].key)


def run(name: str, *argv: str, stdin: str = "", prefix: tuple[str, ...] = ()) -> tuple[int, str, str]:
    """(exit status, standard output, standard error)."""
    path = name if "/" in name else program(name)
    done = subprocess.run(
        [*prefix, path, *argv], input=stdin, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def compat(tmp_path: Path) -> Path:
    """A folder with ipvsadm's names."""
    assert run("ipvsfast", "install-compat", str(tmp_path))[0] == 0
    return tmp_path


@pytest.mark.parametrize("argv", [("-n",), (), ("word", "-n", "-n")])
def test_round_trip(argv: tuple[str, ...]) -> None:
    """What -save writes is what -restore makes again, whatever was there in between."""
    fill()
    before = table()
    status, text, errors = run("ipvsfast-save", *argv)
    assert (status, errors) == (0, "")
    if "-n" in argv:
        assert text == run("ipvsfast", "-S", "-n")[1]
    run("ipvsfast", "-A", "-f", "77")
    assert run("ipvsfast-restore", stdin=text) == (0, "", "")
    assert table() == before


def test_the_pipe_onto_itself() -> None:
    """save | restore: all of the table is read before anything is deleted."""
    assert run("ipvsfast", "-R", stdin=rules(50, 20))[0] == 0
    before = table()
    line = f"{program('ipvsfast-save')} -n | {program('ipvsfast-restore')}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert table() == before


def test_the_names_of_ipvsadm(compat: Path) -> None:
    """The same under those names; comments, also indented ones, are passed over."""
    fill()
    before = table()
    status, text, errors = run(f"{compat}/ipvsadm-save", "-n")
    assert (status, errors) == (0, "")
    assert run(f"{compat}/ipvsadm-restore", "-x", stdin=f"# saved\n\n  # indented\n{text}") == (0, "", "")
    assert table() == before
    assert run(f"{compat}/ipvsadm-restore", stdin="  foo\n") == (
        255,
        "",
        "stdin:1: foo: Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
        "1 line is wrong; the table was left as it is\n",
    )
    assert table() == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-A -f 9\n-A -f 0\n", 2),
        ("-A -f 9\nfoo\n", 255),
        ("-A -f 9\n-A -f 8 --bogus\n-A -f 7\n", 255),
        ("-R", 255),
    ],
)
def test_wrong_input_clears_nothing(text: str, expected: int) -> None:
    """Not the table, not one rule of it, though the lines before the mistake are right."""
    fill()
    before = table()
    status, out, errors = run("ipvsfast-restore", stdin=text)
    assert (status, out) == (expected, "")
    assert errors.endswith("1 line is wrong; the table was left as it is\n")
    assert table() == before


EMPTY = ["", "\n", "# nothing\n\n", "-L -n -f 5\n"]


@pytest.mark.parametrize("text", EMPTY[:3])
def test_empty_input_empties_the_table_where_it_is_meant(compat: Path, text: str) -> None:
    """With --allow-empty, and as ipvsadm's program; comments only are no more. Timeouts stay."""
    for name, *argv in (("ipvsfast-restore", "--allow-empty"), (f"{compat}/ipvsadm-restore",)):
        fill()
        with Ipvs() as ipvs:
            ipvs.set_timeouts(Timeouts(100, 101, 102))
            assert run(name, *argv, stdin=text) == (0, "", "")
            assert ipvs.services() == []
            assert ipvs.timeouts() == Timeouts(100, 101, 102)


@pytest.mark.parametrize("text", EMPTY)
def test_empty_input_is_refused_under_our_own_name(text: str) -> None:
    """`false | ipvsfast-restore` does not empty a live table."""
    fill()
    before = table()
    assert run("ipvsfast-restore", stdin=text) == (
        1,
        "",
        "stdin holds no service: the table would be empty; nothing was changed (--allow-empty if that is meant)\n",
    )
    assert table() == before


@pytest.mark.parametrize(
    ("text", "expected", "refused"),
    [
        ("-A -f 1 -s rr\n-A -f 1 -s rr\n", 255, "stdin:2: -A -f 1 -s rr: Service already exists"),
        (
            "-A -f 1 -s nosuch\n-A -f 1 -s rr\n",
            0,
            "stdin:1: -A -f 1 -s nosuch: Scheduler or persistence engine not found",
        ),
        (
            "-A -f 1\n-a -f 2 -r 10.0.0.1\n-D -f 3\n-A -f 2\n",
            0,
            "stdin:2: -a -f 2 -r 10.0.0.1: Service not defined",
        ),
        ("-A -f 1\n-D -f 3\n", 255, "stdin:2: -D -f 3: No such service"),
    ],
)
def test_a_refusal_does_not_stop(text: str, expected: int, refused: str) -> None:
    """It is reported; the rest is carried out, and the status is that of the last rule."""
    fill()
    status, out, errors = run("ipvsfast-restore", stdin=text)
    assert (status, out) == (expected, "")
    assert refused in errors
    with Ipvs() as ipvs:
        assert 1 in [service.key.fwmark for service in ipvs.services()]


def test_other_commands_among_the_rules() -> None:
    """A listing is printed at its place; -h ends the run, and what follows it is not even looked at."""
    assert run("ipvsfast-restore", stdin="-A -f 1\n-S -n\n-A -f 2\n-S -n\n") == (
        0, "-A -f 1 -s wlc\n-A -f 1 -s wlc\n-A -f 2 -s wlc\n", ""
    )  # fmt: skip
    status, out, errors = run("ipvsfast-restore", stdin="-A -f 3\n-h\n-A -f 0\n")
    assert (status, errors) == (0, "")
    assert "Usage:" in out
    assert [service.key.fwmark for service, _ in table()] == [3]
    status, out, errors = run("ipvsfast-restore", stdin="-A -f 4\n-L -f 5\n-A -f 6\n")
    assert (status, errors) == (1, "stdin:2: -L -f 5: No such service\n")
    assert [service.key.fwmark for service, _ in table()] == [4]


@pytest.mark.parametrize("argv", [("ipvsfast-save",), ("ipvsfast-save", "-n"), ("ipvsfast-restore",)])
def test_without_the_capability(argv: tuple[str, ...]) -> None:
    """The two lines once, and status 2; ipvsadm's -restore says them twice."""
    status, out, errors = run(*argv, stdin="-A -f 1\n", prefix=NOBODY)
    assert (status, out) == (2, "")
    assert errors == "Can't initialize ipvs: Permission denied (you must be root)\n" + HOPE


def test_a_full_disk_is_an_error() -> None:
    """A truncated save must not look like a good one."""
    fill()
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [program("ipvsfast-save"), "-n"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (
        1,
        b"cannot write to standard output: No space left on device\n",
    )


def test_a_reader_that_leaves() -> None:
    """`| head` ends it quietly."""
    assert run("ipvsfast", "-R", stdin=rules(400, 50))[0] == 0
    done = subprocess.run(
        ["sh", "-c", f"{program('ipvsfast-save')} -n | head -1"], capture_output=True, check=True
    )
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


def test_interrupted_while_it_reads() -> None:
    """Ctrl-C before the input has ended changes nothing."""
    fill()
    before = table()
    with subprocess.Popen(
        [program("ipvsfast-restore")], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin is not None and child.stderr is not None
        child.stdin.write(b"-A -f 1\n")
        child.stdin.flush()
        wait_until_read(child.stdin.fileno(), child)
        child.send_signal(signal.SIGINT)
        assert (child.wait(30), child.stderr.read()) == (130, b"")
    assert table() == before


def test_the_same_as_the_real_one(compat: Path) -> None:
    """Valid input to ipvsadm-restore of the distribution and to ours: same status, output and table."""
    real = (
        "/usr/sbin/ipvsadm-restore"
        if os.path.exists("/usr/sbin/ipvsadm-restore")
        else "/sbin/ipvsadm-restore"
    )
    if not os.path.exists(real):
        cannot_run("ipvsadm is not installed")
    fill()
    text = run("ipvsfast-save", "-n")[1]
    inputs = [
        text,
        "",
        "#c\n-A -f 9\n -A -f 10 -s rr\n",
        "-A -f 9\n-L -n -f 9\n",
        "-A -f 1\r\n\r\n-a -f 1 -r 10.0.0.1\r\n",
    ]
    for given in inputs:
        results = []
        for path in (real, f"{compat}/ipvsadm-restore"):
            run("ipvsfast", "-A", "-f", "77")
            results.append((run(path, "-z", "word", stdin=given), table()))
        assert results[0] == results[1]
