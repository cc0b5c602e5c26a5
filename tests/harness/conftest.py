"""Fixtures that boot a VM."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

import pytest

from support.harness import ROOT, Run, harness
from support.require import cannot_run

LIMIT_SECONDS = 300


@pytest.fixture(scope="session")
def kernel_ready() -> None:
    """The kernel to boot is in the cache folder."""
    done = subprocess.run(
        harness("--fetch"), cwd=ROOT, capture_output=True, text=True, check=False, timeout=1800
    )
    if done.returncode:
        cannot_run(done.stderr)


@pytest.fixture
def vm(kernel_ready: None) -> Run:
    """Runs a command in the VM."""

    def run(command: Sequence[str], *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            harness(*options, "--", *command),
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )

    return run
