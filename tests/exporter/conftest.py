"""The exporter on a real kernel. A folder of its own, so that it can be run beside the others."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_namespace(netns: None) -> None:
    """No test can reach the machine's own table by forgetting to ask for a namespace."""
