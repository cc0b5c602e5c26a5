"""The commands of the documents, run as they stand there, and what they print compared with what the page shows.

A block of the language `console` is a look at a terminal: `# ` or `$ ` and a command, `> ` what belongs to it in further
lines, and below what it prints. A line `...` stands for any number of lines. What differs from run to run (times, durations,
numbers of processes and versions) is compared by its form only. A line that is redrawn may be the last one of what a command
prints at first: it is waited for. A remark before a block says what else there is to it:

    <!-- file: NAME -->         the block, of any language, is the content of this file
    <!-- run first: COMMAND --> what has to be there before; it need not be before a block
    <!-- connects: SERVICE to DESTINATION --> a client connects to ADDRESS:PORT, and that destination gets it
    <!-- closes -->             all of these clients end their connections
    <!-- goes on -->            its last command does not end: the block has what it prints at first
    <!-- goes on, then -->      what that command has printed meanwhile; a line ^C ends it
    <!-- goes on, to its end --> what that command prints until it ends by itself
    <!-- run by: TEST -->       not run here, but by that test, which reads the page
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from ipvsfast.cli.installation import NAMES
from support.command import BIN, NOBODY, program
from support.page_clients import Clients
from support.tools import ROOT

SECONDS = 60.0  # for what comes at once
_BLOCK = re.compile(
    r"^<!-- (?P<scene>run first|connects|closes)(?:: (?P<what>[^\n]*))? -->$|(?:^<!-- (?P<remark>[^>\n]*) -->\n+)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```$",
    re.M | re.S,
)
# Folders of the machine, each of which a folder of the test stands for.
PLACES = re.compile(r"(?<![\w./-])/(?:etc|opt|var/lib|usr/lib/ipvsfast|usr/local)/")


def _way(found: re.Match[str]) -> str:
    """Where a ramp stands depends on the moment; from where it comes does not, and follows from that."""
    goal, weight, step, steps = (int(found[name]) for name in ("goal", "weight", "step", "steps"))
    start = goal + Fraction(weight - goal) / (1 - Fraction(step, steps))
    return f"with weight {goal}, {found['many']} on the way from {start} in {steps} steps"


# What is compared by its form.
FORMS = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d{4})?"), "TIME"),
    (re.compile(r"\b\d+\.\d+ s\b"), "SECONDS"),
    (re.compile(r"\b[v ]\d+\.\d+\.\d+\b(?:-\S+)?(?=[), ]|$)"), " VERSION"),
    (re.compile(r"\bsize(.)\d+\b"), r"size\1N"),
    (re.compile(r"\bprocess \d+\b"), "process N"),
    (re.compile(r"\bin \d+ s\b|\b\d+ s left\b"), "N s"),
    (re.compile(r'"time": \d+\.\d+'), '"time": TIME'),
    (re.compile(r"with weight (?P<goal>\d+), (?P<many>\d+) on the way at (?P<weight>\d+) after (?P<step>\d+) of (?P<steps>\d+) steps"), _way),
)  # fmt: skip


# Remarks that are no blocks, but what happens between them.
SCENE = ("run first", "connects", "closes")
# Pages whose blocks of the language sh are lists of commands, each of which stands for itself.
LISTS = ("README.md", "docs/commands.md", "docs/stats.md", "docs/top.md")


@dataclass
class Step:
    """A command and what it prints; one without a command is what the command before goes on to print."""

    command: str = ""
    printed: list[str] = field(default_factory=list)
    goes_on: bool = False


@dataclass(frozen=True)
class Block:
    """A block of a page: its language, the remark before it, and its text."""

    language: str
    remark: str
    text: str


def blocks(path: Path) -> list[Block]:
    """All of a page."""
    return [
        Block("", found["scene"], found["what"] or "")
        if found["scene"]
        else Block(found["language"], found["remark"] or "", found["text"])
        for found in _BLOCK.finditer(path.read_text())
    ]


def played(block: Block) -> bool:
    """Whether it is a look at a terminal that is run, and compared."""
    return block.language == "console" and not block.remark.startswith("run by: ")


def steps(block: Block) -> list[Step]:
    """The commands of a block of the language console."""
    found = [Step()] if block.remark.startswith("goes on, ") else []
    # The other one may begin a line of what is printed.
    prompt = "$ " if block.text.startswith("$ ") else "# "
    for line in block.text.splitlines():
        if line.startswith(prompt):
            found.append(Step(line[2:]))
        elif line.startswith("> ") and not found[-1].printed:
            found[-1].command += f"\n{line[2:]}"
        else:
            found[-1].printed.append(line)
    found[-1].goes_on = block.remark in ("goes on", "goes on, then")
    return found


def form(line: str) -> str:
    """A line without what differs from run to run."""
    for what, word in FORMS:
        line = what.sub(word, line)
    return line.rstrip()


def agree(shown: list[str], printed: list[str]) -> bool:
    """Whether this is what the page shows."""
    parts = [re.escape(form(line)) + "\n" if line != "..." else "(?:.*\n)*?" for line in shown]
    return re.fullmatch("".join(parts), "".join(f"{form(line)}\n" for line in printed)) is not None


def screen(raw: bytes) -> list[str]:
    """The lines that a terminal shows in the end: what was written over is gone."""
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", raw.decode().replace("\r\n", "\n"))
    return [line.rsplit("\r", 1)[-1].rstrip() for line in text.removesuffix("\n").split("\n")] if text else []


# What a line ends with, and one that is redrawn.
_WHOLE = (b"\n", b"\x1b[K")


class Running:
    """A command on a terminal of its own."""

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        self._terminal, theirs = os.openpty()
        self._raw = b""
        self._awaited: list[str] = []
        self._process = subprocess.Popen(
            ["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs,
            stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def _read(self) -> bool:
        """Waits for more; False at the end."""
        if not select.select([self._terminal], [], [], SECONDS)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise AssertionError(f"nothing more came for {SECONDS} s: {self._awaited}\n{screen(self._raw)}")
        try:
            more = os.read(self._terminal, 65536)
        except OSError:  # EIO: nobody has it open any more
            more = b""
        self._raw += more
        return bool(more)

    def taken(self) -> list[str]:
        """The lines since the last call."""
        lines, self._raw = screen(self._raw), b""
        return lines

    def until(self, shown: list[str], seen: Callable[[list[str]], bool]) -> list[str]:
        """Waits until its lines are seen to be the shown ones, or are more than these; the lines."""
        until = time.monotonic() + SECONDS
        self._awaited = shown
        while not self._raw.endswith(_WHOLE) or not (
            seen(screen(self._raw)) or len(screen(self._raw)) > len(shown)
        ):
            assert time.monotonic() < until and self._read(), f"{shown}\n{screen(self._raw)}"
        return self.taken()

    def end(self, interrupt: bool = False) -> list[str]:
        """Waits for its end, after Ctrl-C if so wanted; the lines until then."""
        if interrupt:
            os.killpg(self._process.pid, signal.SIGINT)
        while self._read():
            pass
        self._process.wait(SECONDS)
        os.close(self._terminal)
        return self.taken()


class Page:
    """A page of docs/, and a folder in which its commands are run."""

    def __init__(self, name: str, folder: Path) -> None:
        self._blocks = blocks(ROOT / name)
        self._folder = folder
        self.home = folder / "home"  # where the commands are run
        for made in ("home", "sbin", "etc/default", "opt", "var/lib", "usr/lib/ipvsfast", "usr/local/sbin"):
            (folder / made).mkdir(parents=True)
        shutil.copy(ROOT / "contrib/boot/ipvsfast-boot", folder / "usr/lib/ipvsfast/boot")
        for old, new in NAMES:
            (folder / "sbin" / old).symlink_to(program(new))
        (self.home / "contrib").symlink_to(ROOT / "contrib")
        path = f"{folder}/sbin:{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin"
        self.environment = {
            **os.environ, "PATH": path, "HOME": str(self.home), "TERM": "dumb", "TZ": "UTC", "LANG": "C.UTF-8",
            "COLUMNS": "120", "IPVSFAST": program(),
        }  # fmt: skip
        self._running: Running | None = None
        self._clients = Clients()

    def _places(self, text: str) -> str:
        # A user without privileges can yet reach an environment in a private folder.
        text = text.replace(" ".join(NOBODY[:4]), " ".join(NOBODY))
        return PLACES.sub(lambda found: f"{self._folder}{found[0]}", text)

    def play(self) -> None:
        """Runs all that is to be run, in its order; AssertionError where the page shows something else."""
        try:
            self._play()
            assert self._running is None, "the page leaves a command that goes on"
        finally:
            self._clients.close()
            if self._running is not None:
                self._running.end(interrupt=True)

    def _play(self) -> None:
        for block in self._blocks:
            if block.remark == "run first":
                Running(self._places(block.text), self.home, self.environment).end()
            elif block.remark == "connects":
                self._clients.connect(*block.text.split(" to "))
            elif block.remark == "closes":
                self._clients.close()
            elif block.remark.startswith("file: "):
                path = Path(self._places(block.remark[6:]))
                (self.home / path).parent.mkdir(parents=True, exist_ok=True)
                (self.home / path).write_text(self._places(block.text))
            elif played(block):
                for step in steps(block):
                    self._step(step)

    def _step(self, step: Step) -> None:
        if step.command:
            running = Running(self._places(step.command), self.home, self.environment)
        else:
            assert self._running is not None
            running, self._running = self._running, None
        if not step.goes_on:
            self._compare(step, step.printed, running.end())
            return
        self._running = running
        before, *after = "\n".join(["", *step.printed]).split("\n^C")
        lines = before.splitlines()[1:]
        if lines:
            assert "..." not in lines, "what comes for any number of lines cannot be waited for"
            seen = running.until(lines, lambda printed: agree(lines, self._cleaned(printed)))
            self._compare(step, lines, seen)
        if after:
            self._running = None
            self._compare(step, after[0].splitlines()[1:], running.end(interrupt=True))

    def _cleaned(self, printed: list[str]) -> list[str]:
        """With the places of the machine in place of those of the test."""
        return [line.replace(str(self._folder), "").replace(str(BIN), "/usr/bin") for line in printed]

    def _compare(self, step: Step, shown: list[str], printed: list[str]) -> None:
        printed = self._cleaned(printed)
        assert agree(shown, printed), "\n".join(
            ["", step.command, "--- shown", *shown, "--- printed", *printed]
        )
