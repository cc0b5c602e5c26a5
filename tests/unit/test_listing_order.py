"""The order of listings: that the fast paths give what ipvsadm's merge sort gives."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ipvsfast.listing.order import sort_destinations, sort_services
from ipvsfast.model.destination import IPIP, Destination
from ipvsfast.model.kernel_names import AF_INET, AF_INET6
from ipvsfast.model.keys import DestinationKey, ServiceKey
from ipvsfast.model.service import Service
from ipvsfast.model.stats import NO_STATS


def server(family, packed, port):
    return Destination._make(DestinationKey(family, packed, port), "route", 1, 0, 0, IPIP, 0, 0, 0, NO_STATS)


def service(key):
    return Service._make(key, "wlc", 0, 0, "", False, 0, NO_STATS)


def words(packed):
    padded = packed + bytes(16 - len(packed))
    return [int.from_bytes(padded[i : i + 4], "big") for i in range(0, 16, 4)]


def signed(left, right):
    """The difference of two unsigned words, read as a signed one."""
    difference = (left - right) % 2**32
    return difference - 2**32 if difference >= 2**31 else difference


def compare(pairs):
    for left, right in pairs:
        if left != right:
            return signed(left, right)
    return 0


def compare_servers(a, b):
    count = 1 if a.key.family == AF_INET else 4
    pairs = list(zip(words(a.key.packed), words(b.key.packed)))[:count]
    return compare([*pairs, (a.key.port, b.key.port)])


def compare_services(a, b):
    a, b = a[0].key, b[0].key
    return compare([*zip(a[:3], b[:3]), *zip(words(a.packed), words(b.packed)), (a.port, b.port)])


def model(items, comparison):
    """The sort, as simply as it can be written."""
    if len(items) < 2:
        return list(items)
    left, right = model(items[: len(items) // 2], comparison), model(items[len(items) // 2 :], comparison)
    merged = []
    while left and right:
        merged.append(left.pop(0) if comparison(left[0], right[0]) <= 0 else right.pop(0))
    return merged + left + right


# Words near each other, near the two places where signs change, and anything.
WORD = st.one_of(
    st.integers(0, 6),
    st.sampled_from([2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32 - 3, 0x0A000001, 0xAC100001, 0xC0A80001]),
    st.integers(0, 2**32 - 1),
)
V4 = WORD.map(lambda word: (AF_INET, word.to_bytes(4, "big")))
V6 = st.tuples(WORD, WORD, WORD, WORD).map(
    lambda four: (AF_INET6, b"".join([word.to_bytes(4, "big") for word in four]))
)
PORT = st.sampled_from([0, 80, 443, 65535])


def servers(addresses):
    each = st.tuples(addresses, PORT).map(lambda pair: server(*pair[0], pair[1]))
    return st.lists(each, max_size=24)


# A small part of the space each, so that all of it is near together or on one side of a gap.
@st.composite
def near(draw):
    start = draw(st.integers(0, 2**32 - 1))
    span = draw(st.sampled_from([1, 300, 2**30, 2**31 - 1, 2**31, 2**31 + 1]))
    word = st.integers(0, span).map(lambda offset: (start + offset) % 2**32)
    return draw(servers(word.map(lambda w: (AF_INET, w.to_bytes(4, "big")))))


@given(st.one_of(servers(V4), servers(V6), servers(st.one_of(V4, V6)), near()))
@example([server(AF_INET, bytes([a, 0, 0, 0]), 80) for a in (0, 128)])
@example([server(AF_INET, bytes([a, 0, 0, 0]), 80) for a in (128, 0)])
@settings(max_examples=600, deadline=None)
def test_servers_as_the_model(items):
    """Whatever the addresses, servers come out as from the plain merge sort; equal ones keep their order."""
    assert [id(d) for d in sort_destinations(items)] == [id(d) for d in model(items, compare_servers)]


MARK = st.one_of(st.integers(1, 5), st.sampled_from([2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1]))
KEYS = st.one_of(
    st.tuples(MARK, st.sampled_from([AF_INET, AF_INET6])).map(lambda p: ServiceKey(p[0], p[1], 0, b"", 0)),
    st.tuples(st.one_of(V4, V6), st.sampled_from([6, 17, 132]), PORT).map(
        lambda p: ServiceKey(0, p[0][0], p[1], p[0][1], p[2])
    ),
)
ADDRESS_KEYS = st.tuples(V4, st.sampled_from([6, 17]), PORT).map(
    lambda p: ServiceKey(0, p[0][0], p[1], p[0][1], p[2])
)


@given(st.one_of(st.lists(KEYS, max_size=24), st.lists(ADDRESS_KEYS, max_size=24)))
@settings(max_examples=600, deadline=None)
def test_services_as_the_model(keys):
    """The same for services, whose marks, protocols and addresses are compared one after the other."""
    items = [(service(key), ()) for key in keys]
    result = sort_services(items)
    assert [id(s) for s, _ in result] == [id(s) for s, _ in model(items, compare_services)]


@pytest.mark.parametrize("size", [2, 3, 50, 1000])
def test_ordinary_tables(size):
    """10/8, 172.16/12 and 192.168/16 together, and IPv6 networks of one site: many at once."""
    chance = random.Random(size)
    private = [
        server(AF_INET, bytes([*chance.choice([(10, 1), (172, 16), (192, 168)]), *chance.randbytes(2)]), 80)
        for _ in range(size)
    ]
    site = [
        server(
            AF_INET6,
            bytes.fromhex("20010db8000000") + chance.randbytes(1) + bytes(6) + chance.randbytes(2),
            80,
        )
        for _ in range(size)
    ]
    unique_local = [server(AF_INET6, bytes.fromhex("fd00") + d.key.packed[2:], 80) for d in site[:3]]
    for items in (private, site, site + unique_local, private + site):
        assert sort_destinations(items) == model(items, compare_servers)


def test_input_is_left_alone():
    """Sorting gives new lists; what was handed in keeps its order."""
    items = [server(AF_INET, bytes([10, 0, 0, n]), 80) for n in (3, 1, 2)]
    before = list(items)
    assert sort_destinations(items) == [items[1], items[2], items[0]]
    assert items == before
    assert sort_destinations(tuple(items)) == sort_destinations(items)


def test_destinations_of_services_are_left_alone():
    """sort_services moves services only, with their own servers."""
    servers_of = [server(AF_INET, bytes([10, 0, 0, n]), 80) for n in (2, 1)]
    table = [
        (service(ServiceKey(7, AF_INET, 0, b"", 0)), servers_of),
        (service(ServiceKey(0, AF_INET, 6, b"\n\0\0\1", 80)), ()),
    ]
    assert sort_services(iter(table)) == [table[1], table[0]]
    assert servers_of[0].key.packed[3] == 2


@pytest.mark.parametrize("items", [[], [server(AF_INET, b"\n\0\0\1", 80)]])
def test_little_to_sort(items):
    """Nothing and one thing are sorted already."""
    assert sort_destinations(items) == items
