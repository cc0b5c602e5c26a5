"""Small BTF data made by hand: types are added in order, and are numbered from 1 (after those of a base)."""

from __future__ import annotations

import struct

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST = range(1, 11)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)


MAGIC = 0xEB9F


class Blob:
    """BTF in the making; a base makes it split BTF."""

    def __init__(self, base: Blob | None = None) -> None:
        self.base = base
        self.strings = b"" if base else b"\0"
        self.types = b""
        self.last = base.last if base else 0

    @property
    def strings_end(self) -> int:
        """Where the strings of split BTF upon this one begin."""
        return (self.base.strings_end if self.base else 0) + len(self.strings)

    def name(self, text: str) -> int:
        if not text:
            return 0
        at = self.strings_end
        self.strings += text.encode() + b"\0"
        return at

    def add(
        self,
        kind: int,
        name: int = 0,
        size_or_type: int = 0,
        count: int = 0,
        flag: int = 0,
        rest: bytes = b"",
    ) -> int:
        self.types += struct.pack("=III", name, flag << 31 | kind << 24 | count, size_or_type) + rest
        self.last += 1
        return self.last

    def integer(self, size: int) -> int:
        return self.add(INT, self.name(f"u{8 * size}"), size, rest=struct.pack("=I", 8 * size))

    def pointer(self, to: int = 0) -> int:
        return self.add(PTR, 0, to)

    def array(self, element: int, count: int) -> int:
        return self.add(ARRAY, rest=struct.pack("=III", element, element, count))

    def compound(
        self,
        name: str,
        size: int,
        members: list[tuple[str | int, int, int]],
        kind: int = STRUCT,
        flag: int = 0,
    ) -> int:
        """members: (name or where it stands, type, offset in bits)."""
        rest = b"".join(
            struct.pack("=III", self.name(label) if isinstance(label, str) else label, kind_of, offset)
            for label, kind_of, offset in members
        )
        return self.add(kind, self.name(name), size, len(members), flag, rest)

    def data(self, more: bytes = b"") -> bytes:
        """more: fields of the header that only newer kernels have."""
        strings = self.strings or b"\0"
        head = struct.pack(
            "=HBBIIIII", MAGIC, 1, 0, 24 + len(more), 0, len(self.types), len(self.types), len(strings)
        )
        return head + more + self.types + strings


def sample() -> Blob:
    """One struct with a member of every sort."""
    blob = Blob()
    u8, u32, u64 = blob.integer(1), blob.integer(4), blob.integer(8)
    word = blob.add(TYPEDEF, blob.name("word"), u32)
    volatile = blob.add(VOLATILE, 0, blob.add(CONST, 0, word))
    name = blob.array(u8, 12)
    table = blob.array(name, 3)
    blob.add(FUNC_PROTO, 0, 0, 2, rest=bytes(16))
    blob.add(FUNC, blob.name("walk"), blob.last)
    blob.add(DATASEC, blob.name(".data"), 12, 1, rest=bytes(12))
    blob.add(VAR, blob.name("it"), u32, rest=bytes(4))
    blob.add(DECL_TAG, blob.name("tag"), u32, rest=bytes(4))
    blob.add(ENUM64, blob.name("e64"), 8, 1, rest=bytes(12))
    colour = blob.add(ENUM, blob.name("colour"), 4, 2, rest=bytes(16))
    inner = blob.compound("", 8, [("left", u32, 0), ("right", volatile, 32)])
    either = blob.compound("", 8, [("", inner, 0), ("both", u64, 0)], UNION)
    plain = blob.compound("pair", 16, [("a", u64, 0), ("b", u64, 64)])
    blob.add(FWD, blob.name("conn"))
    blob.compound("conn", 96, [
        ("first", u32, 0), ("colour", colour, 32), ("", either, 64), ("next", blob.pointer(plain), 128),
        ("pair", plain, 192), ("table", table, 320), ("half", u32, 612), ("last", blob.add(FLOAT, 0, 8), 640),
    ])  # fmt: skip
    return blob


CONNECTION = (
    ("c_list", 16), ("cport", 2), ("vport", 2), ("dport", 2), ("af", 2), ("daf", 2), ("caddr", 16), ("vaddr", 16),
    ("daddr", 16), ("flags", 4), ("protocol", 2), ("state", 2), ("fwmark", 4), ("in_pkts", 4), ("timeout", 8),
    ("timer", 40), ("ipvs", 8), ("pe", 8), ("pe_data", 8), ("pe_data_len", 1),
)  # fmt: skip
OTHERS = (
    ("ip_vs_pe", "name"), ("task_struct", "nsproxy"), ("nsproxy", "net_ns"), ("net", "ipvs"), ("timer_list", "expires"),
)  # fmt: skip


def connection(elsewhere: tuple[tuple[str, str, int], ...] = ()) -> Blob:
    """Everything that the layout of a connection is made of, one member right after the other. elsewhere:
    (struct, member, offset in bits) of members of other structs that do not stand at their usual place."""
    blob, members, at = Blob(), [], 0
    kinds = {size: blob.compound("", size, []) for size in sorted({size for _, size in CONNECTION})}
    for name, size in CONNECTION:
        members.append((name, kinds[size], at))
        at += 8 * size
    blob.compound("ip_vs_conn", at // 8, members)
    places = {(owner, name): bit for owner, name, bit in elsewhere}
    for owner, name in OTHERS:
        blob.compound(owner, 16, [(name, kinds[8], places.get((owner, name), 64))])
    return blob
