"""Which connections are wanted: conditions with their checks, packed for csrc/api/conns.h."""

from __future__ import annotations

import struct

from ..errors import InvalidValue
from ..model.address import parse_int, parse_ip
from ..model.connection import protocol_number
from ..model.keys import AF_INET, AF_INET6
from ..model.value import Frozen, check_range, set_slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FILTER = struct.Struct("=QII32sBBBB4x384s128s")
MATCH = struct.Struct("=BBBBHH16s")

STATES = (
    "NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
    "LAST_ACK", "LISTEN", "SYNACK", "UDP", "ICMP", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT",
    "COOKIE", "C-ECHOED", "S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED", "ASSURED",
    "ERR!", "BUG!",
)  # fmt: skip
FAMILIES = {"ipv4": 1, "ipv6": 2, "mixed": 4}
_FAMILY_NAMES = {"4": "ipv4", "6": "ipv6", "inet": "ipv4", "inet6": "ipv6"}
MOST_STATES, MOST_ENGINES = 24, 8
_LONGEST_ENGINE = 15
_PLACES = ("client", "service", "destination")


class ConnectionFilter(Frozen):
    """Conditions that all have to hold; of several values for one of them, one has to.

    client, service, destination: text or texts: an address, a prefix (10.0.0.0/8, 2001:db8::/32), a
    port (:80) or ports (:8000-8099), or both (10.0.0.0/8:80, [2001:db8::/32]:80). states: names as the
    kernel writes them, in any case. protocols: tcp, udp, sctp, ip (templates of marks), or numbers.
    families: ipv4, ipv6, mixed (service and destination differ). expires_below: seconds. templates:
    True for templates only, False for connections only. engines: names of persistence engines, "*" for
    any. limit: reading ends after so many that match; 0: no limit. InvalidValue for anything else.
    """

    __slots__ = _compared = (
        "client", "service", "destination", "states", "protocols", "families", "expires_below",
        "templates", "engines", "limit",
    )  # fmt: skip
    if TYPE_CHECKING:
        client: tuple[str, ...]
        service: tuple[str, ...]
        destination: tuple[str, ...]
        states: tuple[str, ...]
        protocols: tuple[int, ...]
        families: tuple[str, ...]
        expires_below: int
        templates: bool | None
        engines: tuple[str, ...]
        limit: int

    def __init__(
        self,
        *,
        client: str | Iterable[str] = (),
        service: str | Iterable[str] = (),
        destination: str | Iterable[str] = (),
        states: str | Iterable[str] = (),
        protocols: str | int | Iterable[str | int] = (),
        families: str | Iterable[str] = (),
        expires_below: int = 0,
        templates: bool | None = None,
        engines: str | Iterable[str] = (),
        limit: int = 0,
    ) -> None:
        for name, texts in (("client", client), ("service", service), ("destination", destination)):
            values = _several(texts)
            for text in values:
                parse_place(text)
            set_slot(self, name, values)
        set_slot(self, "states", _states(_several(states)))
        numbers = (protocols,) if isinstance(protocols, (str, int)) else tuple(protocols)
        set_slot(self, "protocols", tuple([_protocol(value) for value in numbers]))
        set_slot(self, "families", tuple([_family(text) for text in _several(families)]))
        set_slot(self, "expires_below", check_range(expires_below, 0, 2**32 - 1, "expires_below (seconds)"))
        if templates not in (None, True, False):
            raise InvalidValue(f"templates is True, False or None, not {templates!r}")
        set_slot(self, "templates", templates)
        set_slot(self, "engines", _engines(_several(engines)))
        set_slot(self, "limit", check_range(limit, 0, 2**63, "limit"))

    def replace(self, **changes: Any) -> ConnectionFilter:
        """A copy with some conditions changed, checked like a new one."""
        values = {name: getattr(self, name) for name in self._compared}
        return ConnectionFilter(**{**values, **changes})

    def pack(self) -> tuple[bytes, bytes]:
        """struct ipvsf_conn_filter, and the struct ipvsf_conn_match that go with it."""
        protocols = bytearray(32)
        for number in self.protocols:
            protocols[number // 8] |= 1 << number % 8
        families = 0
        for name in self.families:
            families |= FAMILIES[name]
        wanted = {None: 0, True: 1, False: 2}[self.templates]
        packed = FILTER.pack(
            self.limit, self.expires_below, families, protocols, not self.protocols, wanted,
            len(self.states), len(self.engines), _names(self.states), _names(self.engines),
        )  # fmt: skip
        matches = [
            MATCH.pack(place, family, prefix, 0, low, high, address)
            for place, name in enumerate(_PLACES)
            for family, address, prefix, low, high in map(parse_place, getattr(self, name))
        ]
        return packed, b"".join(matches)


def _several(texts: str | Iterable[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def _names(texts: Iterable[str]) -> bytes:
    return b"".join([text.encode("ascii").ljust(16, b"\0") for text in texts])


def _states(texts: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple([text.upper() for text in texts])
    for state, text in zip(found, texts):
        if state not in STATES:
            raise InvalidValue(f"no connection state {text!r}: there are {', '.join(STATES)}")
    if len(found) > MOST_STATES:
        raise InvalidValue(f"at most {MOST_STATES} states")
    return found


def _protocol(value: str | int) -> int:
    if isinstance(value, int):
        return check_range(value, 0, 255, "protocol")
    number = protocol_number(value)
    if number is None:
        raise InvalidValue(f"no protocol {value!r}: tcp, udp, sctp, ip, icmp, icmpv6, or a number up to 255")
    return number


def _family(text: str) -> str:
    name = _FAMILY_NAMES.get(text, text)
    if name not in FAMILIES:
        raise InvalidValue(f"no address family {text!r}: ipv4, ipv6 or mixed")
    return name


def _engines(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if not text or not text.isascii() or not text.isprintable() or len(text) > _LONGEST_ENGINE:
            raise InvalidValue(f"no name of a persistence engine: {text!r}")
    if len(texts) > MOST_ENGINES:
        raise InvalidValue(f"at most {MOST_ENGINES} persistence engines")
    return texts


def parse_place(text: str) -> tuple[int, bytes, int, int, int]:
    """(family or 0, packed address, prefix length, lowest port, highest port) of ADDRESS[/LENGTH][:PORTS].

    InvalidValue for what is none.
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


EVERYTHING = ConnectionFilter()
