"""What was measured, as aligned plain text and as JSON."""

from __future__ import annotations

import json
import os
import platform
import resource
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median

from bench import connections, poll
from bench.run import Row, Section
from bench.tools import Tools, processor

COLUMNS = ("contender", "runs", "min", "median", "max", "cpu", "net", "x ipvsfast", "x base")


@dataclass(frozen=True)
class Host:
    """Where it was measured."""

    kernel: str
    processor: str
    processors: int
    python: str
    clock_step: float | None
    cpu_step: float


def _cpu_step() -> float:
    """The smallest step of the CPU accounting: a whole tick of 10 ms on some kernels."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    steps = []
    for _ in range(3):
        before = used()
        while (after := used()) == before:
            pass
        steps.append(after - before)
    return min(steps)


def describe_host(tools: Tools) -> Host:
    """Kernel, processor, and how finely time is told here."""
    name, step = processor(tools.floor)
    kernel = f"{platform.release()} {platform.machine()}"
    return Host(kernel, name, os.cpu_count() or 1, platform.python_version(), step, _cpu_step())


@dataclass(frozen=True)
class Figures:
    """One line of a table, in seconds; `net` is the minimum less the same program's start-up."""

    name: str
    walls: tuple[float, ...]
    cpu: float | None
    net: float | None


def _figures(row: Row) -> list[Figures]:
    """A contender's line, and a second one for what it measured itself."""
    if not row.samples or row.note:
        return []
    walls = tuple(s.wall for s in row.samples)
    # Who has a clock inside knows better than a subtraction.
    net = min(walls) - min(row.start_up) if row.start_up and not row.inside else None
    if net is not None and net <= 0:
        net = None
    cpu = [s.cpu for s in row.samples if s.cpu is not None]
    found = [Figures(row.contender, walls, mean(cpu) if cpu else None, net)]
    inside = tuple(s.inside for s in row.samples if s.inside is not None)
    if row.inside and inside:
        found.append(Figures(row.inside, inside, None, min(inside)))
    return found


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if value < 10 else f"{value:.2f}"


def _ratio(value: float | None, base: float | None) -> str:
    return f"{value / base:.2f}" if value is not None and base else "-"


def section_table(section: Section) -> str:
    """One table with its notes."""
    figures = [f for row in section.rows for f in _figures(row)]
    ours = next((min(f.walls) for f in figures if f.name == "ipvsfast"), None)
    base = next((f for f in figures if f.name == section.base), None)
    on_nothing = section.rules == 0
    whole = on_nothing or section.whole
    lines: list[tuple[str, ...]] = [COLUMNS]
    for f in figures:
        low = min(f.walls)
        against = low if whole else f.net
        under = None if base is None else min(base.walls) if whole else base.net
        times = map(_seconds, (low, median(f.walls), max(f.walls), f.cpu, f.net))
        lines.append((f.name, str(len(f.walls)), *times, _ratio(low, ours), _ratio(against, under)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    head = section.title if on_nothing else f"{section.size}: {section.rules} {section.title}"
    text = [f"{section.question}, {head}"]
    for line in lines:
        numbers = (c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))
        text.append("  " + "  ".join((line[0].ljust(widths[0]), *numbers)))
    text += [f"  {row.contender}: {row.note}" for row in section.rows if row.note]
    text += [f"  {note}" for note in section.notes]
    return "\n".join(text)


def _heading(host: Host, tools: Tools) -> str:
    clock = "unknown" if host.clock_step is None else f"{host.clock_step * 1e6:.2g} us"
    lines = [
        f"kernel {host.kernel}; {host.processors} x {host.processor}; Python {host.python}",
        f"smallest step of the clock {clock}, of the CPU accounting {host.cpu_step * 1e3:.2g} ms",
    ]
    lines += [f"{t.name}: {t.absent or t.version}" for t in tools.all()]
    return "\n".join(lines)


_LEGEND = """\
Seconds of wall time of the whole process; cpu: user and system time, mean. net: the minimum less the
minimum of the same command on nothing (empty file, empty table), "-" where noise is larger.
x ipvsfast: the minima compared. x base: net compared with the floor's own clock around the kernel's
work; for startup, the minimum compared with the bare Python's, for apply with that of our own -L -n.
conns: x cat, x ipvsadm: minima compared. poll: seconds of one reading; x floor: the minimum compared
with that of the fastest floor."""


def text(host: Host, tools: Tools, tables: Sequence[str], remark: str = "") -> str:
    """The whole report."""
    parts = [_heading(host, tools), *([remark] if remark else []), *tables, _LEGEND]
    return "\n\n".join(parts)


def write_json(
    path: Path,
    host: Host,
    tools: Tools,
    sections: Sequence[Section | poll.Section | connections.Section],
    options: object,
) -> None:
    """Everything, every single run included, for whoever wants to compute something else."""
    document = {
        "format": 1,
        "host": asdict(host),
        "contenders": {t.name: {"version": t.version, "absent": t.absent} for t in tools.all()},
        "options": options,
        "sections": [asdict(s) for s in sections],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")
