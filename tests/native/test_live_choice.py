"""When counters are read live, and what is done where that cannot be: with a reader that fails as is asked."""

from __future__ import annotations

import errno
import time
from typing import Any

import pytest

from ipvsfast import InvalidValue, IpvsUnavailable, KernelError, TableChanging
from ipvsfast.kernel import live_reader
from ipvsfast.kernel.table_reading import Reading
from ipvsfast.model.table_filter import TableFilter
from ipvsfast.stats import sources
from ipvsfast.stats.sources import STEPS, AutoSource, LiveSource, source_of

REFUSED = KernelError(errno.EPERM, "live counters need CAP_BPF")
GONE = IpvsUnavailable(errno.ENOENT, "no IPVS")


class Session:
    """What is read from it, and what asking for the kernel's version gives."""

    def __init__(self) -> None:
        self.read_by: list[str] = []
        self.failure: KernelError | None = None

    def read(self, into: Reading, scope: int, before: Any = None) -> None:
        self.read_by.append("kernel")

    def info(self) -> tuple[int, int]:
        if self.failure is not None:
            raise self.failure
        return 0, 0


class Kernel:
    """How the readers behave. opening, reading: what the next attempts fail with, None where they do not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.session = Session()
        self.opening: list[KernelError | None] = []
        self.reading: list[KernelError | None] = []
        self.opened = self.closed = 0
        self.wanted: list[TableFilter | None] = []
        self.now = 1000.0
        self.forbidden = False
        kernel = self

        class Reader:
            """In the place of LiveReader."""

            def __init__(self, session: object) -> None:
                kernel.opened += 1
                if kernel.opening and (failure := kernel.opening.pop(0)):
                    raise failure

            def read(self, into: Reading, wanted: TableFilter | None = None) -> None:
                kernel.session.read_by.append("live")
                kernel.wanted.append(wanted)
                if kernel.reading and (failure := kernel.reading.pop(0)):
                    raise failure

            def close(self) -> None:
                kernel.closed += 1

        monkeypatch.setattr(live_reader, "LiveReader", Reader)
        monkeypatch.setattr(sources, "no_live_counters", lambda: self.forbidden)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def poll(self, source: Any, estimating: bool | None = True) -> list[str]:
        """What one reading has read from."""
        self.session.read_by.clear()
        source.read(Reading(), None, estimating)
        return self.session.read_by


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """One that refuses nothing."""
    return Kernel(monkeypatch)


def auto(kernel: Kernel, interval: float | None) -> AutoSource:
    """The source, with an interval."""
    source = AutoSource(kernel.session)  # type: ignore[arg-type]
    source.interval = interval
    return source


@pytest.mark.parametrize(
    ("interval", "estimating", "name"),
    [
        (None, True, "sockopt"),
        (None, None, "sockopt"),
        (None, False, "live"),
        (2.0, True, "sockopt"),
        (1.99, True, "live"),
        (0.05, None, "live"),
        (60, False, "live"),
    ],
)
def test_when_auto_is_live(
    kernel: Kernel, interval: float | None, estimating: bool | None, name: str
) -> None:
    """Below two seconds, and where the kernel refreshes nothing; else no program is loaded."""
    source = auto(kernel, interval)
    assert kernel.poll(source, estimating) == ["live" if name == "live" else "kernel"]
    assert (source.name, source.note) == (name, "")
    assert kernel.opened == (name == "live")


def test_the_interval_may_change(kernel: Kernel) -> None:
    """The next reading goes by it; the program stays loaded."""
    source = auto(kernel, 2.0)
    assert kernel.poll(source) == ["kernel"]
    for interval, expected in ((0.5, "live"), (5.0, "kernel"), (0.1, "live")):
        source.interval = interval
        assert kernel.poll(source) == [expected]
    assert (kernel.opened, kernel.closed) == (1, 0)


def test_auto_without_the_right(kernel: Kernel) -> None:
    """The kernel's counters, and why, in one sentence that stays the same; half a minute later a new try."""
    source = auto(kernel, 0.5)
    kernel.opening = [REFUSED, REFUSED]
    for _ in range(3):
        assert kernel.poll(source) == ["kernel"]
        assert source.name == "sockopt"
        assert source.note == f"{STEPS}; live counters cannot be had: live counters need CAP_BPF"
    assert kernel.opened == 1
    assert kernel.poll(source, False) == ["kernel"]
    assert source.note == "live counters cannot be had: live counters need CAP_BPF"
    kernel.now += 31
    assert kernel.poll(source) == ["kernel"]
    kernel.now += 31
    assert kernel.poll(source) == ["live"]
    assert (source.name, source.note, kernel.opened) == ("live", "", 3)


