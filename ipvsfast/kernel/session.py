"""The only importer of the compiled module: one netlink session, its lock, its errors.

All cdata stays in here: operations go in as packed bytes, rows come out as bytes (layouts: kernel/layout.py).
"""

from __future__ import annotations

import errno
import os
import sys
from _thread import RLock

from .._native import ffi, lib
from ..errors import IpvsUnavailable, KernelError, advice, error_for

# kernel/layout.py is imported where it is needed: a plain numeric listing does without it.

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..model.types import Namespace, ViewName
    from .layout import Table

# The longest that a call keeps Python from looking at signals.
BUDGET_MS = 50
TEXT_SIZE = 1 << 18
VIEWS = {
    "default": lib.IPVSF_VIEW_DEFAULT,
    "stats": lib.IPVSF_VIEW_STATS,
    "rate": lib.IPVSF_VIEW_RATE,
    "thresholds": lib.IPVSF_VIEW_THRESHOLDS,
    "persistent-conn": lib.IPVSF_VIEW_PERSISTENT,
    "tun-info": lib.IPVSF_VIEW_TUNNEL,
    "rules": lib.IPVSF_VIEW_RULES,
}

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


def libnl_version() -> str:
    """Version of the libnl in use, e.g. "3.7.0"."""
    return ffi.string(lib.ipvsf_libnl_version()).decode()


class Session:
    """One kept-open socket of one network namespace. Threads may share it; a fork may not."""

    def __init__(self, netns: Namespace | None = None) -> None:
        self._lock = RLock()
        self._handle: Any = None
        fd = -1
        if netns is not None:
            from .netns import open_netns  # most callers stay where they are

            fd = open_netns(netns)
        try:
            out = ffi.new("struct ipvsf_session **")
            code = lib.ipvsf_session_create(fd, out)
        finally:
            if fd >= 0:
                os.close(fd)
        if code:
            raise opening_error(code)
        self._handle = out[0]

    @classmethod
    def attach(cls, fd: int, family: int) -> Session:
        """A session over any connected datagram socket (taken over): for tests of error paths."""
        self = cls.__new__(cls)
        self._lock = RLock()
        out = ffi.new("struct ipvsf_session **")
        if code := lib.ipvsf_session_attach(fd, family, out):
            raise error_for("", code)
        self._handle = out[0]
        return self

    def close(self) -> None:
        """Close the socket; a second call does nothing."""
        with self._lock:
            if self._handle is not None:
                lib.ipvsf_session_destroy(self._handle)
                self._handle = None

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            lib.ipvsf_session_destroy(self._handle)

    def _open(self) -> Any:
        if self._handle is None:
            raise KernelError(errno.EBADF, "the session is closed")
        return self._handle

    def _check(self, code: int, command: str) -> None:
        if not code:
            return
        error = exchange_error(code, command)
        words = ffi.string(lib.ipvsf_session_message(self._handle)).decode("utf-8", "replace")
        if words:
            error.advice = f"the kernel says: {words}"
        raise error

    def _call(self, function: Any, *args: Any, command: str = "list") -> None:
        while True:
            code = function(self._open(), *args)
            if code != -errno.EINTR:
                return self._check(code, command)

    def limits(self) -> tuple[int, int]:
        """(receive buffer in bytes, messages per send)."""
        out = ffi.new("uint32_t[2]")
        with self._lock:
            lib.ipvsf_session_limits(self._open(), out, out + 1)
        return out[0], out[1]

    def set_window(self, window: int) -> None:
        """Cap the messages per send; 0 = as many as are safe."""
        with self._lock:
            lib.ipvsf_session_set_window(self._open(), window)

    def set_idle_scheduler(self, on: bool) -> None:
        """Whether destinations of a new service may be added while its scheduler is off (see
        csrc/netlink/idle_scheduler.c)."""
        with self._lock:
            lib.ipvsf_session_set_idle_scheduler(self._open(), on)

    def info(self) -> tuple[int, int]:
        """(version code 0xMMmmpp, connection table size)."""
        out = ffi.new("struct ipvsf_info *")
        with self._lock:
            self._call(lib.ipvsf_info_get, out)
        return out.version, out.size

    def timeouts(self) -> tuple[int, int, int]:
        """(TCP, TCP after FIN, UDP) in seconds."""
        out = ffi.new("struct ipvsf_timeouts *")
        with self._lock:
            self._call(lib.ipvsf_timeouts_get, out)
        return out.tcp, out.tcp_fin, out.udp

    def daemons(self) -> list[Any]:
        """Rows of layout.DAEMON."""
        out, count = ffi.new("struct ipvsf_daemon[8]"), ffi.new("size_t *")
        with self._lock:
            self._call(lib.ipvsf_daemons_dump, out, 8, count)
        from .layout import DAEMON

        return list(DAEMON.iter_unpack(ffi.buffer(out)[: min(count[0], 8) * DAEMON.size]))

    def begin(self) -> None:
        """A batch begins: what this session did before it may have been undone by another program."""
        with self._lock:
            lib.ipvsf_batch_begin(self._open())

    def send(self, ops: bytearray, count: int, results: memoryview, start: int = 0) -> int:
        """Send packed operations from number `start` on; `results` comes from new_results().

        Returns how many operations are done in all, which is less than `count` when the time slice
        was used up: call again. After an exception, KeyboardInterrupt too, ask count_sent().
        """
        done = ffi.new("size_t *")
        packed = ffi.from_buffer("struct ipvsf_op[]", ops)
        out = ffi.from_buffer("int32_t[]", results.obj, require_writable=True)
        with self._lock:
            code = lib.ipvsf_batch_send(
                self._open(), packed + start, count - start, out + start, BUDGET_MS, done
            )
            if code == -errno.ESTALE or (code and code != -errno.EINTR and not done[0]):
                self._check(code, "")
        return start + int(done[0])

    def read(self, key: bytes | None = None, dests: bool = True) -> Reading:
        """The table as it is now. key: packed SERVICE to read that one only. dests: theirs too."""
        reading = Reading()
        table = reading.table
        with self._lock:
            if key is None:
                self._call(lib.ipvsf_services_dump, table)
            else:
                self._call(lib.ipvsf_service_get, ffi.from_buffer("struct ipvsf_service *", key), table)
            code = -errno.EAGAIN if dests else 0
            while code in (-errno.EAGAIN, -errno.EINTR):
                code = lib.ipvsf_dests_dump(self._open(), table, BUDGET_MS)
            self._check(code, "list")
        return reading


