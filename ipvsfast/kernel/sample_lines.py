"""Rows of a reading as samples of metrics, written by C (csrc/listing/samples.c)."""

from __future__ import annotations

import errno
from array import array
from itertools import accumulate

from .._native import ffi, lib
from .layout import DEST_COLUMNS, DEST_ROW, SERVICE_COLUMNS, SERVICE_ROW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Final

    from .reading_memory import LentRows

_PIECE = 1 << 18
# What the value of a label is, by the names that exporter/labels.py has for it.
LABEL_VALUES: dict[str, int] = {
    "protocol": lib.IPVSF_LABEL_PROTOCOL,
    "family": lib.IPVSF_LABEL_FAMILY,
    "service": lib.IPVSF_LABEL_SERVICE,
    "service_port": lib.IPVSF_LABEL_SERVICE_PORT,
    "fwmark": lib.IPVSF_LABEL_FWMARK,
    "destination": lib.IPVSF_LABEL_DEST,
    "destination_port": lib.IPVSF_LABEL_DEST_PORT,
    "local_address": lib.IPVSF_LABEL_SERVICE,
    "local_port": lib.IPVSF_LABEL_NODE_PORT,
    "local_mark": lib.IPVSF_LABEL_NODE_MARK,
    "proto": lib.IPVSF_LABEL_NODE_PROTOCOL,
    "remote_address": lib.IPVSF_LABEL_DEST,
    "remote_port": lib.IPVSF_LABEL_DEST_PORT,
}
_KINDS = {"I": lib.IPVSF_SAMPLE_U32, "i": lib.IPVSF_SAMPLE_I32, "Q": lib.IPVSF_SAMPLE_U64}


class RowLabels:
    """The labels of many samples, as text one behind the other; ends: where those of each end."""

    def __init__(self, text: bytes | bytearray, ends: array[int]) -> None:
        self.text: Final = text
        self.ends: Final = ends

    @classmethod
    def of(cls, texts: Sequence[str]) -> RowLabels:
        """Those texts."""
        encoded = [text.encode() for text in texts]
        return cls(b"".join(encoded), array("I", accumulate(map(len, encoded))))

    def __len__(self) -> int:
        return len(self.ends)

    def texts(self) -> list[str]:
        """One by one."""
        text = self.text.decode()  # as long as its bytes, if it is ASCII, which labels of rows are
        starts = [0, *self.ends[:-1]]
        return [text[start:end] for start, end in zip(starts, self.ends)]


def row_labels(
    rows: LentRows, names: Sequence[str], of_dests: bool, numbers: array[int] | None
) -> RowLabels | None:
    """The labels of services or destinations; None where only Python has words for what is there. numbers: of
    the rows that are meant, None for all."""
    count = len(numbers) if numbers is not None else rows.dest_count if of_dests else rows.service_count
    before = [
        ffi.new("char[]", f'{"{" if not n else chr(34) + ","}{name}="'.encode())
        for n, name in enumerate(names)
    ]
    pointers = ffi.new("char *[]", before)
    values = ffi.new("uint32_t[]", [LABEL_VALUES[name] for name in names])
    homes = rows.services_of() if of_dests else None
    how: Any = ffi.new("struct ipvsf_row_labels *")
    how.before, how.values, how.num_values = ffi.cast("const char *const *", pointers), values, len(names)
    how.homes = _numbers(homes) if homes is not None and len(homes) else (values if of_dests else ffi.NULL)
    how.rows, how.count = _numbers(numbers), count
    ends = array("I", bytes(4 * count))
    text, at, length, piece = bytearray(), ffi.new("size_t *"), ffi.new("size_t *"), ffi.new("char[]", _PIECE)
    out = ffi.from_buffer("uint32_t[]", ends) if count else ffi.NULL
    while True:
        code = lib.ipvsf_row_labels_write(rows.table, how, at, piece, _PIECE, out, length)
        if code == -errno.EOPNOTSUPP:
            return None
        if code:
            raise MemoryError
        text += ffi.buffer(piece, length[0])
        if at[0] == count:
            del out
            return RowLabels(text, ends)


def _numbers(numbers: Any) -> Any:
    return ffi.NULL if numbers is None or not len(numbers) else ffi.from_buffer("uint32_t[]", numbers)


