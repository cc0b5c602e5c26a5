"""The native front leaves a command to Python at any point, and nobody can tell from what is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys

import pytest

from ipvsfast import Ipvs
from support.command import program, rules
from support.front import ALONE, NATIVE, assert_alike, left, left_by_pieces, wait_until_read

SEED = 20
TEXTS = int(os.environ.get("IPVSFAST_FRONT_TEXTS", "24"))
SERVICES = ["-t 10.0.0.1:80", "-u 10.0.0.1:53", "-f 7", "-f 7 -6", "-t [2001:db8::1]:80"]
SERVERS = ["192.168.0.1:80", "192.168.0.2:80", "192.168.0.3:53", "[2001:db8::9]:80", "192.168.0.1:0"]
OTHERS = [
    "# a comment", "", "   ", "-Ln", "-S -n", "-L --timeout", "--set 9 8 7", "-D -t 10.0.0.1:80", "-C",
    "-E -t 10.0.0.1:80 -s wrr", "-Z", "-A -t 10.0.0.9:80", "-A -t localhost:80 -s rr", "foo", "-A -t",
    "-A -t 10.0.0.1:99999", "-a -t 10.0.0.1:80 -r 192.168.0.9", "ipvsadm -A -f 9 -s rr", "-R", "-A -f 3 -s nosuch",
    "-e -f 7 -r 192.168.0.1:0 -g -w 9", "-A -f 5 -s rr \r", "-v",
]  # fmt: skip


def some_text(random: random.Random) -> bytes:
    """Rules, most of them right, some of them twice, with a few lines that are more than that."""
    odd = random.choice([0.0, 0.02, 0.2])
    lines = []
    for _ in range(random.choice([1, 5, 40, 400])):
        service = random.choice(SERVICES)
        if random.random() < odd:
            lines.append(random.choice(OTHERS))
        elif random.random() < 0.2:
            lines.append(f"-A {service} -s {random.choice(['rr', 'mh', 'wlc'])}")
        else:
            server = random.choice(SERVERS)
            method = "-i" if ("[" in service) != ("[" in server) else random.choice(["-m", "-i"])
            lines.append(f"-a {service} -r {server} {method} -w {random.randrange(9)}")
    text = "\n".join(lines).encode()
    return text if random.random() < 0.2 else text + b"\n"


def some_pieces(random: random.Random, text: bytes) -> list[bytes]:
    """The text, cut anywhere."""
    cuts = sorted(random.randrange(len(text) + 1) for _ in range(random.choice([0, 1, 3, 8])))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True) if end > start]


@pytest.mark.parametrize("number", range(TEXTS))
def test_restore_cut_at_random_places(number: int) -> None:
    """-R of a text that comes in pieces: output, status, and the table in its order are those of Python alone."""
    chance = random.Random(SEED * 1000 + number)
    pieces = some_pieces(chance, some_text(chance))
    argv = [program(), "-R"]
    assert left_by_pieces(argv, pieces, {}) == left_by_pieces(argv, pieces, ALONE)


LARGE = rules(60, 90)  # more than one portion of 2,048 operations, and more than one chunk


@pytest.mark.parametrize(
    "text",
    [
        LARGE,
        LARGE + "-A -t 10.0.0.1:80 -s rr\n",
        LARGE + "foo\n" + LARGE,
        LARGE.replace("-a -t 10.0.0.30:80", "-a -t 10.0.0.30:81"),
        LARGE + "#" + "x" * 300_000 + "\n-A -f 1 -s rr\n",
        LARGE + "#" + "x" * 300_000,
        "-A -f 1 -s mh\n" + "".join(f"-a -f 1 -r 10.1.{n >> 8}.{n & 255}:0 -g -w 1\n" for n in range(5250)),
        "",
        "\n",
        "-A -f 1 -s rr",
        "\0",
    ],
    ids=lambda text: f"{text[-30:].strip()!r} {len(text)}",
)
@pytest.mark.parametrize("name", ["ipvsfast", "ipvsfast-restore"])
def test_large_and_odd_texts(name: str, text: str) -> None:
    """Refusals and odd lines beyond the first portion, lines longer than a chunk, a scheduler that gives up."""
    argv = [program(name), *(["-R"] if name == "ipvsfast" else [])]
    assert_alike(argv, text.encode())


OLD = "-A -t 10.0.0.1:80 -s rr\n" + "".join(
    f"-a -t 10.0.0.1:80 -r 10.1.0.{n}:80 -m -w 1\n" for n in range(1, 60)
)
OLD += "-A -f 3 -s wlc\n-a -f 3 -r 10.2.0.1:0 -g -w 1\n-A -u 10.0.0.9:53 -s rr\n"
NEW = [
    OLD,
    "-A -f 4 -s rr\n" + OLD,
    "-A -f 4 -s rr\n-A -u 10.0.0.9:53 -s rr\n-a -f 4 -r 10.2.0.1:0 -g -w 1\n-a -u 10.0.0.9:53 -r 10.2.0.9:53 -m -w 1\n",
    "-A -f 4 -s rr\n--set 7 8 9\n-a -f 4 -r 10.2.0.1:0 -g -w 1\n-a -f 4 -r 10.2.0.1:0 -g -w 1\n",
    "-A -f 4 -s rr\n-A -f 4 -s rr\n-a -f 4 -r 10.2.0.1:0 -g -w 1\n",
    "-a -f 4 -r 10.2.0.1:0 -g -w 1\n-A -f 4 -s rr\n",
    "-A -t 10.0.0.1:80 -s nosuch\n",
    "--set 7 8 9\n",
    "-A -f 4 -s rr\nfoo\n",
    "-A -f 4 -s rr\n-a -f 4 -r 10.2.0.1\n",
]


@pytest.mark.parametrize("name", ["ipvsfast-restore", "ipvsadm-restore"])
@pytest.mark.parametrize("text", NEW, ids=range(len(NEW)))
def test_the_table_is_replaced(name: str, text: str) -> None:
    """Rules that stay, go and come, refused ones, wrong ones, none: as Python alone has it."""
    argv = ["bash", "-c", f'exec -a {name} "$0"', program("ipvsfast-restore")]
    assert_alike(argv, text.encode(), OLD)


def some_rules(random: random.Random) -> str:
    """Canonical rules without refusals, services in pieces and destinations in any order."""
    services = [service for service in SERVICES if random.random() < 0.8] or SERVICES[:1]
    lines = [f"-A {service} -s rr" for service in services]
    pairs = [(service, number) for service in services for number in range(1, 9) if random.random() < 0.6]
    for service, number in random.sample(pairs, len(pairs)):
        port = service.rpartition(":")[2] if ":" in service else "0"
        lines.append(f"-a {service} -r 10.1.0.{number}:{port} -i -w 1 --tun-type ipip")
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("number", range(TEXTS // 4))
def test_any_table_by_any_other(number: int) -> None:
    """Native throughout, with the destinations in the order that Python alone brings them into."""
    chance = random.Random(SEED * 1000 + number)
    old, new = some_rules(chance), some_rules(chance)
    argv = [program("ipvsfast-restore")]
    done = left(argv, new.encode(), old, env=NATIVE)
    assert done == left(argv, new.encode(), old, env=ALONE)
    assert (done.status, done.stderr) == (0, b"")


def test_plain_replacements_are_native() -> None:
    """Python is not needed where all lines are canonical and none is refused."""
    for text in NEW[:3]:
        done = left([program("ipvsfast-restore")], text.encode(), OLD, env=NATIVE)
        assert (done.status, done.stderr) == (0, b"")


WORDS = [
    "-A -t 10.0.0.1:80 -s rr", "-A -t 10.0.0.2:80 -s nosuch", "-E -t 10.0.0.2:80 -s rr", "-D -f 9", "-D -f 3",
    "-a -f 3 -r 10.2.0.1 -g", "-a -f 3 -r 10.2.0.2 -g", "-a -f 3 -r 224.0.0.1", "-a -f 9 -r 10.2.0.1",
    "-a -f 3 -r 10.2.0.3 -x 5 -y 9", "-e -f 3 -r 10.2.0.9", "-e -f 3 -r 10.2.0.1 -w 9", "-d -f 3 -r 10.2.0.1",
    "-d -f 3 -r 10.2.0.9", "-d -f 9 -r 10.2.0.9", "-Z", "-Z -f 3", "-Z -f 9", "-C", "--set 1 2 3",
    "-Ln", "-Ln --nosort -f 3", "-Ln -f 3", "-Ln -f 9", "-Ln --stats --exact", "-S -n", "-L --timeout", "-Lnc",
    "-Lnc --persistent-conn", "-Ln --tun-info", "-Ln --persistent-conn -t 10.0.0.1:80", "-Ln --thresholds", "-Ln --rate",
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS)
def test_one_command(words: str) -> None:
    """Changes, refused ones too, and listings."""
    assert_alike([program(), *words.split()], rules=OLD)


TOLD_IN_PYTHON = ["-a -f 3 -r 10.2.0.3 -x 5 -y 9"]


@pytest.mark.parametrize(
    "words", [words for words in WORDS if words not in TOLD_IN_PYTHON and words not in ("-Ln -f 9",)]
)
def test_they_are_native(words: str) -> None:
    """None of these starts Python, but for a sentence that is not ipvsadm's."""
    assert b"require" not in left([program(), *words.split()], rules=OLD, env=NATIVE).stderr


