"""The connection table: iterate it, count it, find what is most frequent, sample it, all while reading.

The source is the kernel's text or, where that costs the square of its length, BPF programs that walk the
kernel's table. Neither is a snapshot: connections come and go while they are read. What a resize of the
table (Linux 7.1 and later) repeats is left out; what one hides is read again, a few times.
"""

from __future__ import annotations

import os

from ..errors import InvalidValue, IpvsError, reduce_error
from ..kernel.conn_reader import (
    STATUS_FILE,
    TABLE_FILE,
    ConnGroups,
    ConnReader,
    ConnRows,
    ConnSample,
    ConnText,
    longer_than,
    read_netns_file,
)
from ..kernel.netns import open_netns
from ..model.value import Field, Record
from .filter import EVERYTHING, ConnectionFilter
from .forms import check_form, frame
from .source import BREAK_EVEN, check_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from typing import Any, TypeVar

    from ..model.connection import Connection
    from ..model.types import ColumnName, Namespace, RowForm, SourceName
    from .count_by import Key
    from .groups import Counts, Groups

    T = TypeVar("T")

READINGS = 4  # of a table that changes its size every time it is read
# A difference between the entries read and the kernel's count that traffic alone can explain.
_SLACK, _SLACK_SHARE = 64, 50
_SLOWER = 1.5
_LINE = 66  # bytes of an entry in the kernel's text, if both ends are IPv4
_LEAST_SPANS_APART = 4000  # rows between two timings that are compared


class ConnectionsStatus(Record):
    """What the kernel says of its table."""

    __slots__ = ()
    entries: Field[int | None] = Field(0, "Entries; None where only root may know, or before Linux 7.1.")
    buckets: Field[int] = Field(1, "Buckets.")
    watched: Field[bool] = Field(2, "Whether a table that changes shows in their number: Linux 7.1.")


class ReadingReport(Record):
    """What became of a reading."""

    __slots__ = ()
    source: Field[str] = Field(0, "Where it was read from: proc or bpf.")
    read: Field[int] = Field(1, "Entries read.")
    matched: Field[int] = Field(2, "How many of them matched.")
    repeated: Field[int] = Field(3, "Entries left out because they came again.")
    unreadable: Field[int] = Field(4, "Lines that are no entries.")
    unreadable_sample: Field[str] = Field(5, "The beginning of the first of them.")
    kernel_entries: Field[int | None] = Field(6, "The kernel's own count of entries; None: it gives none.")
    readings: Field[int] = Field(7, "How many times the table was read.")
    incomplete: Field[bool] = Field(8, "Whether entries may be missing.")
    headless: Field[bool] = Field(9, "Whether there was not even the heading.")
    surplus: Field[int] = Field(
        10, "Lines beyond the kernel's count: some are no entries, but look like them."
    )


class Pace(Record):
    """How fast a reading goes."""

    __slots__ = ()
    rows: Field[int] = Field(0, "Entries so far.")
    seconds: Field[float] = Field(1, "Seconds so far.")
    quadratic: Field[bool] = Field(
        2,
        "Whether every entry costs more than those before, as with kernels before 6.14, which look for "
        "their place again at every read.",
    )
    _first: Field[float] = Field(3, "Seconds that the first entry took.")
    _slope: Field[float] = Field(4, "Seconds by which each takes longer than the one before.")

    def seconds_left(self, total: int) -> float:
        """Estimate of the time until `total` entries are read."""
        left = max(total - self.rows, 0)
        if not self.quadratic:
            return self.seconds / self.rows * left if self.rows else 0.0
        return left * self._first + self._slope * (total**2 - self.rows**2) / 2


class ReadingInterrupted(KeyboardInterrupt):
    """Ctrl-C during a count or a sample. partial: what it would have returned, of the entries read so far."""

    def __init__(self, partial: object) -> None:
        super().__init__()
        self.partial = partial

    __reduce__ = reduce_error


