"""What connections are counted by, and the counts as text."""

import csv
import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.connections.count_by import KEYS, PART, Key, parse_keys, unpack_groups
from ipvsfast.errors import InvalidValue
from ipvsfast.listing.groups import count_text, groups_text

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
        *[(f"client-net:{text}", f"client-net:{text}: {LENGTHS}") for text in ("", "33", "x", "-1", "24/129", "24/", "/64")],
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


GROUPS = list(
    unpack_groups(
        (1234567).to_bytes(8, ORDER) + b"\x06\1" + bytes(6) + (2).to_bytes(8, ORDER) + b"\x84\0" + bytes(6),
        16,
        parse_keys("protocol,template"),
    )
)


def test_group():
    """A group has names for its two halves."""
    assert [(group.keys, group.count) for group in GROUPS] == [(("TCP", "yes"), 1234567), (("SCTP", "no"), 2)]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("table", "connections  protocol  template\n    1234567  TCP       yes\n          2  SCTP      no\n"),
        ("csv", "protocol,template,connections\nTCP,yes,1234567\nSCTP,no,2\n"),
        (
            "ndjson",
            '{"protocol":"TCP","template":"yes","connections":1234567}\n'
            '{"protocol":"SCTP","template":"no","connections":2}\n',
        ),
        (
            "json",
            '[\n{"protocol":"TCP","template":"yes","connections":1234567},\n'
            '{"protocol":"SCTP","template":"no","connections":2}\n]\n',
        ),
    ],
)
def test_forms(form, text):
    """Groups in every form."""
    assert groups_text(GROUPS, ["protocol", "template"], form) == text


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("table", "connections  client network\n"),
        ("csv", "client-net,connections\n"),
        ("ndjson", ""),
        ("json", "[]\n"),
    ],
)
def test_no_groups(form, text):
    """An empty table has its headings, and is proper JSON."""
    assert groups_text([], ["client-net"], form) == text
    if form == "json":
        assert json.loads(text) == []


@pytest.mark.parametrize(
    ("form", "text"),
    [("table", "5\n"), ("csv", "connections\n5\n"), ("json", '{"connections":5}\n'), ("ndjson", '{"connections":5}\n')],
)
def test_counts(form, text):
    """A count in every form."""
    assert count_text(5, form) == text


names = st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=4, unique=True)


@given(names.flatmap(lambda keys: st.tuples(st.just(keys), st.lists(st.tuples(
    st.tuples(*[st.text("abc:.[]0/ -", min_size=1, max_size=20).map(str.strip) for _ in keys]), st.integers(1, 2**64 - 1)
)))))  # fmt: skip
def test_forms_agree(drawn):
    """Read again, every form gives the same keys and counts; columns of a table stand below each other."""
    keys, groups = drawn
    expected = [(*values, str(count)) for values, count in groups]
    fields = [*keys, "connections"]
    assert [tuple(row) for row in csv.reader(io.StringIO(groups_text(groups, keys, "csv")))] == [tuple(fields), *expected]
    objects = json.loads(groups_text(groups, keys, "json"))
    assert objects == [json.loads(text) for text in groups_text(groups, keys, "ndjson").splitlines()]
    assert [tuple(map(str, found.values())) for found in objects] == expected
    assert all(list(found) == [name.replace("-", "_") for name in fields] for found in objects)
    lines = groups_text(groups, keys, "table").splitlines()
    assert len(lines) == len(groups) + 1
    end = max(len(count) for *_, count in [*expected, ("connections",)])
    assert all(line[:end].strip() == (row[-1]) for line, row in zip(lines[1:], expected, strict=True))
