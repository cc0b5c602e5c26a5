"""User-mode Linux: the kernel as an ordinary process, with the caller's file tree as its root."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import cache
from .console import Machine
from .errors import CannotRunError
from .job import GUEST_SCRIPTS, Job
from .kernels import Kernel
from .packages import Suite
from .programs import need

BOOT_SECONDS = 60.0
SYSTEM_LOADER = b"/lib64/ld-linux-x86-64.so.2\0"
LOADER = "ld-linux-x86-64.so.2"


def prepare(kernel: Kernel) -> Path:
    """The folder with the kernel, its C library and its modules."""
    if os.uname().machine != "x86_64":
        raise CannotRunError(
            f"the packaged kernels are for x86_64, this is {os.uname().machine}; use -k host, as root"
        )
    need("modprobe", "kmod", "to load IPVS in the guest")
    need("ip", "iproute2", "to bring up the guest's network")
    return cache.filled(f"{kernel.name}-{kernel.suite}", lambda folder: _fill(kernel, folder))


def _fill(kernel: Kernel, folder: Path) -> None:
    work = folder / "work"
    suite = Suite(kernel.suite, work)
    tree = folder / "tree"
    version = suite.unpack(kernel.package, tree)
    # The kernel may want a newer C library than this machine has: it gets its own suite's.
    libc = suite.unpack("libc6", work / "libc")
    for name in (LOADER, "libc.so.6"):
        found = next((p for p in (work / "libc").rglob(name) if not p.is_symlink()), None)
        if found is None:
            raise CannotRunError(f"libc6 {libc} of suite {kernel.suite!r} holds no {name}")
        shutil.copy(found, folder / name)
    binary = tree / "usr/bin/linux.uml"
    if not binary.exists():
        binary = tree / "usr/bin/linux"
    (folder / "linux").write_bytes(patch_loader(binary.read_bytes()))
    (folder / "linux").chmod(0o755)
    binary.unlink()
    (module_folder,) = (tree / "usr/lib/uml/modules").iterdir()
    module_folder.rename(folder / "modules")
    shutil.rmtree(tree)
    shutil.rmtree(work)
    (folder / "versions").write_text(f"{kernel.package} {version}\nlibc6 {libc}\n")


def patch_loader(binary: bytes) -> bytes:
    """Point a program at the dynamic loader in its working directory.

    Starting it through the loader instead would not do: the kernel lays its memory out after the
    program's own data segment, and starts itself again through /proc/self/exe.
    """
    if binary.count(SYSTEM_LOADER) != 1:
        raise CannotRunError("the packaged kernel does not name its loader as expected")
    return binary.replace(SYSTEM_LOADER, f"./{LOADER}".encode().ljust(len(SYSTEM_LOADER), b"\0"))


def modules(folder: Path) -> Path:
    return folder / "modules"


def boot(folder: Path, job: Job, memory: int) -> Machine:
    """Start the kernel on a job; `memory` is in MiB."""
    argv = [
        "./linux",
        f"mem={memory}M",
        "rootfstype=hostfs",
        "rootflags=/",
        "rw",
        "con=null",
        "con0=null,fd:1",
        f"uml_dir={job.folder}/",
        "umid=uml",
        "oops=panic",
        "panic=-1",
        "loglevel=4",
        "init=/bin/sh",
        "--",
        f'"{GUEST_SCRIPTS}/uml.sh"',
        str(job.folder),
    ]
    env = {"LD_LIBRARY_PATH": str(folder), "HOME": str(job.folder)}
    shared = os.statvfs("/dev/shm") if os.path.ismount("/dev/shm") else None
    if shared is None or shared.f_bavail * shared.f_frsize < memory << 20:
        # The guest's memory is a sparse file: a small /dev/shm would run full beneath it.
        env["TMPDIR"] = str(folder)
    return Machine(argv, folder, env)
