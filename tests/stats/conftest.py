"""Numbers over time. A folder, and so a process, apart: numpy takes memory that user-mode Linux has not."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_namespace(netns: None) -> None:
    """No test can reach the machine's own table by forgetting to ask for a namespace."""
