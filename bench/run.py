"""Measuring: every run a whole process in a fresh network namespace, contenders taking turns."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import netns, spawn
from bench.tools import Tool, Tools
from bench.workloads import NOTHING, Size, Workload

WARM_UP = Size(20, 50)


@dataclass(frozen=True)
class Entry:
    """One contender for one question on one workload."""

    name: str
    tool: Tool
    command: spawn.Command
    # Left out of --quick above QUICK_RULES rules: one run takes longer than a quick look may.
    slow: bool = False
    # Prints its own clock as JSON ("seconds"): the time for the kernel's work alone.
    inside: str = ""
    # Costs the same in all questions that have an entry with this word: measured in the first of them.
    shared: str = ""


@dataclass(frozen=True)
class Question:
    """One thing that is measured."""

    name: str
    title: str
    entries: Callable[[Tools, Workload], list[Entry]]
    # In the run's namespace, after the clock has stopped: what is wrong with the result, or "".
    check: Callable[[Workload, Path], str]
    # The table is filled with the workload before the clock starts.
    fill: bool = False
    # Asked once, not about every size, and then compared with this contender instead of the floor.
    empty_only: bool = False
    # What the table holds before such a question.
    before: Size = NOTHING
    # The exit status of a run that is right.
    status: int = 0
    # The file's lines, in any order, must be what every contender prints.
    same_output: bool = False
    base: str = ""
    # Compared with the base as a whole process, start-up included.
    whole: bool = False


@dataclass(frozen=True)
class Sample:
    """One run. `inside` is what the program itself measured; `digest` stands for what it printed."""

    wall: float = 0.0
    cpu: float | None = None
    inside: float | None = None
    digest: str = ""
    problem: str = ""


@dataclass
class Row:
    """What one contender did on one workload."""

    contender: str
    argv: list[str]
    inside: str = ""
    samples: list[Sample] = field(default_factory=list)
    # The same command on nothing at all (an empty file, an empty table): its start-up.
    start_up: list[float] = field(default_factory=list)
    note: str = ""

    def add(self, sample: Sample) -> None:
        """Keep one run; a failed one ends this row."""
        if sample.problem:
            self.note = f"failed: {sample.problem}"
        else:
            self.samples.append(sample)

    def add_start_up(self, sample: Sample) -> None:
        """Keep one run on nothing; one that failed is only missing."""
        if not sample.problem:
            self.start_up.append(sample.wall)

    def spent(self) -> float:
        """Seconds that this contender has used here."""
        return sum(s.wall for s in self.samples)


@dataclass
class Section:
    """One table: a question, a size, and a row per contender."""

    question: str
    title: str
    size: str
    rules: int
    base: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    whole: bool = False


@dataclass(frozen=True)
class Options:
    """How many runs, and when to stop repeating."""

    runs: int = 5
    # A contender that has used this much time on one workload is not run again on it.
    budget: float = 20.0
    # A single run that takes longer is ended and reported as failed.
    deadline: float = 600.0
    # Slow contenders are left out above this many rules; None: never.
    slow_limit: int | None = None


class Bench:
    """Runs questions; keeps the files of the workloads and what the programs printed."""

    def __init__(self, tools: Tools, options: Options, scratch: Path) -> None:
        self._tools = tools
        self._options = options
        self._scratch = scratch
        self._workloads: dict[Size, Workload] = {}
        self._warm: set[str] = set()
        self._broken: dict[tuple[str, str], str] = {}
        self._shared: dict[tuple[str, Size], Row] = {}

    def ask(self, question: Question, size: Size) -> Section:
        """Measure one question on one size."""
        self._warm_up(question)
        if question.empty_only:
            return self._measure(question, NOTHING, 4 * self._options.runs)
        return self._measure(question, size, self._options.runs)

    def _workload(self, size: Size) -> Workload:
        if size not in self._workloads:
            self._workloads[size] = Workload.write(size, self._scratch)
        return self._workloads[size]

    def _warm_up(self, question: Question) -> None:
        """Every contender once, uncounted, before its first counted run.

        Who fails here is remembered: a program that hangs must not use up its deadline again.
        """
        if question.name in self._warm:
            return
        self._warm.add(question.name)
        size = NOTHING if question.empty_only else WARM_UP
        for row in self._measure(question, size, 1, True).rows:
            if row.note.startswith("failed"):
                self._broken[question.name, row.contender] = f"{row.note} (on {size})"

    def _measure(self, question: Question, size: Size, runs: int, warming: bool = False) -> Section:
        workload, nothing = self._workload(size), self._workload(NOTHING)
        entries = question.entries(self._tools, workload)
        on_nothing = {e.name: e for e in question.entries(self._tools, nothing)} if size.rules else {}
        rows = [
            self._shared.get((e.shared, size))
            or Row(e.name, list(e.command.argv), e.inside, note=self._left_out(question, e, size))
            for e in entries
        ]
        known = [row for row in rows if row.samples]
        for turn in range(runs):
            print(f"{question.name} {size}: run {turn + 1} of {runs}", file=sys.stderr, flush=True)
            for entry, row in zip(entries, rows, strict=True):
                if row.note or row in known or row.spent() > self._options.budget:
                    continue
                # Side by side with the run it is subtracted from: the machine's mood changes in minutes.
                if entry.name in on_nothing and not entry.inside:
                    row.add_start_up(self._in_fresh_namespace(question, on_nothing[entry.name], nothing))
                row.add(self._in_fresh_namespace(question, entry, workload))
        section = Section(question.name, question.title, str(size), size.rules, question.base, rows)
        section.whole = question.whole
        section.notes = _notes(question, rows, runs)
        section.notes += [
            f"{row.contender}: measured once, for the first of these questions" for row in known
        ]
        if not warming:
            shared = {(e.shared, size): row for e, row in zip(entries, rows, strict=True) if e.shared}
            self._shared.update(shared)
        return section

    def _left_out(self, question: Question, entry: Entry, size: Size) -> str:
        broken = self._broken.get((question.name, entry.name))
        if broken:
            return broken
        if entry.tool.absent:
            return f"not measured: {entry.tool.absent.partition(':')[0]} (see above)"
        limit = self._options.slow_limit
        if entry.slow and limit is not None and size.rules > limit:
            return f"not measured: takes too long for --quick, which runs it on {limit} rules at most"
        return ""

    def _in_fresh_namespace(self, question: Question, entry: Entry, workload: Workload) -> Sample:
        """Fork, so that the namespace and its whole table go away with the child."""
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(receiving)
                try:
                    sample = self._sample(question, entry, workload)
                except (OSError, spawn.Overdue, ValueError) as e:
                    sample = Sample(problem=str(e))
                with open(sending, "w", encoding="utf-8") as answer:
                    json.dump(asdict(sample), answer)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(sending)
        with open(receiving, encoding="utf-8") as answer:
            text = answer.read()
        os.waitpid(child, 0)
        netns.settle()
        return Sample(**json.loads(text)) if text else Sample(problem="the run's own process died")

    def _sample(self, question: Question, entry: Entry, workload: Workload) -> Sample:
        netns.enter_fresh()
        stdout, stderr = self._scratch / "stdout", self._scratch / "stderr"
        filling = workload if question.fill else self._workload(question.before)
        if filling.size.rules:
            self._fill(filling, stdout, stderr)
            netns.settle()
        timing = spawn.run(entry.command, stdout, stderr, self._options.deadline)
        if timing.status != question.status:
            lines = stderr.read_text(errors="replace").strip().splitlines()
            return Sample(problem=f"status {timing.status}: {lines[-1] if lines else 'nothing on stderr'}")
        problem = question.check(workload, stdout)
        inside = json.loads(stdout.read_text())["seconds"] if entry.inside else None
        digest = _digest(stdout) if question.same_output and not entry.inside else ""
        return Sample(timing.wall, timing.cpu, inside, digest, problem)

    def _fill(self, workload: Workload, stdout: Path, stderr: Path) -> None:
        floor = self._tools.floor
        if floor.absent:
            raise ValueError(f"no table to look at; the floor fills it, and it is {floor.absent}")
        command = spawn.Command((*floor.argv, "restore"), stdin=workload.rules)
        if spawn.run(command, stdout, stderr, self._options.deadline).status != 0:
            raise ValueError(f"could not fill the table: {stderr.read_text(errors='replace').strip()}")
        problem = wrong_size(workload.size)
        if problem:
            raise ValueError(f"could not fill the table: {problem}")


def wrong_size(size: Size) -> str:
    """What is wrong with the number of rules in this namespace's table, or nothing."""
    services, destinations = netns.table_size()
    if (services, destinations) == (size.services, size.services * size.destinations):
        return ""
    return (
        f"the kernel has {services} services and {destinations} destinations"
        f" instead of {size.services} and {size.services * size.destinations}"
    )


