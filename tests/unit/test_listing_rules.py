"""Rule lines one by one, and what only a kernel could report."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast.language.parse import parse
from ipvsfast.listing.rules import destination_rule, rule_lines, selector, service_rule
from ipvsfast.model.destination import IPIP, Destination, Tunnel
from ipvsfast.model.keys import DestinationKey, ServiceKey
from ipvsfast.model.service import Service
from ipvsfast.model.stats import NO_STATS
from ipvsfast.resolver import Lookups, Resolver

KEY = ServiceKey.of("tcp", "10.0.0.1", 80)


def test_one_service():
    """The line of one service, without a line end."""
    service = Service(KEY, "sh", persistent=60, netmask=24, engine="sip", scheduler_flags=("sh-port",))
    assert service_rule(service) == "-A -t 10.0.0.1:80 -s sh -p 60 -M 255.255.255.0 --pe sip -b sh-port"


def test_one_destination():
    """The line of one server, without a line end."""
    tunnel = Tunnel("gue", 6080, "csum")
    server = Destination("192.168.0.1", 80, forwarding="tunnel", upper=9, lower=3, tunnel=tunnel)
    assert destination_rule(ServiceKey.mark(7, ipv6=True), server) == (
        "-a -f 7 -6 -r 192.168.0.1:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum -x 9 -y 3"
    )


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (KEY, "-t 10.0.0.1:80"),
        (ServiceKey.of("udp", "::1", 53), "-u [::1]:53"),
        (ServiceKey.of("sctp", "10.0.0.1", 0), "--sctp-service 10.0.0.1:0"),
        (ServiceKey.mark(2**32 - 1), "-f 4294967295"),
        (ServiceKey.mark(1, ipv6=True), "-f 1 -6"),
        (ServiceKey(0, 2, 136, b"\n\0\0\1", 80), "--xxx-service 10.0.0.1:80"),
    ],
)
def test_selector(key, text):
    """The option that names a service, for every kind of service."""
    assert selector(key) == text


def reported(forwarding="tunnel", tunnel=IPIP):
    key = DestinationKey(2, b"\xc0\xa8\0\1", 80)
    return Destination._make(key, forwarding, 1, 0, 0, tunnel, 0, 0, 0, NO_STATS)


@pytest.mark.parametrize(
    ("destination", "end"),
    [
        (reported("local"), "-g -w 1"),
        (reported("bypass"), "(null) -w 1"),
        (
            reported(tunnel=Tunnel._make("gue", 5, "flags-3")),
            "-i -w 1 --tun-type gue --tun-port 5 --tun-flags-3",
        ),
        (reported("masq", Tunnel._make("gue", 5, "csum")), "-m -w 1"),
    ],
)
def test_values_without_an_option(destination, end):
    """What has no option gives a line that cannot be read as something else."""
    assert destination_rule(KEY, destination) == f"-a -t 10.0.0.1:80 -r 192.168.0.1:80 {end}"


def test_order():
    """Rules are sorted unless the given order is wanted."""
    first, second = Service.mark(2), Service.mark(1)
    assert list(rule_lines([(first, []), (second, [])])) == ["-A -f 1 -s wlc\n", "-A -f 2 -s wlc\n"]
    assert list(rule_lines([(first, []), (second, [])], sort=False)) == [
        "-A -f 2 -s wlc\n",
        "-A -f 1 -s wlc\n",
    ]


class Odd(Lookups):
    """Names that lead elsewhere, and a services file that contradicts itself."""

    def reverse(self, packed):
        return {1: "good", 2: "moved", 3: "gone", 4: "twice"}[packed[3]]

    def forward(self, name, family):
        if name == "gone":
            raise OSError("no such name")
        last = {"good": [1], "moved": [99], "twice": [4, 5]}[name]
        return [bytes([10, 0, 0, number]) for number in last]

    def service(self, port, protocol):
        return {80: "www", 81: "other"}[port]

    def port(self, name, protocol):
        return {"www": 80, "other": 8181}[name]


def test_names_that_do_not_read_back():
    """A name stands in a rule only if it leads to this address alone, a port's name only to this port."""
    service = Service.tcp("10.0.0.1", 80)
    servers = [Destination(f"10.0.0.{n}", 81, forwarding="masq") for n in (1, 2, 3, 4)]
    names = Resolver(timeout=10, lookups=Odd())
    assert "".join(rule_lines([(service, servers)], names)) == (
        "-A -t good:www -s wlc\n"
        "-a -t good:www -r good:81 -m -w 1\n"
        "-a -t good:www -r 10.0.0.2:81 -m -w 1\n"
        "-a -t good:www -r 10.0.0.3:81 -m -w 1\n"
        "-a -t good:www -r 10.0.0.4:81 -m -w 1\n"
    )


