"""Small BTF data made by hand: types are added in order, and are numbered from 1 (after those of a base)."""

from __future__ import annotations

import struct

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST = range(1, 11)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)


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

    def add(self, kind: int, name: int = 0, size_or_type: int = 0, count: int = 0, flag: int = 0, rest: bytes = b"") -> int:
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
        self, name: str, size: int, members: list[tuple[str | int, int, int]], kind: int = STRUCT, flag: int = 0
    ) -> int:
        """members: (name or where it stands, type, offset in bits)."""
        rest = b"".join(
            struct.pack("=III", self.name(label) if isinstance(label, str) else label, kind_of, offset)
            for label, kind_of, offset in members
        )
        return self.add(kind, self.name(name), size, len(members), flag, rest)

    def data(self) -> bytes:
        strings = self.strings or b"\0"
        head = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(strings))
        return head + self.types + strings
