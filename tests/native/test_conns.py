"""The reader of the connection table: every row, wherever a line may be cut and whatever it is read from."""

import ctypes
import errno
import os
import socket
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast._native import ffi, lib
from ipvsfast.connections import count_by
from ipvsfast.connections import filter as conn_filter
from ipvsfast.errors import IpvsError
from ipvsfast.kernel import conn_layout, conn_reader
from ipvsfast.kernel.conn_reader import ConnReader, ConnRows, ConnText
from support.connlines import HEADER, LONGEST_LINE, line, lines, mutated, parse, parse_text
from support.connread import file_of, read, reader_of, text_of


def scan(text, room=64, start=0):
    """(rows, used, unreadable lines, sample) of one call of the scanner."""
    rows = bytearray(room * conn_layout.ROW.size)
    state = ffi.new("struct ipvsf_conn_scan *", {"used": start})
    lent = ffi.from_buffer("char[]", text)
    assert (
        lib.ipvsf_conns_scan(lent, len(text), ffi.from_buffer("struct ipvsf_conn[]", rows), room, state) == 0
    )
    found = list(conn_layout.unpack(bytes(rows[: state.count * conn_layout.ROW.size]), text))
    return found, state.used, state.unreadable, ffi.string(state.first_unreadable)


def test_layouts_agree():
    """Packed rows, filters, matches and keys have the sizes of their C structs."""
    assert ffi.sizeof("struct ipvsf_conn") == conn_layout.ROW.size
    assert ffi.sizeof("struct ipvsf_conn_filter") == conn_filter.FILTER.size
    assert ffi.sizeof("struct ipvsf_conn_match") == conn_filter.MATCH.size
    assert ffi.sizeof("struct ipvsf_key_part") == count_by.PART.size


def test_columns_agree():
    """Every column lies where C has it."""
    fields = {
        "family": "af", "destination_family": "daf", "client_port": "cport", "service_port": "vport",
        "destination_port": "dport", "client": "caddr", "service": "vaddr", "destination": "daddr",
        "details": "known",
    }  # fmt: skip
    row = ffi.new("struct ipvsf_conn *")
    for name, (offset, size, _) in conn_layout.COLUMNS.items():
        field = fields.get(name, name)
        assert ffi.offsetof("struct ipvsf_conn", field) == offset
        value = getattr(row, field)
        assert (ffi.sizeof(value) if isinstance(value, ffi.CData) else size) == size


def test_filter_positions_agree():
    """A condition packed under a name is found under that name in C."""
    packed, matches = conn_filter.ConnectionFilter(
        client="10.0.0.0/9:80-90", destination="[2001:db8::/33]:443", states=["udp", "none"], protocols=[6, 132],
        families=["ipv6", "mixed"], expires_below=7, templates=True, engines="sip", limit=2**40,
    ).pack()  # fmt: skip
    f = ffi.from_buffer("struct ipvsf_conn_filter *", packed)
    assert (f.limit, f.expires_below, f.families, f.any_protocol, f.templates) == (2**40, 7, 6, 0, 1)
    assert (f.num_states, f.num_engines, f.protocols[0], f.protocols[16]) == (2, 1, 1 << 6, 1 << 4)
    assert [ffi.string(f.states[i]) for i in range(2)] == [b"UDP", b"NONE"]
    assert ffi.string(f.engines[0]) == b"sip"
    m = ffi.from_buffer("struct ipvsf_conn_match[]", matches)
    assert [(x.place, x.af, x.prefix, x.low, x.high) for x in m] == [
        (lib.IPVSF_AT_CLIENT, socket.AF_INET, 9, 80, 90),
        (lib.IPVSF_AT_DESTINATION, socket.AF_INET6, 33, 443, 443),
    ]
    assert bytes(ffi.buffer(m[0].addr))[:4] == b"\n\0\0\0"


