"""Connections: one large table, filled once, and everybody who reads it in turns."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench import conn_table, netns, spawn
from bench.run import Options, scratch_root
from bench.tools import Tool, Tools

NAME = "conns"
SIZES = (100_000, 1_000_000)
QUICK_SIZES = (100_000,)
CAT, IPVSADM = "cat to /dev/null", "ipvsadm -L -c -n"
FILTERS = ("--client", "10.64.0.0/12", "--service", "10.0.0.2:80", "--destination", "10.128.0.0/28",
           "--state", "ESTABLISHED,TIME_WAIT", "--protocol", "tcp", "--expires-below", "1000000")  # fmt: skip
COLUMNS = ("contender", "runs", "min", "median", "max", "cpu", "x cat", "x ipvsadm", "us/entry", "peak MiB")
SCAN_SCRIPT = Path(__file__).with_name("conn_scan.py")


@dataclass(frozen=True)
class Setting:
    """One table: entries, the module's conn_tab_bits (None: its default), and runs of each contender."""

    entries: int
    bits: int | None
    runs: int


@dataclass
class Row:
    """What one contender did. memory: peak in KiB, of a run that was not timed."""

    contender: str
    argv: list[str]
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    memory: int | None = None
    note: str = ""


@dataclass
class Section:
    """One table's figures."""

    question: str
    entries: int
    bits: int | None
    buckets: int = 0
    fill_seconds: float = 0.0
    scan_ns: list[float] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def settings(options: Options, quick: bool) -> list[Setting]:
    """The tables: with room for their entries, then the largest one as the module makes it by default."""
    runs = options.runs if quick else max(options.runs, 5)
    found = [Setting(entries, conn_table.BITS, runs) for entries in (QUICK_SIZES if quick else SIZES)]
    return found if quick else [*found, Setting(SIZES[-1], None, 1)]


def _rows(tools: Tools) -> list[Row]:
    cat = Tool("cat", (shutil.which("cat") or "/bin/cat",))
    ours = tools.ours
    entries = [
        (CAT, cat, (str(conn_table.TABLE),)),
        (IPVSADM, tools.ipvsadm, ("-L", "-c", "-n")),
        ("ipvsfast -L -c -n", ours, ("-L", "-c", "-n")),
        ("conns --count", ours, ("conns", "--count")),
        ("conns --count, 6 filters", ours, ("conns", "--count", *FILTERS)),
        ("conns --top 20 --by client", ours, ("conns", "--top", "20", "--by", "client")),
    ]
    return [Row(name, [*tool.argv, *words], note=tool.absent) for name, tool, words in entries]


def measure(tools: Tools, options: Options, quick: bool) -> list[Section]:
    """Every table, one after the other, each in a namespace that goes away with it."""
    sections = []
    for setting in settings(options, quick):
        reason = conn_table.reload_module(setting.bits)
        section = _in_fresh_namespace(tools, setting, options)
        if reason:
            section.notes.append(reason)
        sections.append(section)
        netns.settle(30)
    conn_table.reload_module(None)
    return sections


def _in_fresh_namespace(tools: Tools, setting: Setting, options: Options) -> Section:
    text = netns.ask_in_fresh(lambda: asdict(_measure(tools, setting, options)))
    if not text:
        failed = Row("all", [], note="failed: see above")
        return Section(NAME, setting.entries, setting.bits, rows=[failed])
    document = json.loads(text)
    document["rows"] = [Row(**row) for row in document["rows"]]
    return Section(**document)


def _measure(tools: Tools, setting: Setting, options: Options) -> Section:
    section = Section(NAME, setting.entries, setting.bits, rows=_rows(tools))
    section.fill_seconds = conn_table.fill(tools.ours, setting.entries)
    netns.settle()
    section.buckets = conn_table.buckets()
    for row in section.rows:
        if not row.note:
            _look(row, tools, setting.entries, options)
    for turn in range(setting.runs):
        print(f"{NAME} {setting.entries}: run {turn + 1} of {setting.runs}", file=sys.stderr, flush=True)
        for row in section.rows:
            if not row.note:
                _time(row, options)
    section.scan_ns = _scan(tools)
    return section


