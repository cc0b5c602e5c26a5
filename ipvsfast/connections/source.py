"""Where connections are read from: what is asked for, and what the machine's administrator allows."""

from __future__ import annotations

import errno
import os

from ..errors import InvalidValue, IpvsError
from ..policy import CONFIG, only_proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.types import SourceName

SOURCES = ("auto", "proc", "bpf")
VARIABLE = "IPVSFAST_CONNECTIONS_SOURCE"
# Below so many connections the kernel's text is read before a BPF program is loaded.
BREAK_EVEN = 5000


def check_source(text: str) -> SourceName:
    """One of SOURCES, from text in any case; InvalidValue for anything else."""
    source = text.lower()
    if source not in SOURCES:
        raise InvalidValue(f"no source of connections {text!r}: {', '.join(SOURCES)}")
    return source  # type: ignore[return-value]  # it was looked up


def chosen_source(asked: str | None, path: str = CONFIG) -> SourceName:
    """The source to use: what was asked for, else what the environment says, else "auto".

    A line `connections-source = proc` in the configuration forbids all others to everybody: what is
    asked for explicitly is then an IpvsError (EACCES), what was left open is "proc".
    """
    default = os.environ.get(VARIABLE) or "auto"
    if default not in SOURCES:
        raise InvalidValue(f"{VARIABLE}={default}: {', '.join(SOURCES)} can be chosen")
    wanted = check_source(default if asked is None else asked)
    if wanted != "proc" and only_proc(path):
        if wanted == "bpf":
            raise IpvsError(errno.EACCES, f"reading connections by BPF is forbidden by {path}")
        return "proc"
    return wanted
