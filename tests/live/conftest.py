"""Live counters: every test has a network namespace, and so a table, of its own. They need a kernel with BPF."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ipvsfast.kernel.live_reader import LiveReader
from ipvsfast.kernel.session import Session
from support.live import opened, require_bpf


@pytest.fixture(autouse=True)
def own_namespace(netns: None) -> None:
    """No test can reach the machine's own table by forgetting to ask for a namespace."""
    require_bpf()


@pytest.fixture
def session() -> Iterator[Session]:
    one = Session()
    yield one
    one.close()


@pytest.fixture
def reader(session: Session) -> Iterator[LiveReader]:
    with opened(session) as one:
        yield one
