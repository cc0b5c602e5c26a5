"""Where this installation lies: its programs, and beside them its manual pages and completions."""

from __future__ import annotations

import os
import sys

from .output import ExitWith

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = (
    ("ipvsadm", "ipvsfast"),
    ("ipvsadm-save", "ipvsfast-save"),
    ("ipvsadm-restore", "ipvsfast-restore"),
)
# In a folder of links to them, the last is missing.
_ALL = (*[program for _, program in NAMES], "ipvsfast-python")


def programs_folder(program: str) -> str:
    """The folder with our programs, absolute. program: how we were called.

    What leads there is kept where it can be, for it may be a link to the version in use.
    """
    for place in _places():
        if _has_all(place):
            break
    else:
        raise ExitWith(1, f"cannot find the programs {', '.join(_ALL)}: is ipvsfast installed?")
    for other in _folders_of(program):
        if _has_all(other) and os.path.samefile(other, place):
            return other
    return place


def _has_all(folder: str) -> bool:
    return all(os.access(f"{folder}/{name}", os.X_OK) for name in _ALL)


def _places() -> Iterator[str]:
    """Where they may be, likeliest first."""
    yield os.path.dirname(os.path.abspath(sys.argv[0]))  # where the native command has found the Python part
    if sys.executable:  # `python -m ipvsfast`; not resolved, so that a virtual environment stays one
        yield os.path.dirname(os.path.abspath(sys.executable))
    from sysconfig import get_path, get_preferred_scheme

    yield get_path("scripts")
    yield get_path("scripts", get_preferred_scheme("user"))


def _folders_of(program: str) -> Iterator[str]:
    """The folder in which we were called, and those that links lead to from there, one after the other."""
    for folder in [""] if "/" in program else os.get_exec_path():
        path = os.path.abspath(os.path.join(folder, program))
        if os.path.exists(path):  # so the links have an end
            yield os.path.dirname(path)
            while os.path.islink(path):
                path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
                yield os.path.dirname(path)
            break
