"""What connections are counted by, and the counts as text."""

import csv
import io
import json
import pickle
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.connections.count_by import KEYS, PART, Key, parse_keys, unpack_groups
from ipvsfast.connections.groups import Counts
from ipvsfast.errors import InvalidValue
from ipvsfast.listing.groups import count_text, groups_table, groups_text
from support.schemas import fitting

ORDER = sys.byteorder
DOC = bytes.fromhex("20010db8") + bytes(11) + b"\1"


def port(number):
    return number.to_bytes(2, ORDER)


@pytest.mark.parametrize(
    ("name", "key", "text"),
    [
        ("client", b"\2\n\0\0\1" + bytes(12), "10.0.0.1"),
        ("client", b"\n" + DOC, "2001:db8::1"),
        ("client-net", b"\2\n\0\0\0" + bytes(12), "10.0.0.0/24"),
        ("client-net", b"\n" + DOC[:8] + bytes(8), "2001:db8::/64"),
        ("client-net:8", b"\2\n\0\0\0" + bytes(12), "10.0.0.0/8"),
        ("client-net:8/32", b"\n" + DOC[:4] + bytes(12), "2001:db8::/32"),
        ("client-net:0/0", b"\2" + bytes(16), "0.0.0.0/0"),
        ("client-port", port(258), "258"),
        ("service", b"\x06\2\n\0\0\1" + bytes(12) + port(80), "TCP 10.0.0.1:80"),
        ("service", b"\x11\n" + DOC + port(53), "UDP [2001:db8::1]:53"),
        ("service", b"\0\2\0\0\0M" + bytes(12) + port(0), "IP 0.0.0.77:0"),
        ("service-address", b"\n" + DOC, "2001:db8::1"),
        ("destination", b"\2\n\0\0\1" + bytes(12) + port(8080), "10.0.0.1:8080"),
        ("destination-address", b"\2\n\0\0\1" + bytes(12), "10.0.0.1"),
        ("state", b"ESTABLISHED".ljust(16, b"\0"), "ESTABLISHED"),
        ("protocol", b"\x84", "SCTP"),
        ("protocol", b"\x32", "IP_50"),
        ("family", b"\1", "ipv4"),
        ("family", b"\2", "ipv6"),
        ("family", b"\4", "mixed"),
        ("pe", b"sip".ljust(16, b"\0"), "sip"),
        ("pe", bytes(16), ""),
        ("pe", b"a\\b\x1b\xff".ljust(16, b"\0"), "a\\\\b\\x1b\\xff"),
        ("template", b"\1", "yes"),
        ("template", b"\0", "no"),
    ],
)
def test_keys(name, key, text):
    """Every packed key as text, alone and behind another."""
    (one,) = parse_keys(name)
    assert one.size == len(key)
    assert one.text(key) == text
    entry = (7).to_bytes(8, ORDER) + b"\x06" + key
    entry += bytes(-len(entry) % 8)
    keys = parse_keys(f"protocol,{name}")
    assert list(unpack_groups(entry * 2, len(entry), keys)) == [(("TCP", text), 7)] * 2


def test_packing():
    """The number of the key and the prefix lengths, which only client-net has."""
    assert Key("client").packed == PART.pack(0, 32, 128, 0)
    assert Key("client-net").packed == PART.pack(0, 24, 64, 0)
    assert Key("client-net:8").packed == PART.pack(0, 8, 64, 0)
    assert Key("client-net:0/128").packed == PART.pack(0, 0, 128, 0)
    assert Key(" state ").packed == Key("State").packed == PART.pack(6, 32, 128, 0)
    assert [key.name for key in parse_keys(["state", Key("client-net:8")])] == ["state", "client-net"]


