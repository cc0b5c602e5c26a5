"""Every test here has a network namespace, and so an IPVS table, of its own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_namespace(netns: None) -> None:
    """No test can reach the machine's own table by forgetting to ask for a namespace."""
