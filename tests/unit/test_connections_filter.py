"""Conditions on connections: what they may be, and how they are packed."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.connections.filter import EVERYTHING, FILTER, MATCH, STATES, ConnectionFilter
from ipvsfast.errors import InvalidValue
from ipvsfast.model.place import parse_place

V4, V6 = 2, 10
DOC = bytes.fromhex("20010db8") + bytes(12)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("10.0.0.1", (V4, b"\n\0\0\1", 32, 0, 65535)),
        ("10.0.0.0/8", (V4, b"\n\0\0\0", 8, 0, 65535)),
        ("0.0.0.0/0", (V4, bytes(4), 0, 0, 65535)),
        (":80", (0, b"", 0, 80, 80)),
        (":8000-8099", (0, b"", 0, 8000, 8099)),
        (":0", (0, b"", 0, 0, 0)),
        (":0-65535", (0, b"", 0, 0, 65535)),
        ("10.0.0.1:80", (V4, b"\n\0\0\1", 32, 80, 80)),
        ("10.0.0.0/8:80-81", (V4, b"\n\0\0\0", 8, 80, 81)),
        ("2001:db8::", (V6, DOC, 128, 0, 65535)),
        ("2001:db8::/32", (V6, DOC, 32, 0, 65535)),
        ("::", (V6, bytes(16), 128, 0, 65535)),
        ("[2001:db8::]", (V6, DOC, 128, 0, 65535)),
        ("[2001:db8::/32]", (V6, DOC, 32, 0, 65535)),
        ("[2001:db8::]/32", (V6, DOC, 32, 0, 65535)),
        ("[2001:db8::/32]:80", (V6, DOC, 32, 80, 80)),
        ("[2001:db8::]/32:80-90", (V6, DOC, 32, 80, 90)),
        ("[2001:db8::]:443", (V6, DOC, 128, 443, 443)),
    ],
)
def test_places(text, place):
    """An address, a prefix, ports, or an address with ports."""
    assert parse_place(text) == place


NO_PLACE = "not an address, prefix or port: "
PORTS = "must be a number up to 65535, or two with a dash between"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        *[
            (text, f"{NO_PLACE}{text!r}")
            for text in (
                "", ":", "10.0.0.1:", "10.0.0", "10.0.0.256", "/8", "/8:80", "host", "host:80", "[", "[]", "[]:80", "[::1",
                "[::1]80", "[::1]:", "[::1/64]/64", "[::1]x/64", ":::", "10.0.0.1 ", " ", "1",
            )
        ],
        ("10.0.0.0/33", "the prefix length of '10.0.0.0/33' must be a number from 0 to 32"),
        ("10.0.0.0/", "the prefix length of '10.0.0.0/' must be a number from 0 to 32"),
        ("10.0.0.0/-1", "the prefix length of '10.0.0.0/-1' must be a number from 0 to 32"),
        ("::/129", "the prefix length of '::/129' must be a number from 0 to 128"),
        ("[::/x]:80", "the prefix length of '[::/x]:80' must be a number from 0 to 128"),
        (":65536", f"the port in ':65536' {PORTS}"),
        (":http", f"the port in ':http' {PORTS}"),
        (":9-8", f"the port in ':9-8' {PORTS}"),
        (":-8", f"the port in ':-8' {PORTS}"),
        (":8-", f"the port in ':8-' {PORTS}"),
        ("10.0.0.1:1-2-3", f"the port in '10.0.0.1:1-2-3' {PORTS}"),
    ],
)  # fmt: skip
def test_no_places(text, sentence):
    """What is none is said by its text, at any of the three places."""
    for name in ("client", "service", "destination"):
        with pytest.raises(InvalidValue) as caught:
            ConnectionFilter(**{name: text})
        assert str(caught.value.strerror).startswith(sentence)


@pytest.mark.parametrize("text", ["!", "!!10.0.0.1", "! 10.0.0.1", "!host", "!10.0.0.1:"])
def test_no_exclusions(text):
    """An exclamation mark stands once, in front of a place."""
    with pytest.raises(InvalidValue) as caught:
        ConnectionFilter(service=["10.0.0.1", text])
    assert str(caught.value.strerror).startswith(f"{NO_PLACE}{text[1:]!r}")


@given(st.text(st.characters(codec="ascii"), max_size=30) | st.text("0123456789abcdef:./[]-", max_size=30))
def test_any_text_as_place(text):
    """Any text is a place within bounds or an InvalidValue."""
    try:
        family, address, prefix, low, high = parse_place(text)
    except InvalidValue:
        return
    assert len(address) == {0: 0, V4: 4, V6: 16}[family]
    assert 0 <= prefix <= 8 * len(address) and 0 <= low <= high <= 65535


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        ({"states": "open"}, f"no connection state 'open': there are {', '.join(STATES)}"),
        ({"states": [""]}, "no connection state ''"),
        ({"states": STATES[:25]}, "at most 24 states"),
        ({"protocols": "tpc"}, "no protocol 'tpc': tcp, udp, sctp, ip, icmp, icmpv6, or a number up to 255"),
        ({"protocols": "256"}, "no protocol '256'"),
        ({"protocols": "IP_"}, "no protocol 'IP_'"),
        ({"protocols": ["tcp", ""]}, "no protocol ''"),
        ({"protocols": 256}, "protocol"),
        ({"protocols": [-1]}, "protocol"),
        ({"families": "ipv5"}, "no address family 'ipv5': ipv4, ipv6 or mixed"),
        ({"expires_below": -1}, "expires_below (seconds)"),
        ({"expires_below": 2**32}, "expires_below (seconds)"),
        ({"templates": "yes"}, "templates is True, False or None, not 'yes'"),
        ({"engines": ""}, "persistence engine must be 1 to 16 bytes without blanks, not ''"),
        ({"engines": "seventeen_letters"}, "persistence engine must be 1 to 16 bytes without blanks"),
        ({"engines": "s\x1bp"}, "persistence engine must be 1 to 16 bytes without blanks"),
        ({"engines": 5}, "engines must be text, or several texts, not 5"),
        ({"client": [b"10.0.0.1"]}, "client must be text, or several texts, not b'10.0.0.1'"),
        ({"states": 1}, "states must be text, or several texts, not 1"),
        ({"engines": ["sip"] * 9}, "at most 8 persistence engines"),
        ({"states": "!open"}, "no connection state 'open'"),
        ({"protocols": "!tpc"}, "no protocol 'tpc'"),
        ({"protocols": "!-1"}, "no protocol '-1'"),
        ({"families": "!ipv5"}, "no address family 'ipv5'"),
        ({"engines": "!"}, "persistence engine must be 1 to 16 bytes without blanks, not ''"),
        ({"limit": -1}, "limit"),
        ({"limit": 2**64}, "limit"),
    ],
)
def test_refusals(conditions, sentence):
    """Each says what is wrong with it."""
    with pytest.raises(InvalidValue) as caught:
        ConnectionFilter(**conditions)
    assert str(caught.value.strerror).startswith(sentence)


def test_values():
    """One text or several; names in any case and by their short forms."""
    where = ConnectionFilter(
        client="10.0.0.1", states=["udp", "Fin_Wait"], protocols=["tcp", "ICMPv6", "50", "IP_51", 132],
        families=["4", "6", "inet", "Inet6", "MIXED", "Ipv4"], engines="*", templates=False, limit=5,
    )  # fmt: skip
    assert where.client == ("10.0.0.1",)
    assert where.states == ("UDP", "FIN_WAIT")
    assert where.protocols == (6, 58, 50, 51, 132)
    assert where.families == ("ipv4", "ipv6", "ipv4", "ipv6", "mixed", "ipv4")
    assert (where.engines, where.templates, where.limit) == (("*",), False, 5)


def test_equality_and_copies():
    """Filters are values: equal by their conditions, never changed, copied with others."""
    where = ConnectionFilter(client=["10.0.0.1"], limit=3)
    assert where == ConnectionFilter(client="10.0.0.1", limit=3)
    assert where != EVERYTHING
    assert where.replace(limit=0, client=()) == EVERYTHING
    assert where.replace(states="udp").client == where.client
    with pytest.raises(AttributeError):
        where.limit = 4
    with pytest.raises(InvalidValue):
        where.replace(limit=-1)


def test_nothing_asked_for_is_packed_as_zeros():
    """But for the mark that any protocol will do."""
    packed, matches = EVERYTHING.pack()
    assert matches == b"" and len(packed) == FILTER.size
    assert [at for at, byte in enumerate(packed) if byte] == [struct.calcsize("=QII32s")]


def test_packing():
    """Every condition at its place; addresses in the order of the places."""
    packed, matches = ConnectionFilter(
        destination=":80", client=["10.0.0.0/8:1-2", "2001:db8::/32"], protocols=["udp", 255], families="mixed",
        expires_below=60, templates=True, states=["none", "s-ack-sent"], engines=["sip", "*"], limit=2**33,
    ).pack()  # fmt: skip
    (limit, expires, families, protocols, every, wanted, states, engines, not_states, not_engines, names,
     engine_names) = FILTER.unpack(packed)  # fmt: skip
    assert not_states == not_engines == 0
    assert (limit, expires, families, every, wanted, states, engines) == (2**33, 60, 4, 0, 1, 2, 2)
    assert [n for n in range(256) if protocols[n // 8] >> n % 8 & 1] == [17, 255]
    assert names.rstrip(b"\0") == b"NONE".ljust(16, b"\0") + b"S-ACK-SENT"
    assert engine_names.rstrip(b"\0") == b"sip".ljust(16, b"\0") + b"*"
    assert [matches[at : at + MATCH.size] for at in range(0, len(matches), MATCH.size)] == [
        MATCH.pack(0, V4, 8, 0, 1, 2, b"\n"),
        MATCH.pack(0, V6, 32, 0, 0, 65535, DOC),
        MATCH.pack(2, 0, 0, 0, 80, 80, b""),
    ]
    assert FILTER.unpack(ConnectionFilter(templates=False).pack()[0])[5] == 2


def test_every_state_fits():
    """Every name of a state has room with a NUL behind it."""
    assert max(map(len, STATES)) < 16 and len(set(STATES)) == len(STATES)
    for state in STATES:
        assert FILTER.unpack(ConnectionFilter(states=state.lower()).pack()[0])[10].startswith(
            state.encode() + b"\0"
        )


def packed_filter(**conditions):
    """(families, protocols, states excluded, engines excluded) of struct ipvsf_conn_filter."""
    values = FILTER.unpack(ConnectionFilter(**conditions).pack()[0])
    return values[2], {n for n in range(256) if values[3][n // 8] >> n % 8 & 1}, values[8], values[9]


def test_exclusions_are_kept():
    """As they were given, with names as they are kept elsewhere."""
    where = ConnectionFilter(
        client=["10.0.0.0/8", "!10.1.0.0/16"], states=["!udp", "none"], protocols=["!tcp", 17, "!50"],
        families=["!6", "mixed"], engines=["*", "!sip"],
    )  # fmt: skip
    assert where.client == ("10.0.0.0/8", "!10.1.0.0/16")
    assert (where.states, where.protocols) == (("!UDP", "NONE"), ("!6", 17, "!50"))
    assert (where.families, where.engines) == (("!ipv6", "mixed"), ("*", "!sip"))
    assert where.replace(limit=0) == where


def test_packing_of_exclusions():
    """A bit beside each name, a byte in each place; protocols and families become what is left."""
    _, matches = ConnectionFilter(service=["!:80", "10.0.0.0/8"]).pack()
    assert matches == MATCH.pack(1, 0, 0, 1, 80, 80, b"") + MATCH.pack(1, V4, 8, 0, 0, 65535, b"\n")
    assert packed_filter(states=["!udp", "none", "!listen"], engines=["*", "!sip"]) == (0, set(), 0b101, 0b10)
    everything = set(range(256))
    for protocols, left in (("!tcp", everything - {6}), (["!tcp", "!50"], everything - {6, 50}),
                            (["tcp", 17, "!6"], {17}), (["tcp", "!tcp"], set())):  # fmt: skip
        assert packed_filter(protocols=protocols)[1] == left
    for families, left in (("!mixed", 3), (["!4", "!6"], 4), (["4", "mixed", "!mixed"], 1), (["4", "!4"], 8), ((), 0),
                           (["!4", "!6", "!mixed"], 8)):  # fmt: skip
        assert packed_filter(families=families)[0] == left
