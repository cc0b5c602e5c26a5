"""Standard output whose reader has gone, with SIGPIPE as it usually is, and ignored by the caller."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from support.command import program


def into_a_closed_pipe(*argv: str, ignored: bool) -> tuple[int, str]:
    """(status, standard error) of a program whose output nobody reads from the start."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        # Python ignores SIGPIPE itself, and passes that on unless it is told to restore it.
        done = subprocess.run(
            argv,
            stdout=writing,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            restore_signals=not ignored,
        )
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@pytest.fixture
def ipvsadm(tmp_path: Path) -> str:
    """Our program under that name."""
    link = tmp_path / "ipvsadm"
    link.symlink_to(program())
    return str(link)


def test_a_command_of_ipvsadm(ipvsadm: str) -> None:
    """Usually the signal ends it; where that came ignored it ends well, without a word, as ipvsadm does."""
    for path in (ipvsadm, program()):
        for option in ("-h", "-v"):
            assert into_a_closed_pipe(path, option, ignored=False) == (-signal.SIGPIPE, "")
            assert into_a_closed_pipe(path, option, ignored=True) == (0, "")


def test_a_verb() -> None:
    """What is ours says that it could not write."""
    for argv in (("restore", "--help"), ("conns", "--help")):
        assert into_a_closed_pipe(program(), *argv, ignored=False) == (-signal.SIGPIPE, "")
        message = "cannot write to standard output: Broken pipe\n"
        assert into_a_closed_pipe(program(), *argv, ignored=True) == (1, message)
