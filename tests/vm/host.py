"""The running kernel, in a network namespace of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import CannotRunError, VmLostError
from .programs import need, search_path

IPVS_FILE = Path("/proc/net/ip_vs")


def check() -> None:
    """Make sure that the command could reach IPVS."""
    if os.geteuid() != 0:
        raise CannotRunError("-k host needs root; without it use the default kernel (-k uml)")
    if not IPVS_FILE.exists():
        modprobe = need("modprobe", "kmod", "to load IPVS")
        subprocess.run([modprobe, "-q", "ip_vs"], check=False, timeout=60)
    if not IPVS_FILE.exists():
        raise CannotRunError(
            f"the running kernel {os.uname().release} has no IPVS (tried: modprobe ip_vs); "
            "use the default kernel (-k uml)"
        )


def run(command: Sequence[str], timeout: float, terminal: bool = False) -> int:
    check()
    unshare = need("unshare", "util-linux", "to make a network namespace")
    need("ip", "iproute2", "to bring up the namespace's network")
    argv = [unshare, "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]
    process = subprocess.Popen(
        argv,
        stdin=None if terminal else subprocess.DEVNULL,
        env={**os.environ, "PATH": search_path()},
        start_new_session=not terminal,  # another session would have no terminal
    )
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise VmLostError(f"the command had not ended after {timeout:g} s") from None
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    return status if status >= 0 else 128 - status
