"""Fixtures of installations."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.installing import pack


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of what we depend on, for installers that may ask no index."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    for name in ("cffi", "pycparser", "pip"):
        pack(name, folder)
    return folder


@pytest.fixture(scope="session")
def offline(wheelhouse: Path) -> tuple[str, str]:
    """Options of pip and uv."""
    return ("--no-index", f"--find-links={wheelhouse}")
