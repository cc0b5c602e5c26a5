"""Faults between the program and a real kernel: a true account, no hang, and a rerun converges."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from ipvsfast import Batch, Ipvs, Service
from support.command import program, rules, run
from support.sockets import shrink_receive_buffers

pytestmark = pytest.mark.usefixtures("netns")


def spoiled(shim: Path, fault: str, *argv: str, stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(), *argv], input=stdin, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "LD_PRELOAD": str(shim), "FAULT": fault},
    )  # fmt: skip


@pytest.mark.parametrize("fault", ["nomem:2", "nobufs:2", "toolong:1", "eintr:2", "recv-eintr:3", "refuse:3"])
@pytest.mark.parametrize("scheduler", ["rr", "mh"])
def test_what_can_be_overcome_is(shim: Path, fault: str, scheduler: str) -> None:
    """Refused memory, full buffers, sends that are too long, signals: every rule arrives all the same."""
    text = rules(30, 60).replace("-s rr", f"-s {scheduler}")
    done = spoiled(shim, fault, "restore", stdin=text)
    assert done.returncode == 0, done.stderr
    assert run("-S", "-n").stdout == text


@pytest.mark.parametrize("argv", [("restore",), ("restore", "--keep-going"), ("-R",)])
def test_a_kernel_that_nobody_reaches(shim: Path, argv: tuple[str, ...]) -> None:
    """Every send fails: said at once, nothing done."""
    done = spoiled(shim, "refuse:1", *argv, stdin=rules(3, 60))
    assert done.returncode not in (0, 2)
    assert "Connection refused" in done.stderr
    assert run("-S", "-n").stdout == ""


@pytest.mark.parametrize("argv", [("restore",), ("restore", "--keep-going"), ("-R",)])
def test_half_a_batch_is_told(shim: Path, argv: tuple[str, ...]) -> None:
    """The kernel saw only half of what was sent: status not 0, no hang, and the rerun makes it whole."""
    text = rules(30, 60)
    done = spoiled(shim, "short:3", *argv, stdin=text)
    assert done.returncode not in (0, 2)
    assert "reply was lost" in done.stderr or "timed out" in done.stderr
    with Ipvs() as ipvs:
        there = sum(1 + len(dests) for _, dests in ipvs.table())
    assert 0 < there < 30 * 61
    assert run("restore", "--exist", "-q", stdin=text).returncode == 0
    assert run("-S", "-n").stdout == text


def test_lost_replies_are_unknown_outcomes() -> None:
    """A receive buffer too small for the refusals: what is not known is said to be unknown, not done."""
    with Ipvs() as ipvs:
        shrink_receive_buffers()
        batch = Batch()
        for n in range(1, 201):
            batch.add_service(Service.mark(n))
        ipvs.apply(batch).check()
        results = ipvs.apply(batch)  # 200 refusals, a handful of which fit
        codes = [r.errno for r in results]
        assert set(codes) == {errno.EEXIST, errno.ENOBUFS}
        known = codes.index(errno.ENOBUFS)
        assert codes[:known] == [errno.EEXIST] * known
        assert results.failed[-1].error is not None
        assert "reply was lost" in str(results.failed[-1].error)
        assert len(ipvs.services()) == 200  # the session goes on