def test_constants_agree():
    """Numbers that Python repeats are those of the header."""
    names = {"client-net": "CLIENT"}
    for name, (number, _, _) in count_by.KEYS.items():
        assert number == getattr(lib, f"IPVSF_KEY_{names.get(name, name.upper().replace('-', '_'))}")
    assert max(number for number, _, _ in count_by.KEYS.values()) + 1 == lib.IPVSF_NUM_KEYS
    assert conn_filter.FAMILIES == {
        "ipv4": lib.IPVSF_FAMILY_4, "ipv6": lib.IPVSF_FAMILY_6, "mixed": lib.IPVSF_FAMILY_MIXED,
    }  # fmt: skip
    assert list(conn_reader.FORMATS) == ["table", "table-pe", "csv", "csv-details", "ndjson", "json"]
    assert list(conn_reader.FORMATS.values()) == list(range(6))
    f = ffi.new("struct ipvsf_conn_filter *")
    assert (len(f.states), len(f.engines)) == (conn_filter.MOST_STATES, conn_filter.MOST_ENGINES)
    assert conn_layout.DETAILS == lib.IPVSF_CONN_DETAILS
    assert max(lib.IPVSF_CONN_TEXT, lib.IPVSF_CONN_LINE) <= conn_reader.TEXT_SIZE
    assert lib.IPVSF_CONN_TEXT > LONGEST_LINE


@settings(max_examples=500, deadline=None)
@given(lines())
def test_lines_of_the_kernel(text):
    """Whatever the kernel writes is read as the reference reads it."""
    assert scan(text) == ([parse(text[:-1])], len(text), 0, b"")


@settings(max_examples=800, deadline=None)
@given(st.lists(mutated(), min_size=1, max_size=3).map(b"".join))
def test_damaged_lines(text):
    """Both read a damaged line as the same values, or both refuse it; it never hides another."""
    whole = text[: text.rfind(b"\n") + 1]
    rows, strange = parse_text(b"\n" + whole)
    found, used, unreadable, sample = scan(text)
    assert (found, used, unreadable) == (rows, len(whole), strange)
    assert sample.isascii() and sample.decode().isprintable() and bool(sample) <= bool(strange)


V4, V6 = b" 0A000001 0050", b" 2001:0db8:0000:0000:0000:0000:0000:0001 0050"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (b"TCP" + 3 * V4 + b" UDP 4294967295", True),
        (b"TCP" + 3 * V4 + b" UDP 4294967296", False),
        (b"TCP" + 3 * V4 + b" UDP 99999999999999999999999", False),
        (b"TCP" + 3 * V4 + b" UDP -1", False),
        (b"TCP" + 3 * V4 + b" UDP ", False),
        (b"TCP" + 3 * V4 + b" UDP", False),
        (b"TCP" + 3 * V4 + b"  3", False),
        (b"IP_255" + 3 * V4 + b" UDP 3", True),
        (b"IP_256" + 3 * V4 + b" UDP 3", False),
        (b"IP_" + 3 * V4 + b" UDP 3", False),
        (b"IP_6x" + 3 * V4 + b" UDP 3", False),
        (b"tcp" + 3 * V4 + b" UDP 3", False),
        (b" TCP" + 3 * V4 + b" UDP 3", False),
        (b"TCP" + 3 * V6 + b" UDP 3", True),
        (b"TCP" + V4 + V4 + V6 + b" UDP 3", True),
        (b"TCP" + V6 + V6 + V4 + b" UDP 3", True),
        (b"TCP" + V4 + V6 + V6 + b" UDP 3", False),
        (b"TCP" + V6 + V4 + V4 + b" UDP 3", False),
        (b"TCP" + 2 * V4 + b" UDP 3", False),
        (b"TCP" + 3 * V6.replace(b"0db8:", b"0db8 ") + b" UDP 3", False),
        (b"TCP" + 3 * V4 + b" " + b"S" * 15 + b" 3", True),
        (b"TCP" + 3 * V4 + b" " + b"S" * 16 + b" 3", False),
        (b"TCP" + 3 * V4 + b" S\x7f 3", False),
        (b"TCP" + 3 * V4 + b" UDP 3 " + b"e" * 16 + b" x", True),
        (b"TCP" + 3 * V4 + b" UDP 3 " + b"e" * 17 + b" x", False),
        (b"TCP" + 3 * V4 + b" UDP 3 s\x1bp x", False),
        (b"TCP" + 3 * V4 + b" UDP 3 sip", True),
        (b"TCP" + 3 * V4 + b" UDP 3 sip ", True),
        (b"TCP" + 3 * V4 + b" UDP 3 sip  x", True),
        (b"TCP" + 3 * V4 + b" UDP 3 ", True),
        (b"TCP" + 3 * V4 + b" UDP 3  ", False),
        (b"TCP" + 3 * V4 + b" UDP 3  x", False),
        (b"TCP" + 3 * V4 + b" UDP 3\r", False),
    ],
)
def test_borders(text, taken):
    """What is just an entry and what is just none, by the scanner and by the reference."""
    assert (parse(text) is not None) == taken
    found, _, unreadable, _ = scan(text + b"\n")
    assert (found, unreadable) == (([parse(text)], 0) if taken else ([], 1))


