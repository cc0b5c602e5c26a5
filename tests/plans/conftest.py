"""What leads a table to a wanted one, and back. A folder, and so a process, apart: all tests that need a kernel
take more memory than one process has in user-mode Linux."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_namespace(netns: None, own_state: Path) -> None:
    """No test can reach the machine's own table, or what is remembered of it, by forgetting to ask."""