class Connections:
    """The connection table of a network namespace (path or `ip netns` name; None: the thread's own).

    Every method reads the table again, needs no privilege but to read /proc/net/ip_vs_conn, and closes
    the file before it returns; an iterator closes it when it ends or is closed. `account` tells what
    became of the last reading. Memory does not grow with the table, but for 8 bytes an entry where repeated
    ones may have to be recognized: in rows and text, and in counts before Linux 7.1; up to 16 where they
    have to be (before Linux 7.1, and after the table has changed its size).
    IpvsUnavailable where there is no IPVS, IpvsError for failures to read.

    source: "proc" (the kernel's text), "bpf" (BPF programs that walk its table; root, Linux 5.17 to 7.0,
    and an IpvsError that says why where it cannot be), or "auto": BPF for more than 5,000 connections
    where it can be had, else the text.
    progress: called with the Pace about every 50 ms. A `where` is a ConnectionFilter.
    """

    def __init__(
        self,
        netns: Namespace | None = None,
        *,
        source: SourceName = "proc",
        progress: Callable[[Pace], None] | None = None,
    ) -> None:
        self.netns = netns
        self.source = check_source(source)
        self.account: ReadingReport | None = None
        self._progress = progress

    def __iter__(self) -> Iterator[Connection]:
        return self.rows()

    def rows(self, where: ConnectionFilter = EVERYTHING) -> Generator[Connection, None, None]:
        """Every connection that matches, in the table's order."""
        from ..kernel.conn_layout import unpack

        for rows, text in self._read(where, lambda reader: ConnRows(reader).step, streamed=True):
            yield from unpack(rows, text)

    def text(self, form: RowForm, where: ConnectionFilter = EVERYTHING) -> Generator[memoryview, None, None]:
        """A whole text, heading included, in pieces that are each valid until the next. form: table (as
        `ipvsadm -L -c -n`), table-pe (with --persistent-conn), csv, csv-details, ndjson, json. Nothing at
        all if the kernel's text has not even its header."""
        check_form(form)
        pieces = self._read(where, lambda reader: ConnText(reader, form).step, streamed=True)
        return self._framed(form, pieces)

    def _framed(
        self, form: str, pieces: Generator[memoryview, None, None]
    ) -> Generator[memoryview, None, None]:
        try:
            first = next(pieces, None)
            if first is None and self.account and self.account.headless:
                return
            head, end = frame(form, empty=first is None)
            yield memoryview(head.encode("ascii") + (first or b""))
            yield from pieces
            if end:
                yield memoryview(end.encode("ascii"))
        finally:
            pieces.close()  # so that the account is there, however it ended

    def count(self, where: ConnectionFilter = EVERYTHING) -> int:
        """How many match. ReadingInterrupted with the number so far on Ctrl-C."""
        try:
            for _ in self._read(where, lambda reader: reader.count):
                pass
        except KeyboardInterrupt:
            raise ReadingInterrupted(self.account.matched if self.account else 0) from None
        return self.account.matched if self.account else 0

    def groups(self, by: str | Sequence[str | Key], where: ConnectionFilter = EVERYTHING) -> Groups:
        """How many connections each key has, of all keys that occur; its top() gives the largest. Exact.

        by: names of keys (count_by.KEYS), several behind commas or as a sequence; they count together.
        ReadingInterrupted with the counts so far on Ctrl-C.
        """
        from .count_by import parse_keys
        from .groups import Groups

        keys = parse_keys(by)
        parts = b"".join([key.packed for key in keys])
        made = [ConnGroups(parts)]

        def start(reader: ConnReader) -> Callable[[], None]:
            made[:] = [ConnGroups(parts)]
            return lambda: reader.group(made[0])

        def result() -> Groups:
            return Groups(keys, made[0], self.account.matched if self.account else 0)

        try:
            for _ in self._read(where, start):
                pass
        except KeyboardInterrupt:
            raise ReadingInterrupted(result()) from None
        return result()

    def top(
        self,
        count: int | None,
        by: str | Sequence[str | Key],
        where: ConnectionFilter = EVERYTHING,
        *,
        least: int = 1,
    ) -> Counts:
        """The keys that occur most, largest first; None: all of them. least: only those that so many
        connections have. ReadingInterrupted with the counts so far on Ctrl-C."""
        try:
            return self.groups(by, where).top(count, least=least)
        except ReadingInterrupted as interrupt:
            so_far: Any = interrupt.partial
            raise ReadingInterrupted(so_far.top(count, least=least)) from None

    def sample(
        self, size: int, where: ConnectionFilter = EVERYTHING, *, seed: int | None = None
    ) -> list[Connection]:
        """A uniform sample of those that match, in the table's order; the same one for the same seed.
        ReadingInterrupted with a sample of what was read so far on Ctrl-C."""
        return self._sampled(size, where, seed, _sampled_rows)

    def sample_text(
        self, size: int, form: str, where: ConnectionFilter = EVERYTHING, *, seed: int | None = None
    ) -> str:
        """The same as a whole text, as text() writes it."""
        check_form(form)
        return self._sampled(size, where, seed, lambda sample: _sampled_text(sample, form))

    def _sampled(
        self, size: int, where: ConnectionFilter, seed: int | None, result: Callable[[ConnSample], T]
    ) -> T:
        made = [ConnSample(size, seed)]

        def start(reader: ConnReader) -> Callable[[], None]:
            made[:] = [ConnSample(size, seed)]
            return lambda: reader.sample(made[0])

        try:
            for _ in self._read(where, start):
                pass
        except KeyboardInterrupt:
            raise ReadingInterrupted(result(made[0])) from None
        return result(made[0])

    def columns(self, *names: ColumnName, where: ConnectionFilter = EVERYTHING) -> dict[str, memoryview]:
        """Columns of equal length, for numpy.asarray() or as they are.

        client, service, destination: shape (n, 16) of bytes in network order, IPv4 in the first 4;
        state: (n, 16) of bytes padded with 0; client_port, service_port, destination_port: 16 bits;
        expires: 32 bits, seconds; protocol (number), family, destination_family (2 or 10), template
        (0 or 1): 8 bits. flags, fwmark, timeout (seconds), packets (received): 32 bits, and only where
        details, 8 bits, is 1: with source "bpf". All in host order.
        """
        from ..kernel.conn_layout import COLUMNS, take_column

        for name in names:
            if name not in COLUMNS:
                raise InvalidValue(f"no column {name!r}: there are {', '.join(COLUMNS)}")
        found = {name: bytearray() for name in names}
        for rows, _ in self._read(where, lambda reader: ConnRows(reader).step, streamed=True):
            for name, column in found.items():
                column += take_column(rows, name)
        return {name: _shaped(column, *COLUMNS[name][1:]) for name, column in found.items()}

    def status(self) -> ConnectionsStatus | None:
        """What the kernel says of its table; None where there is no table."""
        fd = open_netns(self.netns)
        try:
            return _status(fd, True)
        finally:
            if fd >= 0:
                os.close(fd)

    def why_not_bpf(self) -> str:
        """Why connections cannot be read by BPF here and now, with what helps; "" if they can."""
        reader, netns = ConnReader(), open_netns(self.netns)
        try:
            reader.open_bpf(netns)
        except IpvsError as error:
            return str(error.strerror).removeprefix("connections cannot be read by BPF: ")
        finally:
            reader.close()
            if netns >= 0:
                os.close(netns)
        return ""

    def _open(self, reader: ConnReader, netns: int, watched: bool) -> SourceName:
        """Start a reading from the source that is to be used, and name it."""
        # A kernel whose table can be watched has a linear text, and no table that BPF could walk.
        if self.source == "bpf" or (self.source == "auto" and not watched and _is_large(netns)):
            try:
                reader.open_bpf(netns)
                return "bpf"
            except IpvsError:
                if self.source == "bpf":
                    raise
        reader.open(netns)
        return "proc"

    def _read(
        self, where: ConnectionFilter, start: Callable[[ConnReader], Callable[[], T]], streamed: bool = False
    ) -> Generator[T, None, None]:
        """What the steps bring, over as many readings as are needed.

        streamed: what was given cannot be taken back, so what is read again adds to it; else the second
        reading starts anew, and those after it add to that.
        """
        reader = ConnReader()
        reader.filter(*where.pack())
        netns = open_netns(self.netns)
        readings, incomplete, remembering, source = 0, True, False, self.source
        surplus = 0
        earlier = [0, 0]  # entries read and repeated in readings before this one that count
        entries: int | None = None
        try:
            while (incomplete or surplus) and readings < READINGS:
                before, surplus = _status(netns, readings > 0), 0
                watched = before is not None and before.watched
                if remembering:
                    earlier[0] += reader.account.rows
                    earlier[1] += reader.account.repeated
                else:  # what was counted so far cannot be told from what comes now
                    step = start(reader)
                source = self._open(reader, netns, watched)
                # What BPF walks is not resized, and read bucket by bucket: nothing comes again.
                if source == "proc" and (streamed or readings or not watched):
                    reader.remember(at_once=readings > 0 or not watched)
                    remembering = True
                readings += 1
                while not reader.ended:
                    got = step()
                    if got:
                        yield got
                    if self._progress:
                        self._progress(pace(reader.account))
                reader.check()
                if _limit_reached(reader, where):
                    incomplete = False
                    break
                after = _status(netns, True)
                entries = after.entries if after else None
                incomplete = _disturbed(before, after, reader.account)
                surplus = 0 if incomplete else _surplus(before, after, reader.account)
        finally:
            self.account = _account(
                reader,
                earlier,
                source,
                entries=entries,
                readings=readings,
                incomplete=incomplete,
                surplus=surplus,
            )
            reader.close()
            if netns >= 0:
                os.close(netns)


