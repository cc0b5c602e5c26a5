"""Which connections are wanted: conditions with their checks, packed for csrc/api/conns.h."""

from __future__ import annotations

import struct

from ..errors import InvalidValue
from ..model.connection import check_protocol
from ..model.kernel_names import ENGINE_MAX
from ..model.place import included, parse_place
from ..model.value import Field, Record, check_name, check_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from typing_extensions import Self, Unpack

    from ..model.types import FamilyCondition, FilterChanges, ProtocolCondition, StateCondition

FILTER = struct.Struct("=QII32sBBBBII4x384s128s")
MATCH = struct.Struct("=BBBBHH16s")

STATES = (
    "NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
    "LAST_ACK", "LISTEN", "SYNACK", "UDP", "ICMP", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT",
    "COOKIE", "C-ECHOED", "S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED", "ASSURED",
    "ERR!", "BUG!",
)  # fmt: skip
FAMILIES = {"ipv4": 1, "ipv6": 2, "mixed": 4}
_NO_FAMILY = 8
_FAMILY_NAMES = {"4": "ipv4", "6": "ipv6", "inet": "ipv4", "inet6": "ipv6"}
MOST_STATES, MOST_ENGINES = 24, 8
_PLACES = ("client", "service", "destination")


class ConnectionFilter(Record):
    """Conditions that all have to hold; if one of them has several values, one of these has to hold.

    A text with an exclamation mark in front excludes: "!10.0.0.0/8" is any address but those. Values and
    exclusions of one condition go together: of the values one has to hold (if there are any), and of the
    exclusions none may.

    client, service, destination: text or texts: an address, a prefix (10.0.0.0/8, 2001:db8::/32), a
    port (:80) or ports (:8000-8099), or both (10.0.0.0/8:80, [2001:db8::/32]:80). states: names as the
    kernel writes them, in any case. protocols: tcp, udp, sctp, ip (templates of marks), or numbers.
    families: ipv4, ipv6, mixed (service and destination differ), in any case. expires_below: seconds.
    templates: True for templates only, False for connections only. engines: names of persistence engines,
    "*" for any ("!*": only entries without one). limit: reading ends after so many that match; 0: no limit.
    InvalidValue for anything else.
    """

    __slots__ = ()
    client: Field[tuple[str, ...]] = Field(0, "Places of clients.")
    service: Field[tuple[str, ...]] = Field(1, "Places of services.")
    destination: Field[tuple[str, ...]] = Field(2, "Places of destinations.")
    states: Field[tuple[str, ...]] = Field(3, "States, as the kernel writes them.")
    protocols: Field[tuple[int | str, ...]] = Field(4, 'Numbers of protocols; "!17": not this one.')
    families: Field[tuple[str, ...]] = Field(5, "ipv4, ipv6, mixed.")
    expires_below: Field[int] = Field(6, "Seconds; 0: no matter when.")
    templates: Field[bool | None] = Field(7, "Only templates, only connections, or None: both.")
    engines: Field[tuple[str, ...]] = Field(8, "Names of persistence engines.")
    limit: Field[int] = Field(9, "Reading ends after so many; 0: no limit.")

    def __new__(
        cls,
        client: str | Iterable[str] = (),
        service: str | Iterable[str] = (),
        destination: str | Iterable[str] = (),
        states: StateCondition | Iterable[StateCondition] = (),
        protocols: ProtocolCondition | int | Iterable[ProtocolCondition | int] = (),
        families: FamilyCondition | Iterable[FamilyCondition] = (),
        expires_below: int = 0,
        templates: bool | None = None,
        engines: str | Iterable[str] = (),
        limit: int = 0,
    ) -> Self:
        places = [_several(texts, name) for name, texts in zip(_PLACES, (client, service, destination))]
        for texts in places:
            for text in texts:
                parse_place(included(text)[0])
        numbers = (protocols,) if isinstance(protocols, int) else _several(protocols, "protocols", (str, int))
        if templates not in (None, True, False):
            raise InvalidValue(f"templates is True, False or None, not {templates!r}")
        return cls._make(
            *places,
            _states(_several(states, "states")),
            tuple([_protocol(value) for value in numbers]),
            tuple([_family(text) for text in _several(families, "families")]),
            check_range(expires_below, 0, 2**32 - 1, "expires_below (seconds)"),
            None if templates is None else bool(templates),
            _engines(_several(engines, "engines")),
            check_range(limit, 0, 2**63, "limit"),
        )

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[FilterChanges]) -> Self:
            """A copy with some conditions changed, checked like a new one."""

    def pack(self) -> tuple[bytes, bytes]:
        """struct ipvsf_conn_filter, and the struct ipvsf_conn_match that go with it."""
        wanted = {None: 0, True: 1, False: 2}[self.templates]
        packed = FILTER.pack(
            self.limit, self.expires_below, _family_bits(self.families), _protocol_bits(self.protocols),
            not self.protocols, wanted, len(self.states), len(self.engines), _exclusions(self.states),
            _exclusions(self.engines), _names(self.states), _names(self.engines),
        )  # fmt: skip
        matches = [_match(place, text) for place, name in enumerate(_PLACES) for text in getattr(self, name)]
        return packed, b"".join(matches)


