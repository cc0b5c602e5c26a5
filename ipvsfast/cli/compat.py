"""install-compat and remove-compat: the names of ipvsadm's three programs as links to ours."""

from __future__ import annotations

import os
import sys

from .output import Failure, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = (
    ("ipvsadm", "ipvsfast"),
    ("ipvsadm-save", "ipvsfast-save"),
    ("ipvsadm-restore", "ipvsfast-restore"),
)
PROGRAMS = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore", "ipvsfast-python")


def install(directory: str, program: str) -> int:
    """Puts the three names into `directory`; Failure (1), and nothing is made, if one of them is taken.

    program: how we were called.
    """
    folder = _folder(directory)
    scripts = _scripts(program)
    links = [(f"{folder}/{name}", f"{scripts}/{script}") for name, script in NAMES]
    taken = [path for path, target in links if os.path.lexists(path) and not _is_ours(path, target)]
    if taken:
        raise Failure(1, _advice(taken))
    made: list[str] = []
    for path, target in links:
        try:
            if _link(path, target):
                made.append(path)
        except OSError as error:
            for done in made:
                os.unlink(done)
            raise Failure(1, f"cannot make {path}: {error.strerror}") from None
    write("".join([f"{path} -> {target}\n" for path, target in links]))
    return 0


def remove(directory: str) -> int:
    """Takes those of the three names that are our links out of `directory`; what is not ours stays."""
    folder = _folder(directory)
    for name, script in NAMES:
        path = f"{folder}/{name}"
        if not os.path.lexists(path):
            write(f"{path} is not there\n")
        elif not _is_ours(path, script):
            write(f"{path} is not ours and stays\n")
        else:
            try:
                os.unlink(path)
            except OSError as error:
                raise Failure(1, f"cannot remove {path}: {error.strerror}") from None
            write(f"{path} removed\n")
    return 0


def _folder(directory: str) -> str:
    if not os.path.isdir(directory):
        raise Failure(1, f"{directory}: no such directory")
    return os.path.abspath(directory).rstrip("/")


def _is_ours(path: str, script: str) -> bool:
    """Whether `path` is a link to a script of that name. An older installation may lie elsewhere, or be
    gone, so the directory does not count."""
    return os.path.islink(path) and os.path.basename(os.readlink(path)) == os.path.basename(script)


def _link(path: str, target: str) -> bool:
    """Makes one link; True if there was none before."""
    if not os.path.lexists(path):
        os.symlink(target, path)  # fails if somebody was quicker
        return True
    if os.readlink(path) != target:
        fresh = f"{path}.{os.getpid()}"
        os.symlink(target, fresh)
        try:
            os.rename(fresh, path)  # at no moment is the name missing
        except OSError:
            os.unlink(fresh)
            raise
    return False


def _advice(taken: list[str]) -> str:
    verb, what = ("is", "It") if len(taken) == 1 else ("are", "They")
    lines = [f"{', '.join(taken)} {verb} there already, not made by ipvsfast. Nothing was changed."]
    lines.append(f"{what} can be moved aside; on Debian its package has to know of it:")
    lines += [f"  dpkg-divert --local --rename --add {path}" for path in taken]
    lines.append("Or choose a directory that comes earlier in PATH, such as /usr/local/sbin.")
    return "\n".join(lines)


def _scripts(program: str) -> str:
    """The directory with our programs, absolute."""
    for place in _places(program):
        # Where there are only links to them, the Python part is missing.
        if all(os.access(f"{place}/{name}", os.X_OK) for name in PROGRAMS):
            return place
    names = ", ".join([script for _, script in NAMES])
    raise Failure(1, f"cannot find the programs {names}: is ipvsfast installed?")


def _places(program: str) -> Iterator[str]:
    """Where they may be, likeliest first."""
    # As it was called, for that may be a link to the folder of the version in use; then where that leads.
    for folder in [""] if "/" in program else os.get_exec_path():
        called = os.path.abspath(os.path.join(folder, program))
        if os.path.exists(called):
            yield os.path.dirname(called)
            yield os.path.dirname(os.path.realpath(called))
            break
    yield os.path.dirname(os.path.abspath(sys.argv[0]))
    if sys.executable:  # `python -m ipvsfast`; not resolved, so that a virtual environment stays one
        yield os.path.dirname(os.path.abspath(sys.executable))
    from sysconfig import get_path, get_preferred_scheme

    yield get_path("scripts")
    yield get_path("scripts", get_preferred_scheme("user"))