def test_rows_stop_the_scan():
    """With no room for more rows it stops after a whole line, and goes on from there."""
    text = b"".join([line(expires=n) for n in range(7)])
    used, seen = 0, []
    while used < len(text):
        rows, used, _, _ = scan(text, room=2, start=used)
        seen += [row.expires for row in rows]
    assert seen == list(range(7))


SOME = [
    line(engine=b"sip", data=b"a\0b\x1b"),
    line("TCP", "2001:db8::1", 9, "2001:db8::2", 8, "10.0.0.9", 7, "SYN_RECV", 2**32 - 1),
    b"garbage\n",
    b"\n",
    b" \t\r\n",
    line("IP", state="ASSURED", cport=0),
    line()[:-1] + b"\r\n",
    b"TCP \0\0\n",
]


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        b"",
        HEADER,
        HEADER[:30],
        b"".join(SOME),
        HEADER + b"".join(SOME),
        HEADER + b"".join(SOME) + b"UDP 0A0",
        HEADER + SOME[0][:-1],
        b"\n" + HEADER,
        HEADER + HEADER,
    ],
)
def test_files(text, overlap):
    """With and without its header, empty, cut off: every line is an entry, blank, or reported."""
    rows, strange = parse_text(text)
    if text == HEADER[:30]:
        strange = 1
    reader = reader_of(text, overlap)
    assert read(reader) == rows
    assert (reader.unreadable()[0], reader.account.bytes, reader.account.rows) == (
        strange,
        len(text),
        len(rows),
    )


def test_first_unreadable_line():
    """The first line that is no entry is told, fit for a terminal, however long it is."""
    for odd in (b"a\x1b[2Jb", b"x" * 100, b"y" * 70000, b"z" * 300_000):
        reader = reader_of(HEADER + line() + odd + b"\n" + line() + b"more\n")
        assert len(read(reader)) == 2
        sample = odd[:63].replace(b"\x1b", b"?").decode()
        assert reader.unreadable() == (2, sample)
    reader = reader_of(HEADER + b"cut off")
    assert (read(reader), reader.unreadable()) == ([], (1, "cut off"))


