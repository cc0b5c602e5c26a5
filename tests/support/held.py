"""Commands that are held still in the middle of their work, and what a signal there leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.command import program

SLICE = 0.05  # seconds that the command may work on before it looks at signals


class Held:
    """A command that has stopped itself; status, out and err are there once it has ended."""

    def __init__(
        self, shim: Path, fault: str, argv: tuple[str, ...], stdin: str, name: str = "ipvsfast"
    ) -> None:
        # Files: nothing that it writes can block it before it comes to its place.
        self._files = [tempfile.TemporaryFile("w+") for _ in range(3)]
        self._files[0].write(stdin)
        self._files[0].seek(0)
        self._process = subprocess.Popen(
            [program(name), *argv],
            stdin=self._files[0], stdout=self._files[1], stderr=self._files[2],
            env={**os.environ, "LD_PRELOAD": str(shim), "FAULT": fault},
        )  # fmt: skip
        self.status = 0
        self.out = self.err = ""

    def await_stop(self) -> None:
        # Not reaped if it has ended instead: close() can still end it by its id.
        found = os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert found is not None
        assert found.si_code == os.CLD_STOPPED, f"it ended before it came to its place: {self._text(2)}"

    def signal(self, number: int) -> None:
        """It gets the signal at its place and goes on; returns when it has ended."""
        time.sleep(2 * SLICE)  # its slice is over: it looks for signals before it does more
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)
        self.status = self._process.wait(60)
        self.out, self.err = self._text(1), self._text(2)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _text(self, number: int) -> str:
        self._files[number].seek(0)
        return self._files[number].read()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(60)
        for file in self._files:
            file.close()


@contextmanager
def held(shim: Path, fault: str, *argv: str, stdin: str = "", name: str = "ipvsfast") -> Iterator[Held]:
    """The command with these arguments, stopped where `fault` says: stop:N at its Nth send of many rules,
    stop-read:N at its Nth read of the connection table, stop-sync:1 when what it saves is not yet in its place
    (faults.c)."""
    command = Held(shim, fault, argv, stdin, name)
    try:
        command.await_stop()
        yield command
    finally:
        command.close()


def await_sleep(thread: int) -> None:
    """Returns when a thread of this process, known by its native id, waits in a system call."""
    stat = Path(f"/proc/self/task/{thread}/stat")
    while stat.read_text().rpartition(") ")[2][0] != "S":
        time.sleep(0.01)
