"""Readings of the connection table that are broken off, slowed down, or find nothing to read any more."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipvsfast import Connections, IpvsError, IpvsUnavailable, ReadingInterrupted
from support.command import program, run
from support.connections import Filler, numbered, table_text
from support.held import held
from support.module import LOADER, module_afterwards, unload
from support.standing import PROBE, SMALL, reads_linearly
from support.terminal import on_terminal, screen

pytestmark = pytest.mark.usefixtures("netns")

CLIENTS = 500
HALF = 300  # reads of a page or less, each with some 50 entries: more than is read ahead, less than all


@pytest.fixture(autouse=True)
def the_kernels_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its reading is slow, and can be seen from outside."""
    monkeypatch.setenv("IPVSFAST_CONNECTIONS_SOURCE", "proc")


@pytest.fixture
def some() -> int:
    """A table that takes many reads, and no service or daemon; how many entries it has."""
    run("-A", "-t", "10.0.0.2:80")
    with Filler() as filler:
        filler.fill(numbered(PROBE, CLIENTS), PROBE)
        total = 2 * SMALL if reads_linearly() else SMALL
        filler.fill(numbered(total - PROBE, CLIENTS, PROBE), total)
    run("-C")
    return total


@pytest.fixture
def module_again() -> Iterator[None]:
    """Whatever a test does, the next one finds the module."""
    with module_afterwards():
        yield


def interrupted(shim: Path, *argv: str) -> tuple[str, str]:
    """Both outputs of the command, which got a SIGINT while it was reading the table."""
    with held(shim, f"stop-read:{HALF}", *argv) as command:
        command.signal(signal.SIGINT)
        assert command.status == 130
        assert not command.err.startswith("interrupted after 0 ")
        return command.out, command.err


def test_ctrl_c_prints_what_was_counted(some: int, shim: Path) -> None:
    """SIGINT in the middle of a count: the number so far, a word about it, status 130."""
    out, err = interrupted(shim, "conns", "--count")
    count = int(out)
    assert 0 < count < some
    assert err == f"interrupted after {count:,} connections, of which {count:,} matched\n"


def test_ctrl_c_prints_the_groups_so_far(some: int, shim: Path) -> None:
    """The same for counts by key: exact for what was read."""
    out, err = interrupted(shim, "conns", "--by", "client", "--csv")
    counts = [int(line.split(",")[1]) for line in out.splitlines()[1:]]
    assert err.startswith(f"interrupted after {sum(counts):,} connections, of which ")
    assert 0 < sum(counts) < some


@pytest.mark.parametrize("form", ["--json", "--ndjson", "--csv", ""])
def test_ctrl_c_prints_the_sample_so_far(some: int, shim: Path, form: str) -> None:
    """A sample of what was read until then, whole in every form, and a word that it is one."""
    out, err = interrupted(shim, "conns", "--sample", "10", *([form] if form else []))
    found = re.fullmatch(
        r"interrupted after ([\d,]+) connections, of which ([\d,]+) matched; the sample is of these\n", err
    )
    assert found is not None
    assert found[1] == found[2]
    assert 10 < int(found[1].replace(",", "")) < some
    if form == "--json":
        assert len(json.loads(out)) == 10
    else:
        assert out.count("\n") == 10 + {"--ndjson": 0, "--csv": 1, "": 2}[form]


@pytest.mark.parametrize("argv", [("-L", "-c", "-n"), ("conns", "--json")])
def test_ctrl_c_ends_a_listing(some: int, shim: Path, argv: tuple[str, ...]) -> None:
    """Rows that were read are printed, whole ones only; no traceback."""
    out, err = interrupted(shim, *argv)
    assert re.fullmatch(r"interrupted after [\d,]+ connections, of which [\d,]+ matched\n", err)
    lines = out.splitlines()
    if argv[0] == "-L":
        assert out == "" or out.endswith("8080\n")
        assert len(lines) < some + 2


def test_ctrl_c_in_the_api(some: int) -> None:
    """ReadingInterrupted is a KeyboardInterrupt and has what would have been returned."""

    def stop(pace: object) -> None:
        raise KeyboardInterrupt

    connections = Connections(progress=stop)
    with pytest.raises(ReadingInterrupted) as caught:
        connections.count()
    assert isinstance(caught.value.partial, int)
    assert 0 < caught.value.partial <= some
    with pytest.raises(ReadingInterrupted) as caught:
        connections.top(3, "client")
    assert isinstance(caught.value.partial, list)
    assert len(caught.value.partial) == 3
    with pytest.raises(ReadingInterrupted) as caught:
        connections.sample(5)
    assert isinstance(caught.value.partial, list)
    assert len(set(caught.value.partial)) == 5
    assert {row.service_port for row in caught.value.partial} == {80}


