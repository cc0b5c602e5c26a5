"""The BPF program of live counters, printed by a decoder that knows nothing of the macros it is written with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ipvsfast._native import ffi, lib
from support.bpf_text import disassemble
from support.live_layout import NEWER, OLDER, layout

EXPECTED = Path(__file__).resolve().parents[1] / "data/live_program.txt"
KERNELS = {"a table of fixed size": OLDER, "a table that changes its size": NEWER}
# Members that the program itself knows; all others are found in the records.
USED = ["ipvs", "destinations", "af", "protocol", "addr", "port", "fwmark", "scheduler", "engine", "stats",
        "dest_node", "dest_af", "dest_port", "dest_addr", "service", "dest_stats", "cpustats", "scheduler_name",
        "engine_name", "nsproxy", "net", "net_ipvs", "service_len", "dest_len", "record_len"]  # fmt: skip
OF_NEWER = ["table", "changes", "buckets", "new_table", "num_buckets"]


def words(where: Any) -> list[int]:
    out = ffi.new("uint64_t[]", 1024)
    count = lib.ipvsf_live_words(where, out, 1024)
    assert 0 < count <= 1024
    return list(out[0:count])


def text() -> str:
    parts = []
    for name, base in KERNELS.items():
        parts += [f"{name}:", *disassemble(words(layout(base=base))), ""]
    return "\n".join(parts)


def test_the_program_is_the_reviewed_one() -> None:
    """Whoever changes what runs in the kernel changes this text too, and sees what became of it."""
    assert text() == EXPECTED.read_text()


@pytest.mark.parametrize("member", USED + OF_NEWER)
def test_every_offset_is_used(member: str) -> None:
    """A kernel with another layout gets another program of the same length."""
    changed = words(layout({member: NEWER[member] + 8}, NEWER))
    same = words(layout(base=NEWER))
    assert len(changed) == len(same) and changed != same


@pytest.mark.parametrize("kernel", KERNELS)
def test_jumps_stay_inside(kernel: str) -> None:
    """No jump leaves the function in which it stands; there are four."""
    lines = disassemble(words(layout(base=KERNELS[kernel])))
    functions = sorted({int(line.split()[-1]) for line in lines if " function " in line})
    starts = {int(line.split(":")[0]) for line in lines}
    assert len(functions) == 3

    def function_of(at: int) -> int:
        return sum(at >= begin for begin in functions)

    for line in lines:
        if "goto" in line:
            here, there = int(line.split(":")[0]), int(line.split()[-1])
            assert there in starts and function_of(here) == function_of(there), line


def test_a_short_buffer_is_not_overrun() -> None:
    """The count tells how much room there should have been."""
    out = ffi.new("uint64_t[]", [7] * 9)
    assert lib.ipvsf_live_words(layout(), out, 4) > 4
    assert list(out[4:9]) == [7] * 5


if __name__ == "__main__":
    EXPECTED.write_text(text())
