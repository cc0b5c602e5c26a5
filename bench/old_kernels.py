"""Connections on kernels before 6.14, whose text costs the square of the table.

`python -m bench.old_kernels`.

A table of up to 100,000 entries is read by everybody, a larger one (`--entries 1000000 --bits 20`) by ours
alone: the others would take hours. Run it in a kernel of that kind: `python -m tests.vm -k 6.1 --memory
3000 --timeout 1800 -- ...`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from statistics import median

from bench import conn_table, netns, spawn, tools

RUNS = 5
DEADLINE = 900.0
COMPARED_UP_TO = 100_000


def _commands(found: tools.Tools) -> list[tuple[str, tuple[str, ...], bool]]:
    """(name, command line, whether it is slow: asked once only, and not of a large table)."""
    ours = found.ours.argv
    return [
        ("cat to /dev/null", ("/bin/cat", str(conn_table.TABLE)), True),
        ("ipvsadm -L -c -n", (*found.ipvsadm.argv, "-L", "-c", "-n"), True),
        ("ipvsfast -L -c -n", (*ours, "-L", "-c", "-n"), False),
        ("conns --count", (*ours, "conns", "--count"), False),
        ("conns --top 20 --by client", (*ours, "conns", "--top", "20", "--by", "client"), False),
        ("ipvsfast -h (start-up)", (*ours, "-h"), False),
    ]


def _time(argv: tuple[str, ...], runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        timing = spawn.run(spawn.Command(argv), spawn.NULL, Path("/dev/stderr"), DEADLINE)
        if timing.status:
            raise SystemExit(f"{' '.join(argv)}: status {timing.status}")
        times.append(timing.wall)
    return times


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.old_kernels", description=__doc__)
    parser.add_argument("--ipvsfast", type=Path, default=tools.OURS, metavar="PATH", help="default .venv's")
    parser.add_argument("--entries", type=int, default=COMPARED_UP_TO, metavar="N", help="default 100000")
    parser.add_argument("--bits", type=int, help="conn_tab_bits of the module, default its own")
    arguments = parser.parse_args()
    found = tools.discover(arguments.ipvsfast.absolute())
    if os.geteuid() != 0 or not netns.has_ipvs():
        print("bench: root and a kernel with IPVS are needed", file=sys.stderr)
        return 2
    if arguments.bits is not None and (reason := conn_table.reload_module(arguments.bits)):
        print(f"bench: {reason}", file=sys.stderr)
        return 2
    netns.enter_fresh()
    small = arguments.entries <= COMPARED_UP_TO
    seconds = conn_table.fill(found.ours, arguments.entries, checked=small)
    print(f"Linux {os.uname().release}, {os.cpu_count()} CPU; {found.ours.version}; {found.ipvsadm.version}")
    print(f"{arguments.entries:,} connections in {conn_table.buckets():,} buckets, filled in {seconds:.0f} s")
    for name, argv, slow in _commands(found):
        if slow and not small:
            continue
        times = _time(argv, 1 if slow else RUNS)
        rest = f"median {median(times):.3f}, max {max(times):.3f}; {len(times)} runs"
        print(f"  {name:<28} {min(times):8.3f} s  ({rest})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
