"""Poll: what one reading of the whole table costs a program that reads it again and again."""

from __future__ import annotations

import json
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench import netns, spawn
from bench.run import Options, scratch_root, wrong_size
from bench.tools import Tool, Tools
from bench.workloads import VIP_PORT, Size, Workload, vip

NAME = "poll"
SIZES = ("20x50", "1000x50", "1000x50v6", "20000x1")
QUICK_SIZES = ("20x50", "100x50", "1000x50", "1000x50v6")
READER = Path(__file__).with_name("poll_reader.py")
OURS, FLOOR = "ipvsfast", "floor, "
TURNS = 5  # readings for each run that is asked for: they are short
WARM_UP, LONG = 2, 1.0  # who takes so many seconds for an answer needs no second one for that
WATCHED, WATCHED_QUICK = 20, 5
CONNECTIONS = 20  # so many services get one, so that there is something to count
# What there are no counters in, and what is left out of --quick above so many rules.
NO_COUNTERS, SLOW = ("/proc/net/ip_vs", "node exporter"), ("pyroute2", "node exporter")
COLUMNS = ("contender", "readings", "min", "median", "max", "cpu", "x ipvsfast", "x floor")


@dataclass
class Row:
    """What one contender did."""

    contender: str
    argv: list[str]
    note: str = ""
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)


@dataclass
class Section:
    """One table's figures. watched: of a poller with deltas, the CPU seconds of each second."""

    question: str
    size: str
    services: int
    destinations: int
    rows: list[Row]
    watched: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Reader:
    """A contender that runs, and takes a reading when it is asked to."""

    def __init__(self, row: Row, errors: Path, seconds: float) -> None:
        self._errors, self._seconds = errors, seconds
        self.spent = self.took = 0.0
        with errors.open("wb") as file:
            self._process = subprocess.Popen(
                row.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file,
                env=dict(spawn.environment()),
            )  # fmt: skip

    def ask(self, *words: object) -> dict[str, Any]:
        """The answer to a line; ValueError if it did not come."""
        assert self._process.stdin
        assert self._process.stdout
        line, begun = b"", time.monotonic()
        try:
            self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
            self._process.stdin.flush()
            if select.select([self._process.stdout], [], [], self._seconds)[0]:
                line = self._process.stdout.readline()
            else:
                raise ValueError(f"no reading after {self._seconds:.0f} s")
        except BrokenPipeError:
            pass
        if not line:
            lines = self._errors.read_text(errors="replace").strip().splitlines()
            raise ValueError(lines[-1] if lines else "it ended")
        self.took = time.monotonic() - begun
        if words == ("read",):
            self.spent += self.took
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """By the end of its input; it is killed if that does not help."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def _rows(tools: Tools, size: Size) -> list[Row]:
    python, floor = tools.python, tools.floor
    apart = tools.pyroute2  # its interpreter, without the script of restore
    pyroute2 = Tool(apart.name, apart.argv[:-1], apart.version, apart.absent)

    def ours(name: str, kind: str) -> Row:
        return Row(name, [*python.argv, str(READER), kind])

    def other(name: str, tool: Tool, kind: str, needs: Tool | None = None) -> Row:
        words = () if needs is None else needs.argv
        note = (needs or tool).absent
        return Row(name, [*tool.argv, str(READER), kind, *words], note and f"not measured: {note}")

    ways = ("netlink",) if size.ipv6 else ("option", "mixed", "netlink")
    return [
        ours(OURS, "poll"),
        ours("ipvsfast, delta", "delta"),
        ours("ipvsfast, netlink", "netlink"),
        ours("ipvsfast, table()", "values"),
        ours("ipvsfast, metrics", "metrics"),
        other("ipvsadm --stats", python, "ipvsadm", tools.ipvsadm),
        other("pyroute2", pyroute2, "pyroute2"),
        other("/proc/net/ip_vs", python, "file"),
        other("node exporter", python, "exporter", tools.exporter),
        *[Row(f"{FLOOR}{way}", [*floor.argv, "poll", way], floor.absent) for way in ways],
    ]


def measure(tools: Tools, options: Options, sizes: Sequence[Size], quick: bool) -> list[Section]:
    """Every table in a namespace of its own, filled once; everybody reads it in turns."""
    sections = []
    for size in sizes:
        text = netns.ask_in_fresh(lambda size=size: asdict(_measure(tools, options, size, quick)))  # type: ignore[misc]
        if text:
            document = json.loads(text)
            document["rows"] = [Row(**row) for row in document["rows"]]
            sections.append(Section(**document))
        else:
            rows = [Row("all", [], "failed: see above")]
            sections.append(Section(NAME, str(size), size.services, 0, rows))
        netns.settle(30)
    return sections


def _measure(tools: Tools, options: Options, size: Size, quick: bool) -> Section:
    rows = _rows(tools, size)
    section = Section(NAME, str(size), size.services, size.services * size.destinations, rows)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch_root()) as folder, _readers() as readers:
        scratch = Path(folder)
        _fill(tools, options, size, scratch, section)
        for number, row in enumerate(rows):
            limit = options.slow_limit
            if row.contender in SLOW and limit is not None and size.rules > limit:
                row.note = (
                    f"not measured: takes too long for --quick, which asks it about {limit} rules at most"
                )
            if not row.note:
                readers[row.contender] = Reader(row, scratch / f"{number}.errors", options.deadline)
        _compare(section, readers, scratch)
        for turn in range(-WARM_UP, TURNS * options.runs):
            print(
                f"{NAME} {size}: reading {max(turn + 1, 0)} of {TURNS * options.runs}",
                file=sys.stderr,
                flush=True,
            )
            for row in rows:
                _read(row, section, readers, counted=turn >= 0, budget=options.budget)
        if not rows[1].note:
            section.watched = readers[rows[1].contender].ask("watch", WATCHED_QUICK if quick else WATCHED)[
                "cpu"
            ]
    return section


@contextmanager
def _readers() -> Iterator[dict[str, Reader]]:
    found: dict[str, Reader] = {}
    try:
        yield found
    finally:
        for reader in found.values():
            reader.end()


def _fill(tools: Tools, options: Options, size: Size, scratch: Path, section: Section) -> None:
    workload = Workload.write(size, scratch)
    command = spawn.Command((*tools.floor.argv, "restore"), stdin=workload.rules)
    done = spawn.run(command, scratch / "stdout", scratch / "stderr", options.deadline)
    problem = (scratch / "stderr").read_text() if done.status else wrong_size(size)
    if problem:
        raise ValueError(f"could not fill the table: {problem}")
    if not _send(size):
        section.notes.append("no traffic, as there is no ip program: all counters are 0")
    netns.settle()


def _send(size: Size) -> bool:
    """A few connections, which nobody accepts. All addresses of the table are this machine's own for that."""
    ip = shutil.which("ip", path="/sbin:/usr/sbin:/bin:/usr/bin")
    if ip is None:
        return False
    where = ("-6", "2001:db8::/32") if size.ipv6 else ("-4", "10.0.0.0/8")
    subprocess.run([ip, where[0], "route", "add", "local", where[1], "dev", "lo"], check=True)
    for service in range(min(CONNECTIONS, size.services)):
        with socket.socket(socket.AF_INET6 if size.ipv6 else socket.AF_INET) as s:
            s.settimeout(1)
            s.connect_ex((vip(service, size.ipv6), VIP_PORT))
    time.sleep(5)  # the kernel has brought all to the counters that are read
    return True