def _sampled_rows(sample: ConnSample) -> list[Connection]:
    from ..kernel.conn_layout import unpack

    reader = ConnReader()
    reader.replay(sample)
    step = ConnRows(reader).step
    found: list[Connection] = []
    while not reader.ended:
        rows, text = step()
        found += unpack(rows, text)
    return found


def _sampled_text(sample: ConnSample, form: str) -> str:
    reader = ConnReader()
    reader.replay(sample)
    step = ConnText(reader, form).step
    pieces = []
    while not reader.ended:
        pieces.append(bytes(step()))
    text = b"".join(pieces).decode("utf-8", "surrogateescape")
    head, end = frame(form, empty=not text)
    return head + text + end


def _is_large(netns: int) -> bool:
    return longer_than(netns, BREAK_EVEN * _LINE)


def _status(netns: int, counted: bool) -> ConnectionsStatus | None:
    """counted: with the number of entries, for which the kernel walks its whole table: that takes as long
    as reading a twentieth of it."""
    entries: int | None = None
    text = read_netns_file(netns, STATUS_FILE, 256 if counted else 0)
    if text:
        count = text.partition(b"Conns:\t")[2].partition(b"\n")[0]
        entries = int(count) if count.isdigit() else None
    head = read_netns_file(netns, TABLE_FILE, 256)
    digits = (head or b"").partition(b"(size=")[2].partition(b")")[0]
    return ConnectionsStatus._make(entries, int(digits), text is not None) if digits.isdigit() else None


