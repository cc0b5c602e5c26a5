"""The entry of the programs ipvsfast, ipvsfast-save and ipvsfast-restore, under whatever name."""

from __future__ import annotations

import os
import sys

from .handed import handed
from .output import guard_streams, leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run(name: str = "") -> NoReturn:
    """Runs the command line of this process and ends it. name: instead of that by which we were called."""
    front = handed()
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
    if front.program == "main":
        from .main import main

        leave(main(argv, name))
    from .main import guarded
    from .scripts import restore, save

    work = save if front.program == "save" else restore
    leave(guarded(lambda: work(argv, name), argv, name))


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
