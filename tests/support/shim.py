"""The library that stops, spoils or counts system calls of a program that is started with it (faults.c)."""

from __future__ import annotations

import subprocess
from pathlib import Path


def build_shim(folder: Path) -> Path:
    """Builds it; a program has it by LD_PRELOAD, and FAULT says what is to happen."""
    shim = folder / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True, timeout=120)
    return shim
