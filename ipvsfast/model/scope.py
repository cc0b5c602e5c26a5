"""Which services somebody may change, as `--scope` writes it: 10.0.0.0/8, tcp:80, fwmark:1-9, !10.0.0.1."""

from __future__ import annotations

from ..errors import InvalidValue
from .address import parse_int
from .kernel_names import PROTOCOLS
from .place import Places, included

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Final

    from .keys import ServiceKey

MARK = "fwmark"
_MOST = 2**32 - 1


class Scope:
    """Services that are in any of some areas, and in none of those with an exclamation mark in front.

    An area is an address, a prefix, a port or ports, or both, as TableFilter has them (10.0.0.0/8, :80,
    10.0.0.1:8000-8099, [2001:db8::/32]:80); or a protocol (tcp), which may stand in front of these
    (tcp:10.0.0.0/8, tcp:80); or fwmark, fwmark:7 or fwmark:1-9. Without an area all services are in it.
    InvalidValue for anything else.
    """

    __slots__ = ("texts", "_included", "_excluded")

    def __init__(self, texts: str | Iterable[str] = ()) -> None:
        self.texts: Final[tuple[str, ...]] = (texts,) if isinstance(texts, str) else tuple(texts)
        self._included: Final[list[_Area]] = []
        self._excluded: Final[list[_Area]] = []
        for text in self.texts:
            if not isinstance(text, str):
                raise InvalidValue(f"a scope is text, or several texts, not {text!r}")
            area, wanted = included(text)
            (self._included if wanted else self._excluded).append(_Area(area))

    def __bool__(self) -> bool:
        """Whether a service may be outside."""
        return bool(self.texts)

    def has(self, key: ServiceKey) -> bool:
        """Whether that service is in it."""
        if any(area.has(key) for area in self._excluded):
            return False
        return not self._included or any(area.has(key) for area in self._included)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scope) and self.texts == other.texts

    def __hash__(self) -> int:
        return hash(self.texts)

    def __reduce__(self) -> tuple[Any, ...]:
        return Scope, (self.texts,)

    def __str__(self) -> str:
        return ",".join(self.texts)

    def __repr__(self) -> str:
        return f"Scope({self.texts!r})"


class _Area:
    """One area: marks from `low` to `high`, or a protocol (0: any) and places (None: any)."""

    __slots__ = ("_marks", "_protocol", "_places")

    def __init__(self, text: str) -> None:
        word, colon, rest = text.partition(":")
        name = word.lower()
        self._marks: Final = _marks(rest, text) if name == MARK and (rest or not colon) else None
        self._protocol: Final = PROTOCOLS.get(name, 0)
        if self._marks is not None or (self._protocol and not colon):
            place = ""
        elif self._protocol and rest.replace("-", "").isdecimal():
            place = f":{rest}"
        else:
            place = rest if self._protocol else text
        try:
            self._places: Final = Places((place,)) if place else None
        except InvalidValue:
            place = ""
        if not place and self._marks is None and (colon or not self._protocol):
            raise InvalidValue(
                f"no scope: {text!r} (10.0.0.0/8, :80, tcp, tcp:80, udp:10.0.0.0/8:53, [2001:db8::/32]:80, "
                "fwmark, fwmark:1-9)"
            )

    def has(self, key: ServiceKey) -> bool:
        fwmark, family, protocol, packed, port = key
        if fwmark or self._marks is not None:
            return self._marks is not None and self._marks[0] <= fwmark <= self._marks[1]
        if self._protocol not in (0, protocol):
            return False
        return self._places is None or self._places.hold(family, packed, port)


def _marks(text: str, whole: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    low = parse_int(first, 1, _MOST) if text else 1
    high = parse_int(last, 1, _MOST) if dash else low if text else _MOST
    if low is None or high is None or low > high:
        raise InvalidValue(f"the mark in {whole!r} must be a number from 1, or two with a dash between")
    return low, high
