"""The same command carried out by the native front, and by Python alone: what both leave behind."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import subprocess
import termios
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from ipvsfast import Ipvs
from support.command import program
from support.netns import fresh_namespace

ALONE = {"IPVSFAST_FRONT": "off"}
NATIVE = {"IPVSFAST_FRONT": "require"}
SECONDS = 60


class Left(NamedTuple):
    """What a command leaves behind. table: services with their destinations, these in the kernel's order."""

    status: int
    stdout: bytes
    stderr: bytes
    table: list[list[str]]


def table() -> list[list[str]]:
    """The table of this namespace. The order of services is another one in every namespace."""
    with Ipvs() as ipvs:
        return sorted([repr(service), *map(repr, destinations)] for service, destinations in ipvs.table())


@contextlib.contextmanager
def filled(rules: str) -> Iterator[None]:
    """A namespace of its own, with these rules, of which none may be wrong."""
    with fresh_namespace():
        if rules:
            subprocess.run(
                [program(), "restore", "-q"], input=rules.encode(), check=True, env=os.environ | ALONE
            )
        yield


def left(argv: list[str], stdin: bytes = b"", rules: str = "", **settings: Any) -> Left:
    """What a command does to a table of its own that holds `rules`."""
    settings["env"] = os.environ | settings.pop("env", {})
    with filled(rules):
        done = subprocess.run(
            argv, input=stdin, capture_output=True, check=False, timeout=SECONDS, **settings
        )
        return Left(done.returncode, done.stdout, done.stderr, table())


def assert_alike(argv: list[str], stdin: bytes = b"", rules: str = "", **settings: Any) -> Left:
    """The front and Python alone do the same; what it is."""
    ours = left(argv, stdin, rules, **settings)
    assert ours == left(argv, stdin, rules, env=settings.pop("env", {}) | ALONE, **settings)
    return ours


def waiting(pipe: int) -> int:
    """Bytes in a pipe that nobody has read."""
    number = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, number)
    return number[0]


def wait_until_read(pipe: int, child: subprocess.Popen[bytes]) -> None:
    """All that was written to the pipe has been taken out of it, or nobody will."""
    end = time.monotonic() + SECONDS
    while waiting(pipe) and child.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.001)


def left_by_pieces(argv: list[str], pieces: list[bytes], env: dict[str, str]) -> Left:
    """The same for a command that gets its input piece by piece, each when the one before was read."""
    reader, writer = os.pipe()
    with (
        fresh_namespace(),
        subprocess.Popen(
            argv, stdin=reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | env
        ) as child,
    ):
        for piece in pieces:
            with contextlib.suppress(BrokenPipeError):
                os.write(writer, piece)
            wait_until_read(reader, child)
        os.close(writer)
        stdout, stderr = child.communicate(timeout=SECONDS)
        os.close(reader)
        return Left(child.returncode, stdout, stderr, table())
