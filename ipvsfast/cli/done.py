"""What the native front has done of a command before it left the rest to us. csrc/front/work.h describes it.

An operation that has a result is never sent again: a lost reply would become "already exists". Where only
reading was done, or nothing, we are told nothing, and begin anew.
"""

from __future__ import annotations

import struct
from _signal import SIGTERM  # type: ignore[import-not-found]  # the public module would import enum

from .output import ExitWith, Terminated, cannot_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

CHANGE, OUTPUT, RULES, REPLACE, LISTED, APPLY = 1, 2, 3, 4, 5, 6
VERSION = 2
# Up to the second number of 64 bits this is the same in all versions.
_HEAD = struct.Struct("=4sIIIQQQIiII")


class Done:
    """what: CHANGE (the result of the one change), OUTPUT (standard output cannot be written: errno), RULES
    (of -R), REPLACE (of ipvsfast-restore), LISTED (a part of a listing; `text`: rows of the
    services that are left), APPLY (`text`: packed, `line` rules that are wanted, then those that make the
    table that was there; `size`: the number of its journal, or 0).

    interrupted: by this signal, or 0. results: of the first operations in `text`. count: operations before
    it, up to line `last`; line: the last before it. error: errno (negative) that ended the exchange with the
    kernel. ended: nothing more is to be read. size: of the connection table when the command began.
    """

    __slots__ = ("what", "interrupted", "count", "last", "line", "error", "ended", "size", "results", "text")
    what: int
    count: int
    last: int
    line: int
    error: int
    size: int

    def __init__(self, data: bytes) -> None:
        magic, version, self.what, interrupted, self.count, self.last, *more = _HEAD.unpack_from(data)
        self.line, count, self.error, ended, self.size = more
        if magic != b"IPVS" or version != VERSION:
            self._another_version()
        self.interrupted: int = interrupted
        self.ended: bool = bool(ended)
        end = _HEAD.size + 4 * count
        self.results: memoryview[int] = memoryview(data)[_HEAD.size : end].cast("i")
        self.text: bytes = data[end:]

    def _another_version(self) -> NoReturn:
        """We were replaced while the command ran. Only how far it came can be told."""
        if self.what == RULES:
            were = "rule was" if self.count == 1 else "rules were"
            far = f"at least {self.count} {were} sent, up to line {self.last}"
        else:
            far = "what it did is not known: list the table"
        raise ExitWith(1, f"another version was installed while this command ran; {far}")

    def interruption(self) -> KeyboardInterrupt:
        """The exception that such a signal is."""
        return Terminated() if self.interrupted == SIGTERM else KeyboardInterrupt()

    def check_output(self) -> None:
        """ExitWith if what is left to us is to say that standard output cannot be written."""
        if self.what == OUTPUT:
            raise cannot_write(-self.results[0])


def read_done(fd: int) -> Done | None:
    """What is told by the file `fd`, which is closed; None for -1."""
    if fd < 0:
        return None
    with open(fd, "rb", buffering=0) as file:
        return Done(file.readall())
