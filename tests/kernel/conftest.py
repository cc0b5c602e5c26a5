"""Every test here has a network namespace, and so an IPVS table, of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_namespace(netns: None, own_state: Path) -> None:
    """No test can reach the machine's own table, or what is remembered of it, by forgetting to ask."""