LENGTHS = "prefix lengths are 0 to 32 for IPv4, and behind a / 0 to 128 for IPv6"


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        *[
            (text, f"connections cannot be counted by {text!r}: choose from {', '.join(KEYS)}")
            for text in ("", "clients", "cli ent", "client:24", "state:", "client net")
        ],
        ("state,", "connections cannot be counted by '': choose from client, "),
        ("state,port", "connections cannot be counted by 'port': choose from client, "),
        *[
            (f"client-net:{text}", f"client-net:{text}: {LENGTHS}")
            for text in ("", "33", "x", "-1", "24/129", "24/", "/64")
        ],
        (
            "client-net:8,client-net:9",
            "connections cannot be counted by client-net of two lengths at the same time",
        ),
        ((), "connections cannot be counted by (): too many keys or none"),
        (["service"] * 9, f"connections cannot be counted by {['service'] * 9!r}: too many keys or none"),
    ],
)
def test_refusals(by, sentence):
    """What is no key is said, with what there is."""
    with pytest.raises(InvalidValue) as caught:
        parse_keys(by)
    assert str(caught.value.strerror).startswith(sentence)


def test_all_keys_at_once():
    """All of them together are not too many."""
    keys = parse_keys([name for name in KEYS if name != "client-net"])
    assert sum(key.size for key in keys) <= 160


def packed(*groups):
    """Counts of protocol and template, packed as C packs them."""
    return b"".join([count.to_bytes(8, ORDER) + key + bytes(6) for count, key in groups])


GROUPS = packed((1234567, b"\x06\1"), (2, b"\x84\0"))
COUNTS = Counts(("protocol", "template"), GROUPS, 16, total=1234569, distinct=2)


def test_group():
    """A group has names for its two halves."""
    assert [(group.keys, group.count) for group in COUNTS] == [(("TCP", "yes"), 1234567), (("SCTP", "no"), 2)]


def test_counts_are_a_list_and_more():
    """Groups, what they are part of, and the same for programs; they can be sent to another process."""
    counts = Counts(
        ("protocol", "template"), GROUPS, 16, total=1234600, distinct=7, changes=[5, -1], total_change=10
    )
    assert counts == [(("TCP", "yes"), 1234567), (("SCTP", "no"), 2)]
    assert counts.others == (5, 31)
    assert counts.records() == [
        {"protocol": "TCP", "template": True, "connections": 1234567, "total": 1234600, "change": 5},
        {"protocol": "SCTP", "template": False, "connections": 2, "total": 1234600, "change": -1},
    ]
    assert counts.fields() == list(counts.records()[0])
    again = pickle.loads(pickle.dumps(counts))
    assert (again, vars(again)) == (counts, vars(counts))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (
            "table",
            "connections   share  protocol  template\n"
            "    1234567  100.0%  TCP       yes\n"
            "          2    0.0%  SCTP      no\n"
            "    1234569          total\n",
        ),
        ("csv", "protocol,template,connections,total\nTCP,true,1234567,1234569\nSCTP,false,2,1234569\n"),
        (
            "ndjson",
            '{"protocol":"TCP","template":true,"connections":1234567,"total":1234569}\n'
            '{"protocol":"SCTP","template":false,"connections":2,"total":1234569}\n',
        ),
        (
            "json",
            '[\n{"protocol":"TCP","template":true,"connections":1234567,"total":1234569},\n'
            '{"protocol":"SCTP","template":false,"connections":2,"total":1234569}\n]\n',
        ),
    ],
)
def test_forms(form, text):
    """Groups in every form."""
    assert groups_text(COUNTS, form) == text


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("table", "connections  share  client network\n          0         total\n"),
        ("csv", "client_net,connections,total\n"),
        ("ndjson", ""),
        ("json", "[]\n"),
    ],
)
def test_no_groups(form, text):
    """An empty table has its headings, and is proper JSON."""
    assert groups_text(Counts(("client-net:24/64",), b"", 32, total=0, distinct=0), form) == text


@pytest.mark.parametrize(("keys", "others"), [(3, "1 other"), (2500, "2498 others")])
def test_a_part_of_the_groups(keys, others):
    """A table says what is not in it: other groups together, and the total."""
    counts = Counts(("template",), packed((60, b"\1\0"), (25, b"\0\0")), 16, total=120, distinct=keys)
    lines = groups_text(counts).splitlines()
    assert [line.split(None, 2) for line in lines] == [
        ["connections", "share", "template"], ["60", "50.0%", "yes"], ["25", "20.8%", "no"],
        ["35", "29.2%", others], ["120", "total"],
    ]  # fmt: skip


