"""Programs of another processor, carried out by QEMU's user mode: what it takes that any process can start them."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

from .errors import CannotRunError
from .programs import need

MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}
BINFMT = Path("/proc/sys/fs/binfmt_misc")
# The package's own words for the kernel: which files, and who runs them. A container's system has not read them.
SETTINGS = "/usr/lib/binfmt.d"


def own_architecture() -> str:
    """This machine's, by its Debian name."""
    dpkg = need("dpkg", "dpkg", "to know the architecture")
    return subprocess.run(
        [dpkg, "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()


def enable(architecture: str) -> None:
    """The kernel starts programs of that architecture from now on, if it does not yet."""
    machine = MACHINES[architecture]
    if machine == platform.machine():
        return
    name = f"qemu-{machine}"
    settings = Path(SETTINGS, f"{name}.conf")
    if not settings.exists():
        raise CannotRunError(
            f"{settings} is missing, to run programs of {architecture}: install qemu-user-static"
        )
    if not (BINFMT / "register").exists():
        mount = need("mount", "mount", "to tell the kernel who runs programs of another architecture")
        done = subprocess.run(
            [mount, "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CannotRunError(f"binfmt_misc, to run programs of {architecture}: {done.stderr.strip()}")
    if (BINFMT / name).exists():
        return
    try:
        (BINFMT / "register").write_text(settings.read_text())
    except OSError as error:
        raise CannotRunError(
            f"{settings} cannot be given to {BINFMT / 'register'}: {error.strerror}"
        ) from error
