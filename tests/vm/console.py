"""The process that is the virtual machine, and what its console says."""

from __future__ import annotations

import collections
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from .errors import VmLostError
from .job import Job, Stream
from .programs import need

TAIL_LINES = 40
KEPT_LINES = 400
POLL_SECONDS = 0.02
# The kernel's words, at the end of a longer line.
OUT_OF_MAPS = "vm.max_map_count has been reached"
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|c)|[\r\x00-\x08]")


class Machine:
    """A running virtual machine; it is gone when the with block ends, however it ends."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        # setpriv: the machine dies with us even if we are killed outright.
        setpriv = need("setpriv", "util-linux", "to tie the VM's life to the harness")
        wrapped = [setpriv, "--pdeathsig", "KILL", "env", "-i"]
        wrapped += [f"{name}={value}" for name, value in env.items()]
        self._process = subprocess.Popen(
            [*wrapped, *argv],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._lines: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for raw in self._process.stdout:
            line = ESCAPES.sub("", raw.decode(errors="replace")).rstrip()
            if line:
                self._lines.append(line)

    def __enter__(self) -> Machine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._reader.join(timeout=5)

    def tail(self) -> list[str]:
        return list(self._lines)[-TAIL_LINES:]

    def panic(self) -> str | None:
        return next((line for line in self._lines if "Kernel panic" in line), None)

    def shortage(self) -> str | None:
        """Why a program in the machine may have died that did nothing wrong."""
        if not any(OUT_OF_MAPS in line for line in self._lines):
            return None
        return (
            f"this machine has no room for more of the guest's memory: vm.max_map_count is {_map_limit()}, and "
            "user-mode Linux needs up to one map for each page (4 KiB) of a process. A program in the guest "
            "that uses so much memory is killed by SIGSEGV. Use less in one process, or, as root: "
            "sysctl -w vm.max_map_count=1048576"
        )


def _map_limit() -> str:
    return Path("/proc/sys/vm/max_map_count").read_text().strip()


def watch(
    machine: Machine, job: Job, streams: Sequence[Stream], *, boot_seconds: float, timeout: float
) -> int:
    """Copy the command's output until it ends; its status, or an account of why there is none."""
    begin = time.monotonic()
    while True:
        ended = machine.ended()
        status = job.status()
        for stream in streams:
            stream.pump()
        if status is not None:
            return status
        elapsed = time.monotonic() - begin
        if ended:
            raise _lost(machine, "it ended before the command did", job)
        if elapsed > timeout:
            raise _lost(machine, f"the command had not ended after {timeout:g} s", job)
        if elapsed > boot_seconds and not job.started():
            raise _lost(machine, f"it was not ready after {boot_seconds:g} s", job)
        time.sleep(POLL_SECONDS)


def _lost(machine: Machine, reason: str, job: Job) -> VmLostError:
    machine.kill()
    if not job.started():
        reason += " (it never came up; another kernel may: see --list)"
    panic = machine.panic()
    if panic:
        reason += f": {panic}"
    return VmLostError(reason, machine.tail())
