"""Fixtures for every test folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from support.netns import Namespace, fresh_namespace, named_namespace, why_no_ipvs
from support.require import cannot_run


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
