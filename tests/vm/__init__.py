"""Runs a command as root on a real kernel with IPVS that is booted for it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from . import host, kernels, qemu, uml
from .console import watch
from .errors import CannotRunError, VmError, VmLostError
from .job import Job, Stream
from .terminal import Keyboard
from .terminal import check as check_terminal

__all__ = ["CannotRunError", "VmError", "VmLostError", "fetch", "run_in_vm"]

DEFAULT_TIMEOUT = 1800.0
DEFAULT_MEMORY = 2048


def fetch(kernel: str = "uml") -> Path | None:
    """Put a kernel into the cache folder unless it is there."""
    chosen = kernels.find(kernel)
    if chosen.backend == "host":
        host.check()
        return None
    return uml.prepare(chosen) if chosen.backend == "uml" else qemu.prepare(chosen)


def run_in_vm(
    command: Sequence[str],
    kernel: str = "uml",
    *,
    timeout: float = DEFAULT_TIMEOUT,
    memory: int = DEFAULT_MEMORY,
    stdout: BinaryIO | None = None,
    stderr: BinaryIO | None = None,
    terminal: bool = False,
) -> int:
    """Boot a kernel, run a command in it from the current directory, give its exit status.

    The guest sees the caller's files; standard input is empty, both outputs are copied as they come. With
    `terminal` the command has a terminal instead, which is the caller's.
    Raises CannotRunError if the kernel cannot be booted here and VmLostError if it went away or the
    command took longer than `timeout` seconds. `memory` is in MiB.
    """
    chosen = kernels.find(kernel)
    if terminal:
        check_terminal()
    if chosen.backend == "host":
        return host.run(command, timeout, terminal)
    backend = uml if chosen.backend == "uml" else qemu
    folder = backend.prepare(chosen)
    with Job(command, backend.modules(folder), terminal) as job:
        streams = (
            Stream(job.folder / "stdout", stdout or sys.stdout.buffer),
            Stream(job.folder / "stderr", stderr or sys.stderr.buffer),
        )
        try:
            keyboard: contextlib.AbstractContextManager[object] = (
                Keyboard(job.folder) if terminal else contextlib.nullcontext()
            )
            with backend.boot(folder, job, memory) as machine, keyboard:
                status = watch(machine, job, streams, boot_seconds=backend.BOOT_SECONDS, timeout=timeout)
            shortage = machine.shortage()
            if status and shortage:
                print(f"tests.vm: {shortage}", file=sys.stderr)
            return status
        finally:
            for stream in streams:
                stream.close()
