"""Every test here has a network namespace, and so an IPVS table, of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that spoils or stops system calls (faults.c), built for this run."""
    built = tmp_path_factory.mktemp("shim") / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", built, source, "-ldl"], check=True, timeout=120)
    return built


@pytest.fixture(autouse=True)
def own_namespace(netns: None) -> None:
    """No test can reach the machine's own table by forgetting to ask for a namespace."""


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What commands remember of tables is kept in a folder of the test's own."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("IPVSFAST_STATE", str(folder))
    return folder
