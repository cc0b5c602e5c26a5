"""The connection table by BPF, on kernels whose text costs the square of it, beside that text."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from ipvsfast._native import lib
from support import bpf_entries
from support.bpf_kernel import fill, fill_messages, refused
from support.connections import start_daemon
from support.native_conns import DETAILS, Reading, count, read
from support.netns import OWN_NAMESPACE, Namespace, entered

CHURN_READINGS = 60
MILLION = 1_000_000
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def engine_module() -> None:
    """The daemon takes entries of an engine only if that is there."""
    subprocess.run(["modprobe", "ip_vs_pe_sip"], check=True, timeout=60)


def assert_same(wanted: int) -> None:
    """Row for row as the text, which is read between two readings of ours, in the same order."""
    before, text, after = read("bpf"), read("proc"), read("bpf")
    assert len(before) == len(text) == len(after) == wanted
    assert [row for row, _ in before] == [row for row, _ in text] == [row for row, _ in after]
    for (row, first), (_, shown), (_, last) in zip(before, text, after):
        assert last.expires <= shown.expires <= first.expires, row


@pytest.mark.parametrize("size", [0, 1, 50_000, 100_000])
def test_mixed_tables_are_read_as_the_kernel_shows_them(size: int) -> None:
    """All protocols and states, both families, templates, marks, engine data: no row differs."""
    if refused():
        return
    start_daemon()
    fill(bpf_entries.mixed(size), size)
    assert_same(size)


def test_details() -> None:
    """Flags, mark, timeout and packets, which no file shows."""
    if refused():
        return
    start_daemon()
    entries = list(bpf_entries.mixed(300))
    fill(entries, 300)
    sent = {(e.protocol, e.client, e.cport): e for e in entries}
    threshold = int(Path("/proc/sys/net/ipv4/vs/sync_threshold").read_text().split()[0])
    for row, details in read("bpf"):
        entry = sent[row.protocol, row.client[: 16 if row.af == 10 else 4], row.cport]
        assert (details.known, details.fwmark, details.timeout) == (DETAILS, entry.fwmark, entry.timeout)
        assert details.flags & bpf_entries.TEMPLATE == entry.flags & bpf_entries.TEMPLATE
        assert details.flags & 0x20  # IP_VS_CONN_F_SYNC: it came from the daemon
        assert details.packets == threshold
        assert 0 <= details.timeout - details.expires < 60
    assert {details.known for _, details in read("proc")} == {0}


def test_each_namespace_sees_its_own(new_netns: Callable[[], Namespace]) -> None:
    """Rows of the namespace that was asked for, and the caller's thread never moves."""
    if refused():
        return
    start_daemon()
    fill(bpf_entries.plain(3000), 3000)
    other, empty = new_netns(), new_netns()
    there, nowhere = os.open(other.path, os.O_RDONLY), os.open(empty.path, os.O_RDONLY)
    place = os.stat(OWN_NAMESPACE).st_ino
    try:
        with entered(there):
            start_daemon()
            fill(bpf_entries.plain(2000, 100_000), 2000)
        assert (count("bpf"), count("bpf", there), count("bpf", nowhere)) == (3000, 2000, 0)
        assert [row for row, _ in read("bpf", there)] == [row for row, _ in read("proc", there)]
        assert os.stat(OWN_NAMESPACE).st_ino == place
        # A reading belongs to where it was opened, as a file does.
        with Reading("bpf") as reading, entered(there):
            assert reading.count() == 3000
    finally:
        for fd in (there, nowhere):
            os.close(fd)


def test_churn() -> None:
    """While entries come and go: all rows well-formed, none twice, and each one that stays in every reading."""
    if refused():
        return
    start_daemon()
    standing = list(bpf_entries.plain(5000))
    fill(standing, 5000)
    keys = {(e.client, e.cport) for e in standing}
    with subprocess.Popen([sys.executable, "-m", bpf_entries.__name__], cwd=TESTS) as filler:
        try:
            sizes = set()
            for _ in range(CHURN_READINGS):
                rows = [row for row, _ in read("bpf")]
                sizes.add(len(rows))
                for row in rows:
                    ends = (row.virtual[:4], row.destination[:3], row.vport, row.dport, row.protocol)
                    assert ends == (bytes((10, 0, 0, 1)), bytes((10, 1, 0)), 80, 8080, bpf_entries.TCP), row
                seen = Counter((row.client[:4], row.cport) for row in rows)
                assert max(seen.values()) == 1
                assert keys <= seen.keys()
            assert filler.poll() is None
        finally:
            filler.kill()
    assert max(sizes) > 7000 and len(sizes) > 20, sizes  # else nothing came and went


def test_a_million() -> None:
    """All of them are counted, and none comes twice."""
    if refused():
        return
    start_daemon()
    (like,) = bpf_entries.plain(1)
    fill_messages(bpf_entries.many(MILLION, like), MILLION)
    with Reading("bpf") as reading:
        assert lib.ipvsf_conns_remember(reading.conns, 1) == 0
        assert reading.count() == MILLION
        account = reading.account()
        assert (account.rows, account.repeated) == (MILLION, 0)
        print(f"\n{MILLION} connections in {account.read_ns / 1e6:.0f} ms of the kernel")


def test_nothing_is_left_open() -> None:
    """Neither descriptors nor mappings, whether a reading was finished or not."""

    def held() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), Path("/proc/self/maps").read_text().count("bpf-map")

    if refused():
        return
    start_daemon()
    fill(bpf_entries.plain(5000), 5000)
    before = held()
    for _ in range(10):
        with Reading("bpf") as reading:
            assert reading.some(10)[0] == 0
            assert held()[1] == 1
        assert count("bpf") == 5000
    assert held() == before
