"""The BPF programs, printed by a decoder that knows nothing of the macros they are written with."""

from pathlib import Path

import pytest

from ipvsfast._native import ffi, lib
from support.bpf_text import disassemble

EXPECTED = Path(__file__).resolve().parents[1] / "data/bpf_program.txt"
# As in Debian's kernel 6.12 for amd64.
LAYOUT = {
    "node": 0, "cport": 16, "vport": 20, "dport": 18, "af": 22, "caddr": 24, "vaddr": 40, "daddr": 56,
    "flags": 72, "protocol": 76, "daf": 78, "ipvs": 80, "expires": 112, "timeout": 136, "state": 148,
    "fwmark": 152, "packets": 188, "engine": 248, "data": 256, "data_len": 264, "record_len": 272,
    "engine_name": 16, "nsproxy": 3000, "net": 40, "net_ipvs": 3744,
}  # fmt: skip


def words(program: int, layout: dict[str, int]) -> list[int]:
    out = ffi.new("uint64_t[]", 512)
    count = lib.ipvsf_bpf_words(program, ffi.new("struct ipvsf_conn_layout *", layout), out, 512)
    assert 0 < count <= 512
    return list(out[0:count])


def text() -> str:
    parts = []
    for name, program in (("walk", lib.IPVSF_BPF_WALK), ("lookup", lib.IPVSF_BPF_LOOKUP)):
        parts += [f"{name}:", *disassemble(words(program, LAYOUT)), ""]
    return "\n".join(parts)


def test_programs_are_the_reviewed_ones() -> None:
    """Whoever changes what runs in the kernel changes this text too, and sees what became of it."""
    assert text() == EXPECTED.read_text()


@pytest.mark.parametrize("member", ["node", "ipvs", "engine", "data", "data_len", "record_len", "engine_name",
                                    "nsproxy", "net", "net_ipvs"])  # fmt: skip
def test_every_offset_is_used(member: str) -> None:
    """A kernel with another layout gets another program of the same length."""
    changed = words(lib.IPVSF_BPF_WALK, {**LAYOUT, member: LAYOUT[member] + 8})
    same = words(lib.IPVSF_BPF_WALK, LAYOUT)
    assert len(changed) == len(same) and changed != same


def test_jumps_stay_inside() -> None:
    """No jump leaves the function in which it stands; there are two."""
    lines = disassemble(words(lib.IPVSF_BPF_WALK, LAYOUT))
    (callback,) = (int(line.split()[-1]) for line in lines if " function " in line)
    starts = {int(line.split(":")[0]) for line in lines}
    for line in lines:
        if "goto" in line:
            here, there = int(line.split(":")[0]), int(line.split()[-1])
            assert there in starts and (here < callback) == (there < callback), line


def test_a_short_buffer_is_not_overrun() -> None:
    """The count tells how much room there should have been."""
    out = ffi.new("uint64_t[]", [7] * 9)
    count = lib.ipvsf_bpf_words(lib.IPVSF_BPF_LOOKUP, ffi.new("struct ipvsf_conn_layout *"), out, 4)
    assert count > 4
    assert list(out[4:9]) == [7] * 5


if __name__ == "__main__":
    EXPECTED.write_text(text())