def _look(row: Row, tools: Tools, entries: int, options: Options) -> None:
    """Uncounted runs: whether the answer is right, and how much memory it takes."""
    with _scratch() as folder:
        out, err = folder / "stdout", folder / "stderr"
        done = spawn.run(spawn.Command(tuple(row.argv)), out, err, options.deadline)
        if done.status:
            row.note = f"failed: status {done.status}: {err.read_text(errors='replace').strip()[-200:]}"
            return
        row.note = _wrong(row, out, entries)
        if row.note or tools.floor.absent:
            return
        command = spawn.Command((*tools.floor.argv, "memory", *row.argv))
        if not spawn.run(command, out, err, options.deadline).status:
            row.memory = int(json.loads(out.read_text())["memory"])


def _wrong(row: Row, out: Path, entries: int) -> str:
    if "--count" in row.argv:
        count = int(out.read_text())
        right = count == entries if len(row.argv) == 3 else 0 < count < entries
        return "" if right else f"failed: it counted {count}"
    with out.open("rb") as file:
        lines = sum(1 for _ in file)
    heading = 1 if row.contender == CAT else 2
    wanted = 21 if "--top" in row.argv else entries + heading
    return "" if lines == wanted else f"failed: it printed {lines} lines instead of {wanted}"


def _time(row: Row, options: Options) -> None:
    with _scratch() as folder:
        err = folder / "stderr"
        timing = spawn.run(spawn.Command(tuple(row.argv)), spawn.NULL, err, options.deadline)
        if timing.status:
            row.note = f"failed: status {timing.status}: {err.read_text(errors='replace').strip()[-200:]}"
        row.walls.append(timing.wall)
        row.cpus.append(timing.cpu or 0.0)


def _scan(tools: Tools) -> list[float]:
    """Nanoseconds a line from memory, without the kernel."""
    with _scratch() as folder:
        out, err = folder / "stdout", folder / "stderr"
        command = spawn.Command((*tools.python.argv, str(SCAN_SCRIPT)))
        if spawn.run(command, out, err, 600).status:
            print(err.read_text(errors="replace"), file=sys.stderr)
            return []
        return [float(ns) for ns in json.loads(out.read_text())["ns_per_line"]]


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for outputs, in memory where there is one."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch_root()) as folder:
        yield Path(folder)


def table(section: Section) -> str:
    """One table's figures as aligned text."""
    low = {row.contender: min(row.walls) for row in section.rows if row.walls and not row.note}
    lines: list[tuple[str, ...]] = [COLUMNS]
    for row in section.rows:
        if row.contender not in low:
            continue
        best = low[row.contender]
        times = [f"{value:.4f}" for value in (best, median(row.walls), max(row.walls))]
        cpu = f"{sum(row.cpus) / len(row.cpus):.3f}"
        ratios = [f"{best / low[name]:.2f}" if name in low else "-" for name in (CAT, IPVSADM)]
        memory = "-" if row.memory is None else f"{row.memory / 1024:.1f}"
        each = f"{best / section.entries * 1e6:.2f}"
        lines.append((row.contender, str(len(row.walls)), *times, cpu, *ratios, each, memory))
    widths = [max(len(line[at]) for line in lines) for at in range(len(COLUMNS))]
    bits = "its default" if section.bits is None else str(section.bits)
    text = [
        f"{NAME}, {section.entries:,} connections of {section.entries // conn_table.CLIENTS_SHARE:,} clients;"
        f" conn_tab_bits {bits}, {section.buckets:,} buckets; filled in {section.fill_seconds:.1f} s"
    ]
    for line in lines:
        numbers = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        text.append("  " + "  ".join((line[0].ljust(widths[0]), *numbers)))
    if section.scan_ns:
        low_ns, high_ns = min(section.scan_ns), max(section.scan_ns)
        text.append(f"  scanning alone, from memory: {low_ns:.0f} ns a line (max {high_ns:.0f})")
    text += [f"  {row.contender}: {row.note}" for row in section.rows if row.note]
    text += [f"  {note}" for note in section.notes]
    return "\n".join(text)


def failed(section: Section) -> bool:
    return any(row.note.startswith("failed") for row in section.rows)
