"""One netlink session, its lock, its errors.

No cdata leaves this room: operations go in as packed bytes, rows come out as bytes (see kernel/layout.py).
"""

from __future__ import annotations

import errno
import os
import time
from _thread import RLock

from .._native import ffi, lib
from ..errors import IpvsUnavailable, KernelError, TableChanging, error_for
from .layout import DAEMON
from .table_reading import Reading, reading_of_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..model.types import Namespace
    from .reading_memory import LentRows

# The longest that a call keeps Python from looking at signals.
BUDGET_MS = 50
# How long a reading that has to be complete is begun anew.
COMPLETE_S = 0.5


def libnl_version() -> str:
    """Version of the libnl in use, e.g. "3.7.0"."""
    return ffi.string(lib.ipvsf_libnl_version()).decode()


class HeldLock:
    """A place for the lock of a network namespace. C writes into it, so that there is no moment at which the
    lock is held and an exception, such as that of Ctrl-C, could make it be forgotten. It ends with this."""

    __slots__ = ("fd",)

    def __init__(self) -> None:
        self.fd: Any = ffi.gc(ffi.new("int *", -1), lib.ipvsf_lock_release)

    def release(self) -> None:
        """Gives the lock back; without one it does nothing."""
        lib.ipvsf_lock_release(self.fd)


class Opened:
    """What C keeps open for an object of Python's. Threads may share it; a fork may not. what: its name, for
    who uses it when it is closed."""

    _what: str

    def __init__(self) -> None:
        self._lock, self._pid = RLock(), os.getpid()
        self._handle: Any = None

    def _own(self, handle: Any, close: Any) -> None:
        """It is closed by C when nobody has it any more. No method of Python's does it: while one runs,
        Ctrl-C could only be reported there, and would be lost."""
        self._handle = ffi.gc(handle, close)

    def _own_lock(self) -> RLock:
        """The lock. A child after fork has one of its own: another thread may have held the parent's, which
        nobody would ever give back here. What it then asks for is refused in C, but it can close."""
        if self._pid != os.getpid():
            self._lock, self._pid = RLock(), os.getpid()
        return self._lock

    def close(self) -> None:
        """Nothing stays open; a second call does nothing."""
        with self._own_lock():
            if self._handle is not None:
                ffi.release(self._handle)
                self._handle = None

    def _open(self) -> Any:
        if self._handle is None:
            raise KernelError(errno.EBADF, f"the {self._what} is closed")
        return self._handle


