"""install-compat and remove-compat: the names of ipvsadm's three programs as links to ours."""

from __future__ import annotations

import os

from .installation import NAMES, programs_folder
from .output import ExitWith, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context


def install_verb(context: Context, options: dict[str, str], words: list[str]) -> int:
    """`ipvsfast install-compat`"""
    return install(words[0], context.program)


def remove_verb(context: Context, options: dict[str, str], words: list[str]) -> int:
    """`ipvsfast remove-compat`"""
    return remove(words[0])


def install(directory: str, program: str) -> int:
    """Puts the three names into `directory`; ExitWith (1), and nothing is made, if one of them is taken.

    program: how we were called.
    """
    folder = _folder(directory)
    home = programs_folder(program)
    links = [(f"{folder}/{name}", f"{home}/{script}") for name, script in NAMES]
    foreign = [path for path, target in links if os.path.lexists(path) and not _is_ours(path, target)]
    if foreign:
        raise taken(foreign, "Or choose a directory that comes earlier in PATH, such as /usr/local/sbin.")
    made: list[str] = []
    for path, target in links:
        try:
            if not link(path, target):
                made.append(path)
        except OSError as error:
            for done in made:
                os.unlink(done)
            raise ExitWith(1, f"cannot make {path}: {error.strerror}") from None
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
                raise ExitWith(1, f"cannot remove {path}: {error.strerror}") from None
            write(f"{path} removed\n")
    return 0


def _folder(directory: str) -> str:
    if not os.path.isdir(directory):
        raise ExitWith(1, f"{directory}: no such directory")
    return os.path.abspath(directory).rstrip("/")


def _is_ours(path: str, script: str) -> bool:
    """Whether `path` is a link to a script of that name. An older installation may lie elsewhere, or be
    gone, so the directory does not count."""
    return os.path.islink(path) and os.path.basename(os.readlink(path)) == os.path.basename(script)


def link(path: str, target: str) -> str:
    """Makes one link, in place of one if need be; what led there before, or "" if nothing did."""
    if not os.path.lexists(path):
        os.symlink(target, path)  # fails if somebody was quicker
        return ""
    before = os.readlink(path)
    if before != target:
        fresh = f"{path}.{os.getpid()}"
        os.symlink(target, fresh)
        try:
            os.rename(fresh, path)  # at no moment is the name missing
        except OSError:
            os.unlink(fresh)
            raise
    return before


def taken(paths: list[str], otherwise: str) -> ExitWith:
    """What is said where others have put something in the place of our links."""
    verb, what = ("is", "It") if len(paths) == 1 else ("are", "They")
    lines = [f"{', '.join(paths)} {verb} there already, not made by ipvsfast. Nothing was changed."]
    lines.append(f"{what} can be moved aside; on Debian its package has to know of it:")
    lines += [f"  dpkg-divert --local --rename --add {path}" for path in paths]
    return ExitWith(1, "\n".join([*lines, otherwise]))