def _limit_reached(reader: ConnReader, where: ConnectionFilter) -> bool:
    return bool(where.limit) and reader.account.matched >= where.limit


def _disturbed(before: ConnectionsStatus | None, after: ConnectionsStatus | None, account: Any) -> bool:
    """Whether the table changed its size, or less was read than it held all the time."""
    if before is None or after is None:
        return False
    # It may have got the size of before again: what a reading itself has seen counts too.
    if before.buckets != after.buckets or account.resized:
        return True
    if after.entries is None:
        return False
    # Not counted before, it is taken for a table of constant length: another reading knows better.
    first = after.entries if before.entries is None else before.entries
    held = min(first, after.entries)
    slack = abs(first - after.entries) + held // _SLACK_SHARE + _SLACK
    return bool(account.rows < held - slack)


def _surplus(before: ConnectionsStatus | None, after: ConnectionsStatus | None, account: Any) -> int:
    """How many more were read than the kernel counts; 0 where traffic alone can explain it.

    What a persistence engine keeps may have a line end in it, if it came from a sync peer: what follows is
    a line of its own, and may look like an entry. In a small table that stands still, every one shows.
    """
    if after is None or after.entries is None:
        return 0
    # Not counted before, it is taken for a table of constant length: another reading knows better.
    first = after.entries if before is None or before.entries is None else before.entries
    held = max(first, after.entries)
    still = first == after.entries and held <= BREAK_EVEN
    more = int(account.rows) - held
    return more if more > (0 if still else held // _SLACK_SHARE + _SLACK) else 0


def _account(
    reader: ConnReader,
    earlier: Sequence[int],
    source: str,
    *,
    entries: int | None,
    readings: int,
    incomplete: bool,
    surplus: int,
) -> ReadingReport:
    account = reader.account
    unreadable, sample = reader.unreadable()
    return ReadingReport._make(
        source, earlier[0] + int(account.rows), int(account.matched), earlier[1] + int(account.repeated),
        unreadable, sample, entries, readings, incomplete, bool(account.ended and not account.bytes),
        surplus,
    )  # fmt: skip


def pace(account: Any) -> Pace:
    """The pace of a reading from its account."""
    rows, first, recent = int(account.timed_rows), int(account.first_ns), int(account.recent_ns)
    apart = int(account.recent_row) - int(account.first_row)
    seconds = account.read_ns / 1e9
    if apart < _LEAST_SPANS_APART or recent < _SLOWER * first:
        return Pace._make(rows, seconds, False, 0.0, 0.0)
    per_span = _rows_per_span(account)
    slope = (recent - first) / apart / per_span / 1e9
    at_zero = max(first / per_span / 1e9 - slope * account.first_row, 0.0)
    return Pace._make(rows, seconds, True, at_zero, slope)


def _rows_per_span(account: Any) -> float:
    return max(int(account.timed_rows) / max(int(account.spans), 1), 1.0)


def _shaped(column: bytearray, width: int, form: str) -> memoryview:
    view = memoryview(column)
    if form:
        return view.cast("H" if form == "H" else "I" if form == "I" else "B")
    # A view without elements cannot be given a shape of two dimensions.
    return view.cast("B", (len(column) // width, width)) if column else view
