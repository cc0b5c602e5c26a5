"""The signals that end a program, as exceptions: what was begun is put away first."""

from __future__ import annotations

import os

from .output import Terminated, write, write_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
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


class WholeTexts:
    """Texts to standard output that end whole: while it is entered, SIGINT and SIGTERM wait for the text
    that is being written; a second one does not. What came ignored stays so."""

    def __enter__(self) -> WholeTexts:
        import _signal

        self._writing, self._came = False, 0
        self._old: dict[int, Any] = {}
        for number in (_signal.SIGINT, _signal.SIGTERM):
            old = _signal.getsignal(number)
            if old in (_signal.SIG_DFL, _signal.default_int_handler):
                self._old[number] = old
                _signal.signal(number, self._end)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import _signal

        for number, old in self._old.items():
            _signal.signal(number, old)

    def write(self, pieces: Iterable[str]) -> None:
        """All of a text, which is made before anything of it is written."""
        self.write_made(["".join(pieces)])

    def write_made(self, pieces: Iterable[str | memoryview]) -> None:
        """The same with pieces whose making cannot fail; one is valid until the next."""
        self._writing = True
        for piece in pieces:
            if isinstance(piece, str):
                write(piece)
            else:
                write_pieces("", [piece])
        self._writing = False
        if self._came:
            raise self._exception()

    def _end(self, number: int, frame: object) -> None:
        first, self._came = not self._came, number
        if not (first and self._writing):
            raise self._exception()

    def _exception(self) -> KeyboardInterrupt:
        import _signal

        return Terminated() if self._came == _signal.SIGTERM else KeyboardInterrupt()
