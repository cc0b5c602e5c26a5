"""Live counters where the kernel does not allow them: refused before anything is read, with what would help."""

from __future__ import annotations

import errno
import os

import pytest

from ipvsfast import Ipvs, Service
from ipvsfast.errors import KernelError
from ipvsfast.kernel.live_reader import LiveReader
from ipvsfast.kernel.session import Session
from ipvsfast.kernel.table_reading import Reading
from support import bpf_rights, live_rights
from support.bpf_kernel import setting
from support.bpf_rights import ENOUGH, MISSING, attempt
from support.live import opened, outcome, read_quietly
from support.live_traffic import apply

SERVICES = 3


@pytest.fixture(autouse=True)
def filled() -> None:
    apply(Ipvs(), [(Service.tcp(f"10.0.0.{n}", 80), []) for n in range(SERVICES)])


def refusal(session: Session) -> str:
    with pytest.raises(KernelError) as caught:
        LiveReader(session)
    assert caught.value.strerror.startswith("live counters cannot be read: ")
    return caught.value.strerror


@pytest.mark.parametrize("given", ENOUGH)
def test_enough_rights(given: tuple[str, ...]) -> None:
    """Those that reading connections takes."""
    assert attempt(live_rights.__file__, *given) == (0, SERVICES, "")


@pytest.mark.parametrize(("given", "missing"), MISSING)
def test_missing_rights_are_named(given: tuple[str, ...], missing: str) -> None:
    """Which ones are missing, and for what."""
    reason = bpf_rights.refusal(live_rights.__file__, *given)
    assert f"this process has not {missing};" in reason and "reading live counters with BPF" in reason, reason


def test_root_of_a_user_namespace() -> None:
    """All capabilities there are none here."""
    assert "outside of user namespaces" in bpf_rights.refusal(live_rights.__file__, "--unshare")


def test_without_the_compiler(session: Session) -> None:
    """The sysctl that would help is named; afterwards it works."""
    with setting("/proc/sys/net/core/bpf_jit_enable", "0"):
        assert "net.core.bpf_jit_enable=1" in refusal(session)
    with opened(session) as reader:
        assert len(read_quietly(reader)[0]) == SERVICES


def test_hidden_addresses(session: Session, reader: LiveReader) -> None:
    """With kptr_restrict 2 nobody sees them, but who has opened a reader goes on."""
    with setting("/proc/sys/kernel/kptr_restrict", "2"):
        assert "kernel.kptr_restrict=1" in refusal(session)
        assert len(read_quietly(reader)[0]) == SERVICES
    with setting("/proc/sys/kernel/kptr_restrict", "1"), opened(session) as other:
        assert len(read_quietly(other)[0]) == SERVICES


def test_after_fork(session: Session, reader: LiveReader) -> None:
    """The memory is the parent's: the child is refused, the parent goes on."""
    read_quietly(reader)
    child = os.fork()
    if not child:
        os._exit(outcome(lambda: reader.read(Reading())))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.ECHILD
    assert len(read_quietly(reader)[0]) == SERVICES


def test_nothing_is_left_open(session: Session) -> None:
    """Neither descriptors nor mappings, after closing or without it, or after a refusal."""

    def held() -> tuple[int, int]:
        with open("/proc/self/maps") as maps:
            return len(os.listdir("/proc/self/fd")), maps.read().count("bpf-map")

    def use(closed: bool) -> None:
        reader = LiveReader(session)
        reader.read(Reading())
        assert held()[1] == before[1] + 1
        if closed:
            reader.close()
            assert outcome(lambda: reader.read(Reading())) == errno.EBADF

    before = held()
    for number in range(6):
        use(closed=bool(number % 2))
    with setting("/proc/sys/kernel/kptr_restrict", "2"):
        refusal(session)
    assert held() == before
