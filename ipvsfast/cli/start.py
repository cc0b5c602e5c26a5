"""The entry of the programs ipvsfast, ipvsfast-save and ipvsfast-restore, under whatever name."""

from __future__ import annotations

import os
import sys

from .handed import handed
from .interrupt import SIGINT, carried_out, let_through
from .output import guard_streams, leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .handed import Handed


def run(name: str = "") -> NoReturn:
    """Runs the command line of this process and ends it. name: instead of that by which we were called."""
    front = handed()
    interrupted = let_through(front.interrupt_held, front.fd >= 0)
    name = name or front.name
    if not front.pipe_ignored:
        # Like any filter: `| head` ends us quietly. The public module would import enum.
        import _signal  # type: ignore[import-not-found]

        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    guard_streams()
    if front.directory:
        _stand_in_directory()
    _be_seen_as(os.path.basename(name) or "ipvsfast")
    argv = sys.argv[1:]
    from .main import guarded

    work = lambda: _carry_out(front, argv, name, interrupted)  # noqa: E731
    restores = front.program == "restore" or argv[:1] in (["restore"], ["-R"], ["--restore"])
    leave(guarded(lambda: carried_out(work, restores and front.fd < 0), argv, name))


def _carry_out(front: Handed, argv: list[str], name: str, interrupted: bool) -> int:
    """The exit status of the program that was called, which the one in front of us may have begun.
    interrupted: Ctrl-C came since then."""
    done = None
    if front.fd >= 0:
        from .done import read_done

        done = read_done(front.fd)
        if done is not None and interrupted:
            done.interrupted = done.interrupted or SIGINT
    if front.program == "main":
        from .main import command_line

        return command_line(argv, name, done)
    from .scripts import restore, save

    return save(argv, name, done) if front.program == "save" else restore(argv, name, done)


def _stand_in_directory() -> None:
    """Python does not start with a directory as standard input; reading this one fails as that would."""
    fd = os.open("/", os.O_RDONLY)
    os.dup2(fd, 0)
    os.close(fd)


def _be_seen_as(name: str) -> None:
    """ps and killall know us by our name, not by Python's."""
    try:
        fd = os.open("/proc/self/comm", os.O_WRONLY)
    except OSError:
        return
    try:
        os.write(fd, os.fsencode(name))
    except OSError:
        pass
    os.close(fd)
