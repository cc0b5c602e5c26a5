"""The caller's terminal as that of a command in a guest, which knows no more of it than files that come."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
import tty
from pathlib import Path
from types import FrameType, TracebackType

from .errors import CannotRunError

GUEST_PROGRAM = Path(__file__).resolve().parent / "guest" / "terminal.py"
WAIT_SECONDS = 0.1


def command_on_terminal(folder: Path) -> list[str]:
    """What the guest runs in place of the command itself."""
    return [sys.executable, "-IB", str(GUEST_PROGRAM), str(folder)]


def check() -> None:
    """CannotRunError unless there is a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CannotRunError("--terminal: standard input and output are no terminal")


class Keyboard:
    """While the with block runs, keys go to the guest one by one, and so do changes of the size."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._before = termios.tcgetattr(0)
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Keyboard:
        self._tell_size()
        self._handler = signal.signal(signal.SIGWINCH, self._resized)
        tty.setraw(0)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._reader.join()
        termios.tcsetattr(0, termios.TCSADRAIN, self._before)
        signal.signal(signal.SIGWINCH, self._handler)

    def _tell(self, message: bytes) -> None:
        with self._lock:
            name = self._folder / f"input-{self._number:08}"
            self._number += 1
            name.with_suffix(".new").write_bytes(message)
            name.with_suffix(".new").rename(name)

    def _tell_size(self) -> None:
        size = os.get_terminal_size(1)
        self._tell(f"s{size.lines} {size.columns}".encode())

    def _resized(self, number: int, frame: FrameType | None) -> None:
        self._tell_size()

    def _read(self) -> None:
        while not self._ended.is_set():
            if select.select([0], [], [], WAIT_SECONDS)[0]:
                keys = os.read(0, 1024)
                if not keys:
                    return
                self._tell(b"k" + keys)