def test_changes():
    """Beside each group what it has gained or lost in a second, since the counts before; for the others too."""
    counts = Counts(("protocol", "template"), packed((60, b"\x06\1"), (25, b"\x84\0"), (5, b"\x11\0")), 16,
                    total=120, distinct=9, changes=[10, -3, 0], total_change=-1)  # fmt: skip
    assert groups_table(counts, 2.0) == [
        "connections  share  change/s  protocol  template",
        "         60  50.0%      +5.0  TCP       yes",
        "         25  20.8%      -1.5  SCTP      no",
        "          5   4.2%       0.0  UDP       no",
        "         30  25.0%      -4.0  6 others",
        "        120             -0.5  total",
    ]
    first = Counts(("protocol", "template"), packed((1, b"\x06\1")), 16, total=1, distinct=1)
    assert groups_table(first, 2.0) == [
        "connections   share  change/s  protocol  template",
        "          1  100.0%            TCP       yes",
        "          1                    total",
    ]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("table", "5\n"),
        ("csv", "connections\n5\n"),
        ("json", '{"connections":5}\n'),
        ("ndjson", '{"connections":5}\n'),
    ],
)
def test_counts(form, text):
    """A count in every form."""
    assert count_text(5, form) == text


KEY_BYTES = st.fixed_dictionaries({
    "client": st.binary(min_size=4, max_size=4).map(lambda raw: b"\2" + raw + bytes(12)),
    "client-net": st.binary(min_size=16, max_size=16).map(lambda raw: b"\n" + raw),
    "client-port": st.binary(min_size=2, max_size=2),
    "service": st.binary(min_size=7, max_size=7).map(lambda raw: raw[:1] + b"\2" + raw[1:5] + bytes(12) + raw[5:]),
    "service-address": st.just(b"\n" + DOC),
    "destination": st.binary(min_size=2, max_size=2).map(lambda raw: b"\n" + DOC + raw),
    "destination-address": st.just(b"\n" + DOC),
    "state": st.sampled_from([b"NONE", b"ERR!"]).map(lambda name: name.ljust(16, b"\0")),
    "protocol": st.binary(min_size=1, max_size=1),
    "family": st.sampled_from([b"\1", b"\2", b"\4"]),
    "pe": st.binary(max_size=15).map(lambda name: name.replace(b"\0", b"").ljust(16, b"\0")),
    "template": st.sampled_from([b"\0", b"\1"]),
})  # fmt: skip
NAMES = st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=4, unique=True)


@given(NAMES, st.lists(st.tuples(KEY_BYTES, st.integers(1, 2**50)), max_size=6))
def test_forms_agree(names, drawn):
    """Read again, every form gives the same values; all fit the schema; columns of a table stand below each other."""
    drawn.sort(key=lambda one: -one[1])
    entries = [count.to_bytes(8, ORDER) + b"".join([key[name] for name in names]) for key, count in drawn]
    size = (8 + sum(key.size for key in parse_keys(names)) + 7) // 8 * 8
    counts = Counts(tuple(names), b"".join([entry.ljust(size, b"\0") for entry in entries]), size, total=2**60,
                    distinct=len(drawn) + 3)  # fmt: skip
    objects = json.loads(groups_text(counts, "json"))
    assert (
        objects
        == counts.records()
        == [json.loads(text) for text in groups_text(counts, "ndjson").splitlines()]
    )
    assert all(list(found) == counts.fields() for found in fitting("connection-count", objects))
    rows = list(csv.DictReader(io.StringIO(groups_text(counts, "csv"))))
    words = {None: "", True: "true", False: "false"}
    assert rows == [{name: str(words.get(value, value)) if isinstance(value, (bool, type(None))) else str(value)
                     for name, value in found.items()} for found in objects]  # fmt: skip
    lines = groups_text(counts, "table").splitlines()
    assert len(lines) == len(drawn) + 3
    end = max(len(str(2**60)), len("connections"))
    assert [line[:end].strip() for line in lines[1:-2]] == [str(count) for _, count in drawn]