class Session(Opened):
    """One kept-open socket of one network namespace. Threads may share it; a fork may not."""

    _what = "session"

    def __init__(self, netns: Namespace | None = None) -> None:
        super().__init__()
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
        self._own(out[0], lib.ipvsf_session_destroy)

    @classmethod
    def attach(cls, fd: int, family: int) -> Session:
        """A session over any connected datagram socket (taken over): for tests of error paths."""
        self = cls.__new__(cls)
        Opened.__init__(self)
        out = ffi.new("struct ipvsf_session **")
        if code := lib.ipvsf_session_attach(fd, family, out):
            raise error_for("", code)
        self._own(out[0], lib.ipvsf_session_destroy)
        return self

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

    def take_lock(self, held: HeldLock) -> tuple[int, str]:
        """Takes the lock of the network namespace for `held`: (0, ""), or (errno, its holder). EWOULDBLOCK:
        another has it; else there can be none. See csrc/netlink/lock.c."""
        holder = ffi.new("char[64]")
        with self._own_lock():
            code = lib.ipvsf_lock_take(self._open(), held.fd, holder, 64)
        if code == -errno.ECHILD:
            self._check(code, "")
        return -code, ffi.string(holder).decode("utf-8", "replace")

    def namespace_identity(self) -> tuple[int, int]:
        """(inode, cookie) of the network namespace: another one may get the inode later, but none the cookie,
        which is 0 where the kernel has none (before 5.14)."""
        out = ffi.new("uint64_t[2]")
        with self._own_lock():
            code = lib.ipvsf_netns_identity(self._open(), out, out + 1)
        self._check(code, "")
        return int(out[0]), int(out[1])

    def limits(self) -> tuple[int, int]:
        """(receive buffer in bytes, messages per send)."""
        out = ffi.new("uint32_t[2]")
        with self._own_lock():
            lib.ipvsf_session_limits(self._open(), out, out + 1)
        return out[0], out[1]

    def set_window(self, window: int) -> None:
        """Cap the messages per send; 0 = as many as are safe."""
        with self._own_lock():
            lib.ipvsf_session_set_window(self._open(), window)

    def set_idle_scheduler(self, on: int) -> None:
        """Whether destinations of a new service may be added while its scheduler is off (see
        csrc/netlink/idle_scheduler.c); above 1: so many of them."""
        with self._own_lock():
            lib.ipvsf_session_set_idle_scheduler(self._open(), on)

    def info(self) -> tuple[int, int]:
        """(version code 0xMMmmpp, connection table size)."""
        out = ffi.new("struct ipvsf_info *")
        with self._own_lock():
            self._call(lib.ipvsf_info_get, out)
        return out.version, out.size

    def timeouts(self) -> tuple[int, int, int]:
        """(TCP, TCP after FIN, UDP) in seconds."""
        out = ffi.new("struct ipvsf_timeouts *")
        with self._own_lock():
            self._call(lib.ipvsf_timeouts_get, out)
        return out.tcp, out.tcp_fin, out.udp

    def daemons(self) -> list[Any]:
        """Rows of layout.DAEMON."""
        out, count = ffi.new("struct ipvsf_daemon[8]"), ffi.new("size_t *")
        with self._own_lock():
            self._call(lib.ipvsf_daemons_dump, out, 8, count)
        return list(DAEMON.iter_unpack(ffi.buffer(out)[: min(count[0], 8) * DAEMON.size]))

    def send(self, ops: bytearray, count: int, results: memoryview, start: int = 0) -> int:
        """Send packed operations from number `start` on; `results` comes from new_results().

        Returns how many operations are done in all, which is less than `count` when the time slice
        was used up: call again. After an exception, KeyboardInterrupt too, ask count_sent().
        """
        done = ffi.new("size_t *")
        packed = ffi.from_buffer("struct ipvsf_op[]", ops)
        out = ffi.from_buffer("int32_t[]", results.obj, require_writable=True)
        if not 0 <= start <= count <= min(len(packed), len(out)):  # C would read and write beyond them
            raise ValueError(
                f"{count} operations from {start} on, {len(packed)} packed, room for {len(out)} results"
            )
        with self._own_lock():
            code = lib.ipvsf_batch_send(
                self._open(), packed + start, count - start, out + start, BUDGET_MS, done
            )
            if code == -errno.ESTALE or (code and code != -errno.EINTR and not done[0]):
                self._check(code, "")
        return start + int(done[0])

    def clear(self, reading: Reading | None = None) -> int:
        """Delete everything by one send: 0, or the negative errno of the refusal. reading: of the table, used
        up; its destinations go in the order in which -R brings them back."""
        result = ffi.new("int32_t *")
        table = reading.table if reading is not None else ffi.NULL
        with self._own_lock():
            self._check(lib.ipvsf_table_clear(self._open(), table, result), "flush")
        return int(result[0])

    def read(
        self,
        key: bytes | None = None,
        dests: bool = True,
        complete: bool = False,
        into: Reading | None = None,
        scope: int = 0,
        before: LentRows | None = None,
    ) -> Reading:
        """The table as it is now. key: packed SERVICE to read that one only. dests: theirs too.

        complete: for what is kept, or decides what is deleted. All that stood still while it was read is in
        it, or TableChanging is raised; that takes up to half a second longer. Without it, `Reading.unstable`
        tells whether something may lack. into: a reading whose rows nobody needs any more; its memory is used
        again. scope: what has to be told of destinations, as kernel/table_reading.py has it; what may lack is
        wrong or 0, and the rest costs less. before: an earlier reading of everything, which helps to get
        another for less.
        """
        end = time.monotonic() + COMPLETE_S
        while True:
            reading = self._read(key, dests, complete, into or Reading(), scope, before)
            if not (complete and (reading.unstable or reading.vanished)):
                return reading
            if time.monotonic() >= end:
                raise table_changing()

    def _read(
        self, key: bytes | None, dests: bool, complete: bool, into: Reading, scope: int,
        before: LentRows | None,
    ) -> Reading:  # fmt: skip
        reading = into.begin()
        table = reading.table
        table.complete, table.scope = complete, scope
        table.before = ffi.NULL if before is None else before.table
        with self._own_lock():
            if key is None:
                self._call(lib.ipvsf_services_dump, table)
            else:
                self._call(lib.ipvsf_service_get, ffi.from_buffer("struct ipvsf_service *", key), table)
            code = -errno.EAGAIN if dests else 0
            while code in (-errno.EAGAIN, -errno.EINTR):
                code = lib.ipvsf_dests_dump(self._open(), table, BUDGET_MS)
            table.before = ffi.NULL  # lent for this call only
            self._check(code, "list")
        return reading

    def read_services(self, key: bytes | None = None, scope: int = 0) -> Reading:
        """All services, or that one, without destinations: for parts()."""
        return self._read(key, False, False, Reading(), scope, None)

    def services_of_rows(self, rows: bytes, scope: int = 0) -> Reading:
        """The same, of packed rows that were read before."""
        whole = reading_of_rows(rows, b"")
        whole.table.scope = scope
        return whole

    def parts(self, whole: Reading) -> Iterator[Reading]:
        """Some services of `whole` after the others, now with their destinations, for who writes them before
        the rest is read. What was given before is written over. `whole` knows what vanished, and what is
        unstable."""
        part = Reading()
        while True:
            with self._own_lock():
                self._call(lib.ipvsf_part_read, whole.table, part.table)
            if not part.services:
                return
            yield part

    def open_live(self, reason: Any, size: int, out: Any) -> int:
        """For kernel/live_reader.py: a reader in the namespace of the session. 0, or a negative errno."""
        with self._own_lock():
            return int(lib.ipvsf_live_open_session(self._open(), reason, size, out))

    def open_file(self, path: str) -> int:
        """A descriptor of a file below /proc/thread-self or /proc/sys/net, of the session's namespace; a
        negative errno if it cannot be read."""
        with self._own_lock():
            return int(lib.ipvsf_session_open_file(self._open(), path.encode()))


def table_changing() -> TableChanging:
    """The exception for a table of which no complete reading can be had."""
    text = "the table kept changing while it was read"
    return TableChanging(errno.EAGAIN, text, "", "try again when less is added and deleted at once")


def exchange_error(code: int, command: str = "") -> KernelError:
    """The exception for a failure (negative errno) in an open session, as the answer to `command`."""
    if code == -errno.ECHILD:
        return KernelError(errno.ECHILD, "a session cannot be used after fork: open a new one")
    if code not in (-errno.ENOPROTOOPT, -errno.ESTALE):
        return error_for(command, code)
    text = "the kernel's IPVS was removed, and its table with it"
    if code == -errno.ESTALE:
        return IpvsUnavailable(errno.ESTALE, f"{text}; it was loaded again, and its table began empty")
    error = error_for(command, code)
    error.advice = f"{text}; {error.advice}"
    return error


def opening_error(code: int) -> KernelError:
    """The exception for a session that cannot be opened."""
    error = error_for("", code)
    return type(error)(error.errno, f"Can't initialize ipvs: {error.strerror}", "", error.advice)
