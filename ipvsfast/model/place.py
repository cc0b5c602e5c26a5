"""Conditions on an address and a port, as filters write them: 10.0.0.0/8, :80, !10.0.0.1."""

from __future__ import annotations

from ..errors import InvalidValue
from .address import parse_int, parse_ip
from .kernel_names import AF_INET, AF_INET6

TYPE_CHECKING = False
if TYPE_CHECKING:
    _Place = tuple[int, int, int, int, int]


def included(text: str) -> tuple[str, bool]:
    """A condition without its exclamation mark, and True if it had no such mark."""
    return (text[1:], False) if text[:1] == "!" else (text, True)


def parse_place(text: str) -> tuple[int, bytes, int, int, int]:
    """(family or 0, packed address, prefix length, lowest port, highest port) of ADDRESS[/LENGTH][:PORTS].

    InvalidValue for anything else.
    """
    address, ports = _split(text)
    low, high = _ports(ports, text)
    if not address:
        if not ports:
            raise _no_place(text)
        return 0, b"", 0, low, high
    host, slash, length = address.partition("/")
    try:
        packed = parse_ip(host)
    except InvalidValue:
        raise _no_place(text) from None
    bits = 8 * len(packed)
    prefix = parse_int(length, 0, bits) if slash else bits
    if prefix is None:
        raise InvalidValue(f"the prefix length of {text!r} must be a number from 0 to {bits}")
    return AF_INET if bits == 32 else AF_INET6, packed, prefix, low, high


def _split(text: str) -> tuple[str, str]:
    """The address with its prefix length, and the ports."""
    if text[:1] == "[":
        address, bracket, rest = text[1:].partition("]")
        length, colon, ports = rest.partition(":")
        twice = length and ("/" in address or length[0] != "/")
        if not bracket or not address or twice or (colon and not ports):
            raise _no_place(text)
        return address + length, ports
    if text.count(":") > 1:
        return text, ""
    address, colon, ports = text.partition(":")
    if colon and not ports:
        raise _no_place(text)
    return address, ports


def _ports(ports: str, text: str) -> tuple[int, int]:
    if not ports:
        return 0, 65535
    first, dash, last = ports.partition("-")
    low = parse_int(first, 0, 65535)
    high = parse_int(last, 0, 65535) if dash else low
    if low is None or high is None or low > high:
        raise InvalidValue(f"the port in {text!r} must be a number up to 65535, or two with a dash between")
    return low, high


def _no_place(text: str) -> InvalidValue:
    return InvalidValue(
        f"not an address, prefix or port: {text!r} "
        "(10.0.0.1, 10.0.0.0/8, :80, 10.0.0.1:80, 2001:db8::/32, [2001:db8::1]:80)"
    )


class Places:
    """Conditions on an address and its port: of those that include one has to hold, if there are any, and of
    those that exclude none may. InvalidValue for what is no such condition."""

    __slots__ = ("_included", "_excluded")

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._included: list[_Place] = []
        self._excluded: list[_Place] = []
        for text in texts:
            place, wanted = included(text)
            (self._included if wanted else self._excluded).append(_place(place))

    def __bool__(self) -> bool:
        return bool(self._included or self._excluded)

    def hold(self, family: int, packed: bytes, port: int) -> bool:
        """Whether this address and port are meant."""
        if any(_holds(place, family, packed, port) for place in self._excluded):
            return False
        return not self._included or any(_holds(place, family, packed, port) for place in self._included)


def _place(text: str) -> _Place:
    """(family, bits that do not count, the others as a number, lowest port, highest port)"""
    family, packed, prefix, low, high = parse_place(text)
    shift = 8 * len(packed) - prefix
    return family, shift, int.from_bytes(packed, "big") >> shift, low, high


def _holds(place: _Place, family: int, packed: bytes, port: int) -> bool:
    of, shift, network, low, high = place
    if not low <= port <= high:
        return False
    return not of or (of == family and int.from_bytes(packed, "big") >> shift == network)
