"""Fixtures for every test folder."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from support.netns import Namespace, fresh_namespace, named_namespace, why_no_ipvs
from support.require import cannot_run
from support.shim import build_shim

# Examples may take as long as they do: how long says more about the machine than about what is tested.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")

# A background job and nohup start us with these ignored, and what is ignored stays so in every program
# that a test starts and then signals. What has a handler gets its usual meaning there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for ended_by in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    if signal.getsignal(ended_by) is signal.SIG_IGN:
        signal.signal(ended_by, lambda number, frame: None)


# User-mode Linux may need one map of its host for each page of a process, and is granted 65530 by default.
MOST_MEMORY = 240 << 10  # in KiB


@pytest.fixture(scope="session", autouse=True)
def modest() -> Iterator[None]:
    """In user-mode Linux tests that need too much memory die by SIGSEGV, which tells nobody why."""
    yield
    with open("/proc/cpuinfo") as file:
        in_uml = "User Mode Linux" in file.read()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not in_uml or used < MOST_MEMORY, (
        f"the tests of one process needed {used} KiB at once: have smaller tables"
    )


@pytest.fixture(scope="session")
def ipvs_missing() -> str | None:
    """Why the running kernel cannot be used, found out once."""
    return why_no_ipvs()


@pytest.fixture
def netns(ipvs_missing: str | None) -> Iterator[None]:
    """The test runs in a network namespace of its own: an empty table, lo up."""
    if ipvs_missing:
        cannot_run(ipvs_missing)
    with fresh_namespace():
        yield


@pytest.fixture
def new_netns(ipvs_missing: str | None) -> Iterator[Callable[[], Namespace]]:
    """Makes namespaces that have a name and a path; they are deleted after the test."""
    if ipvs_missing:
        cannot_run(ipvs_missing)
    with ExitStack() as stack:
        yield lambda: stack.enter_context(named_namespace())


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that spoils or stops system calls, built for this run."""
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What commands remember of tables is kept in a folder of the test's own."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("IPVSFAST_STATE", str(folder))
    return folder