def _compare(section: Section, readers: dict[str, Reader], scratch: Path) -> None:
    """Who tells other rows, or other counters of them, than the first one takes no part."""
    wanted: list[list[str]] = []
    for row in section.rows:
        if row.note or row.contender.startswith(FLOOR):
            continue
        try:
            readers[row.contender].ask("rows", scratch / "rows")
        except ValueError as e:
            row.note = f"failed: {e}"
            continue
        found = sorted(line.split() for line in (scratch / "rows").read_text().splitlines())
        wanted = wanted or found
        if found != ([line[:2] for line in wanted] if row.contender in NO_COUNTERS else wanted):
            row.note = "failed: it has other rows, or other counters, than the first"
    if len(wanted) != section.destinations:
        section.rows[0].note = f"failed: it has {len(wanted)} destinations"
    section.notes.append(f"{sum(int(line[2]) for line in wanted)} connections counted in the table")


def _read(row: Row, section: Section, readers: dict[str, Reader], counted: bool, budget: float) -> None:
    """One reading, unless the contender has failed, or has used up its time: one is counted of everybody."""
    reader = readers.get(row.contender)
    if row.note or reader is None or (reader.spent > budget and row.walls):
        return
    if not counted and reader.took > LONG:
        return
    try:
        answer = reader.ask("read")
    except ValueError as e:
        row.note = f"failed: {e}"
        return
    found = answer["services"], answer["destinations"]
    if found != (section.services, section.destinations):
        row.note = f"failed: it has {found[0]} services and {found[1]} destinations"
    elif counted:
        row.walls.append(answer["seconds"])
        row.cpus.append(answer["cpu"])


def cheapest(section: Section) -> float | None:
    """Seconds of the fastest reading in C, however it was taken."""
    return min(
        (min(r.walls) for r in section.rows if r.contender.startswith(FLOOR) and r.walls), default=None
    )


def table(section: Section) -> str:
    """One table's figures as aligned text."""
    measured = [row for row in section.rows if row.walls and not row.note]
    ours = next((min(row.walls) for row in measured if row.contender == OURS), None)
    lines: list[tuple[str, ...]] = [COLUMNS]
    for row in measured:
        low = min(row.walls)
        times = [f"{value:.4f}" for value in (low, median(row.walls), max(row.walls), mean(row.cpus))]
        ratios = [f"{low / base:.2f}" if base else "-" for base in (ours, cheapest(section))]
        lines.append((row.contender, str(len(row.walls)), *times, *ratios))
    widths = [max(len(line[at]) for line in lines) for at in range(len(COLUMNS))]
    text = [f"{NAME}, {section.size}: {section.destinations} destinations of {section.services} services"]
    for line in lines:
        numbers = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        text.append("  " + "  ".join((line[0].ljust(widths[0]), *numbers)))
    if section.watched:
        low, high = min(section.watched) * 100, max(section.watched) * 100
        text.append(
            f"  a poller with delta and rates, each second: {median(section.watched) * 100:.1f} % of a core,"
            f" median of {len(section.watched)} seconds ({low:.1f} to {high:.1f} %)"
        )
    text += [f"  {row.contender}: {row.note}" for row in section.rows if row.note]
    text += [f"  {note}" for note in section.notes]
    return "\n".join(text)


def failed(section: Section) -> bool:
    """Whether a contender gave no figure, or a wrong one."""
    return any(row.note.startswith("failed") for row in section.rows)
