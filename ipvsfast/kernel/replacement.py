"""The least change that puts rules in place of a table, made by C: see csrc/rules/replacement.c."""

from __future__ import annotations

from .._native import ffi, lib
from ..errors import error_for
from .rule_buffer import OP_SIZE, new_results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .table_reading import Reading

_STEP = ffi.sizeof("struct ipvsf_step")  # three numbers of 32 bits; the second says for which rule


class Replacement:
    """What brings a table, as it was read, to what packed rules say.

    refused: the results of the same rules, which were sent before; then it holds what is not as they say, but
    for what was refused. ops: packed, in the order in which to send them. count: of these. errnos: of each
    rule, 0 where it is in force, NOT_SENT where an operation stands for it.
    """

    def __init__(self, rules: bytearray, reading: Reading, refused: memoryview | None = None) -> None:
        self._made: Any = ffi.gc(ffi.new("struct ipvsf_replacement *"), lib.ipvsf_replacement_deinit)
        self._rules: int = len(rules) // OP_SIZE
        packed = ffi.from_buffer("struct ipvsf_op[]", rules)
        given = ffi.NULL if refused is None else ffi.from_buffer("int32_t[]", refused.obj)
        code = lib.ipvsf_replacement_make(packed, self._rules, given, reading.table, self._made)
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

    def rules_among(self, start: int, end: int) -> int:
        """How many of these operations stand for a rule."""
        if start == end:
            return 0
        steps = memoryview(ffi.buffer(self._made.steps + start, (end - start) * _STEP)).cast("B").cast("i")
        return end - start - steps[1::3].tolist().count(lib.IPVSF_NO_RULE)

    def note(self) -> Any:
        """What the results say: struct ipvsf_replaced."""
        told = ffi.new("struct ipvsf_replaced *")
        lib.ipvsf_replacement_note(self._made, ffi.from_buffer("int32_t[]", self.results.obj), told)
        return told