class SampleBlocks:
    """Text in blocks of some 256 KiB, which lie in one piece of memory: each is valid until the next."""

    def __init__(self) -> None:
        self._buffer = bytearray(_PIECE)
        self._view = memoryview(self._buffer)
        self._out: Any = ffi.from_buffer("char[]", self._buffer)
        self._used = 0

    def flush(self) -> Iterator[memoryview]:
        """What has not been given yet."""
        used, self._used = self._used, 0
        if used:
            yield self._view[:used]

    def text(self, text: str) -> Iterator[memoryview]:
        """Text goes in, and blocks that are full come out."""
        data = text.encode("utf-8", "surrogateescape")
        at = 0
        while at < len(data):
            if self._used == _PIECE:
                yield from self.flush()
            part = data[at : at + _PIECE - self._used]
            self._view[self._used : self._used + len(part)] = part
            self._used += len(part)
            at += len(part)

    def samples(self, samples: FamilyLines) -> Iterator[memoryview]:
        """The same with the lines of many samples."""
        at, length = ffi.new("size_t *"), ffi.new("size_t *")
        while at[0] < samples.packed.count:
            before = at[0]
            lib.ipvsf_samples_write(samples.packed, at, self._out + self._used, _PIECE - self._used, length)
            self._used += length[0]
            if at[0] < samples.packed.count:
                if at[0] == before and not self._used:
                    raise MemoryError  # a line that no block has room for; labels are never so long
                yield from self.flush()


class FamilyLines:
    """Samples of one family, lent to C: labels, and values in the rows of a reading or in an array.

    numbers: of the rows, None for all; sparse: without those that are 0. words: for the values of an info
    family, which are numbers of these texts, modulo how many there are.
    """

    def __init__(
        self, name: str, labels: RowLabels, sparse: bool = False, words: Sequence[str] | None = None
    ) -> None:
        self.packed: Any = ffi.new("struct ipvsf_samples *")
        self._lent: list[Any] = [labels, ffi.new("char[]", name.encode())]
        self.packed.name, self.packed.count = self._lent[1], len(labels)
        self.packed.sparse = sparse
        self.packed.labels = self._lend("char[]", labels.text)
        self.packed.ends = self._lend("uint32_t[]", labels.ends)
        self._words = words
        if words is not None:
            texts = [ffi.new("char[]", word.encode("utf-8", "surrogateescape")) for word in words]
            pointers = ffi.new("char *[]", texts or [ffi.NULL])
            self._lent += [texts, pointers]
            self.packed.words, self.packed.num_words = ffi.cast("const char *const *", pointers), len(texts)

    def __len__(self) -> int:
        """How many lines they have."""
        return int(lib.ipvsf_samples_count(self.packed))

    def _lend(self, kind: str, data: Any) -> Any:
        if not len(data):
            return ffi.NULL
        self._lent.append(ffi.from_buffer(kind, data))
        return self._lent[-1]

    def of_rows(self, rows: LentRows, column: str, of_dests: bool, numbers: array[int] | None) -> FamilyLines:
        """Values in a column."""
        code, offset = (DEST_COLUMNS if of_dests else SERVICE_COLUMNS)[column]
        first = ffi.cast("uint8_t *", rows.table.dests if of_dests else rows.table.services)
        self._lent.append(rows)
        self.packed.values = first + offset
        self.packed.stride = (DEST_ROW if of_dests else SERVICE_ROW).size
        if numbers is not None:
            self.packed.rows = self._lend("uint32_t[]", numbers)
        return self._with_kind(code)

    def of_array(self, values: array[int]) -> FamilyLines:
        """Values in an array of 64-bit numbers, or of 32-bit ones."""
        self.packed.values = ffi.cast("uint8_t *", self._lend("char[]", values))
        self.packed.stride = values.itemsize
        return self._with_kind(values.typecode)

    def _with_kind(self, code: str) -> FamilyLines:
        self.packed.kind = _KINDS[code] if self._words is None else lib.IPVSF_SAMPLE_WORD
        return self


def fingerprint(rows: LentRows, shares: bool) -> int:
    """A number of 64 bits that the rules of the table alone decide (csrc/stats/fingerprint.c)."""
    out = ffi.new("uint64_t *")
    lib.ipvsf_table_fingerprint(rows.table, shares, out)
    return int(out[0])