def _several(values: Any, what: str, kinds: type | tuple[type, ...] = str) -> tuple[Any, ...]:
    """One value or several as several."""
    found = (values,) if isinstance(values, str) or not hasattr(values, "__iter__") else tuple(values)
    for value in found:
        if not isinstance(value, kinds):
            raise InvalidValue(f"{what} must be text, or several texts, not {value!r}")
    return found


def _names(texts: Iterable[str]) -> bytes:
    return b"".join([included(text)[0].encode("utf-8", "surrogateescape").ljust(16, b"\0") for text in texts])


def _exclusions(texts: Iterable[str]) -> int:
    """A bit for each of the texts that excludes."""
    return sum([1 << at for at, text in enumerate(texts) if text[0] == "!"])


def _match(place: int, text: str) -> bytes:
    text, wanted = included(text)
    family, address, prefix, low, high = parse_place(text)
    return MATCH.pack(place, family, prefix, not wanted, low, high, address)


def _protocol_bits(protocols: Iterable[int | str]) -> bytes:
    if not protocols:
        return b""
    some = excluded = 0
    for value in protocols:
        if isinstance(value, int):
            some |= 1 << value
        else:
            excluded |= 1 << int(value[1:])
    return ((some or 2**256 - 1) & ~excluded).to_bytes(32, "little")


def _family_bits(families: Iterable[str]) -> int:
    """0 for any family; a bit that no entry has where all are excluded."""
    some = excluded = 0
    for text in families:
        name, wanted = included(text)
        if wanted:
            some |= FAMILIES[name]
        else:
            excluded |= FAMILIES[name]
    if not some and not excluded:
        return 0
    return (some or sum(FAMILIES.values())) & ~excluded or _NO_FAMILY


def _states(texts: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple([text.upper() for text in texts])
    for state, text in zip(found, texts):
        if included(state)[0] not in STATES:
            raise InvalidValue(f"no connection state {included(text)[0]!r}: there are {', '.join(STATES)}")
    if len(found) > MOST_STATES:
        raise InvalidValue(f"at most {MOST_STATES} states")
    return found


def _protocol(value: str | int) -> int | str:
    if not isinstance(value, str):
        return check_protocol(value)
    name, wanted = included(value)
    number = check_protocol(name)
    return number if wanted else f"!{number}"


def _family(text: str) -> str:
    text, wanted = included(text)
    name = text.lower()
    name = _FAMILY_NAMES.get(name, name)
    if name not in FAMILIES:
        raise InvalidValue(f"no address family {text!r}: ipv4, ipv6 or mixed")
    return name if wanted else f"!{name}"


def _engines(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        check_name(included(text)[0], "persistence engine", longest=ENGINE_MAX)
    if len(texts) > MOST_ENGINES:
        raise InvalidValue(f"at most {MOST_ENGINES} persistence engines")
    return texts


EVERYTHING = ConnectionFilter()
