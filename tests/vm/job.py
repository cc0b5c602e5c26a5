"""One command to run in a guest: a folder that both sides see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from .errors import CannotRunError
from .programs import search_path
from .terminal import command_on_terminal

GUEST_SCRIPTS = Path(__file__).resolve().parent / "guest"
PASSED_NAMES = ("CI", "LANG", "HOME", "TERM")
PASSED_PREFIXES = ("IPVSFAST_", "PYTEST_", "HYPOTHESIS_", "LC_")
GUEST_JOB = Path("/run/vm/job")
FOLDER_PREFIX = "ipvsfast-vm-"
LOCK_NAME = "lock"
MODULES_VARIABLE = "IPVSFAST_VM_MODULES"
DEFAULT_MODULES = "ip_vs"
REPLACED_FOLDERS = ("/dev", "/proc", "/run", "/sys")


def passed_environment() -> dict[str, str]:
    """What of the caller's environment reaches the command."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_NAMES or name.startswith(PASSED_PREFIXES)
    }
    passed["PATH"] = f"/run/vm/bin:{search_path()}"
    # On a hostfs root run by an ordinary user, files that guest root makes below /tmp belong to
    # that user, and programs that check the owner of their temporary folder refuse it.
    passed["TMPDIR"] = "/run/vm/tmp"
    return passed


class Job:
    """The folder with the command, its two output files and its exit status. terminal: it has one."""

    def __init__(self, command: Sequence[str], modules: Path, terminal: bool = False) -> None:
        cwd = os.getcwd()
        for place in (cwd, str(GUEST_SCRIPTS)):
            if place.startswith(tuple(f"{folder}/" for folder in REPLACED_FOLDERS)):
                raise CannotRunError(f"{place} is not visible in the guest, which has its own /dev and /run")
        parent = _memory_folder() or tempfile.gettempdir()
        _remove_abandoned(Path(parent))
        self.folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=parent))
        self._lock = open(self.folder / LOCK_NAME, "w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        environment = "".join(
            f"export {name}={shlex.quote(value)}\n"
            for name, value in sorted(passed_environment().items())
            if name.isidentifier()
        )
        self._write("command", f"{environment}cd {shlex.quote(cwd)} || exit\nexec {shlex.join(command)}\n")
        load = os.environ.get(MODULES_VARIABLE, DEFAULT_MODULES)
        run = shlex.join(command_on_terminal(GUEST_JOB) if terminal else ["/bin/sh", f"{GUEST_JOB}/command"])
        settings = {"modules": str(modules), "load": load, "run": run}
        self._write("settings", "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items()))
        for stream in ("stdout", "stderr"):
            self._write(stream, "")

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def __enter__(self) -> Job:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def started(self) -> bool:
        return (self.folder / "started").exists()

    def status(self) -> int | None:
        """The command's exit status once it has ended."""
        try:
            return int((self.folder / "status").read_text())
        except FileNotFoundError:
            return None


class Stream:
    """An output file of the guest, copied to ours as it grows."""

    def __init__(self, source: Path, sink: BinaryIO) -> None:
        self._source = open(source, "rb")
        self._sink = sink

    def pump(self) -> None:
        while chunk := self._source.read(1 << 20):
            self._sink.write(chunk)
            self._sink.flush()

    def close(self) -> None:
        self._source.close()


def _memory_folder() -> str | None:
    # The guest writes through to these files; on a disk every line of output would cost a flush.
    folder = "/dev/shm"
    if os.access(folder, os.W_OK | os.X_OK) and os.path.ismount(folder):
        free = os.statvfs(folder)
        if free.f_bavail * free.f_frsize > 32 << 20:
            return folder
    return None


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of runs that were killed: nobody holds their lock any more."""
    for folder in parent.glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError), open(folder / LOCK_NAME, "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
