"""What somebody at a terminal sees."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence

import pyte

from support.command import program


def on_terminal(*argv: str, stdin: str = "", status: int = 0, **environment: str) -> str:
    """What the command writes to a terminal that is its standard error."""
    main, other = pty.openpty()
    with subprocess.Popen(
        [program(), *argv], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=other,
        env={**os.environ, **environment},
    ) as command:  # fmt: skip
        os.close(other)
        assert command.stdin is not None
        command.stdin.write(stdin.encode())
        command.stdin.close()
        shown = b""
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
        assert command.wait(60) == status
    os.close(main)
    return shown.decode()


def screen(shown: str) -> str:
    """What is left on the screen: carriage return and `erase to the end of the line` obeyed."""
    lines = [""]
    for part in re.split(r"(\r\n|\r|\x1b\[K)", shown):
        if part == "\r\n":
            lines.append("")
        elif part in ("\r", "\x1b[K"):
            lines[-1] = ""
        else:
            lines[-1] += part
    return "\n".join(lines)


class Terminal:
    """A command on a terminal of its own, whose screen can be read. Waits for what it is asked for."""

    PATIENCE = 120.0  # seconds: only a fault takes as long

    def __init__(
        self, argv: Sequence[str], *, columns: int = 80, lines: int = 24, **environment: str
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.main, other = pty.openpty()
        self._resize(columns, lines)
        env = {**os.environ, "TERM": "xterm", **environment}
        self.mode = termios.tcgetattr(other)

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            argv, stdin=other, stdout=other, stderr=other, env=env,
            preexec_fn=own_terminal,  # noqa: PLW1509 - no threads here
        )  # fmt: skip
        self._other = other

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.main)
        os.close(self._other)

    def _resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Another size, which the command is told."""
        self.screen.resize(lines, columns)
        self._resize(columns, lines)

    def type(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    @property
    def shown(self) -> str:
        """The screen, without blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def read(self) -> None:
        """What is there now is drawn."""
        while select.select([self.main], [], [], 0)[0]:
            data = os.read(self.main, 65536)
            self.raw += data
            self._stream.feed(data)

    def until(self, reached: Callable[[], bool]) -> None:
        """Draws until that is so."""
        end = time.monotonic() + self.PATIENCE
        while True:
            self.read()
            if reached():
                return
            assert time.monotonic() < end, f"waited for something else than\n{self.shown}"
            select.select([self.main], [], [], 0.05)

    def until_shown(self, text: str) -> None:
        self.until(lambda: text in self.shown)

    def end(self) -> int:
        """The status with which the command ends, negative for a signal; its last words are drawn."""
        self.until(lambda: self.process.poll() is not None)
        self.read()
        return self.process.wait()

    @property
    def as_found(self) -> bool:
        """Whether the terminal is as it was given: main screen, cursor, wrapping, mode."""
        last = {switch: self.raw.rfind(f"\x1b[?{switch}h".encode()) for switch in (25, 7)}
        off = {switch: self.raw.rfind(f"\x1b[?{switch}l".encode()) for switch in (25, 7)}
        left = self.raw.rfind(b"\x1b[?1049l") > self.raw.rfind(b"\x1b[?1049h")
        return left and all(last[n] > off[n] for n in last) and termios.tcgetattr(self._other) == self.mode
