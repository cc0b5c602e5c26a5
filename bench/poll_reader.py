"""Takes readings of the table in one process, as a program that watches it does, whenever it is asked to.

    python poll_reader.py KIND [PROGRAM]

Run by an interpreter that can import what the KIND needs. Each line on standard input is answered by a line
of JSON:

    read          one reading: how many services and destinations, "seconds", "cpu" of this process and of
                  those that it has waited for
    rows PATH     the rows of a reading go to a file: service, destination, and its five counters where the
                  kind has them
    watch N       (of ipvsfast) a poll with its delta each second, N times: the "cpu" of each

Rows are made ready for use, not printed.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

FILE = "/proc/net/ip_vs"
PORT = 19100
DEADLINE = 30.0
COUNTERS = ("connections", "in_packets", "out_packets", "in_bytes", "out_bytes")

Counts = tuple[int, int]
Rows = Iterator[tuple[object, ...]]


def endpoint(address: str, port: object) -> str:
    """Both as ipvsadm writes them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Poller:
    """ipvsfast: a snapshot, as columns."""

    source = "auto"
    deltas = False

    def __init__(self, _program: str) -> None:
        # By name: each environment has only one of these packages.
        self._poller: Any = importlib.import_module("ipvsfast").Ipvs().poller(self.source)
        self._last = self._poller.poll()

    def read(self) -> Counts:
        """One poll, with its difference to the one before if that is asked for."""
        snapshot = self._poller.poll()
        if self.deltas:
            delta = snapshot - self._last
            assert len(delta.destinations["connections_rate"]) == len(snapshot.destinations)
        self._last = snapshot
        return len(snapshot.services), len(snapshot.destinations)

    def rows(self) -> Rows:
        """From the columns."""
        snapshot = self._poller.poll()
        services, rows = snapshot.services.keys(), snapshot.destinations
        columns = [rows[name] for name in COUNTERS]
        for home, key, *counters in zip(rows["service"], rows.keys(), *columns, strict=True):
            yield str(services[home]).removeprefix("TCP "), key, *counters

    def watch(self, times: int) -> dict[str, Any]:
        """What a poller of one reading a second costs."""
        used, deltas = [], self._poller.every(1.0)
        next(deltas)
        before = cpu()
        for _ in range(times):
            assert len(next(deltas).destinations["connections_rate"])
            now = cpu()
            used.append(now - before)
            before = now
        return {"cpu": used}


class Deltas(Poller):
    """ipvsfast: a snapshot and its difference to the one before, as columns with rates."""

    deltas = True


class Netlink(Poller):
    """ipvsfast: a snapshot without the older interface, as IPv6 needs it."""

    source = "netlink"


class Values:
    """ipvsfast: a value for each row."""

    def __init__(self, _program: str) -> None:
        self._ipvs: Any = importlib.import_module("ipvsfast").Ipvs()

    def read(self) -> Counts:
        """The table as objects."""
        table = self._ipvs.table()
        return len(table), sum(len(below) for _, below in table)

    def rows(self) -> Rows:
        """From the objects."""
        for service, below in self._ipvs.table():
            for one in below:
                yield str(service.key).removeprefix("TCP "), one.key, *one.stats[: len(COUNTERS)]


class Metrics:
    """ipvsfast: a whole exposition, all blocks of it, without the server."""

    def __init__(self, _program: str) -> None:
        exposition: Any = importlib.import_module("ipvsfast.exporter.exposition")
        ipvs = importlib.import_module("ipvsfast").Ipvs()
        self._exposition = exposition.Exposition(ipvs, exposition.ExportOptions())

    def _blocks(self) -> Iterator[bytes]:
        yield from self._exposition.scrape().blocks(False)

    def read(self) -> Counts:
        """The numbers stand in the first block."""
        blocks = self._blocks()
        first = bytes(next(blocks)).decode()
        for _ in blocks:
            pass
        counts = [re.search(rf"^ipvs_{name} ([0-9]+)$", first, re.M) for name in ("services", "destinations")]
        services, destinations = [int(found[1]) for found in counts if found is not None]
        return services, destinations

    def rows(self) -> Rows:
        """From the lines of the five counters of destinations, which are in the same order."""
        text = b"".join(map(bytes, self._blocks())).decode()
        form = r'^ipvs_destination_\w+_total\{.*service="(.*?)",service_port="(.*?)".*destination="(.*?)",'
        found = re.findall(rf'{form}destination_port="(.*?)"\}} (.*)$', text, re.M)
        size = len(found) // len(COUNTERS)
        for at, (service, port, dest, dest_port, _) in enumerate(found[:size]):
            counters = [found[at + n * size][4] for n in range(len(COUNTERS))]
            yield endpoint(service, port), endpoint(dest, dest_port), *counters


