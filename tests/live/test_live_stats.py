"""`ipvsfast stats` with live counters, and the example of the document, with real traffic on a real kernel."""

from __future__ import annotations

import csv
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipvsfast import Destination, Ipvs, Service
from ipvsfast.cli.about import version_text
from ipvsfast.stats import sources
from support.command import program, run
from support.estimation import switch
from support.live_traffic import Servers, addresses, apply, send_udp
from support.pages import blocks
from support.recipes import examples
from support.tools import ROOT

VIP, SERVER, OTHER = ("10.9.0.1", 53), ("10.9.1.1", 53), ("10.9.1.2", 53)
PACKET = 128  # bytes, with the headers of UDP and IPv4


@pytest.fixture
def servers() -> Iterator[Servers]:
    """A service with two servers."""
    addresses(VIP[0], SERVER[0], OTHER[0])
    with Ipvs() as ipvs:
        below = [Destination(*place, "masq") for place in (SERVER, OTHER)]
        apply(ipvs, [(Service.udp(*VIP, "rr"), below)])
    one = Servers([SERVER, OTHER])
    yield one
    one.close()


class Lines:
    """The standard output of a program that runs, line by line."""

    def __init__(self, *argv: str) -> None:
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.communicate()

    def next(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        return line

    def waiting(self, seconds: float) -> bool:
        """Whether there is something, or comes in that time."""
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def end(self) -> tuple[int, str]:
        """Status and messages after Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        _, error = self.process.communicate(timeout=120)
        return self.process.returncode, error


def test_ten_times_a_second(servers: Servers) -> None:
    """The readings after the first add up to what was sent, at once, and nothing is noted."""
    with Lines(program(), "stats", "--interval", "0.1", "--ndjson") as lines:
        rows = [json.loads(lines.next()) for _ in range(3)]
        assert [row["delta"] for row in rows] == [None] * 3
        for burst in (5, 7):
            send_udp(servers, VIP, burst)
            seen = 0
            while seen < burst:
                row = json.loads(lines.next())
                if row["kind"] == "service":
                    seen += row["delta"]["in_packets"]
                    assert row["delta"]["in_bytes"] == row["delta"]["in_packets"] * PACKET
            assert seen == burst
        assert lines.end() == (130, "")


@pytest.mark.parametrize("options", [("--json",), ("--csv",), ("--csv", "--destination", OTHER[0])])
def test_one_reading(servers: Servers, options: tuple[str, ...]) -> None:
    """What was sent before it is in it; the kernel's counters are still to come, and have to be asked for where it
    refreshes nothing."""
    switch(False)
    send_udp(servers, VIP, 6)
    for source, expected in (((), 6), (("--source", "live"), 6), (("--source", "netlink"), 0)):
        done = run("stats", *options, *source)
        assert (done.returncode, "run_estimation" in done.stderr) == (0, expected == 0)
        rows = (
            json.loads(done.stdout)["rows"]
            if "--json" in options
            else csv.DictReader(done.stdout.splitlines())
        )
        counted = [
            row["stats"]["in_packets"] if "--json" in options else int(row["in_packets"]) for row in rows
        ]
        # 6.1 has begun an estimation when it is switched off, and carries it out.
        assert max(counted) == expected or (expected == 0 and max(counted) <= 6)


def test_the_kernels_own_rates_stand_still(servers: Servers) -> None:
    """Where it refreshes nothing they are told not to be rates; those of differences are."""
    switch(False)
    assert "the kernel's own rates stand still" in run("stats", "--rates").stderr
    done = run("stats", "--rates", "--interval", "0.05", "--repeat", "2")
    assert (done.returncode, done.stderr) == (0, "")


def test_without_the_rights(servers: Servers) -> None:
    """One sentence: with the table for auto, alone for live."""
    prefix = ("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-all")
    argv = [*prefix, program(), "stats", "--interval", "0.1", "--repeat", "2"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0
    assert re.fullmatch(
        r"the kernel refreshes its counters every 2 s: in a shorter interval they stand still, or step; "
        r"live counters cannot be had: .*CAP_BPF.*\n",
        done.stderr,
    )
    done = subprocess.run(
        [*argv, "--source", "live"], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "CAP_BPF" in done.stderr
    version = subprocess.run(
        [*prefix, program(), "--version"], capture_output=True, text=True, check=False, timeout=300
    ).stdout
    assert re.search(r"^counters: of every 2 s; live ones cannot be had: .*CAP_BPF", version, re.M)


def test_the_version_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/live.md has it, where it can be had and where it is forbidden; and where something else was chosen."""
    (shown,) = [one.text for one in blocks(ROOT / "docs/live.md") if one.text.startswith("counters: ")]
    live, forbidden = shown.splitlines()
    assert live in run("--version").stdout.splitlines()
    with monkeypatch.context() as patched:
        patched.setattr(sources, "no_live_counters", lambda: True)
        assert forbidden in version_text("ipvsfast").splitlines()
    chosen = subprocess.run(
        [program(), "--version"], capture_output=True, text=True, check=True, timeout=300,
        env={**os.environ, "IPVSFAST_COUNTERS_SOURCE": "netlink"},
    )  # fmt: skip
    assert "\ncounters: of every 2 s, as was chosen\n" in chosen.stdout


def test_the_burst_of_the_document(servers: Servers, tmp_path: Path) -> None:
    """The example shows every packet of a burst, with its destination."""
    (text,) = examples("docs/live.md")
    path = tmp_path / "burst.py"
    path.write_text(text)
    with Lines(sys.executable, "-W", "error", str(path)) as lines:
        begun = 0
        while not lines.waiting(0.5):  # until it has begun
            send_udp(servers, VIP, 1)
            begun += 1
        send_udp(servers, VIP, 100)
        send_udp(servers, VIP, 100)  # rr: to the other server
        seen = {SERVER[0]: 0, OTHER[0]: 0}
        while min(seen.values()) < 100:
            address, count = found(lines.next())
            seen[address] += count
        assert sum(seen.values()) <= 200 + begun


def found(line: str) -> tuple[str, int]:
    """The address and the packets of a line of the example."""
    match = re.fullmatch(r" ?\d+\.\d{3}  ([\d.]+):53 +(\d+) packets in \d+ ms\n", line)
    assert match, line
    return match[1], int(match[2])


def test_the_output_in_the_document() -> None:
    """It has the form of what the example writes, and all of the packets."""
    text = (ROOT / "docs/live.md").read_text().partition("It printed this")[2]
    lines = text.partition("```text\n")[2].partition("```")[0].splitlines(keepends=True)
    assert sum([found(line)[1] for line in lines]) == 200
