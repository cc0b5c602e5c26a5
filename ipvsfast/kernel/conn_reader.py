"""The door to the compiled reader of the connection table, as kernel/session.py is to netlink.

All cdata stays in here. Every step works for a slice of time only, so that Ctrl-C is noticed.
"""

from __future__ import annotations

import errno
import os

from .._native import ffi, lib
from ..errors import IpvsUnavailable, KernelError, NotPermitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BUDGET_MS = 50
FILE = "/proc/net/ip_vs_conn"
CONN_FILE = "/proc/thread-self/net/ip_vs_conn"
STATUS_FILE = "/proc/thread-self/net/ip_vs_status"
TABLE_FILE = "/proc/thread-self/net/ip_vs"
FORMATS = {
    "table": lib.IPVSF_CONN_TABLE,
    "table-pe": lib.IPVSF_CONN_TABLE_PE,
    "csv": lib.IPVSF_CONN_CSV,
    "csv-details": lib.IPVSF_CONN_CSV_DETAILS,
    "ndjson": lib.IPVSF_CONN_JSON,
    "json": lib.IPVSF_CONN_JSON_LIST,
}
# One row with the longest data that a line can have fits; the text of a row usually is 80 bytes.
TEXT_SIZE = 1 << 19
ROWS_AT_ONCE = 1024
_ROW_SIZE = ffi.sizeof("struct ipvsf_conn")


class ConnReader:
    """One or more readings of the table of a namespace. netns: a descriptor, -1 for the thread's own."""

    def __init__(self) -> None:
        out = ffi.new("struct ipvsf_conns **")
        _check(lib.ipvsf_conns_create(out))
        self._conns: Any = ffi.gc(out[0], lib.ipvsf_conns_destroy)
        self._account: Any = ffi.new("struct ipvsf_conn_account *")
        self._sample: ConnSample | None = None

    def filter(self, packed: bytes, matches: bytes) -> None:
        """What rows are wanted, as ConnectionFilter.pack() gives it."""
        count = len(matches) // ffi.sizeof("struct ipvsf_conn_match")
        one = ffi.from_buffer("struct ipvsf_conn_filter *", packed)
        many = ffi.from_buffer("struct ipvsf_conn_match[]", matches)
        _check(lib.ipvsf_conns_filter(self._conns, one, many, count))

    def remember(self, at_once: bool) -> None:
        """From now on an entry that comes again is left out; unless at_once, only after the table has
        changed its size."""
        _check(lib.ipvsf_conns_remember(self._conns, at_once))

    def open(self, netns: int = -1, overlap: bool = True) -> None:
        """Start a reading of the kernel's text."""
        code = lib.ipvsf_conns_open(self._conns, netns, overlap)
        if code == -errno.ENOENT:
            raise IpvsUnavailable(-code, f"there is no {FILE}", "", "load the module ip_vs: modprobe ip_vs")
        if code in (-errno.EACCES, -errno.EPERM):
            raise NotPermitted(-code, f"{FILE} may not be read", "", "be root")
        _check(code)

    def open_bpf(self, netns: int = -1) -> None:
        """Start a reading by BPF programs that walk the kernel's table; KernelError says why it cannot be."""
        reason = ffi.new("char[512]")
        code = lib.ipvsf_conns_open_bpf(self._conns, netns, reason, 512)
        if code == -errno.ENOMEM:
            raise MemoryError
        if code:
            text = ffi.string(reason).decode("utf-8", "replace") or os.strerror(-code)
            raise KernelError(-code, f"connections cannot be read by BPF: {text}")

    def attach(self, fd: int, overlap: bool = True) -> None:
        """Start a reading of any file of the same form; the descriptor is taken over."""
        _check(lib.ipvsf_conns_attach(self._conns, fd, overlap))

    def replay(self, sample: ConnSample) -> None:
        """Start a reading of sampled rows."""
        self._sample = sample  # C reads from it until the reading ends
        _check(lib.ipvsf_conns_replay(self._conns, sample.handle))

    def close(self) -> None:
        """End the reading and close its file."""
        lib.ipvsf_conns_close(self._conns)

    @property
    def account(self) -> Any:
        """struct ipvsf_conn_account as it is now."""
        lib.ipvsf_conns_account(self._conns, self._account)
        return self._account

    @property
    def ended(self) -> bool:
        return bool(self.account.ended)

    def unreadable(self) -> tuple[int, str]:
        """How many lines were no entries, and the beginning of the first, fit for a terminal."""
        account = self.account
        return int(account.unreadable), ffi.string(account.first_unreadable).decode("ascii")

    def check(self) -> None:
        """KernelError if the reading ended by a failure."""
        _check(int(self.account.error))

    def count(self) -> None:
        """One slice of only counting."""
        _check(lib.ipvsf_conns_count(self._conns, BUDGET_MS))

    def group(self, groups: ConnGroups) -> None:
        """One slice of counting by key."""
        _check(lib.ipvsf_conns_group(self._conns, groups.handle, BUDGET_MS))

    def sample(self, sample: ConnSample) -> None:
        """One slice of sampling."""
        _check(lib.ipvsf_conns_sample(self._conns, sample.handle, BUDGET_MS))


