"""BPF instructions as lines of text, in the manner of the kernel's verifier. Reads numbers, not our macros."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable

SIZES = {0x00: "u32", 0x08: "u16", 0x10: "u8", 0x18: "u64"}
OPERATORS = {0x00: "+=", 0x10: "-=", 0x50: "&=", 0x60: "<<=", 0xB0: "="}
JUMPS = {0x10: "==", 0x20: ">", 0x30: ">=", 0x50: "!=", 0xA0: "<", 0xB0: "<=", 0xC0: "s<", 0xD0: "s<="}
HELPERS = {
    35: "get_current_task", 113: "probe_read_kernel", 115: "probe_read_kernel_str", 118: "jiffies64",
    179: "kallsyms_lookup_name", 181: "loop",
}  # fmt: skip


def disassemble(words: Iterable[int]) -> list[str]:
    """One line for each instruction; the second half of a long one is part of its line."""
    code = [_instruction(word) for word in words]
    lines, at = [], 0
    while at < len(code):
        length = 2 if code[at][0] == 0x18 else 1
        lines.append(f"{at:3}: {_line(at, code[at], code[at + 1][3] if length == 2 else 0)}")
        at += length
    return lines


def _instruction(word: int) -> tuple[int, int, int, int]:
    """Code, registers with that of the target in the lower half, offset, number: as this machine has them."""
    code, registers, offset, number = struct.unpack("=BBhi", word.to_bytes(8, sys.byteorder))
    if sys.byteorder == "big":
        registers = (registers & 15) << 4 | registers >> 4
    return code, registers, offset, number


def _line(at: int, instruction: tuple[int, int, int, int], second: int) -> str:
    op, registers, offset, value = instruction
    to, source = f"r{registers & 15}", f"r{registers >> 4}"
    other = source if op & 8 else f"{value}"
    kind = op & 7
    if op == 0x18:
        return f"{to} = {({2: f'map[{value}] + {second}', 4: f'function {at + 1 + value}'})[registers >> 4]}"
    if op == 0x85:
        return f"call {HELPERS[value]}"
    if op == 0x95:
        return "exit"
    if op == 0x05:
        return f"goto {at + 1 + offset}"
    if op == 0xDC:
        return f"{to} = be{value} {to}"
    if kind == 5:
        return f"if {to} {JUMPS[op & 0xF0]} {other} goto {at + 1 + offset}"
    if kind == 7:
        return f"{to} {OPERATORS[op & 0xF0]} {other}"
    assert op & 0x60 == 0x60
    size = SIZES[op & 0x18]
    if kind == 1:
        return f"{to} = *({size} *)({source} + {offset})"
    return f"*({size} *)({to} + {offset}) = {({2: value, 3: source})[kind]}"
