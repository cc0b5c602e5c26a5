"""The signals that end a program, as exceptions: what was begun is put away first."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Ended(BaseException):
    """A signal that ends the program has come."""


class Orderly:
    """While it is entered, SIGTERM and SIGHUP raise an exception; on the way out the program ends by that
    signal. What came ignored stays so. SIGINT is Python's KeyboardInterrupt anyway."""

    def __enter__(self) -> None:
        import _signal  # type: ignore[import-not-found]  # the public module would import enum

        self._old: dict[int, Any] = {}
        self._came = 0
        for number in (_signal.SIGTERM, _signal.SIGHUP):
            old = _signal.getsignal(number)
            if old == _signal.SIG_DFL:
                self._old[number] = old
                _signal.signal(number, self._raise)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import _signal

        for number, old in self._old.items():
            _signal.signal(number, old)
        if self._came:
            os.kill(os.getpid(), self._came)

    def _raise(self, number: int, frame: object) -> None:
        if not self._came:  # a second one must not interrupt the tidying up
            self._came = number
            raise _Ended