def test_without_the_module(module_again: None) -> None:
    """`conns` and `-L -c` say what ipvsadm says, status 2; the API raises IpvsUnavailable."""
    LOADER.write_text("/bin/false")
    unload()
    for argv in (("conns",), ("conns", "--count"), ("conns", "--json"), ("-L", "-c", "-n")):
        done = run(*argv)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Can't initialize ipvs: Protocol not available" in done.stderr
        assert "Traceback" not in done.stderr
    for ask in (Connections().count, lambda: list(Connections()), lambda: Connections().top(1, "state")):
        with pytest.raises(IpvsUnavailable, match="there is no /proc/net/ip_vs_conn"):
            ask()
    assert Connections().status() is None


def test_the_module_is_loaded_for_it(module_again: None) -> None:
    """Where it can be loaded, it is: an empty table."""
    unload()
    done = run("conns", "--count")
    assert (done.returncode, done.stdout) == (0, "0\n")


def test_the_module_goes_between_two_readings(some: int, module_again: None) -> None:
    """A clean error for the next one, and the table is empty when the module is back."""
    connections = Connections()
    assert connections.count() == some
    LOADER.write_text("/bin/false")
    unload()
    with pytest.raises(IpvsUnavailable):
        connections.count()


def test_the_module_goes_during_a_reading(some: int, module_again: None) -> None:
    """A clean error in the middle, no hang; what was given before it stays right."""
    connections = Connections()
    rows = connections.rows()
    first = [next(rows) for _ in range(100)]
    LOADER.write_text("/bin/false")
    unload()
    with pytest.raises(IpvsError, match="/proc/net/ip_vs_conn"):
        for row in rows:
            first.append(row)
    assert len(first) < some
    assert {row.service_port for row in first} == {80}


def test_the_module_goes_under_the_command(some: int, module_again: None) -> None:
    """`conns` whose reader is slow when the module goes: a message and status 1, no traceback."""
    with subprocess.Popen(
        [program(), "conns", "--csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None and command.stderr is not None
        command.stdout.readline()
        LOADER.write_text("/bin/false")
        unload()
        command.stdout.read()
        assert command.wait(60) == 1
        message = command.stderr.read()
    assert message.startswith("/proc/net/ip_vs_conn: ")
    assert message.count("\n") == 1


def test_the_warning_where_reading_gets_slower(some: int) -> None:
    """Kernels before 6.14 look for their place anew at every read: told on a terminal, with an estimate."""
    linear = reads_linearly()
    began = time.monotonic()
    assert run("conns", "--limit", "5").stdout.count("\n") == 7
    limited = time.monotonic() - began
    if not linear:
        run("-A", "-t", "10.0.0.2:80")
        with Filler() as filler:
            filler.send(numbered(40_000, CLIENTS, some))
    began = time.monotonic()
    shown = on_terminal("conns", "--count")
    taken = time.monotonic() - began
    assert ("more slowly the further it comes" in shown) == (not linear)
    if not linear:
        assert limited < taken / 3
        assert re.search(
            r"Linux before 6\.14\)(: about [\d,]+ connections will take about \d+ (s|min))?; Ctrl-C", shown
        )
        assert re.search(r"\r[\d,]+ (of [\d,]+ )?connections, ", shown)
        assert screen(shown).count("\n") == 1
        assert "slowly" not in on_terminal("conns", "--count", "-q")


def test_an_empty_table() -> None:
    """Nothing but the heading; counts are 0."""
    assert run("conns").stdout == run("-L", "-c", "-n").stdout
    assert run("conns", "--count").stdout == "0\n"
    assert run("conns", "--by", "client", "--csv").stdout == "client,connections,total\n"
    for argv in (("--json",), ("--sample", "3", "--json"), ("--by", "client", "--json")):
        assert run("conns", *argv).stdout == "[]\n"
    assert table_text().count(b"\n") == 1
    assert Path("/proc/net/ip_vs_conn").exists()