def test_what_is_forbidden_is_not_tried(kernel: Kernel) -> None:
    """auto says by what, live is refused."""
    kernel.forbidden = True
    source = auto(kernel, 0.5)
    assert kernel.poll(source) == ["kernel"]
    assert source.note.endswith("reading live counters is forbidden by /etc/ipvsfast.conf")
    with pytest.raises(sources.IpvsError, match="is forbidden by") as caught:
        kernel.poll(LiveSource(kernel.session))  # type: ignore[arg-type]
    assert (caught.value.errno, kernel.opened) == (errno.EACCES, 0)


@pytest.mark.parametrize("name", ["auto", "live"])
def test_the_module_goes_and_comes(kernel: Kernel, name: str) -> None:
    """It is told as ever, not hidden by another source; a new program is loaded for the new module."""
    source: Any = source_of(name, kernel.session)  # type: ignore[arg-type]
    source.interval = 0.5
    assert kernel.poll(source) == ["live"]
    kernel.reading = [KernelError(errno.ENODEV, "removed")]
    kernel.session.failure = GONE
    with pytest.raises(IpvsUnavailable):
        kernel.poll(source)
    kernel.opening = [KernelError(errno.ENOENT, "no table"), None]
    with pytest.raises(IpvsUnavailable):
        kernel.poll(source)
    kernel.session.failure = None
    assert kernel.poll(source) == ["live"]
    assert kernel.closed == 1


@pytest.mark.parametrize("name", ["auto", "live"])
def test_a_module_that_was_replaced_as_others_have_told(kernel: Kernel, name: str) -> None:
    """The reading goes on with the new one."""
    source: Any = source_of(name, kernel.session)  # type: ignore[arg-type]
    source.interval = 0.5
    kernel.poll(source)
    kernel.reading = [KernelError(errno.ENODEV, "replaced")]
    assert kernel.poll(source) == ["live", "live"]
    assert (kernel.opened, kernel.closed) == (2, 1)


def test_a_reader_that_fails_in_the_middle(kernel: Kernel) -> None:
    """auto reads the kernel's counters and says why, until it works again; live is an error."""
    source = auto(kernel, 0.5)
    kernel.poll(source)
    broken = KernelError(errno.EINVAL, "counters that cannot be")
    kernel.reading = [broken, broken]
    assert kernel.poll(source) == ["live", "live", "kernel"]
    assert source.note.endswith("counters that cannot be")
    kernel.now += 31
    assert kernel.poll(source) == ["live"]
    live: Any = source_of("live", kernel.session)  # type: ignore[arg-type]
    kernel.reading = [broken, broken]
    with pytest.raises(KernelError, match="that cannot be"):
        kernel.poll(live)


def test_a_table_that_is_being_resized(kernel: Kernel) -> None:
    """One reading comes from the kernel; the next one is live, by the same program."""
    source = auto(kernel, 0.5)
    kernel.poll(source)
    kernel.reading = [TableChanging(errno.EAGAIN, "it changes its size")]
    assert kernel.poll(source) == ["live", "kernel"]
    assert source.name == "sockopt"
    assert kernel.poll(source) == ["live"]
    assert (kernel.opened, kernel.closed) == (1, 0)


def test_opened_before_it_is_wanted(kernel: Kernel) -> None:
    """Who gives up privileges can have it later."""
    source = auto(kernel, 5.0)
    source.open()
    kernel.opening = [REFUSED]
    assert kernel.poll(source) == ["kernel"]
    source.interval = 0.1
    assert kernel.poll(source) == ["live"]
    live: Any = source_of("live", kernel.session)  # type: ignore[arg-type]
    with pytest.raises(KernelError, match="need CAP_BPF"):
        live.open()


def test_the_filter_is_the_programs(kernel: Kernel) -> None:
    """The reader is told what is wanted."""
    wanted = TableFilter(service="10.0.0.1:443")
    kernel.poll(source_of("live", kernel.session, wanted))  # type: ignore[arg-type]
    assert kernel.wanted == [wanted]


def test_no_such_source(kernel: Kernel) -> None:
    """It is an error at once."""
    with pytest.raises(InvalidValue, match="auto, live, netlink, sockopt, not 'bpf'"):
        source_of("bpf", kernel.session)  # type: ignore[arg-type]