class Pyroute2:
    """Its dumps, each message taken apart as it does it."""

    def __init__(self, _program: str) -> None:
        self._package: Any = importlib.import_module("pyroute2.ipvs")
        self._ipvs = self._package.IPVS()

    def _dumps(self) -> Iterator[tuple[Any, list[Any]]]:
        for message in list(self._ipvs.service("dump")):
            service = self._package.IPVSService.from_message(message)
            yield service, list(self._ipvs.dest("dump", service=service))

    def read(self) -> Counts:
        """The services, then the destinations of each."""
        dumps = [len(below) for _, below in self._dumps()]
        return len(dumps), sum(dumps)

    def rows(self) -> Rows:
        """Its attributes by their names."""
        names = ("CONNS", "INPKTS", "OUTPKTS", "INBYTES", "OUTBYTES")
        for service, below in self._dumps():
            where = endpoint(service["addr"], service["port"])
            for message in below:
                dest = message.get("IPVS_CMD_ATTR_DEST")
                place = endpoint(dest.get("IPVS_DEST_ATTR_ADDR"), dest.get("IPVS_DEST_ATTR_PORT"))
                stats = dest.get("IPVS_DEST_ATTR_STATS64")
                yield where, place, *[stats.get(f"IPVS_STATS_ATTR_{name}") for name in names]


class File:
    """The kernel's own text, which has connections and weights but no counters, not even taken apart."""

    def __init__(self, _program: str) -> None:
        pass

    def _lines(self) -> list[str]:
        with open(FILE, encoding="ascii") as text:
            return text.readlines()[3:]

    def read(self) -> Counts:
        """Its lines, counted."""
        lines = self._lines()
        destinations = sum(line.startswith("  ->") for line in lines)
        return len(lines) - destinations, destinations

    def rows(self) -> Rows:
        """Addresses and ports are hexadecimal there."""
        service = ""
        for line in self._lines():
            address, _, port = line.split()[1].rpartition(":")
            if address.startswith("["):
                address = socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, address[1:-1]))
            else:
                address = socket.inet_ntoa(bytes.fromhex(address))
            where = endpoint(address, int(port, 16))
            if line.startswith("  ->"):
                yield service, where
            else:
                service = where


class Ipvsadm:
    """A process for each reading, whose text is only counted."""

    def __init__(self, program: str) -> None:
        self._argv = [program, "-L", "-n", "--stats", "--exact"]

    def _text(self) -> str:
        return subprocess.run(self._argv, check=True, capture_output=True, text=True).stdout

    def read(self) -> Counts:
        """Its lines, counted."""
        text = self._text()
        return text.count("\nTCP  "), text.count("\n  -> ") - 1

    def rows(self) -> Rows:
        """Its words."""
        service = ""
        for line in self._text().splitlines()[3:]:
            kind, place, *counters = line.split()
            if kind == "->":
                yield service, place, *counters
            else:
                service = place


@contextmanager
def running(program: str) -> Iterator[None]:
    """A node exporter with no other collector."""
    options = ["--collector.disable-defaults", "--collector.ipvs", f"--web.listen-address=127.0.0.1:{PORT}"]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Exporter:
    """A scrape over loopback: connections and weight of each destination, and the totals of the namespace."""

    def __init__(self, _program: str) -> None:
        end = time.monotonic() + DEADLINE
        while True:
            try:
                self._scrape()
                return
            except urllib.error.URLError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def _scrape(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=120) as answer:
            return str(answer.read().decode())

    def read(self) -> Counts:
        """The lines of one metric, counted; it knows of no service without destinations."""
        rows = list(self.rows())
        return len({row[0] for row in rows}), len(rows)

    def rows(self) -> Rows:
        """Its labels."""
        for labels in re.findall(r"^node_ipvs_backend_weight\{(.*)\}", self._scrape(), re.M):
            label = dict(re.findall(r'([a-z_]+)="([^"]*)"', labels))
            service = endpoint(label["local_address"], label["local_port"])
            yield service, endpoint(label["remote_address"], label["remote_port"])


KINDS: dict[str, Callable[[str], Any]] = {
    "poll": Poller,
    "delta": Deltas,
    "netlink": Netlink,
    "values": Values,
    "metrics": Metrics,
    "pyroute2": Pyroute2,
    "file": File,
    "ipvsadm": Ipvsadm,
    "exporter": Exporter,
}


def cpu() -> float:
    """Seconds of this process and of those that it has waited for."""
    return time.process_time() + sum(os.times()[2:4])


def timed(reader: Any) -> dict[str, Any]:
    """One reading."""
    used, begun = cpu(), time.perf_counter()
    services, destinations = reader.read()
    seconds = time.perf_counter() - begun
    return {"services": services, "destinations": destinations, "seconds": seconds, "cpu": cpu() - used}


def main() -> None:
    """One kind of reader, until standard input ends."""
    kind, program = sys.argv[1], " ".join(sys.argv[2:])
    with ExitStack() as stack:
        if kind == "exporter":
            stack.enter_context(running(program))
        reader = KINDS[kind](program)
        for line in sys.stdin:
            what, _, more = line.strip().partition(" ")
            answer: dict[str, Any] = {}
            if what == "rows":
                with open(more, "w", encoding="utf-8") as file:
                    file.writelines(" ".join(map(str, row)) + "\n" for row in reader.rows())
            else:
                answer = timed(reader) if what == "read" else reader.watch(int(more))
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
