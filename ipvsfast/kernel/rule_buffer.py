"""Packed operations on their way to C, room for their results, and their check against each other."""

from __future__ import annotations

import sys

from .._native import ffi, lib
from .layout import commands_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OP_SIZE = ffi.sizeof("struct ipvsf_op")
# In a result not yet written: a signal may end a call before it can return how far it came.
NOT_SENT = lib.IPVSF_NOT_SENT


def new_results(count: int) -> memoryview:
    """Room for the results of `count` operations, as `Session.send` wants it.

    What is lent to C is always the bytearray below (`.obj`): the garbage collector may release a
    memoryview while it is still lent, and then the interpreter crashes.
    """
    return memoryview(bytearray(NOT_SENT.to_bytes(4, sys.byteorder) * count)).cast("i")


def count_sent(results: memoryview, count: int) -> int:
    """How many of the first `count` operations have been sent."""
    return next((at for at in range(count) if results[at] == NOT_SENT), count)


class RuleBuffer:
    """Packed operations in order, scanned from canonical rule lines or added one by one.

    `ops` holds OP_SIZE bytes per operation; `offsets` and `numbers` tell for each where its line
    begins in the text and that line's number. Bounded: `size` operations, then apply and `clear`; but
    there is room for `MOST`, where one service has more destinations.
    """

    MOST = 8192

    def __init__(self, size: int = 2048) -> None:
        self.size: int = size
        self._usual = size
        self.ops: bytearray = bytearray(self.MOST * OP_SIZE)
        self.results: memoryview[int] = new_results(self.MOST)
        self.offsets: memoryview[int] = memoryview(bytearray(4 * self.MOST)).cast("I")
        self.numbers: memoryview[int] = memoryview(bytearray(4 * self.MOST)).cast("I")
        self._scan: Any = ffi.new("struct ipvsf_scan *")
        self._ops = ffi.from_buffer("struct ipvsf_op[]", self.ops)
        self._offsets = ffi.from_buffer("uint32_t[]", self.offsets.obj)
        self._numbers = ffi.from_buffer("uint32_t[]", self.numbers.obj)

    @property
    def count(self) -> int:
        return int(self._scan.count)

    @property
    def used(self) -> int:
        """Bytes of the text that are done with."""
        return int(self._scan.used)

    @property
    def line(self) -> int:
        """Number of the last line that is done with."""
        return int(self._scan.line)

    def commands(self) -> bytes:
        """The number of the command of each operation (all are below 256)."""
        return commands_of(memoryview(self.ops)[: self.count * OP_SIZE])

    def start(self) -> None:
        """A new text comes; line numbers go on."""
        self._scan.used = 0

    def skip_lines(self, count: int) -> None:
        """So many lines were read by others."""
        self._scan.line = count

    def clear(self) -> None:
        """The operations were carried out."""
        self.results[: self.count] = new_results(self.count)
        self._scan.count = 0
        self.size = self._usual

    def hold(self) -> None:
        """Leaves out the service at the end that is better sent with the destinations that may follow: its
        rules are scanned again."""
        at = lib.ipvsf_batch_portion(self._ops, self.count)
        if at == self.count or (not at and self.count == self.MOST):
            return
        self._scan.used, self._scan.line, self._scan.count = self.offsets[at], self.numbers[at] - 1, at
        self.size = self._usual if at else self.MOST

    def scan(self, text: bytes) -> bool:
        """Take canonical lines from where the last scan ended; True if the next line is not canonical."""
        lib.ipvsf_rules_scan(
            ffi.from_buffer("char[]", text), len(text), self._ops, self._offsets, self._numbers,
            self.size, self._scan,
        )  # fmt: skip
        return bool(self._scan.stopped)

    def take_line(self, text: bytes) -> bytes:
        """The next line, without its LF, to be read by other means."""
        start = self.used
        end = text.index(b"\n", start)
        self._scan.used = end + 1
        self._scan.line += 1
        return text[start:end]

    def add(self, op: bytes | bytearray, offset: int) -> None:
        """One packed operation from the line that was taken last."""
        at = self.count
        self.ops[at * OP_SIZE : (at + 1) * OP_SIZE] = op
        self.offsets[at] = offset
        self.numbers[at] = self.line
        self._scan.count = at + 1


class RuleCheck:
    """Checks the operations of one rule file against each other; see ipvsf_rules_check()."""

    def __init__(self) -> None:
        out = ffi.new("struct ipvsf_rule_set **")
        if lib.ipvsf_rule_set_create(out):
            raise MemoryError
        self._seen: Any = ffi.gc(out[0], lib.ipvsf_rule_set_destroy)

    def check(self, buffer: RuleBuffer) -> memoryview:
        """One errno (negative) or 0 for each operation in the buffer."""
        results = new_results(buffer.count)
        out = ffi.from_buffer("int32_t[]", results.obj, require_writable=True)
        ops = ffi.from_buffer("struct ipvsf_op[]", buffer.ops)
        if lib.ipvsf_rules_check(self._seen, ops, buffer.count, out):
            raise MemoryError
        return results
