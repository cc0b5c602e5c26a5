"""Values that no test can bring about, put into the kernel's replies on their way to both programs."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path

import pytest
from parity.arena import Arena, Space
from parity.compare import lines
from parity.programs import Result

from support.command import program
from support.require import cannot_run

HERE = Path(__file__).resolve().parent
RULES = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 192.168.0.1:80 -i -w 1 --tun-type gue --tun-port 5 --tun-csum
-A -t [2001:db8::1]:80 -s rr
-a -t [2001:db8::1]:80 -r [2001:db8::2]:8080 -m -w 1
-A -f 7 -s rr
"""
MAX32 = 2**32 - 1
FITTING = [
    "0 0 0 0 0 0 0 0 0 0",
    "1 22 333 4444 55555 666666 7777777 88888888 99999999 100000000",
    "99999999 100000000 999999999 1000000000 99999999999 99999999 100000000 999999999 1000000000 4294967295",
    f"{MAX32} {MAX32} {MAX32} 99999999999 100000000000 {MAX32} {MAX32} {MAX32} {MAX32} {MAX32}",
    f"1 1 1 {2**64 - 1} 99999999999999 1 1 1 1 1",
    f"1 1 1 100000000000000 {2**63} 1 1 1 1 1",
]
VIEWS = ["-Ln --stats", "-Ln --stats --exact", "-Ln --rate", "-Ln --rate -X", "-Ln --stats -t 10.0.0.1:80"]
SERVICE, SERVER = f"{'TCP  10.0.0.1:80':<33}", f"{'  -> 192.168.0.1:80':<33}"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library that changes the replies."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        cannot_run("a C compiler is needed to build tests/parity/inject.c")
    built = tmp_path_factory.mktemp("inject") / "inject.so"
    words = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", built, HERE / "inject.c", "-ldl"]
    subprocess.run([*words, "-I", HERE.parents[1] / "csrc/uapi"], check=True, timeout=120)
    return str(built)


def both(space: Space, library: str, words: str, **values: str) -> list[Result]:
    environment = (("LD_PRELOAD", library), *[(f"PARITY_{name}", text) for name, text in values.items()])
    argv = words.split()
    return [space.run(how, *argv, environment=environment) for how in ("theirs", program())]


@pytest.mark.parametrize("view", VIEWS)
def test_numbers(arena: Arena, library: str, view: str) -> None:
    """Counters and rates at every border of the scaling are printed alike."""
    with arena.space(RULES) as space:
        for numbers in FITTING:
            theirs, ours = both(space, library, view, STATS=numbers)
            assert ours[:3] == theirs[:3]
            assert theirs.status == 0
            assert " 0 " not in numbers or numbers == FITTING[0] or b"99999999" in ours.stdout


@pytest.mark.quirk("6")
@pytest.mark.parametrize(
    ("view", "numbers", "service", "their_server", "our_server"),
    [
        ("--stats", f"{2**32} {10**14 - 1} {10**14} {2**64 - 1} 12345678901 0 0 0 0 0",
         "    4294M   99999G     100T18446744T   12345M",
         "        0  276447K  276447K18446744T   12345M",
         "    4294M   99999G     100T18446744T   12345M"),
        ("--rate", f"0 0 0 0 0 {2**32} {2**32 + 1} {2**32 + 2} {2**32 + 3} 99999999999",
         "    4294M    4294M    4294M    4294M   99999M",
         "        0        1        2        3    1215M",
         " 4294967296 4294967297 4294967298    4294M   99999M"),
        ("--stats --exact", f"{2**32 + 7} 1 2 3 4 0 0 0 0 0",
         " 4294967303        1        2        3        4",
         "        7        1        2        3        4",
         " 4294967303        1        2        3        4"),
    ],
)  # fmt: skip
def test_large_server_counters(
    arena: Arena, library: str, view: str, numbers: str, service: str, their_server: str, our_server: str
) -> None:
    """ipvsadm keeps the low 32 bits of what it prints of a server; ipvsfast prints all of it."""
    with arena.space(RULES) as space:
        theirs, ours = both(space, library, f"-Ln {view} -t 10.0.0.1:80", STATS=numbers)
    assert lines(theirs.stdout)[2:] == [SERVICE + service, SERVER + their_server]
    assert lines(ours.stdout)[2:] == [SERVICE + service, SERVER + our_server]


@pytest.mark.parametrize("method", ["0", "1", "2", "3", "4", "5"])
def test_forwarding_methods(arena: Arena, library: str, method: str) -> None:
    """Methods that the kernel never reports, known and unknown ones."""
    with arena.space(RULES) as space:
        for words in ("-Ln", "-Ln --tun-info", "-S -n"):
            theirs, ours = both(space, library, words, FORWARD=method)
            assert ours[:3] == theirs[:3]