class Reading:
    """One reading of the table. C owns its rows; they are freed with this object.

    rereads: dumps that were repeated because the table had changed meanwhile. unstable: dumps that
    still were not consistent after the last repetition (repeated entries are removed, some may lack).
    """

    def __init__(self) -> None:
        self.table: Any = ffi.gc(ffi.new("struct ipvsf_table *"), lib.ipvsf_table_deinit)

    @property
    def rereads(self) -> int:
        return int(self.table.rereads)

    @property
    def unstable(self) -> int:
        return int(self.table.unstable)

    @property
    def destinations(self) -> int:
        """How many there are in all."""
        return int(self.table.num_dests)

    def rows(self) -> tuple[bytes, bytes]:
        """Service rows and destination rows, packed as in kernel/layout.py."""
        t = self.table
        services = ffi.buffer(t.services, t.num_services * ffi.sizeof("struct ipvsf_service_row"))[:]
        return services, ffi.buffer(t.dests, t.num_dests * ffi.sizeof("struct ipvsf_dest_row"))[:]

    def values(self) -> Table:
        """Services with their destinations, in the order that they have here."""
        from .layout import unpack_table  # a plain numeric listing needs no values

        return unpack_table(*self.rows())

    def sort(self) -> Reading:
        """Bring everything into the order in which ipvsadm lists it."""
        return self._sort(lib.IPVSF_ORDER_LISTED)

    def sort_for_adding(self) -> Reading:
        """Services as listed, destinations as they must be added to get the kernel's order again."""
        return self._sort(lib.IPVSF_ORDER_FOR_ADDING)

    def _sort(self, order: int) -> Reading:
        if lib.ipvsf_table_sort(self.table, order):
            raise MemoryError
        return self

    def pop_deletions(self, buffer: RuleBuffer) -> int:
        """Takes destinations off the end and puts the operations that delete them into the buffer."""
        count = ffi.new("size_t *")
        lib.ipvsf_table_pop_deletions(self.table, buffer.fill(), buffer.size, count)
        return int(count[0])

    def text(self, view: ViewName, exact: bool = False) -> Iterator[memoryview] | None:
        """The numeric lines of a view in pieces, each valid until the next; None where the listing in
        Python has to be asked, as the table holds something unusual."""
        pieces = self._pieces(VIEWS[view], exact)
        try:
            next(pieces)
        except StopIteration:
            return None
        return pieces

    def _pieces(self, view: int, exact: bool) -> Iterator[memoryview]:
        cursor, length = ffi.new("struct ipvsf_cursor *"), ffi.new("size_t *")
        buffer = bytearray(TEXT_SIZE)
        out = ffi.from_buffer("char[]", buffer)
        piece = memoryview(buffer)
        code = lib.ipvsf_table_format(self.table, view, exact, cursor, out, TEXT_SIZE, length)
        if code:
            return
        yield piece[:0]
        while length[0]:
            yield piece[: length[0]]
            lib.ipvsf_table_format(self.table, view, exact, cursor, out, TEXT_SIZE, length)


class RuleBuffer:
    """Packed operations in order, scanned from canonical rule lines or added one by one.

    `ops` holds OP_SIZE bytes per operation; `offsets` and `numbers` tell for each where its line
    begins in the text and that line's number. Bounded: `size` operations, then apply and `clear`.
    """

    def __init__(self, size: int = 2048) -> None:
        self.size = size
        self.ops: bytearray = bytearray(size * OP_SIZE)
        self.results: memoryview[int] = new_results(size)
        self.offsets: memoryview[int] = memoryview(bytearray(4 * size)).cast("I")
        self.numbers: memoryview[int] = memoryview(bytearray(4 * size)).cast("I")
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
        from .layout import commands_of

        return commands_of(memoryview(self.ops)[: self.count * OP_SIZE])

    def fill(self) -> Any:
        """The operations as C sees them, for callers that fill them."""
        self.clear()
        return self._ops

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


def exchange_error(code: int, command: str = "") -> KernelError:
    """The exception for a failure (negative errno) in an open session, as the answer to `command`."""
    if code == -errno.ECHILD:
        return KernelError(errno.ECHILD, "a session cannot be used after fork: open a new one")
    if code not in (-errno.ENOPROTOOPT, -errno.ESTALE):
        return error_for(command, code)
    text = "the kernel's IPVS was removed, and its table with it"
    if code == -errno.ESTALE:
        return IpvsUnavailable(errno.ESTALE, f"{text}; it was loaded again, and its table began empty")
    return IpvsUnavailable(errno.ENOPROTOOPT, text, "", advice("", errno.ENOPROTOOPT))


def opening_error(code: int) -> KernelError:
    """The exception for a session that cannot be opened."""
    error = error_for("", code)
    return type(error)(error.errno, f"Can't initialize ipvs: {error.strerror}", "", error.advice)


