"""Takes readings of the table in one process, as a program that watches it does, and prints what one costs.

    python poll_reader.py KIND [PROGRAM]

A line of JSON: how many services and destinations a reading had, and the seconds of the fastest of three that
follow a first one. Run by an interpreter that can import what the KIND needs. Rows are made ready for use,
not printed.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

# By name: each environment has only one of these packages.
READINGS = 3
FILE = "/proc/net/ip_vs"
PORT = 19100
DEADLINE = 30.0

Counts = tuple[int, int]
Reader = Callable[[], Counts]


def poller(_program: str) -> Reader:
    """A snapshot and its difference to the one before, as columns with rates."""
    poller = importlib.import_module("ipvsfast").Ipvs().poller()
    last = poller.poll()

    def read() -> Counts:
        nonlocal last
        snapshot = poller.poll()
        delta = snapshot - last
        last = snapshot
        return len(delta.services["connections_rate"]), len(delta.destinations["connections_rate"])

    return read


def values(_program: str) -> Reader:
    """A value for each row."""
    ipvs = importlib.import_module("ipvsfast").Ipvs()

    def read() -> Counts:
        table = ipvs.table()
        return len(table), sum(len(below) for _, below in table)

    return read


def pyroute2(_program: str) -> Reader:
    """Its dumps, each message taken apart as it does it."""
    package: Any = importlib.import_module("pyroute2.ipvs")
    ipvs = package.IPVS()

    def read() -> Counts:
        services = list(ipvs.service("dump"))
        found = 0
        for message in services:
            service = package.IPVSService.from_message(message)
            found += len(list(ipvs.dest("dump", service=service)))
        return len(services), found

    return read


def file(_program: str) -> Reader:
    """The kernel's own text, which has connections and weights but no counters, not even taken apart."""

    def read() -> Counts:
        with open(FILE, encoding="ascii") as text:
            lines = text.readlines()[3:]
        destinations = sum(line.startswith("  ->") for line in lines)
        return len(lines) - destinations, destinations

    return read


def ipvsadm(program: str) -> Reader:
    """A process for each reading, whose text is only counted."""

    def read() -> Counts:
        argv = [program, "-L", "-n", "--stats", "--exact"]
        text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        return text.count("\nTCP  "), text.count("\n  -> ") - 1

    return read


@contextmanager
def running(program: str) -> Any:
    """A node exporter with no other collector."""
    options = ["--collector.disable-defaults", "--collector.ipvs", f"--web.listen-address=127.0.0.1:{PORT}"]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def exporter(_program: str) -> Reader:
    """A scrape: connections and weight of each destination, and the totals of the namespace."""

    def read() -> Counts:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=60) as answer:
            text = answer.read().decode()
        rows = re.findall(r"^node_ipvs_backend_weight\{(.*)\}", text, re.M)
        services = {re.sub(r',?remote_[a-z]+="[^"]*"', "", row) for row in rows}
        return len(services), len(rows)

    end = time.monotonic() + DEADLINE
    while True:
        try:
            read()
            return read
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


KINDS = {one.__name__: one for one in (poller, values, pyroute2, file, ipvsadm, exporter)}


def measure(read: Reader) -> None:
    """The readings, and what they cost."""
    read()
    best = None
    counts = 0, 0
    for _ in range(READINGS):
        begun = time.perf_counter()
        counts = read()
        spent = time.perf_counter() - begun
        best = spent if best is None else min(best, spent)
    print(json.dumps({"services": counts[0], "destinations": counts[1], "seconds": best}))


def main() -> None:
    """One kind of reader."""
    kind, program = sys.argv[1], " ".join(sys.argv[2:])
    if kind == "exporter":
        with running(program):
            measure(exporter(program))
    else:
        measure(KINDS[kind](program))


if __name__ == "__main__":
    main()
