"""Connections by BPF where the kernel does not allow it, stops to allow it, or loses its module."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from pathlib import Path

import pytest

from ipvsfast._native import ffi, lib
from support import bpf_entries, bpf_rights
from support.bpf_kernel import fill, fill_messages, refused, setting
from support.bpf_rights import ENOUGH, MISSING, attempt
from support.connections import start_daemon, stop_daemon
from support.native_conns import Reading, Refused, count, read
from support.netns import fresh_namespace
from support.tools import ROOT

ROWS = 10_000


@pytest.fixture
def filled() -> bool:
    """A table of ROWS connections that no daemon holds; False on kernels with another table."""
    if refused():
        return False
    start_daemon()
    fill(bpf_entries.plain(ROWS), ROWS)
    stop_daemon()
    return True


def test_enough_rights(filled: bool) -> None:
    """Three capabilities are enough, or the administrator's instead of two of them, for any user."""
    if not filled:
        return
    for given in ENOUGH:
        assert attempt(bpf_rights.__file__, *given) == (0, ROWS, ""), given


@pytest.mark.parametrize(("given", "missing"), MISSING)
def test_missing_rights_are_named(filled: bool, given: tuple[str, ...], missing: str) -> None:
    """Which ones are missing, and no row."""
    if not filled:
        return
    reason = bpf_rights.refusal(bpf_rights.__file__, *given)
    assert f"this process has not {missing};" in reason, reason


def test_root_of_a_user_namespace(filled: bool) -> None:
    """All capabilities there are none here, and the reason says so."""
    if not filled:
        return
    assert "outside of user namespaces" in bpf_rights.refusal(bpf_rights.__file__, "--unshare")


def test_without_the_compiler(filled: bool) -> None:
    """The sysctl that would help is named, also where the process cannot see it."""
    if not filled:
        return
    with setting("/proc/sys/net/core/bpf_jit_enable", "0"), pytest.raises(Refused) as caught:
        read("bpf")
    assert "net.core.bpf_jit_enable=1" in caught.value.args[1]
    assert count("bpf") == ROWS


def test_hidden_addresses(filled: bool) -> None:
    """With kptr_restrict 1 root sees them, with 2 nobody does."""
    if not filled:
        return
    with setting("/proc/sys/kernel/kptr_restrict", "1"):
        assert count("bpf") == ROWS
    with setting("/proc/sys/kernel/kptr_restrict", "2"), pytest.raises(Refused) as caught:
        read("bpf")
    assert (caught.value.args[0], "kernel.kptr_restrict=1" in caught.value.args[1]) == (-errno.EPERM, True)
    assert caught.value.args[1] in (ROOT / "docs/connections.md").read_text()
    assert count("bpf") == ROWS


def test_a_refusal_leaves_the_reading_as_it_was(filled: bool) -> None:
    """So that a caller goes on with the text; nothing is left open."""
    if not filled:
        return
    with Reading("proc") as reading:
        assert reading.some(100)[0] == 0
        before = len(os.listdir("/proc/self/fd"))
        with setting("/proc/sys/kernel/kptr_restrict", "2"):
            result = lib.ipvsf_conns_open_bpf(reading.conns, -1, ffi.NULL, 0)
        assert result == -errno.EPERM
        assert len(os.listdir("/proc/self/fd")) == before
        assert reading.count() == ROWS


def test_a_child_does_not_share_the_reading(filled: bool) -> None:
    """After fork the memory is the parent's: the child is refused, the parent goes on."""
    if not filled:
        return
    with Reading("bpf") as reading:
        first = reading.some(100)[1]
        child = os.fork()
        if not child:
            result = 0
            while not result and not reading.account().ended:
                result = reading.some()[0]
            os._exit(-result)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.ECHILD
        assert len(first) + len(reading.all()) == ROWS


def modprobe(*arguments: str) -> None:
    subprocess.run(["modprobe", *arguments], check=True, timeout=60)


def unload() -> None:
    """Loaded again only by modprobe(). Connections of a namespace that has gone hold a module for a while."""
    names = [
        line.split()[0] for line in Path("/proc/modules").read_text().splitlines() if line.startswith("ip_vs")
    ]
    for name in sorted(names, key=lambda name: name == "ip_vs"):
        for _ in range(300):
            if not subprocess.run(["rmmod", name], capture_output=True, timeout=120, check=False).returncode:
                break
            time.sleep(0.2)
        else:
            raise AssertionError(f"{name} stays in use")


@pytest.mark.parametrize("again", [False, True])
def test_the_module_goes_while_it_is_read(filled: bool, again: bool) -> None:
    """A clean error, also if another one has come meanwhile, never a short table; then it works again."""
    if not filled:
        return
    with Reading("bpf") as reading:
        assert reading.some(100)[0] == 0
        unload()
        if again:
            modprobe("ip_vs")
        rows, result = 100, 0
        while not result:
            result, more = reading.some()
            rows += len(more)
            assert not reading.account().ended or result
        assert (result, rows < ROWS) == (-errno.ENODEV, True)
    if not again:
        with pytest.raises(Refused) as caught:
            read("bpf")
        assert (caught.value.args[0], "modprobe ip_vs" in caught.value.args[1]) == (-errno.ENOENT, True)
        modprobe("ip_vs")
    assert count("bpf") == count("proc") == 0


def test_chains_longer_than_the_memory() -> None:
    """256 buckets of more than a thousand entries with engine data: each is read in several runs, nothing twice."""
    if refused():
        return
    size, like = 300_000, bpf_entries.engine(0)
    unload()
    modprobe("ip_vs", "conn_tab_bits=8")
    modprobe("ip_vs_pe_sip")
    try:
        with fresh_namespace():  # its connections end with it
            start_daemon()
            fill_messages(bpf_entries.many(size, like), size)
            with Reading("bpf") as reading:
                assert lib.ipvsf_conns_remember(reading.conns, 1) == 0
                rows = reading.some()[1]
                assert {(row.engine, row.data[4:]) for row, _ in rows} == {(b"sip", like.data)}
                # The engine's data says whose it is.
                assert {row.data[:3] == row.client[:3] for row, _ in rows} == {True}
                assert reading.count() == size
                assert (reading.account().rows, reading.account().repeated) == (size, 0)
    finally:
        unload()
        modprobe("ip_vs")
