"""The connection table: rows as ipvsadm prints them, long and hostile lines, odd input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.listing.connections import connection_text, escaped, headers, rows
from ipvsfast.listing.endpoints import Numeric
from support.connlines import connections, parse
from support.names import FakeResolver

# Lines of a kernel, and what ipvsadm printed for them with -n, without it, and with --persistent-conn.
LINES = b"""\
IP  7F000001 0000 0000004D 0000 7F000001 0000 ASSURED         299
TCP 2001:0db8:0000:0000:0000:0000:0000:0002 9C44 2001:0db8:0000:0000:0000:0000:0000:0001 0050 \
0000:0000:0000:0000:0000:0000:0000:0001 1F90 ESTABLISHED     899
TCP 7F000001 0000 0A000002 0050 7F000001 1F90 ASSURED        7199
TCP 7F000001 9C41 0A000001 0050 7F000001 1F90 FIN_WAIT        119
UDP 7F000001 0000 0A000002 13C4 7F000001 13C4 NONE            119 sip 3848276298220188511@atlanta.example.com
UDP 7F000001 9C46 0A000001 0035 7F000001 1F75 UDP             299
"""
NUMBERS = """\
IP  04:59  ASSURED     127.0.0.1:0        0.0.0.77:0         127.0.0.1:0
TCP 14:59  ESTABLISHED [2001:db8::2]:40004 [2001:db8::1]:80   [::1]:8080
TCP 119:59 ASSURED     127.0.0.1:0        10.0.0.2:80        127.0.0.1:8080
TCP 01:59  FIN_WAIT    127.0.0.1:40001    10.0.0.1:80        127.0.0.1:8080
UDP 01:59  NONE        127.0.0.1:0        10.0.0.2:5060      127.0.0.1:5060
UDP 04:59  UDP         127.0.0.1:40006    10.0.0.1:53        127.0.0.1:8053
"""
NAMES = """\
IP  04:59  ASSURED     localhost:0        0.0.0.77:0         localhost:0
TCP 14:59  ESTABLISHED [2001:db8::2]:40004 [2001:db8::1]:http [localhost]:http-alt
TCP 119:59 ASSURED     localhost:0        10.0.0.2:http      localhost:http-alt
TCP 01:59  FIN_WAIT    localhost:40001    10.0.0.1:http      localhost:http-alt
UDP 01:59  NONE        localhost:0        10.0.0.2:sip       localhost:sip
UDP 04:59  UDP         localhost:40006    10.0.0.1:domain    localhost:8053
"""
ENGINE = (
    "UDP 01:59  NONE        127.0.0.1:0        10.0.0.2:5060      127.0.0.1:5060   sip                "
    "3848276298220188511@atlanta.example.com\n"
)


def listing(text, names=None, persistent_conn=False):
    """What is printed for lines of a kernel."""
    lines = text if isinstance(text, list) else text.splitlines(keepends=True)
    return "".join(rows(connections(lines), names, persistent_conn))


def line(data=b"", state=b"UDP", seconds=299, protocol=b"UDP"):
    """A line of the kernel, with engine data if any."""
    start = b"%-3s 0A000001 0050 0A000002 0050 0A000003 0050 %-11s %7d" % (protocol, state, seconds)
    return start + (b" sip " + data if data else b"") + b"\n"


def names():
    """The hosts and services of the recording."""
    services = {(80, "tcp"): "http", (8080, "tcp"): "http-alt", (53, "udp"): "domain", (5060, "udp"): "sip"}
    return FakeResolver(
        addresses=dict.fromkeys([b"\x7f\0\0\1", bytes(15) + b"\1"], "localhost"), services=services
    )


def test_headers():
    """Both forms of the two lines above."""
    assert headers() == (
        "IPVS connection entries\npro expire state       source             virtual            destination\n"
    )
    assert headers(persistent_conn=True) == (
        "IPVS connection entries\n"
        "pro expire state       source             virtual            destination        pe name          pe_data\n"
    )


def test_rows():
    """Numbers, names, and engine data, which shift their row by two columns against the header."""
    assert listing(LINES) == NUMBERS
    assert listing(LINES, names()) == NAMES
    with_engine = NUMBERS.splitlines(keepends=True)
    with_engine[4] = ENGINE
    assert listing(LINES, persistent_conn=True) == "".join(with_engine)


def test_names_are_asked_for_once():
    """Addresses are looked up together before the rows are made, each once."""
    resolver = names()
    listing([line(), line()], resolver)
    assert resolver.prefetched == [([b"\n\0\0\1", b"\n\0\0\2", b"\n\0\0\3"], False)]


def test_values():
    """An entry by its names: addresses as text and packed, numbers, seconds, raw engine data."""
    row = parse(line(b"a\xff b")[:-1])
    assert (row.protocol, row.protocol_number, row.state, row.expires) == ("UDP", 17, "UDP", 299)
    assert (row.client, row.service, row.destination) == ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    assert (row.client_packed, row.service_packed) == (b"\n\0\0\1", b"\n\0\0\2")
    assert row.destination_packed == b"\n\0\0\3"
    assert (row.client_port, row.service_port, row.destination_port) == (80, 80, 80)
    assert (row.engine, row.data, row.template) == ("sip", b"a\xff b", False)
    assert (parse(line()[:-1]).engine, parse(line()[:-1]).data) == ("", b"")


def test_templates():
    """The file does not say it: no client port, and the state of a template."""
    recorded = connections(LINES.splitlines(keepends=True))
    assert [row.template for row in recorded] == [True, False, True, False, True, False]
    waiting = b"TCP 0A000001 0000 0A000002 0015 0A000003 0015 SYN_RECV          3"  # passive FTP
    assert not parse(waiting).template


def test_mixed_families():
    """A tunnelled server has its own family."""
    text = b"TCP 0A000001 0050 0A000002 0050 2001:0db8:0000:0000:0000:0000:0000:0001 0050 SYN_RECV   3\n"
    assert listing([text]) == (
        "TCP 00:03  SYN_RECV    10.0.0.1:80        10.0.0.2:80        [2001:db8::1]:80\n"
    )


@pytest.mark.parametrize(
    ("seconds", "timer"),
    [
        (0, "00:00 "),
        (59, "00:59 "),
        (60, "01:00 "),
        (5999, "99:59 "),
        (6000, "100:00"),
        (2678400, "44640:00"),
    ],
)
def test_timer(seconds, timer):
    """Minutes have two digits at least and no limit."""
    assert listing([line(seconds=seconds)]).startswith(f"UDP {timer} UDP         10.")


def test_sctp_is_one_letter_too_long():
    """SCTP shifts its row by one column."""
    text = listing([line(protocol=b"SCTP", state=b"S-ACK-SENT", seconds=3)])
    assert text == "SCTP 00:03  S-ACK-SENT  10.0.0.1:80        10.0.0.2:80        10.0.0.3:80\n"


def test_other_protocols_have_numeric_ports():
    """What is not TCP, UDP or SCTP stands as the kernel wrote it, its ports as numbers."""
    assert "10.0.0.2:80 " in listing([line(protocol=b"IP")], names())


@pytest.mark.parametrize("length", [184, 185, 186, 245, 255, 5000])
@pytest.mark.parametrize("persistent_conn", [False, True])
def test_long_call_id(length, persistent_conn):
    """However long the Call-ID, its row is whole and the next one is there; ipvsadm loses rows or crashes."""
    call_id = b"x" * length
    first, second = listing([line(call_id), line()], persistent_conn=persistent_conn).splitlines()
    assert second == "UDP 04:59  UDP         10.0.0.1:80        10.0.0.2:80        10.0.0.3:80"
    assert first.endswith(f" sip                {'x' * length}" if persistent_conn else " 10.0.0.3:80")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain@example.com", "plain@example.com"),
        (b"two words\\x", "two words\\x"),
        (b"\x1b[2J\x07\r", "\\x1b[2J\\x07\\x0d"),
        (b"\x7f\x9b31m", "\\x7f\\x9b31m"),
        ("\x9b".encode(), "\\xc2\\x9b"),
        ("é€".encode(), "é€"),
        (b"caf\xe9", b"caf\xe9".decode("utf-8", "surrogateescape")),
    ],
)
def test_escapes(data, text):
    """Control characters become visible; all else is as ipvsadm prints it, byte for byte."""
    assert escaped(data) == text
    printed = listing([line(data)], persistent_conn=True)
    assert printed.endswith(f" sip                {text}\n")


@given(st.binary(max_size=60))
def test_no_control_character_survives(data):
    """Whatever the network sends, no byte of C0 or DEL, no C1, reaches the terminal; the rest is unchanged."""
    text = escaped(data)
    assert not [c for c in text if ord(c) < 32 or 127 <= ord(c) < 160]
    assert not [c for c in text if 0xDC80 <= ord(c) < 0xDCA0]
    if not any(byte < 32 or byte >= 127 for byte in data):
        assert text.encode() == data


@given(st.binary(min_size=1, max_size=60).filter(lambda data: b"\n" not in data and data.strip()))
def test_any_data_is_one_row(data):
    """Data of any bytes neither breaks its row nor another."""
    table = listing([line(data), line()], persistent_conn=True)
    assert table.count("\n") == 2


def test_engine_without_data():
    """A row needs both engine and data for the long form."""
    text = line().rstrip(b"\n") + b" sip \n"
    assert listing([text], persistent_conn=True) == listing([line()])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"TCP 0A000001 0050 0A000002 0050 0A000003 0050 UDP",
        b"TCP 0A0001 0050 0A000002 0050 0A000003 0050 UDP 3",
        b"TCP 0A000001 0050 0A000002 0050 0A000003 0050 UDP soon",
        b"TCP 0A000001 0050 0A000002 0050 0A000003 00G0 UDP 3",
        b"TCP 0A000001 0050 2001:0db8:0000:0000:0000:0000:0000:0001 0050 0A000003 0050 UDP 3",
        b"IP_256 0A000001 0050 0A000002 0050 0A000003 0050 UDP 3",
        b"UDP 0A000001 0050 0A000002 0050 0A000003 0050 UDP 4294967296",
        b"UDP 0A000001 0050 0A000002 0050 0A000003 0050 UDP 3  data of nobody",
    ],
)
def test_no_entry(text):
    """The reference is strict: a line that is no entry is refused, not guessed at."""
    assert parse(text) is None


def test_pieces():
    """Many rows come in several pieces, none of them lost."""
    many = connections([line()] * 3000)
    pieces = list(rows(many))
    assert len(pieces) > 1
    assert "".join(pieces) == connection_text(many[0], Numeric()) * 3000
    assert list(rows([])) == []