def test_clearing_a_large_table() -> None:
    """-C of many destinations leaves nothing, natively."""
    assert left([program(), "-C"], rules=LARGE, env=NATIVE) == (0, b"", b"", [])


def test_ctrl_c_while_it_waits_for_rules() -> None:
    """What was read is in force and counted, and the status is 130."""
    for env in ({}, ALONE):
        reader, writer = os.pipe()
        argv = [program(), "-R"]
        with (
            subprocess.Popen(argv, stdin=reader, stderr=subprocess.PIPE, env=os.environ | env) as child,
            Ipvs() as ipvs,
        ):
            ipvs.flush()
            os.write(writer, b"-A -f 1 -s rr\n# nothing\n-A -f 2 -s rr\n\n")
            wait_until_read(reader, child)
            while len(ipvs.services()) < 2:
                pass
            child.send_signal(signal.SIGINT)
            assert child.wait(60) == 130
            assert child.stderr is not None
            assert child.stderr.read() == b"interrupted: 2 rules were sent, up to stdin:3\n"
        os.close(writer)
        os.close(reader)


@pytest.mark.parametrize(
    ("version", "count", "told"), [(1, 12, "12 rules were"), (3, 12, "12 rules were"), (3, 1, "1 rule was")]
)
def test_a_python_part_of_another_version(version: int, count: int, told: str) -> None:
    """An upgrade while a command runs: nothing is done twice, and how far it came is told."""
    head = b"IPVS" + b"".join(
        number.to_bytes(size, sys.byteorder)
        for number, size in [(version, 4), (3, 4), (0, 4), (count, 8), (34, 8), (0, 64)]
    )
    fd = os.memfd_create("ipvsfast")
    os.write(fd, head + b"-A -f 1 -s rr\n")
    os.lseek(fd, 0, os.SEEK_SET)
    argv = [program("python"), "-I", "-X", f"ipvsfast=main,{fd},,ipvsadm", program("ipvsfast-python"), "-R"]
    done = subprocess.run(
        argv, pass_fds=[fd], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    os.close(fd)
    assert done.returncode == 1
    assert done.stderr == (
        f"another version was installed while this command ran; at least {told} sent, up to line 34\n"
    )
    with Ipvs() as ipvs:
        assert ipvs.services() == []
