"""Conditions on an address and a port."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast import InvalidValue
from ipvsfast.model.address import parse_ip
from ipvsfast.model.kernel_names import AF_INET, AF_INET6
from ipvsfast.model.place import Places


def hold(conditions: str, address: str, port: int) -> bool:
    """Whether that address and port are meant."""
    packed = parse_ip(address)
    return Places(tuple(conditions.split(","))).hold(AF_INET if len(packed) == 4 else AF_INET6, packed, port)


@pytest.mark.parametrize(
    ("conditions", "address", "port", "expected"),
    [
        ("10.0.0.1", "10.0.0.1", 80, True), ("10.0.0.1", "10.0.0.2", 80, False), ("10.0.0.1:80", "10.0.0.1", 81, False),
        ("10.0.0.0/8", "10.255.0.1", 1, True), ("0.0.0.0/0", "255.255.255.255", 1, True), ("0.0.0.0/0", "::1", 1, False),
        (":80", "2001:db8::1", 80, True), (":80-90", "10.0.0.1", 91, False), ("2001:db8::/32", "2001:db8:ffff::1", 9, True),
        ("2001:db8::/32", "2001:db9::", 9, False), ("::/0", "10.0.0.1", 9, False), ("[2001:db8::/32]:53", "2001:db8::7", 53, True),
        ("!10.0.0.0/8", "10.0.0.1", 80, False), ("!10.0.0.0/8", "11.0.0.1", 80, True), ("10.0.0.0/8,!10.0.0.1", "10.0.0.1", 80, False),
        ("10.0.0.0/8,!10.0.0.1", "10.0.0.2", 80, True), ("10.0.0.1,10.0.0.2", "10.0.0.2", 80, True), ("!:80,!:81", "10.0.0.1", 81, False),
    ],
)  # fmt: skip
def test_conditions(conditions: str, address: str, port: int, expected: bool) -> None:
    """Values, exclusions, and both together."""
    assert hold(conditions, address, port) == expected


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_prefixes(network: int, length: int, address: int) -> None:
    """The same as Python's own networks, host bits and all."""
    net = ipaddress.ip_network((network, length), strict=False)
    text = str(ipaddress.IPv4Address(address))
    assert hold(f"{ipaddress.IPv4Address(network)}/{length}", text, 1) == (ipaddress.ip_address(text) in net)


def test_nothing_asked() -> None:
    """No condition is none, and holds for everything."""
    assert not Places(())
    assert Places(()).hold(AF_INET, b"\n\0\0\1", 80)


@pytest.mark.parametrize(
    "text", ["", "!", "10.0.0", "web", "10.0.0.1/33", ":x", ":90-80", "[::1", "10.0.0.1:"]
)
def test_no_place(text: str) -> None:
    """One clear error for what is no place."""
    with pytest.raises(InvalidValue):
        Places((text,))
