"""What the native command (csrc/front) tells us: how it was called, and what it has done already.

It uses an option of Python, `-X ipvsfast=PROGRAM,FD,FLAGS,NAME`: a variable would be inherited.
"""

from __future__ import annotations

import os
import sys

OPTION = "ipvsfast"
PROGRAMS = ("main", "save", "restore")


class Handed:
    """program: one of PROGRAMS. name: our own, as it was typed.

    fd: where to read what was done; -1: nothing was. pipe_ignored: SIGPIPE came ignored. directory: standard
    input is one. interrupt_held: SIGINT is blocked, for us to let it through.
    """

    __slots__ = ("program", "name", "fd", "pipe_ignored", "directory", "interrupt_held")

    def __init__(self, program: str, name: str, fd: int = -1, flags: str = "") -> None:
        self.program: str = program
        self.name: str = name
        self.fd: int = fd
        self.pipe_ignored: bool = "p" in flags
        self.directory: bool = "d" in flags
        self.interrupt_held: bool = "i" in flags


def handed() -> Handed:
    """What it told; without a native command, what our own name tells."""
    told = sys._xoptions.get(OPTION)
    if isinstance(told, str) and told.count(",") >= 3:
        program, fd, flags, name = told.split(",", 3)
        return Handed(program, name, int(fd), flags)
    # A script sees where it lies, however it was called.
    name = os.path.basename(sys.argv[0])
    end = name.rpartition("-")[2]
    return Handed(end if end in PROGRAMS else "main", name)
