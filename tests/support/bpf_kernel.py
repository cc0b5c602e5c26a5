"""What the tests of connections by BPF ask of the running kernel."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ipvsfast import Ipvs, SyncDaemon
from support import bpf_fill, connections
from support.native_conns import Reading, Refused, count

NEWER = "/proc/net/ip_vs_conn is read in linear time"
NO_TYPES = "CONFIG_DEBUG_INFO_BTF"


def table_is_known() -> bool:
    """Whether the kernel has the table that the programs walk, as told by its symbols."""
    symbols = Path("/proc/kallsyms").read_text()
    return " ip_vs_conn_tab\t" in symbols and Path("/sys/kernel/btf/ip_vs").exists()


def refused() -> bool:
    """On kernels with another table, shows that it is refused with a reason; those need it for nothing."""
    if table_is_known():
        return False
    try:
        Reading("bpf").close()
    except Refused as refusal:
        result, reason = refusal.args
        assert (-result, NEWER in reason, NO_TYPES in reason) in (
            (errno.EOPNOTSUPP, True, False),
            (errno.ENOENT, False, True),
        ), (result, reason)
        return True
    raise AssertionError("the kernel's symbols show no table, but it was read")


def start_daemon() -> None:
    """Entries can be sent into the caller's namespace from now on."""
    connections.prepare_loopback()
    with Ipvs() as ipvs:
        ipvs.start_daemon(SyncDaemon("backup", "lo"))


def stop_daemon() -> None:
    with Ipvs() as ipvs:
        ipvs.stop_daemon("backup")


def fill(make: Callable[[], Iterable[bpf_fill.Entry]], wanted: int) -> None:
    """Until there are `wanted` connections: if some did not arrive all are sent again."""
    fill_messages(lambda: bpf_fill.messages(make()), wanted)


def fill_messages(make: Callable[[], Iterable[bytes]], wanted: int) -> None:
    for _ in range(3):
        connections.send_messages(make())
        for _ in range(20):
            if count("bpf") >= wanted:
                return
            time.sleep(0.1)
    raise AssertionError(f"{count('bpf')} of {wanted} connections arrived")
