"""keepalived's reload of a changed configuration, by a clock of its own: {"seconds": ...} on standard output.

python -m bench.keepalived_reload KEEPALIVED IPVSFAST SIZE WHAT OLD.conf NEW.conf

The table is emptied, keepalived fills it (health checks there are none), and then gets the new configuration
and SIGHUP. The clock stops when the whole table is seen to be as wanted; it is looked at when the last
destination that changes is changed.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.apply import not_reached
from bench.netns import FullTable
from bench.spawn import POLL_SECONDS
from bench.workloads import SERVER_PORT, VIP_PORT, Size, last_changed, vip

_SO_GET_DESTS = 1156
_HEAD, _ENTRY = struct.Struct("=H2x4s2s2xII4x"), 96
_DEADLINE = 300.0

_libc = ctypes.CDLL(None, use_errno=True)


def _destinations(sock: socket.socket, service: int, count: int) -> list[tuple[int, int]]:
    """Port and weight of each destination of a service."""
    port = VIP_PORT.to_bytes(2, "big")
    head = _HEAD.pack(socket.IPPROTO_TCP, socket.inet_aton(vip(service)), port, 0, count)
    size = _HEAD.size + count * _ENTRY
    room = ctypes.create_string_buffer(head, size)
    length = ctypes.c_uint32(size)
    if _libc.getsockopt(sock.fileno(), socket.IPPROTO_IP, _SO_GET_DESTS, room, ctypes.byref(length)):
        return []
    raw = room.raw[_HEAD.size : length.value]
    rows = [raw[at : at + _ENTRY] for at in range(0, len(raw) - _ENTRY + 1, _ENTRY)]
    return [(int.from_bytes(row[4:6], "big"), int.from_bytes(row[12:16], sys.byteorder)) for row in rows]


def main() -> int:
    """The exit status."""
    keepalived, ours, size_text, what, old, new = sys.argv[1:]
    size = Size.parse(size_text)
    subprocess.run([ours, "-C"], check=True)
    service = last_changed(size, what)
    wanted = (SERVER_PORT, 2) if what == "weights" else (SERVER_PORT + 1, 1)
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        config = shutil.copy(old, Path(folder, "keepalived.conf"))
        words = ("--dont-fork", "--no-syslog", "--check", "--dont-respawn", "--dont-release-ipvs")
        pids = (f"--pid={folder}/keepalived.pid", f"--checkers_pid={folder}/checkers.pid")
        daemon = subprocess.Popen(
            [keepalived, *words, f"--use-file={config}", *pids], stdout=subprocess.DEVNULL
        )
        try:
            full, end = FullTable(size), time.monotonic() + _DEADLINE
            while not full():
                assert time.monotonic() < end, "keepalived does not fill the table"
                time.sleep(POLL_SECONDS)
            time.sleep(1)  # it has work to do after that
            shutil.copy(new, config)
            start = time.perf_counter()
            daemon.send_signal(signal.SIGHUP)
            while wanted not in _destinations(sock, service, size.destinations):
                assert time.monotonic() < end, "keepalived does not reload"
                time.sleep(POLL_SECONDS)
            seconds = time.perf_counter() - start
            while wrong := not_reached(size, what):
                assert time.monotonic() < end, f"after keepalived's reload {wrong}"
                time.sleep(POLL_SECONDS)
                seconds = time.perf_counter() - start
            print(json.dumps({"seconds": seconds}), flush=True)
            time.sleep(1)
        finally:
            daemon.terminate()
            daemon.wait(60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
