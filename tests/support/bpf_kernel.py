"""What the tests of connections by BPF ask of the running kernel."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support import bpf_entries, connections
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


def fill(entries: Iterable[bpf_entries.Entry], wanted: int) -> None:
    """Sends entries; returns when there are `wanted` connections, as BPF counts them."""
    fill_messages(bpf_entries.messages(entries), wanted)


def fill_messages(messages: Iterable[bytes], wanted: int) -> None:
    connections.send_messages(messages)
    connections.await_count(wanted, lambda: count("bpf"))


@contextmanager
def setting(path: str, value: str) -> Iterator[None]:
    """A sysctl of the machine, as its first network namespace sees it, for a while."""

    def write(text: str) -> None:
        script = f"echo {text} > {path}"
        subprocess.run(["nsenter", "--net=/proc/1/ns/net", "sh", "-c", script], check=True, timeout=60)

    shown = subprocess.run(
        ["nsenter", "--net=/proc/1/ns/net", "cat", path],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    write(value)
    try:
        yield
    finally:
        write(shown.stdout.strip())
