"""The least change that puts rules in place of a table, made by C: see csrc/rules/replacement.c."""

from __future__ import annotations

import errno
import struct

from .._native import ffi, lib
from ..errors import error_for
from .rule_buffer import OP_SIZE, new_results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .table_reading import Reading

_STEP = struct.Struct("=IiIi")
ADD, CHANGE, MOVE = lib.IPVSF_STEP_ADD, lib.IPVSF_STEP_CHANGE, lib.IPVSF_STEP_MOVE
DELETE = lib.IPVSF_STEP_DELETE
# How a replacement is made.
ANY_ORDER, KEEP_WEIGHTS = lib.IPVSF_ANY_ORDER, lib.IPVSF_KEEP_WEIGHTS
KEEP_SERVICES = lib.IPVSF_KEEP_SERVICES


class Replacement:
    """What brings a table, as it was read, to what packed rules say.

    how: ANY_ORDER, KEEP_WEIGHTS, KEEP_SERVICES, or several of them.
    refused: the results of the same rules, which were sent before; then it holds what is not as they say, but
    for what was refused. ops: packed, in the order in which to send them. count: of these. errnos: of each
    rule, 0 where it is in force, NOT_SENT where an operation stands for it.
    """

    def __init__(
        self, rules: bytearray, reading: Reading, refused: memoryview | None = None, how: int = 0
    ) -> None:
        self._made: Any = ffi.gc(ffi.new("struct ipvsf_replacement *"), lib.ipvsf_replacement_deinit)
        self._rules: int = len(rules) // OP_SIZE
        packed = ffi.from_buffer("struct ipvsf_op[]", rules)
        given = ffi.NULL if refused is None else ffi.from_buffer("int32_t[]", refused.obj)
        code = lib.ipvsf_replacement_make(packed, self._rules, how, given, reading.table, self._made)
        if code == -errno.ENOMEM:
            raise MemoryError
        if code:
            raise error_for("list", code)
        self.count: int = self._made.count
        self.ops: bytearray = bytearray()
        if self.count:
            self.ops += ffi.buffer(self._made.ops, self.count * OP_SIZE)
        self.results: memoryview[int] = new_results(self.count)

    @property
    def errnos(self) -> memoryview:
        """Of the rules, as `refused` takes them."""
        found = new_results(self._rules)
        ffi.memmove(found.obj, self._made.results, 4 * self._rules)
        return found

    @property
    def settled(self) -> int:
        """How many rules need no operation."""
        return self._rules - self.rules_among(0, self.count)

    @property
    def disordered(self) -> int:
        """How many services keep destinations in another order than that of the rules."""
        return int(self._made.disordered)

    def steps(self) -> list[tuple[int, int, int, int]]:
        """What each operation is for: ADD, CHANGE and so on; the rule; how many entries it is about; and the
        row of what it changes or deletes. -1 for no rule or row."""
        if not self.count:
            return []
        return list(_STEP.iter_unpack(ffi.buffer(self._made.steps, self.count * _STEP.size)))

    def rules_among(self, start: int, end: int) -> int:
        """How many of these operations stand for a rule."""
        if start == end:
            return 0
        size = (end - start) * _STEP.size
        steps = memoryview(ffi.buffer(self._made.steps + start, size)).cast("B").cast("i")
        return end - start - steps[1::4].tolist().count(lib.IPVSF_NO_RULE)

    def note(self) -> Any:
        """What the results say: struct ipvsf_replaced."""
        told = ffi.new("struct ipvsf_replaced *")
        lib.ipvsf_replacement_note(self._made, ffi.from_buffer("int32_t[]", self.results.obj), told)
        return told
