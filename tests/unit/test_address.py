"""Addresses, netmasks, integers and host:port texts."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.errors import InvalidValue
from ipvsfast.model.address import (
    format_endpoint,
    format_ip,
    parse_cli_netmask,
    parse_endpoint,
    parse_int,
    parse_ip,
    parse_netmask,
)
from support.imports import modules_of
from support.names import FakeResolver

V4, V6 = 2, 10
PACKED_V4 = st.binary(min_size=4, max_size=4)
PACKED_V6 = st.binary(min_size=16, max_size=16)


HOSTS = {"web": b"\x0a\x09\x08\x07", "v6only": bytes.fromhex("20010db8000000000000000000000077")}
PORTS = {("http", "tcp"): 80, ("domain", "tcp"): 53, ("domain", "udp"): 53}


def read(text: str, protocol: str = "tcp") -> str:
    try:
        packed, port = parse_endpoint(text, protocol, FakeResolver(HOSTS, PORTS))
    except ValueError:
        return "refused"
    return f"{format_ip(packed)} {port}"


# text ; address and port (None: no port), or "refused"
ENDPOINTS = [
    ("1.2.3.4:80", "1.2.3.4 80"),
    ("1.2.3.4", "1.2.3.4 None"),
    ("0.0.0.0:0", "0.0.0.0 0"),
    ("255.255.255.255:65535", "255.255.255.255 65535"),
    ("[2001:db8::1]:80", "2001:db8::1 80"),
    ("2001:db8::1", "2001:db8::1 None"),
    ("2001:db8::1:80", "2001:db8::1:80 None"),  # an address that ends in :80
    ("[::1]", "::1 None"),  # ipvsadm wants a port after brackets
    ("::", ":: None"),
    ("::ffff:1.2.3.4", "::ffff:1.2.3.4 None"),  # stays IPv6
    ("[2001:DB8:0:0::1]:80", "2001:db8::1 80"),
    ("[1.2.3.4]:8080", "1.2.3.4 8080"),  # ipvsadm loses the port
    ("[web]:8080", "10.9.8.7 8080"),
    ("[web]", "10.9.8.7 None"),
    ("web:http", "10.9.8.7 80"),
    ("web", "10.9.8.7 None"),
    ("v6only:80", "2001:db8::77 80"),  # ipvsadm knows no IPv6 names
    ("1.2.3:81", "1.2.0.3 81"),
    ("010.0.0.1:81", "8.0.0.1 81"),
    ("0x7f.1:81", "127.0.0.1 81"),
    ("1:80", "0.0.0.1 80"),
    ("[1]:80", "0.0.0.1 80"),
    ("1.2.3.4: 82", "1.2.3.4 82"),
    ("1.2.3.4:\t82", "1.2.3.4 82"),
    ("1.2.3.4:+83", "1.2.3.4 83"),
    ("1.2.3.4:-0", "1.2.3.4 0"),
    ("1.2.3.4:0080", "1.2.3.4 80"),
    ("", "refused"),
    ("80", "refused"),
    ("[80]", "refused"),
    (":", "refused"),
    (":80", "refused"),
    (":::", "refused"),
    ("[", "refused"),
    ("[]", "refused"),
    ("[]:80", "refused"),
    ("[::1", "refused"),
    ("[::1]80", "refused"),
    ("[::1]:", "refused"),
    ("[[::1]]:80", "refused"),
    ("[1.2.3.4:80]:90", "refused"),
    ("[fe80::1%lo]:80", "refused"),
    ("fe80::1%lo", "refused"),
    ("1.2.3.4:", "refused"),
    ("1.2.3.4:65536", "refused"),
    ("1.2.3.4:-1", "refused"),
    ("1.2.3.4:80 ", "refused"),
    ("1.2.3.4:0x50", "refused"),
    ("1.2.3.4:80:90", "refused"),
    ("1.2.3.4:nosuch", "refused"),
    ("1.2.3.4:HTTP", "refused"),
    ("1.2.3.5 junk:80", "refused"),  # inet_aton stops reading at the blank
    (" 1.2.3.4:80", "refused"),
    ("256.1.1.1:80", "refused"),
    ("1.2.3.4.5:80", "refused"),
    ("08.1.1.1:80", "refused"),
    ("nosuch.invalid:80", "refused"),
    ("a:b:80", "refused"),
    ("1.2.3.4\0:80", "refused"),
    ("we\0b:80", "refused"),
    ("::1\0", "refused"),
    ("\udcff:80", "refused"),
    ("[\udcff::1]:80", "refused"),
    ("١.2.3.4:80", "refused"),  # an Arabic digit
    ("1.2.3.4:٨٠", "refused"),
]


@pytest.mark.parametrize(("text", "expected"), ENDPOINTS)
def test_endpoint(text: str, expected: str) -> None:
    """Each spelling of host and port gives that address and port."""
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "protocol", "expected"),
    [
        ("1.2.3.4:domain", "udp", "1.2.3.4 53"),
        ("1.2.3.4:http", "udp", "refused"),
        ("1.2.3.4:http", "sctp", "refused"),
    ],
)
def test_port_names_depend_on_the_protocol(text: str, protocol: str, expected: str) -> None:
    """A port name is looked up for the protocol of the service."""
    assert read(text, protocol) == expected


@pytest.mark.parametrize("text", ["1.2.3.4:80", "::1", "[::1]:80", "1.2.3:80", "80", "", "a b:80", "web:"])
def test_numeric_texts_ask_nobody(text: str) -> None:
    """Numbers, and texts that are wrong anyway, cause no lookup."""
    names = FakeResolver(HOSTS, PORTS)
    try:
        parse_endpoint(text, "tcp", names)
    except ValueError:
        pass
    assert names.asked == []


@given(PACKED_V4 | PACKED_V6, st.integers(0, 65535))
def test_what_is_printed_reads_back(packed: bytes, port: int) -> None:
    """format_endpoint and parse_endpoint are each other's inverse."""
    assert parse_endpoint(format_endpoint(packed, port), "tcp", FakeResolver(HOSTS, PORTS)) == (packed, port)