V4 = st.binary(min_size=4, max_size=4)
V6 = st.binary(min_size=16, max_size=16)
PORT = st.integers(0, 65535)
NAME = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=15)
SERVICE_KEYS = st.one_of(
    st.builds(ServiceKey.mark, st.integers(1, 2**32 - 1), st.booleans()),
    st.builds(lambda p, a, n: ServiceKey(0, 2, p, a, n), st.sampled_from([6, 17, 132]), V4, PORT),
    st.builds(lambda p, a, n: ServiceKey(0, 10, p, a, n), st.sampled_from([6, 17, 132]), V6, PORT),
)
TUNNELS = st.one_of(
    st.just(IPIP),
    st.builds(Tunnel, st.just("gue"), st.integers(1, 65535), st.sampled_from(["nocsum", "csum", "remcsum"])),
    st.builds(Tunnel, st.just("gre"), st.just(0), st.sampled_from(["nocsum", "csum"])),
)


@st.composite
def services(draw):
    key = draw(SERVICE_KEYS)
    least = 1 if not key.fwmark and not key.port else 0
    persistent = draw(st.integers(least, 2678400))
    mask = draw(st.integers(1, 128)) if key.family == 10 else draw(st.integers(33, 2**32 - 1))
    udp = bool(key.fwmark) or key.protocol_number == 17
    return Service(
        key, draw(NAME), persistent=persistent, netmask=mask if persistent else None,
        engine=draw(st.one_of(st.just(""), NAME)), one_packet=udp and draw(st.booleans()),
        scheduler_flags=draw(st.sampled_from(range(0, 64, 8))),
    )  # fmt: skip


@st.composite
def destinations(draw, service):
    forwarding = draw(st.sampled_from(["masq", "route", "tunnel"]))
    family = draw(st.sampled_from([2, 10])) if forwarding == "tunnel" else service.family
    packed = draw(V4 if family == 2 else V6)
    packed = bytes([packed[0] % 223 + 1]) + packed[1:]
    port = draw(PORT) if forwarding == "masq" or service.fwmark else service.port
    upper = draw(st.integers(0, 2**31 - 1))
    return Destination(
        DestinationKey(family, packed, port), forwarding=forwarding,
        weight=draw(st.integers(0, 2**31 - 1)), upper=upper, lower=draw(st.integers(0, upper)),
        tunnel=draw(TUNNELS) if forwarding == "tunnel" else IPIP,
    )  # fmt: skip


@given(services(), st.data())
@settings(max_examples=300, deadline=None)
def test_round_trip(service, data):
    """Reading a rule line gives the value it was made of, all of it."""
    request = parse(service_rule(service).split(), None, "ipvsadm")
    assert (request.command, request.service) == ("add-service", service)
    destination = data.draw(destinations(service.key))
    request = parse(destination_rule(service.key, destination).split(), None, "ipvsadm")
    assert (request.command, request.key, request.destination) == (
        "add-destination",
        service.key,
        destination,
    )