def test_negative_weight(arena: Arena, library: str) -> None:
    """A weight below zero is signed in some views and unsigned in another."""
    with arena.space(RULES) as space:
        for words in ("-Ln", "-Ln --tun-info", "-Ln --persistent-conn", "-Ln --thresholds", "-S -n"):
            theirs, ours = both(space, library, words, WEIGHT="-1")
            assert ours[:3] == theirs[:3]


@pytest.mark.quirk("36")
def test_unknown_tunnel_flags(arena: Arena, library: str) -> None:
    """Both checksum flags at once: ipvsadm prints a null pointer or crashes; ipvsfast names the number."""
    with arena.space(RULES) as space:
        theirs, ours = both(space, library, "-Ln --tun-info -t 10.0.0.1:80", TUNNEL_FLAGS="3")
        assert b" gue:5:(null)  " in theirs.stdout
        assert b"(null)" not in ours.stdout
        theirs, ours = both(space, library, "-S -n", TUNNEL_FLAGS="3")
        # What printf makes of a null pointer depends on how ipvsadm was built.
        assert theirs.status == -11 or b" --tun-port 5 (null)\n" in theirs.stdout
        assert ours.status == 0


COMMANDS = {"-L --timeout": 13, "-L --daemon": 11}


@pytest.mark.quirk("22")
@pytest.mark.parametrize("words", COMMANDS)
def test_refused_readings(arena: Arena, library: str, words: str) -> None:
    """A failure to read timeouts or daemons is silent in ipvsadm; ipvsfast says why, with its status."""
    with arena.space() as space:
        theirs, ours = both(space, library, words, ERROR=f"{COMMANDS[words]} {errno.ENOMEM}")
    assert theirs[:3] == (1, b"", b"")
    assert ours[:3] == (1, b"", b"Memory allocation problem\n")


REFUSALS = {
    "-A -t 10.0.0.9:80": 1, "-E -t 10.0.0.1:80": 2, "-D -t 10.0.0.1:80": 3, "-Z": 16, "-Z -t 10.0.0.1:80": 16,
    "-a -t 10.0.0.1:80 -r 1.2.3.4": 5, "-e -t 10.0.0.1:80 -r 1.2.3.4": 6, "-d -t 10.0.0.1:80 -r 1.2.3.4": 7,
    "-C": 17, "--set 1 2 3": 12, "--start-daemon master": 9, "--stop-daemon master": 10,
}  # fmt: skip
# What depends on the request, and what does not.
NUMBERS = [errno.ENOENT, errno.ESRCH, errno.EEXIST, errno.EINVAL]
OTHERS = [
    errno.EPERM, errno.ENOMEM, errno.ENODEV, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EAFNOSUPPORT,
    errno.EMSGSIZE, errno.ERANGE, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EBUSY,
]  # fmt: skip


FAILING_LISTINGS = {"-Ln -t 10.0.0.1:80": 4, "-Ln -f 7": 8, "-Ln": 4, "-L": 4, "-S -n": 8, "-S": 4}


@pytest.mark.parametrize("words", REFUSALS)
def test_refusals(arena: Arena, library: str, words: str) -> None:
    """What an error of the kernel is called depends on the request; all of it alike."""
    with arena.space(RULES) as space:
        for number in NUMBERS + (OTHERS if words in ("-C", "--start-daemon master") else []):
            theirs, ours = both(space, library, words, ERROR=f"{REFUSALS[words]} {number}")
            assert (number, ours.status, ours.stderr) == (number, theirs.status, theirs.stderr)
            assert ours.stdout == theirs.stdout == b""


@pytest.mark.quirk("L")
@pytest.mark.parametrize("words", FAILING_LISTINGS)
def test_failing_listings(arena: Arena, library: str, words: str) -> None:
    """A listing that cannot be had: the same status and message, but not half of the listing before it."""
    with arena.space(RULES) as space:
        for number in [*NUMBERS, errno.EPERM, errno.ENOPROTOOPT]:
            theirs, ours = both(space, library, words, ERROR=f"{FAILING_LISTINGS[words]} {number}")
            if number == errno.ESRCH and FAILING_LISTINGS[words] == 8:
                # Only a service that was deleted meanwhile has no servers to be asked for.
                assert (theirs.status, theirs.stderr, ours.status) == (1, b"No such service\n", 0)
                continue
            if number == errno.ESRCH and "10.0.0.1" not in words:
                continue  # the kernel has no such answer to a dump of all services
            assert (number, ours.status, theirs.status) == (number, 1, 1)
            assert ours.stderr.rstrip(b"\n").startswith(theirs.stderr.rstrip(b"\n"))
            assert ours.stdout == b""
