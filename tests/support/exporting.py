"""The command `ipvsfast exporter' while it runs, and what it is asked."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from support.command import program

SERVES = re.compile(r"serves the table on (\S+?)(?:, |$)")


class Exporter:
    """It, and where it serves. said: its messages."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        found = SERVES.search(self.until("serves the table on"))
        assert found
        self.place = found[1]

    def until(self, text: str) -> str:
        """The next message that has the text."""
        assert self.process.stderr is not None
        while True:
            line = self.process.stderr.readline()
            assert line, f"it ended with {self.process.wait(60)}: {self.said}"
            self.said.append(line)
            if text in line:
                return line

    def curl(
        self, *argv: str, path: str = "/metrics", scheme: str = "http"
    ) -> subprocess.CompletedProcess[str]:
        """What curl makes of it."""
        return subprocess.run(
            ["curl", "-sS", "--fail", "--max-time", "60", *argv, f"{scheme}://{self.place}{path}"],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def value(self, sample: str) -> float:
        """That of the sample that begins so, scraped now."""
        done = self.curl()
        assert done.returncode == 0, done.stderr
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(sample + " ")]
        return float(line.rpartition(" ")[2])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its status, when the signal has ended it."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def exporting(
    *argv: str, prefix: tuple[str, ...] = (), name: str = "", env: dict[str, str] | None = None
) -> Iterator[Exporter]:
    """The command with these arguments, on a port that is free unless they say otherwise. name: what the command is
    called by where `prefix` leads to."""
    place = () if "--listen" in argv or env is not None else ("--listen", "127.0.0.1:0")
    with subprocess.Popen(
        [*prefix, name or program(), "exporter", *place, *argv],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env,
    ) as process:  # fmt: skip
        try:
            yield Exporter(process)
        finally:
            process.kill()