def test_every_border():
    """A line may be cut anywhere between two blocks: nothing is lost, doubled or changed."""
    block = 192 * 1024
    one = line(engine=b"sip", data=b"call")
    rows = [parse(one[:-1])]
    fill = (block // len(one)) * one
    for shift in range(len(one) + 2):
        pad = b"x" * shift + b"\n"
        reader = reader_of(HEADER + pad + fill + fill)
        assert read(reader) == rows * (2 * (block // len(one)))
        assert reader.unreadable()[0] == bool(shift)


@pytest.mark.parametrize("form", ["rows", *conn_reader.FORMATS])
@pytest.mark.parametrize(
    "length", [0, 1, 255, 4096, 65000, LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, 70000, 200_000]
)
def test_long_lines(length, form):
    """A line of up to 64 KiB is an entry, a longer one is reported; both leave their neighbours alone."""
    start = line(engine=b"sip", data=b"")[:-1]
    data = b"\xff" * max(length - len(start), 0)
    long = start[:length] + data
    text = HEADER + line() + long + b"\n" + line()
    rows, strange = parse_text(text)
    assert len(rows) == 2 + (length > 200 and length <= LONGEST_LINE)
    for before in (0, 150_000):
        reader = reader_of(text.replace(HEADER, HEADER + line() * (before // len(line()))))
        extra = before // len(line())
        if form == "rows":
            assert read(reader) == rows[:1] * extra + rows
        else:
            ends = text_of(reader, form).count(b"\n") + (form == "json")
            assert ends == len(rows) + extra
        assert reader.unreadable()[0] == strange


@settings(max_examples=150, deadline=None)
@given(st.lists(lines() | mutated(), max_size=80), st.booleans(), st.integers(1, 5000))
def test_any_text_in_any_pieces(texts, overlap, size):
    """Rows do not depend on how the bytes arrive."""
    text = HEADER + b"".join(texts)
    rows, strange = parse_text(text)
    reads, writes = os.pipe()

    def feed():
        for at in range(0, len(text), size):
            os.write(writes, text[at : at + size])
        os.close(writes)

    thread = threading.Thread(target=feed)
    reader = ConnReader()
    reader.attach(reads, overlap)
    thread.start()
    assert read(reader) == rows
    thread.join()
    assert reader.unreadable()[0] == strange


@pytest.mark.parametrize("overlap", [False, True])
def test_a_slow_writer(overlap):
    """Bytes that come one by one, the header's too, are the same rows."""
    text = HEADER + b"".join(SOME[:3])
    reads, writes = os.pipe()

    def feed():
        for at in range(len(text)):
            os.write(writes, text[at : at + 1])
            time.sleep(0.002)
        os.close(writes)

    thread = threading.Thread(target=feed)
    thread.start()
    reader = ConnReader()
    reader.attach(reads, overlap)
    rows = read(reader)
    thread.join()
    assert (rows, reader.unreadable()[0]) == parse_text(text)


def test_slices_end_when_nothing_comes():
    """With a thread that reads ahead, a step returns with nothing after its budget, again and again."""
    reads, writes = os.pipe()
    reader = ConnReader()
    reader.attach(reads)
    if reader.account.overlapped:  # one CPU: the caller itself waits in read()
        rows, text = ConnRows(reader), ConnText(reader, "table")
        for _ in range(2):
            reader.count()
            assert (rows.step(), bytes(text.step())) == ((b"", b""), b"")
            assert not reader.ended
    os.write(writes, HEADER + line())
    os.close(writes)
    assert read(reader) == [parse(line()[:-1])]


def test_one_cpu_reads_without_a_thread():
    """Where there is one CPU no thread is started, and the rows are the same."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        reader = reader_of(HEADER + line() * 5000)
        assert not reader.account.overlapped
    finally:
        os.sched_setaffinity(0, allowed)
    assert len(read(reader)) == 5000


def threads(most=None):
    """How many there are; where a number is given, once there are no more than that. A thread that was joined
    stays in /proc for a moment, until the kernel is done with it."""
    end = time.monotonic() + 60
    while (count := len(os.listdir("/proc/self/task"))) > (most or count) and time.monotonic() < end:
        time.sleep(0.001)
    return count


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def first_rows(reader):
    """Those of the first step that has any: one whose time is over before the block is read has none."""
    steps = ConnRows(reader)
    while not (rows := steps.step()[0]):
        assert not reader.ended
    return rows


@pytest.mark.parametrize("end", ["close", "drop", "attach", "replay"])
@pytest.mark.parametrize("overlap", [False, True])
def test_closing_in_the_middle(end, overlap):
    """A reading that ends early leaves neither its descriptor nor its thread."""
    before, files = threads(), descriptors()
    reader = reader_of(HEADER + line() * 20_000, overlap)
    assert first_rows(reader)
    assert descriptors() == files + 1
    if end == "drop":
        del reader
    elif end == "attach":
        reader.attach(file_of(HEADER), overlap)
        reader.close()
    elif end == "replay":
        reader.replay(conn_reader.ConnSample(3, 1))
    else:
        reader.close()
        assert reader.ended and ConnRows(reader).step() == (b"", b"")
    assert threads(before) <= before  # the one of an earlier reading may have been going away still
    assert descriptors() == files


@pytest.mark.parametrize("overlap", [False, True])
def test_fork_in_the_middle(overlap):
    """A child can neither go on with its parent's reading nor hang in it; the parent goes on."""
    reader = reader_of(HEADER + line() * 20_000, overlap)
    seen = len(first_rows(reader)) // conn_layout.ROW.size
    fork = ctypes.CDLL(None).fork  # os.fork() of newer Pythons warns of the thread that reads
    child = fork()
    if not child:
        code = 1
        try:
            while not reader.ended:
                reader.count()
        except IpvsError as error:
            code = 0 if error.errno == errno.ECHILD and "fork" in str(error) else 2
        finally:
            reader.close()
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert seen + len(read(reader)) == 20_000


def counting(reader):
    groups = conn_reader.ConnGroups(count_by.Key("state").packed)
    return lambda: reader.group(groups)


def sampling(reader):
    sample = conn_reader.ConnSample(5, 1)
    return lambda: reader.sample(sample)


STEPS = {
    "rows": lambda reader: ConnRows(reader).step,
    "text": lambda reader: ConnText(reader, "csv").step,
    "count": lambda reader: reader.count,
    "group": counting,
    "sample": sampling,
}


def run_all(reader, step):
    while not reader.ended:
        step()
    reader.check()


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("overlap", [False, True])
def test_failing_reads(name, overlap):
    """A descriptor that cannot be read is an error that names the file, not an empty table."""
    reader = ConnReader()
    reader.attach(os.open("/", os.O_RDONLY), overlap)
    with pytest.raises(IpvsError, match="/proc/net/ip_vs_conn") as caught:
        run_all(reader, STEPS[name](reader))
    assert caught.value.errno == errno.EISDIR
    assert reader.ended


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("overlap", [False, True])
def test_a_read_that_fails_late(name, overlap):
    """An error behind some rows is told after them: half a table never passes for a whole one."""
    ours, theirs = socket.socketpair()
    ours.send(b"never read")  # so that the other end's close is a reset here
    theirs.send(HEADER + line() * 3)
    theirs.close()
    reader = ConnReader()
    reader.attach(ours.detach(), overlap)
    with pytest.raises(IpvsError) as caught:
        run_all(reader, STEPS[name](reader))
    assert caught.value.errno == errno.ECONNRESET
    assert (reader.account.matched, reader.ended) == (3, True)


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("overlap", [False, True])
def test_memory_does_not_grow(overlap):
    """Two million lines are counted in the memory that some need."""
    piece = b"".join([line(cport=port) for port in range(1, 1001)])
    warm = reader_of(HEADER + piece * 20, overlap)
    run_all(warm, warm.count)
    before = resident()
    reads, writes = os.pipe()

    def feed():
        os.write(writes, HEADER)
        for _ in range(2000):
            os.write(writes, piece)
        os.close(writes)

    thread = threading.Thread(target=feed)
    thread.start()
    reader = ConnReader()
    reader.attach(reads, overlap)
    run_all(reader, reader.count)
    grown = resident() - before
    thread.join()
    assert reader.account.rows == reader.account.matched == 2_000_000
    assert grown < 4 << 20


def test_account():
    """The account adds up, and what a reading had to say stays after its end."""
    text = HEADER + line() * 3000 + b"odd\n" + line("TCP", state="NONE") * 2000
    reader = reader_of(text)
    reader.filter(*conn_filter.ConnectionFilter(protocols="tcp").pack())
    assert not reader.ended
    assert len(read(reader)) == 2000
    for _ in range(2):
        account = reader.account
        assert (account.rows, account.matched, account.repeated, account.unreadable) == (5000, 2000, 0, 1)
        assert (account.bytes, account.ended, ffi.string(account.first_unreadable)) == (len(text), 1, b"odd")
        assert account.timed_rows <= account.rows and account.first_ns <= account.read_ns
        reader.close()
    reader.attach(file_of(b""))
    assert read(reader) == []
    assert (reader.account.rows, reader.account.unreadable, reader.account.bytes) == (0, 0, 0)
