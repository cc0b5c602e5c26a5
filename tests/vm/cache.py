"""The folder that keeps unpacked kernels between runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import CannotRunError

LOCK_SECONDS = 1200


def root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base).absolute() / "ipvsfast" / "vm"


def path(name: str) -> Path:
    return root() / name


def filled(name: str, fill: Callable[[Path], None]) -> Path:
    """The cache entry `name`, filled by `fill(folder)` if it is not there yet."""
    entry = path(name)
    if os.path.isdir(entry):
        return entry
    try:
        root().mkdir(parents=True, exist_ok=True)
        lock = open(root() / "lock", "w")
    except OSError as error:
        raise CannotRunError(
            f"the cache folder {root()} cannot be written ({error.strerror}); "
            "set XDG_CACHE_HOME to a folder that can"
        ) from error
    with lock, _locked(lock.fileno()):
        if os.path.isdir(entry):
            return entry
        for leftover in root().glob("*.partial"):
            shutil.rmtree(leftover, ignore_errors=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{name}-", suffix=".partial", dir=root()))
        try:
            fill(partial)
            partial.chmod(0o755)
            partial.rename(entry)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return entry


@contextlib.contextmanager
def _locked(fd: int) -> Iterator[None]:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CannotRunError(f"another run has been filling {root()} for {LOCK_SECONDS} s") from None
            time.sleep(0.2)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
