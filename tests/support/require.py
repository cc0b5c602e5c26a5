"""Skipping, unless everything is required to run."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRE_ALL_VARIABLE = "IPVSFAST_REQUIRE_ALL"


def cannot_run(reason: str) -> NoReturn:
    """Skip the test, or fail it where IPVSFAST_REQUIRE_ALL=1 says that nothing may be skipped."""
    if os.environ.get(REQUIRE_ALL_VARIABLE) == "1":
        pytest.fail(f"{reason} ({REQUIRE_ALL_VARIABLE}=1 makes this a failure)", pytrace=False)
    pytest.skip(reason, allow_module_level=True)
