"""What a service manager wants to hear (sd_notify): datagrams to the socket that NOTIFY_SOCKET names."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Final

_MORE_TIME = 60  # seconds
_SECONDS = 1.0  # for a manager that does not read; it is told less then, and we go on


class Notifier:
    """Tells it; without the variable, or where nobody listens, nothing happens. The variables are taken out
    of the environment: no child speaks for us. watchdog: seconds between two signs of life, 0 for none."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        path = environment.pop("NOTIFY_SOCKET", "")
        self._address: str | bytes = b""
        if path[:1] == "@":  # of the abstract kind, which has no file
            self._address = b"\0" + os.fsencode(path[1:])
        elif path[:1] == "/":
            self._address = path
        usec, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        ours = self._address and pid in ("", str(os.getpid()))
        # Half of the time: one that is late is no death yet.
        self.watchdog: Final[float] = int(usec) / 2e6 if ours and usec.isascii() and usec.isdigit() else 0.0
        self._status = ""

    def ready(self) -> None:
        """It works, or is done with what it was told to load again."""
        self._send("READY=1")

    def reloading(self) -> None:
        """It loads again what it was told; ready() ends that."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def takes_longer(self) -> None:
        """What it was started or told to load goes on: it is waited for a minute more from here."""
        self._send(f"EXTEND_TIMEOUT_USEC={_MORE_TIME * 1_000_000}")

    def stopping(self) -> None:
        """It is about to end."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """A sign of life."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """How things are, in a line; the same again is not sent."""
        if text != self._status:
            self._status = text
            self._send("STATUS=" + text.replace("\n", " "))

    def _send(self, message: str) -> None:
        if not self._address:
            return
        import socket

        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
                end.settimeout(_SECONDS)
                end.sendto(message.encode("utf-8", "surrogateescape"), self._address)
        except OSError:
            pass  # who does not listen misses it
