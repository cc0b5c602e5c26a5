"""One worker for all parity tests; skipped where there is no IPVS to administer or no ipvsadm."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from parity.arena import Arena
from parity.programs import THEIRS
from parity.randomness import EXAMPLES, PLAYED, SEED

from support.netns import ADMIN_PATH
from support.require import cannot_run

pytest.register_assert_rewrite("parity.compare")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "quirk(number): shows a deliberate difference of docs/differences.md")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if PLAYED:
        played = ", ".join([f"{what}: {count}" for what, count in sorted(PLAYED.items())])
        terminalreporter.write_line(
            f"random command lines: {played}; IPVSFAST_PARITY_EXAMPLES={EXAMPLES} IPVSFAST_PARITY_SEED={SEED}"
        )


def load_what_deadlocks() -> None:
    """These two make sysctls for every namespace. Linux 6.1 loads them for `-s lblc` while it holds the
    table's lock, and then waits for the end of a namespace, which waits for that lock: nothing that
    touches IPVS or a namespace ever returns. Both are loaded before any namespace of ours ends."""
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{ADMIN_PATH}"}
    for name in ("ip_vs_lblc", "ip_vs_lblcr"):
        subprocess.run(["modprobe", name], env=environment, check=False, timeout=60)


@pytest.fixture(scope="session")
def arena() -> Iterator[Arena]:
    if os.geteuid() != 0 or not os.path.exists("/proc/net/ip_vs"):
        cannot_run("a kernel with IPVS and root are needed: python -m tests.vm -- pytest tests/parity")
    if not os.path.exists(THEIRS):
        cannot_run(f"{THEIRS} is missing: install ipvsadm")
    load_what_deadlocks()
    arena = Arena()
    try:
        yield arena
    finally:
        arena.close()
