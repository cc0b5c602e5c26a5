"""Which services are in a scope."""

from __future__ import annotations

import pickle

import pytest

from ipvsfast import InvalidValue, Scope, ServiceKey


@pytest.mark.parametrize(
    ("texts", "inside", "outside"),
    [
        ("10.0.0.0/8", ["tcp 10.1.2.3:80", "udp 10.0.0.0:0"], ["tcp 11.0.0.1:80", "fwm 10", "tcp [fd00::1]:80"]),
        (":80", ["tcp 10.0.0.1:80", "udp [fd00::1]:80"], ["tcp 10.0.0.1:81", "fwm 80"]),
        (":80-89", ["tcp 10.0.0.1:89"], ["tcp 10.0.0.1:90"]),
        ("10.0.0.0/8:80", ["tcp 10.0.0.1:80"], ["tcp 10.0.0.1:81", "tcp 11.0.0.1:80"]),
        ("2001:db8::/32", ["tcp [2001:db8::1]:1"], ["tcp [2001:db9::1]:1", "fwm 7 ipv6"]),
        ("[2001:db8::/32]:80", ["tcp [2001:db8::1]:80"], ["tcp [2001:db8::1]:81"]),
        ("tcp", ["tcp 10.0.0.1:80", "tcp [fd00::1]:1"], ["udp 10.0.0.1:80", "fwm 6"]),
        ("UDP:53", ["udp 10.0.0.1:53"], ["udp 10.0.0.1:54", "tcp 10.0.0.1:53"]),
        ("tcp:80-90", ["tcp 10.0.0.1:85"], ["tcp 10.0.0.1:91"]),
        ("sctp:10.0.0.0/8:9", ["sctp 10.0.0.1:9"], ["sctp 10.0.0.1:8", "tcp 10.0.0.1:9"]),
        ("tcp:[fd00::/8]:9", ["tcp [fd00::1]:9"], ["udp [fd00::1]:9"]),
        ("tcp:fd00::/8", ["tcp [fd00::1]:9"], ["tcp [fe00::1]:9"]),
        ("fwmark", ["fwm 1", "fwm 4294967295 ipv6"], ["tcp 10.0.0.1:80"]),
        ("fwmark:7", ["fwm 7", "fwm 7 ipv6"], ["fwm 8"]),
        ("fwmark:2-4", ["fwm 2", "fwm 4"], ["fwm 1", "fwm 5"]),
        ("10.0.0.0/8,fwmark:1-9", ["tcp 10.0.0.1:80", "fwm 3"], ["tcp 11.0.0.1:80", "fwm 10"]),
        ("10.0.0.0/8,!10.0.0.1", ["tcp 10.0.0.2:80"], ["tcp 10.0.0.1:80"]),
        ("!fwmark", ["tcp 10.0.0.2:80"], ["fwm 1"]),
        ("!tcp:443", ["tcp 10.0.0.2:80", "fwm 1"], ["tcp 10.0.0.1:443"]),
    ],
)  # fmt: skip
def test_what_is_inside(texts: str, inside: list[str], outside: list[str]) -> None:
    """Areas add up, those with an exclamation mark take out."""
    scope = Scope(texts.split(","))
    assert scope
    assert [scope.has(ServiceKey.parse(text)) for text in inside] == [True] * len(inside)
    assert [scope.has(ServiceKey.parse(text)) for text in outside] == [False] * len(outside)


def test_without_an_area_everything_is_inside() -> None:
    """It is false then, as nothing can be outside."""
    assert not Scope()
    assert Scope().has(ServiceKey.mark(7))


@pytest.mark.parametrize(
    "text",
    ["", "!", "x", "tcp:", "tcp:x", "80", "fwmark:", "fwmark:x", "fwmark:0", "fwmark:9-1", "10.0.0.0/33", ":70000", "tcp:!80"],
)  # fmt: skip
def test_what_is_no_scope(text: str) -> None:
    """It is refused, with the text."""
    with pytest.raises(InvalidValue, match="."):
        Scope(text)
    with pytest.raises(InvalidValue, match="text"):
        Scope([7])  # type: ignore[list-item]


def test_it_is_a_value() -> None:
    """Equal texts are equal scopes; it can be pickled, and written as it is read."""
    scope = Scope(["tcp", "!:80"])
    assert pickle.loads(pickle.dumps(scope)) == scope
    assert str(scope) == "tcp,!:80"
    assert len({scope, Scope(("tcp", "!:80")), Scope("tcp")}) == 2
