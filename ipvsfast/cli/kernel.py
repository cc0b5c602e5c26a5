"""Reaching the kernel from the command line: open the table, load the module if need be."""

from __future__ import annotations

import os

from ..client import Ipvs
from ..errors import IpvsError, IpvsUnavailable
from .output import Failure

HOPE = "Are you sure that IP Virtual Server is built in the kernel or as module?"


def _modprobe() -> bool:
    """Whether /sbin/modprobe loaded ip_vs; what it has to say goes to standard error."""
    try:
        pid = os.posix_spawn("/sbin/modprobe", ["/sbin/modprobe", "--", "ip_vs"], os.environ)
    except OSError:
        return False
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def open_table() -> Ipvs:
    """The table of our own namespace; Failure (2) with ipvsadm's two lines if there is none."""
    try:
        try:
            return Ipvs()
        except IpvsUnavailable:
            # The kernel has tried already; modprobe says why it cannot be done.
            if not _modprobe():
                raise
            return Ipvs()
    except IpvsError as error:
        text = str(error.strerror)
        if not text.startswith("Can't"):
            text = f"Can't initialize ipvs: {text}"
        raise Failure(2, f"{text}\n{HOPE}") from None