@given(st.text(alphabet="0123456789abcdefx:.[]% -+\0é", max_size=30))
def test_no_text_surprises_the_parser(text: str) -> None:
    """Any text is an endpoint or a ValueError."""
    assert read(text)


@given(PACKED_V4 | PACKED_V6)
def test_addresses_print_as_in_the_standard_library(packed: bytes) -> None:
    """format_ip agrees with ipaddress, except that the C library writes mapped addresses dotted."""
    text = format_ip(packed)
    assert parse_ip(text) == packed
    assert ipaddress.ip_address(text).packed == packed
    if "." not in text or len(packed) == 4:
        assert text == str(ipaddress.ip_address(packed))


@given(st.ip_addresses())
def test_address_objects_are_accepted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """ipaddress objects are read through their text."""
    assert parse_ip(address) == parse_ip(str(address)) == address.packed


@pytest.mark.parametrize(
    "value",
    ["", "1.2.3", "1.2.3.4.5", "010.0.0.1", "256.0.0.1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/24", "localhost",
     ":", "::1%lo", "[::1]", "1.2.3.4\0", "::\0", "\udcff::1", "1.2.3.-4", "1.2.3.٤", None, 5, b"\1\2\3\4"],
)  # fmt: skip
def test_parse_ip_is_strict(value: object) -> None:
    """Only canonical dotted IPv4 and IPv6 text is an address."""
    with pytest.raises(InvalidValue, match="not an IPv4 or IPv6 address"):
        parse_ip(value)


@pytest.mark.parametrize(
    ("value", "family", "expected"),
    [
        (None, V4, 0xFFFFFFFF), (0, V4, 0), (1, V4, 0x80000000), (24, V4, 0xFFFFFF00), (32, V4, 0xFFFFFFFF),
        (0xFFFF0000, V4, 0xFFFF0000), (33, V4, 33), ("255.255.255.0", V4, 0xFFFFFF00), ("24", V4, 0xFFFFFF00),
        ("0.0.0.24", V4, 24), ("0.0.0.0", V4, 0), (None, V6, 128), (1, V6, 1), (64, V6, 64), ("64", V6, 64),
        (128, V6, 128),
    ],
)  # fmt: skip
def test_netmask(value: int | str | None, family: int, expected: int) -> None:
    """Prefix lengths, mask numbers and dotted masks, as the model takes them."""
    assert parse_netmask(value, family) == expected


