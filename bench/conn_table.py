"""A connection table of any size without traffic: entries told to the kernel's own backup sync daemon."""

from __future__ import annotations

import itertools
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.tools import Tool

BITS = 20  # the module's parameter conn_tab_bits for tables that have room for what is put into them
CLIENTS_SHARE = 2  # connections of each client
TABLE = Path("/proc/net/ip_vs_conn")

_GROUP = ("224.0.0.81", 8848)
_MESSAGE = struct.Struct(">BBHBBH")  # reserved, syncid, size, entries, version, spare
_ENTRY = struct.Struct(">BBHIHHHHIIIII")
_PER_MESSAGE = 38
_BURST = 30  # messages: a third of the daemon's receive buffer
_INACTIVE = 0x100
_PATIENCE = 60.0
_LEAVING = 20.0  # a namespace that has ended holds the module until it is dismantled


def _entries(count: int) -> Iterator[bytes]:
    """Established TCP connections of count/2 clients in 10.64.0.0/10 with 50 servers."""
    clients = max(count // CLIENTS_SHARE, 1)
    for at in range(count):
        again, client = divmod(at, clients)
        yield _ENTRY.pack(
            0, socket.IPPROTO_TCP, _ENTRY.size, _INACTIVE, 1, 1024 + again, 80, 8080, 0, 86400,
            0x0A400000 + client, 0x0A000002, 0x0A800001 + at % 50,
        )  # fmt: skip


def _messages(count: int) -> Iterator[bytes]:
    flow = _entries(count)
    while held := list(itertools.islice(flow, _PER_MESSAGE)):
        size = _MESSAGE.size + _ENTRY.size * len(held)
        yield _MESSAGE.pack(0, 0, size, len(held), 1, 0) + b"".join(held)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"{' '.join(argv)}: {done.stderr.strip()}")


def fill(ours: Tool, count: int, checked: bool = True) -> float:
    """Fill this namespace's table; seconds that it took. checked: ValueError if it does not have `count`
    then, by the kernel's text."""
    began = time.perf_counter()
    _run(*ours.argv, "--start-daemon", "backup", "--mcast-interface", "lo")
    _run("ip", "link", "set", "lo", "multicast", "on")
    _run("ip", "route", "replace", "224.0.0.0/4", "dev", "lo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        flow = _messages(count)
        while burst := list(itertools.islice(flow, _BURST)):
            for message in burst:
                out.sendto(message, _GROUP)
            _await_empty_queue()
    _run(*ours.argv, "--stop-daemon", "backup")
    taken = time.perf_counter() - began
    if not checked:
        return taken
    with TABLE.open("rb", buffering=1 << 20) as table:
        found = sum(1 for _ in table) - 1
    if found != count:
        raise ValueError(f"the table has {found} connections instead of {count}")
    return taken


def _await_empty_queue() -> None:
    """Until the daemon has taken all messages."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        lines = Path("/proc/net/udp").read_text().splitlines()
        queues = [line.split()[4] for line in lines if f":{_GROUP[1]:04X} " in line]
        if not any(int(queue.partition(":")[2], 16) for queue in queues):
            return
        time.sleep(0.0005)
    raise ValueError("the sync daemon takes no messages")


def buckets() -> int:
    """Size of this namespace's table as its listing tells it."""
    line = Path("/proc/net/ip_vs").read_text().partition("\n")[0]
    return int(line.partition("(size=")[2].partition(")")[0] or 0)


def reload_module(bits: int | None) -> str:
    """Load the module anew, with so many bits or its own default; why it cannot be done, or "".

    A module that holds any service or daemon, in any namespace, refuses to go: nothing is lost.
    """
    end = time.monotonic() + _LEAVING
    while refusal := _unload():
        if time.monotonic() > end:
            return f"the module stays as it is loaded ({refusal})"
        time.sleep(0.2)
    option = [] if bits is None else [f"conn_tab_bits={bits}"]
    done = subprocess.run(["modprobe", "ip_vs", *option], check=False, capture_output=True, text=True)
    return "" if not done.returncode else f"the module was not loaded again: {done.stderr.strip()}"


def _unload() -> str:
    """Remove IPVS's modules, those that need the others first; what refused to go."""
    loaded = [line.split()[0] for line in Path("/proc/modules").read_text().splitlines()]
    names = sorted([name for name in loaded if name.startswith("ip_vs_")]) + ["ip_vs"]
    refusal = ""
    for name in names:
        done = subprocess.run(["rmmod", name], check=False, capture_output=True, text=True)
        refusal = done.stderr.strip() if done.returncode else ""
    return refusal
