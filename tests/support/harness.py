"""Running the VM harness as its users do: a command line, from the root of the tree."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def harness(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.vm", *arguments]