@pytest.mark.parametrize(
    ("value", "family"),
    [(-1, V4), (2**32, V4), ("33", V4), ("255.255.0", V4), ("/24", V4), ("", V4), ("a.b.c.d", V4), (2.5, V4),
     (0, V6), (129, V6), ("", V6), ("255.255.255.0", V6), ("::", V6)],
)  # fmt: skip
def test_netmask_refused(value: int | str, family: int) -> None:
    """What is neither a mask nor a prefix length is refused."""
    with pytest.raises(InvalidValue, match="netmask must be"):
        parse_netmask(value, family)


V4_MASK = "illegal virtual server persistent mask specified"
V6_MASK = "illegal ipv6 netmask specified"


@pytest.mark.parametrize(
    ("text", "family", "expected"),
    [
        ("255.255.255.0", V4, 0xFFFFFF00), ("0.0.0.0", V4, 0), ("255.0.255.0", V4, 0xFF00FF00),
        ("0xffffff00", V4, 0xFFFFFF00), ("0XFF000000", V4, 0xFF000000), ("0377.255.0.0", V4, 0xFFFF0000),
        ("24", V4, V4_MASK), ("/24", V4, V4_MASK), ("", V4, V4_MASK), ("web", V4, V4_MASK),
        ("0", V4, 0), ("00", V4, 0), ("0.0", V4, 0), ("255.0", V4, 0xFF000000), ("255.255.0", V4, 0xFFFF0000),
        ("4294967040", V4, 0xFFFFFF00), ("037777777400", V4, 0xFFFFFF00), ("255.255.65280", V4, 0xFFFFFF00),
        ("255.65535", V4, 0xFF00FFFF), ("256", V4, 256), ("0x18", V4, 24),
        ("255", V4, V4_MASK), ("1", V4, V4_MASK), ("030", V4, V4_MASK), ("255.255", V4, V4_MASK),
        ("255.255.255", V4, V4_MASK), ("255.1", V4, V4_MASK), ("4294967296", V4, V4_MASK),
        ("255.16777216", V4, V4_MASK), ("255.255.65536", V4, V4_MASK), ("255.255.255.0 x", V4, V4_MASK),
        (" 255.255.255.0", V4, V4_MASK), ("256.0.0.0", V4, V4_MASK), ("0x", V4, V4_MASK),
        ("0xg", V4, V4_MASK),
        ("64", V6, 64), ("1", V6, 1), ("128", V6, 128), (" +064", V6, 64),
        ("0", V6, V6_MASK), ("129", V6, V6_MASK), ("64abc", V6, V6_MASK), ("", V6, V6_MASK),
        ("255.255.255.0", V6, V6_MASK),
    ],
)  # fmt: skip
def test_command_line_netmask(text: str, family: int, expected: int | str) -> None:
    """-M: a dotted mask or a number for IPv4, a prefix length for IPv6, nothing that surprises."""
    if isinstance(expected, int):
        assert parse_cli_netmask(text, family) == expected
    else:
        with pytest.raises(ValueError, match=f"^{expected}$"):
            parse_cli_netmask(text, family)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("7", 7), ("010", 10), ("+3", 3), (" 3", 3), ("\t\n\v\f\r3", 3), ("-0", 0),
     ("0" * 5000 + "9", 9),
     ("", None), (" ", None), ("3 ", None), ("2.5", None), ("0x10", None), ("1h", None), ("-1", None),
     ("+ 3", None), ("++3", None), ("1_0", None), ("٣", None), ("²", None), ("100", 100), ("101", None),
     ("9" * 5000, None), ("\xa03", None)],
)  # fmt: skip
def test_integers(text: str, expected: int | None) -> None:
    """Decimal, leading white space and one sign; nothing after the digits."""
    assert parse_int(text, 0, 100) == expected


@given(st.text(alphabet="0123456789+- \tx", max_size=25))
def test_integers_follow_the_rule(text: str) -> None:
    """parse_int accepts exactly what the rule describes."""
    rule = re.fullmatch(r"[ \t]*([+-]?[0-9]+)", text)
    number = int(rule[1]) if rule and 0 <= int(rule[1]) <= 2**31 - 1 else None
    assert parse_int(text, 0, 2**31 - 1) == number


def test_import_loads_nothing_heavy() -> None:
    """Reading command lines and rule files needs no regular expressions, sockets or typing machinery."""
    code = (
        "from ipvsfast.language.line import split_line\n"
        "from ipvsfast.language.parse import parse\n"
        "parse(split_line('-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -m -w 1'), None)"
    )
    assert modules_of(code) <= {"__future__", "_collections", "errno"}  # all of them built in
