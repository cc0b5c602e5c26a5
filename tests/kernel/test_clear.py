"""-C is one request, whatever happens around it: the table is whole or empty, and comes back as fast as it can."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from ipvsfast import Ipvs, KernelError, Service
from ipvsfast.changes.replace import empty_for_restore
from ipvsfast.kernel.session import Session
from support.command import program, rules, run
from support.front import ALONE
from support.held import held

pytestmark = pytest.mark.usefixtures("netns")

# More than one send of the usual length, also where the services are deleted as a whole.
LISTED = rules(8, 200)
BLOCKS = [LISTED.splitlines(True)[at : at + 201] for at in range(0, 1608, 201)]
# Added the other way round: the kernel has them as they are listed.
BACKWARDS = "".join(line for block in BLOCKS for line in [block[0], *reversed(block[1:])])


def clear(shim: Path, fault: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(), "-C"], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "LD_PRELOAD": str(shim), "FAULT": fault, **env},
    )  # fmt: skip


@pytest.mark.parametrize("who", ["front", "python"])
@pytest.mark.parametrize("text", [LISTED, BACKWARDS], ids=["by service", "one by one"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_leaves_all_or_nothing(
    shim: Path, monkeypatch: pytest.MonkeyPatch, who: str, text: str, number: signal.Signals
) -> None:
    """Whatever ends it at its send, which is the only one: no rule of a table is left over."""
    if who == "python":
        monkeypatch.setenv("IPVSFAST_FRONT", "off")
    run("-R", stdin=text)
    assert run("-S", "-n").stdout == LISTED
    with held(shim, "stop:1", "-C") as command:
        command.signal(number)
        left = run("-S", "-n").stdout
        assert left == "" or (left == LISTED and command.status)
    run("-C")
    run("-R", stdin=text)
    with pytest.raises(AssertionError, match="ended before"), held(shim, "stop:2", "-C"):
        pass
    assert run("-S", "-n").stdout == ""


@pytest.mark.parametrize("env", [{}, ALONE], ids=["front", "python"])
@pytest.mark.parametrize("fault", ["nomem:1", "nobufs:1", "toolong:1", "short:1"])
def test_a_send_that_is_too_long_is_made_short(shim: Path, env: dict[str, str], fault: str) -> None:
    """No memory for it, no buffer of that size, half of it gone: the plain request follows, and does it all."""
    run("-R", stdin=BACKWARDS)
    done = clear(shim, fault, **env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run("-S", "-n").stdout == ""


@pytest.mark.parametrize("number", range(2, 6))
def test_a_table_that_cannot_be_read_is_deleted_all_the_same(shim: Path, number: int) -> None:
    """The reading is for the speed of what comes later."""
    run("-R", stdin=BACKWARDS)
    done = clear(shim, f"lost:{number}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run("-S", "-n").stdout == ""


def test_python_that_cannot_read_it_deletes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, whatever the failure is."""
    for error in (KernelError(5, "no"), MemoryError()):
        run("-R", stdin=LISTED)
        with Ipvs() as ipvs, monkeypatch.context() as patched:

            def fail(*_: object, error: BaseException = error, **__: object) -> None:
                raise error

            patched.setattr(Session, "read", fail)
            assert empty_for_restore(ipvs.session) == 0
        assert run("-S", "-n").stdout == ""


def test_deletions_by_others_in_between() -> None:
    """Thousands of refusals, more than there is room for, are no result: everything is deleted, the session goes on."""
    run("-R", stdin=BACKWARDS)
    with Ipvs() as ipvs:
        reading = ipvs.session.read()
        assert run("-C").returncode == 0
        ipvs.add_service(Service.mark(7))
        assert ipvs.session.clear(reading) == 0
        assert ipvs.services() == []
        ipvs.add_service(Service.mark(8))
        assert [service.key.fwmark for service in ipvs.services()] == [8]


def test_the_old_entries_come_back_in_order() -> None:
    """-R of what -S printed gives the same listing, however the kernel had it before."""
    for text in (LISTED, BACKWARDS):
        run("-R", stdin=text)
        before = run("-S", "-n").stdout
        assert run("-C").returncode == 0
        assert run("-R", stdin=before).returncode == 0
        assert run("-S", "-n").stdout == before == LISTED
        assert run("-C").returncode == 0