class ConnText:
    """Rows as text, in a buffer that is used again for every slice."""

    def __init__(self, reader: ConnReader, form: str) -> None:
        self._conns = reader._conns
        self._form = FORMATS[form]
        buffer = bytearray(TEXT_SIZE)
        self._out = ffi.from_buffer("char[]", buffer)
        self._piece = memoryview(buffer)
        self._length = ffi.new("size_t *")

    def step(self) -> memoryview:
        """The next lines, valid until the next call; empty if the slice found no row."""
        code = lib.ipvsf_conns_text(self._conns, self._form, self._out, TEXT_SIZE, BUDGET_MS, self._length)
        piece = self._piece[: self._length[0]]
        if not piece:  # else ConnReader.check() tells, after what came before the failure
            _check(code)
        return piece


class ConnRows:
    """Packed rows (layout: kernel/conn_layout.py) with the text that goes with them."""

    def __init__(self, reader: ConnReader) -> None:
        self._conns = reader._conns
        self._rows = bytearray(ROWS_AT_ONCE * _ROW_SIZE)
        self._text = bytearray(TEXT_SIZE)
        self._out = ffi.from_buffer("struct ipvsf_conn[]", self._rows)
        self._text_out = ffi.from_buffer("char[]", self._text)
        self._count, self._length = ffi.new("size_t *"), ffi.new("size_t *")

    def step(self) -> tuple[bytes, bytes]:
        """(rows, text) of the next entries; empty if the slice found no row."""
        code = lib.ipvsf_conns_rows(
            self._conns, self._out, ROWS_AT_ONCE, self._text_out, TEXT_SIZE, BUDGET_MS,
            self._count, self._length,
        )  # fmt: skip
        if not self._count[0]:
            _check(code)
        return bytes(self._rows[: self._count[0] * _ROW_SIZE]), bytes(self._text[: self._length[0]])


class ConnGroups:
    """Counts by key. parts: struct ipvsf_key_part, packed."""

    def __init__(self, parts: bytes) -> None:
        out = ffi.new("struct ipvsf_groups **")
        packed = ffi.from_buffer("struct ipvsf_key_part[]", parts)
        _check(lib.ipvsf_groups_create(packed, len(packed), out))
        self.handle: Any = ffi.gc(out[0], lib.ipvsf_groups_destroy)

    def __len__(self) -> int:
        return int(lib.ipvsf_groups_count(self.handle))

    @property
    def memory(self) -> int:
        """Bytes that the counts take."""
        return int(lib.ipvsf_groups_memory(self.handle))

    @property
    def entry_size(self) -> int:
        return int(lib.ipvsf_groups_entry_size(self.handle))

    def top(self, count: int | None) -> bytes:
        """The largest groups, packed; None for all of them."""
        size = len(self) if count is None else min(count, len(self))
        found = ffi.new("size_t *")
        packed = bytearray(size * self.entry_size)
        _check(lib.ipvsf_groups_top(self.handle, ffi.from_buffer("char[]", packed), size, found))
        return bytes(packed)

    def find(self, entries: bytes) -> list[int]:
        """How often each of the keys of other groups, packed as top() gives them, was counted here."""
        count = len(entries) // self.entry_size
        found = ffi.new("uint64_t[]", count)
        lib.ipvsf_groups_find(self.handle, ffi.from_buffer("char[]", entries), count, found)
        return list(found)


class ConnSample:
    """A uniform sample of `size` rows."""

    def __init__(self, size: int, seed: int | None = None) -> None:
        if seed is None:
            seed = int.from_bytes(os.urandom(8), "little")
        out = ffi.new("struct ipvsf_sample **")
        _check(lib.ipvsf_sample_create(size, seed & 2**64 - 1, out))
        self.handle: Any = ffi.gc(out[0], lib.ipvsf_sample_destroy)


def read_netns_file(netns: int, path: str, size: int) -> bytes | None:
    """The beginning of a file below /proc/thread-self of a namespace; None if it does not exist, b"" where it
    may not be read, or size is 0."""
    fd = lib.ipvsf_netns_open(netns, path.encode())
    if fd < 0:
        return None if fd == -errno.ENOENT else b""
    try:
        return os.read(fd, size) if size else b""
    except OSError:
        return b""
    finally:
        os.close(fd)


def longer_than(netns: int, size: int) -> bool:
    """Whether the kernel's text has more bytes than that."""
    fd = lib.ipvsf_netns_open(netns, CONN_FILE.encode())
    if fd < 0:
        return False
    try:
        while size >= 0:
            got = len(os.read(fd, 1 << 16))
            if not got:
                return False
            size -= got
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _check(code: int) -> None:
    if code == -errno.ENOMEM:
        raise MemoryError
    if code == -errno.ENODEV:
        raise KernelError(errno.ENODEV, "the module ip_vs was removed or replaced while its table was read")
    if code == -errno.ECHILD:
        raise KernelError(errno.ECHILD, "a reading cannot be continued after fork: start another")
    if code:
        raise KernelError(-code, f"{FILE}: {os.strerror(-code)}")
