"""Taking the kernel module away."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.command import run
from support.require import cannot_run

LOADER = Path("/proc/sys/kernel/modprobe")


def loaded() -> list[str]:
    """Names of the IPVS modules that are there."""
    return [
        line.split()[0] for line in Path("/proc/modules").read_text().splitlines() if line.startswith("ip_vs")
    ]


def unload(seconds: float = 60, for_good: bool = False) -> None:
    """Removes them all. Namespaces that are gone may hold them for a moment still. for_good: the kernel
    cannot load them again, until LOADER has its text of before."""
    if for_good:
        LOADER.write_text("/bin/false")
    end = time.monotonic() + seconds
    while True:
        modules = sorted(loaded(), key=lambda name: name == "ip_vs")
        done = [
            subprocess.run(["rmmod", name], capture_output=True, text=True, check=False, timeout=30)
            for name in modules
        ]
        if not loaded():
            return
        assert time.monotonic() < end, [one.stderr for one in done]
        time.sleep(0.1)


@contextmanager
def module_afterwards() -> Iterator[None]:
    """Whatever a test does, the next one finds the module."""
    if "ip_vs" not in loaded():
        cannot_run("IPVS is built into this kernel, or its modules cannot be unloaded")
    loader = LOADER.read_text()
    yield
    LOADER.write_text(loader)
    run("-L")