def _digest(path: Path) -> str:
    """Equal for outputs with the same lines: the order is the kernel's, which differs from run to run."""
    return hashlib.sha256(b"\n".join(sorted(path.read_bytes().splitlines()))).hexdigest()


def _notes(question: Question, rows: Sequence[Row], runs: int) -> list[str]:
    notes = []
    for row in rows:
        if row.samples and not row.note and len(row.samples) < runs:
            notes.append(f"{row.contender}: {len(row.samples)} of {runs} runs, its time was used up")
    digests = {s.digest for row in rows for s in row.samples if s.digest}
    if question.same_output and len(digests) > 1:
        names = ", ".join(row.contender for row in rows if any(s.digest for s in row.samples))
        notes.append(f"these did not all print the same lines: {names}")
    return notes


def scratch_root() -> Path:
    """A folder in memory where there is one: rule files should not be read through a slow file system."""
    mounted = {}
    for line in Path("/proc/mounts").read_text().splitlines():
        _device, point, kind = line.split()[:3]
        mounted[point] = kind
    for point in ("/dev/shm", "/run"):
        if mounted.get(point) == "tmpfs" and os.access(point, os.W_OK):
            return Path(point)
    return Path(tempfile.gettempdir())


def run(
    questions: Sequence[Question], sizes: Sequence[Size], tools: Tools, options: Options
) -> list[Section]:
    """Ask every question about every size."""
    sections = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch_root()) as scratch:
        os.environ[spawn.STATE] = f"{scratch}/state"  # what is remembered of applies lies in memory too
        bench = Bench(tools, options, Path(scratch))
        for question in questions:
            for size in sizes[:1] if question.empty_only else sizes:
                sections.append(bench.ask(question, size))
    print(f"measured in {time.monotonic() - began:.0f} s", file=sys.stderr)
    return sections
