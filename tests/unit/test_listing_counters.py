"""Counters: the scaling table at its boundaries, whole numbers for servers, both views."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.listing.counters import exact, scaled
from ipvsfast.listing.tables import ListOptions, render
from ipvsfast.model.destination import Destination
from ipvsfast.model.service import Service
from ipvsfast.model.stats import Stats

BOUNDARIES = [
    (0, "        0"),
    (1, "        1"),
    (99_999_999, " 99999999"),
    (100_000_000, "  100000K"),
    (100_000_999, "  100000K"),
    (999_999_999, "  999999K"),
    (1_000_000_000, "    1000M"),
    (99_999_999_999, "   99999M"),
    (100_000_000_000, "     100G"),
    (99_999_999_999_999, "   99999G"),
    (100_000_000_000_000, "     100T"),
    (2**64 - 1, "18446744T"),
]


@pytest.mark.parametrize(("value", "text"), BOUNDARIES)
def test_scaled(value, text):
    """A number changes its unit exactly where ipvsadm changes it, and loses its remainder."""
    assert scaled(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "        0"), (99_999_999, " 99999999"), (100_000_000, " 100000000"), (2**64 - 1, f" {2**64 - 1}")],
)
def test_exact(value, text):
    """Up to eight digits fill nine columns; more push what follows, after one blank."""
    assert exact(value) == text


@given(st.integers(0, 2**64 - 1))
def test_widths(value):
    """A shortened number has nine columns whatever its size; a whole one has all its digits."""
    assert len(scaled(value)) == 9
    assert exact(value) == " " + str(value).rjust(8)


def table(*counters, of_rates=False):
    stats = Stats(*([0] * 5 if of_rates else []), *counters)
    service = Service.tcp("10.0.0.1", 80, "rr", stats=stats)
    return [(service, [Destination("192.168.0.1", 80, stats=stats)])]


def rows(view, entries, **options):
    return "".join(render(entries, ListOptions(view, **options))).split("\n")[2:-1]


# As ipvsadm prints the service; of servers it keeps 32 bits of some numbers, which is not repeated here.
CASES = [
    ("stats", False, (99999999, 100000000, 999999999, 1000000000, 99999999999),
     " 99999999  100000K  999999K    1000M   99999M",
     " 99999999  100000K  999999K    1000M   99999M"),
    ("stats", True, (99999999, 100000000, 999999999, 1000000000, 99999999999),
     " 99999999 100000000 999999999 1000000000 99999999999",
     " 99999999 100000000 999999999 1000000000 99999999999"),
    ("stats", False, (2**32, 10**14 - 1, 10**14, 2**64 - 1, 12345678901),
     "    4294M   99999G     100T18446744T   12345M",
     "    4294M   99999G     100T18446744T   12345M"),
    ("rate", False, (99999999, 100000000, 1234567890, 1000000000, 99999999999),
     " 99999999  100000K    1234M    1000M   99999M",
     " 99999999 100000000 1234567890    1000M   99999M"),
    ("rate", True, (1, 2, 3, 100000000, 5),
     "        1        2        3 100000000        5",
     "        1        2        3 100000000        5"),
    ("rate", False, (5000000000, 2, 3, 4, 5),
     "    5000M        2        3        4        5",
     " 5000000000        2        3        4        5"),
    ("stats", False, (7, 6, 5, 380, 276),
     "        7        6        5      380      276",
     "        7        6        5      380      276"),
]  # fmt: skip


@pytest.mark.parametrize(("view", "in_full", "values", "of_service", "of_server"), CASES)
def test_rows(view, in_full, values, of_service, of_server):
    """Service and server line for the same counters."""
    entries = table(*values, of_rates=view == "rate")
    assert rows(view, entries, exact=in_full) == [
        f"TCP  10.0.0.1:80                 {of_service}",
        f"  -> 192.168.0.1:80              {of_server}",
    ]


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=5, max_size=5),
    st.booleans(),
    st.sampled_from(["stats", "rate"]),
)
def test_fast_row_is_the_plain_row(values, in_full, view):
    """Rows of small numbers take a short cut; it leads to the same text as number by number."""
    number = exact if in_full else scaled
    first = exact if view == "rate" else number
    line = rows(view, table(*values, of_rates=view == "rate"), exact=in_full)[1]
    assert line[33:] == "".join([first(v) for v in values[:3]] + [number(v) for v in values[3:]])
