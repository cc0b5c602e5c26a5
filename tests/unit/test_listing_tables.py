"""What the golden texts do not reach: values only a kernel could report, chunks, options, names."""

from __future__ import annotations

import pytest

from ipvsfast.listing.endpoints import BUFFER, IPV4_WIDTH, Named, Numeric
from ipvsfast.listing.headers import chosen_view
from ipvsfast.listing.tables import ListOptions, render
from ipvsfast.model.destination import IPIP, Destination, Tunnel
from ipvsfast.model.keys import DestinationKey, ServiceKey
from ipvsfast.model.service import Service
from ipvsfast.model.stats import NO_STATS
from support.imports import modules_of
from support.names import FakeResolver

SERVICE = Service.tcp("10.0.0.1", 80, "rr")
KEY = DestinationKey(2, b"\xc0\xa8\0\1", 80)


def reported(forwarding="route", weight=1, tunnel=IPIP, numbers=(0, 0, 0)):
    """A destination with values that no constructor takes."""
    return Destination._make(KEY, forwarding, weight, 0, 0, tunnel, *numbers, NO_STATS)


def row(destination, view="default"):
    return "".join(render([(SERVICE, [destination])], ListOptions(view))).split("\n")[3]


@pytest.mark.parametrize(
    ("forwarding", "word"),
    [
        ("masq", "Masq   "),
        ("local", "Local  "),
        ("tunnel", "Tunnel "),
        ("route", "Route  "),
        ("bypass", "(null) "),
    ],
)
def test_methods(forwarding, word):
    """Every forwarding code has the word that ipvsadm has for it."""
    assert (
        row(reported(forwarding)) == f"  -> 192.168.0.1:80               {word} 1      0          0         "
    )


def test_weight_is_signed_in_one_view_only():
    """-1 stays -1 in the default view and becomes 2**32 - 1 where ipvsadm prints it unsigned."""
    assert (
        row(reported(weight=-1)) == "  -> 192.168.0.1:80               Route   -1     0          0         "
    )
    assert row(reported(weight=-1), "persistent-conn") == (
        "  -> 192.168.0.1:80               4294967295 0           0          0         "
    )


def test_connection_counts():
    """Active, inactive and persistent connections stand in their columns, full width included."""
    numbers = (4294967295, 7, 123)
    assert row(reported(numbers=numbers)) == (
        "  -> 192.168.0.1:80               Route   1      4294967295 7         "
    )
    assert row(reported(numbers=numbers), "persistent-conn") == (
        "  -> 192.168.0.1:80               1         123         4294967295 7         "
    )


def test_unknown_tunnel_values():
    """Checksum flags and types without a name show as what they are."""
    odd = Tunnel._make("gue", 5, "flags-3")
    assert " gue:5:flags-3 1 " in row(reported("tunnel", tunnel=odd), "tun-info")
    assert " type-9:-c     1 " in row(
        reported("tunnel", tunnel=Tunnel._make("type-9", 0, "nocsum")), "tun-info"
    )


def test_unknown_protocol():
    """A protocol that ipvsadm does not know is a question mark."""
    service = Service._make(
        ServiceKey(0, 2, 136, b"\n\0\0\1", 80), "rr", 0, 2**32 - 1, "", False, 0, NO_STATS
    )
    assert "".join(render([(service, [])], ListOptions())).split("\n")[2] == "?    10.0.0.1:80 rr"


def test_one_piece_per_service():
    """The lines above come first, then every service in one piece."""
    table = [(SERVICE, [reported()]), (Service.mark(7), [])]
    pieces = list(render(iter(table), ListOptions()))
    assert [piece.count("\n") for piece in pieces] == [2, 2, 1]


def test_no_such_view():
    """A view that does not exist is refused at once."""
    with pytest.raises(ValueError, match="no view 'connections'"):
        ListOptions("connections")


@pytest.mark.parametrize(
    ("given", "view"),
    [
        ((), "default"),
        (("numeric", "nosort"), "default"),
        (("tun-info", "persistent-conn", "thresholds", "rate", "stats"), "stats"),
        (("tun-info", "persistent-conn", "thresholds", "rate"), "rate"),
        (("tun-info", "persistent-conn", "thresholds"), "thresholds"),
        (("tun-info", "persistent-conn"), "persistent-conn"),
        (("tun-info",), "tun-info"),
    ],
)
def test_precedence(given, view):
    """Of several views one is shown, always the same."""
    assert chosen_view(given) == view


def test_names_are_asked_for_together_and_once():
    """All addresses are looked up in one go before the first line, each once."""
    names = FakeResolver()
    table = [
        (SERVICE, [reported()]),
        (Service.udp("10.0.0.1", 53), [reported()]),
        (Service.mark(7), [reported()]),
    ]
    "".join(render(table, ListOptions(), names))
    assert names.prefetched == [([b"\n\0\0\1", KEY.packed], False)]


def test_ports_of_marks_are_numbers():
    """A mark has no protocol, so its servers' ports have no names."""
    names = FakeResolver(addresses={KEY.packed: "web"}, services={(80, "tcp"): "http"})
    text = "".join(render([(Service.mark(7), [reported()]), (SERVICE, [reported()])], ListOptions(), names))
    assert "FWM  7 wlc\n  -> web:80  " in text
    assert "TCP  10.0.0.1:http rr\n  -> web:http  " in text


@pytest.mark.parametrize(
    ("packed", "width", "text"),
    [
        (b"\n\0\0\1", BUFFER, "a-very-long-host-name-that-exceeds-columns.example.test:cis"),
        (b"\n\0\0\1", IPV4_WIDTH, "a-very-long-host-name-that-e"),
        (bytes(15) + b"\1", IPV4_WIDTH, "[a-very-long-host-name-that-exceeds-columns.example.test]:c"),
    ],
)
def test_cuts_of_names(packed, width, text):
    """Long names are cut at 59 bytes, IPv4 in tables at 28, and may take the port with them."""
    names = FakeResolver(
        addresses={packed: "a-very-long-host-name-that-exceeds-columns.example.test"},
        services={(2000, "tcp"): "cisco-sccp"},
    )
    assert Named(names, width).one(packed, 2000, "tcp") == text


def test_numbers_of_many_servers():
    """The shared network part of neighbouring addresses makes no difference to the text."""
    keys = [(2, bytes([10, a, b, c]), 80 + c) for a in (0, 255) for b in (0, 1) for c in (0, 9, 10, 255)]
    keys += [(10, bytes(15) + b"\1", 80), (10, bytes(10) + b"\xff\xff\n\0\0\1", 443), (10, bytes(16), 0)]
    servers = [
        Destination._make(DestinationKey(*key), "masq", 1, 0, 0, IPIP, 0, 0, 0, NO_STATS) for key in keys
    ]
    texts = Numeric().servers(servers)
    assert texts == [str(server.key) for server in servers]
    assert texts == [Numeric().one(key[1], key[2]) for key in keys]


def test_few_modules():
    """A numeric listing loads nothing of the standard library."""
    code = (
        "import ipvsfast.listing.tables, ipvsfast.listing.counters, ipvsfast.listing.rules\n"
        "import ipvsfast.listing.connections, ipvsfast.listing.state, ipvsfast.resolver"
    )
    assert modules_of(code) <= {"__future__", "_collections", "errno"}  # all of them built in
