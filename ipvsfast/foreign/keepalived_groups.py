"""Addresses of keepalived.conf: of one host, and of ranges; and what a virtual server stands for."""

from __future__ import annotations

from ..errors import InvalidValue
from ..model.address import format_ip, parse_ip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from .account import TextPlace

MOST_ADDRESSES = 1 << 16  # of one range


class VirtualAddress:
    """One address with its port, or a mark. family: 2 or 10, 0 for a mark of which it is not said."""

    __slots__ = ("place", "what", "fwmark", "family", "address", "port")

    def __init__(
        self, place: TextPlace, what: str, fwmark: int, family: int, address: str, port: int
    ) -> None:
        self.place: Final[TextPlace] = place
        self.what: Final[str] = what
        self.fwmark: Final[int] = fwmark
        self.family: Final[int] = family
        self.address: Final[str] = address
        self.port: Final[int] = port


def number(text: str, name: str, low: int, high: int) -> int:
    """A decimal number; InvalidValue for what is none, or is out of its range."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and low <= int(text) <= high):
        raise InvalidValue(f"{name} is a number from {low} to {high}, not {text!r}")
    return int(text)


def port_of(words: list[str]) -> int | None:
    """The port that follows an address, if one does."""
    if len(words) > 1:
        raise InvalidValue(f"{words[1]!r} behind the port is not understood")
    return number(words[0], "a port", 0, 65535) if words else None


def family_of(address: str) -> int:
    """2 or 10; InvalidValue for what is no address."""
    return 2 if len(parse_ip(address)) == 4 else 10


def of_mark(place: TextPlace, words: list[str]) -> VirtualAddress:
    """`fwmark N`, in a group also with `inet` or `inet6`."""
    families = {"inet": 2, "inet6": 10}
    if not words or len(words) > 2 or words[1:2] not in ([], ["inet"], ["inet6"]):
        raise InvalidValue("a mark is a number; `inet' or `inet6' may follow in a group")
    mark = number(words[0], "a mark", 1, 2**32 - 1)
    family = families[words[1]] if len(words) > 1 else 0
    return VirtualAddress(place, " ".join(["fwmark", *words]), mark, family, "", 0)


def of_range(place: TextPlace, words: list[str]) -> Iterator[VirtualAddress]:
    """What `ADDRESS [PORT]` stands for, where it may be a range: FIRST-LAST, FIRST-PART, FIRST/BITS."""
    text, port = words[0], port_of(words[1:]) or 0
    for address in _addresses(text):
        yield VirtualAddress(
            place, " ".join(words), 0, 2 if len(address) == 4 else 10, format_ip(address), port
        )


def _addresses(text: str) -> Iterator[bytes]:
    first_text, dash, last_text = text.partition("-")
    if not dash:
        first_text, slash, bits_text = text.partition("/")
        first = parse_ip(first_text)
        size = len(first) * 8
        bits = number(bits_text, "a prefix length", 1, size) if slash else size
        low = int.from_bytes(first, "big")
        if low & ((1 << (size - bits)) - 1):
            raise InvalidValue(f"{first_text} is not the first address of {text}")
        high = low + (1 << (size - bits)) - 1
    else:
        first = parse_ip(first_text)
        low, high = int.from_bytes(first, "big"), _last(first, last_text)
    if high < low or (dash and high == low):
        raise InvalidValue(f"{text} does not end behind its beginning")
    if high - low >= MOST_ADDRESSES:
        raise InvalidValue(f"{text} has more than {MOST_ADDRESSES:,} addresses")
    return (one.to_bytes(len(first), "big") for one in range(low, high + 1))


def _last(first: bytes, text: str) -> int:
    """The last address of a range, of which only the last part may be written."""
    if "." in text or ":" in text:
        last = parse_ip(text)
        if len(last) != len(first):
            raise InvalidValue(f"a range ends in its own address family, not at {text}")
        return int.from_bytes(last, "big")
    whole, bits = int.from_bytes(first, "big"), 8 if len(first) == 4 else 16
    try:
        part = number(text, "the last part", 0, 255) if bits == 8 else int(text[:5], 16)
    except ValueError:
        part = -1
    if not 0 <= part < 1 << bits:
        raise InvalidValue(f"no address ends in {text!r}")
    return (whole >> bits << bits) + part
