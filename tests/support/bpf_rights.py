"""Opens a reading with few rights and prints `RESULT ROWS REASON`. A program: rights are given up for good. What is
here for tests starts it, and live_rights.py.

bpf_rights.py [--unshare] [--root] [--drop] CAPABILITY...: as user 65534 (--root: as root) with these
capabilities alone; --unshare: as root of a user namespace; --drop: gives all up after opening.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import subprocess
import sys

NUMBERS = {"net_admin": 12, "sys_admin": 21, "syslog": 34, "perfmon": 38, "bpf": 39}
ALL = ("bpf", "perfmon", "syslog")
# Three capabilities, or the administrator's in the place of two of them; any user, and none once it is open.
ENOUGH = (ALL, ("sys_admin", "syslog"), ("--root", *ALL), ("--drop", *ALL), ("--drop", "--root", *ALL))
# What is given, and what the refusal names.
MISSING = (
    (("perfmon", "syslog"), "CAP_BPF"),
    (("bpf", "syslog"), "CAP_PERFMON"),
    (("bpf", "perfmon"), "CAP_SYSLOG"),
    (("sys_admin",), "CAP_SYSLOG"),
    (("net_admin",), "CAP_BPF CAP_PERFMON CAP_SYSLOG"),
    ((), "CAP_BPF CAP_PERFMON CAP_SYSLOG"),
    (("--root",), "CAP_BPF CAP_PERFMON CAP_SYSLOG"),
)
NOBODY = 65534
PR_SET_KEEPCAPS = 8
CLONE_NEWUSER = 0x10000000
VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def attempt(program: str, *arguments: str) -> tuple[int, int, str]:
    """(result, rows, reason) of such a program with these rights, in the caller's namespace."""
    done = subprocess.run(
        [sys.executable, program, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    result, rows, reason = f"{done.stdout} ".split(" ", 2)
    return int(result), int(rows), reason.strip()


def refusal(program: str, *arguments: str) -> str:
    """Its reason, where it gets no row."""
    result, rows, reason = attempt(program, *arguments)
    assert (result, rows) == (-errno.EPERM, 0), reason
    return reason


def check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), "a right could not be given up")


def keep_only(names: list[str]) -> None:
    mask = sum(1 << NUMBERS[name] for name in names)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", VERSION_3, 0)
    data = struct.pack("=6I", low, low, 0, high, high, 0)
    check(_libc.capset(header, data))


def give_up(arguments: list[str]) -> None:
    """As the options say, but for --drop."""
    if "--unshare" in arguments:
        check(_libc.unshare(CLONE_NEWUSER))
    else:
        if "--root" not in arguments:
            check(_libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        keep_only([name for name in arguments if not name.startswith("--")])


def main(arguments: list[str]) -> None:
    from support.native_conns import Reading, Refused

    give_up(arguments)
    try:
        with Reading("bpf") as reading:
            if "--drop" in arguments:
                keep_only([])
            print(0, reading.count(), end="")
    except Refused as refusal:
        print(refusal.args[0], 0, refusal.args[1], end="")


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main(sys.argv[1:])
