"""Lines of the connection table that are in memory already, to packed rows: nanoseconds a line, as JSON.

Run by the Python that has ipvsfast installed, in the namespace of the table.
"""

from __future__ import annotations

import json
import time

from ipvsfast._native import ffi, lib

RUNS, ROWS = 5, 512


def main() -> None:
    """Scan the whole text `RUNS` times."""
    with open("/proc/net/ip_vs_conn", "rb") as table:
        table.readline()
        text = table.read()
    rows, lent = ffi.new("struct ipvsf_conn[]", ROWS), ffi.from_buffer("char[]", text)
    times = []
    for _ in range(RUNS):
        scan = ffi.new("struct ipvsf_conn_scan *")
        found = 0
        began = time.perf_counter()
        while scan.used < len(text):
            lib.ipvsf_conns_scan(lent, len(text), rows, ROWS, scan)
            found += scan.count
        times.append((time.perf_counter() - began) / max(found, 1) * 1e9)
    print(json.dumps({"ns_per_line": times, "lines": found}))


main()
