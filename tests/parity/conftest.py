"""One worker for all parity tests; skipped where there is no IPVS to administer or no ipvsadm."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest
from parity.arena import Arena
from parity.programs import THEIRS
from parity.randomness import EXAMPLES, PLAYED, SEED

from support.front_reader import by_front
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


# Where command lines are played a second time, through the native front, if it takes them.
THROUGH_FRONT = ("cases", "connections", "listings", "matrix", "random", "random_tables")


def has_nothing_for_front(item: pytest.Item) -> bool:
    """Whether a test would only repeat what Python has shown."""
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    if params.get("arena") != "front":
        return False
    words = params["case"].argv if "case" in params else params.get("words")
    words = words.split() if isinstance(words, str) else words
    through = item.path.stem.removeprefix("test_") in THROUGH_FRONT
    whole = words is not None and item.originalname != "test_one_service"
    return not through or (whole and by_front(list(words)) is None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if has_nothing_for_front(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session", params=["python", "front"])
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    if os.geteuid() != 0 or not os.path.exists("/proc/net/ip_vs"):
        cannot_run("a kernel with IPVS and root are needed: python -m tests.vm -- pytest tests/parity")
    if not os.path.exists(THEIRS):
        cannot_run(f"{THEIRS} is missing: install ipvsadm")
    load_what_deadlocks()
    arena = Arena(request.param == "front")
    try:
        yield arena
    finally:
        arena.close()
