"""Immutable values with slots, and the checks that their constructors share.

Neither dataclasses nor enum: importing them costs more than a whole listing.
"""

from __future__ import annotations

from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar

    _F = TypeVar("_F", bound="Frozen")

NAME_MAX = 15  # bytes of a scheduler, engine or interface name

set_slot = object.__setattr__


def check_range(value: int, low: int, high: int, what: str) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise InvalidValue(f"{what} must be a whole number from {low} to {high}, not {value!r}")
    return value


def check_name(value: str, what: str, empty: bool = False, longest: int = NAME_MAX) -> str:
    if not value and empty:
        return value
    raw = value.encode("utf-8", "surrogateescape")
    if not value or len(raw) > longest or any(c <= 32 or c == 127 for c in raw):
        raise InvalidValue(f"{what} must be 1 to {longest} bytes without blanks, not {value!r}")
    return value


class Frozen:
    """Immutable value with slots: equality, hash and repr over `_compared`.

    A class whose values are made by the ten thousand puts its slots into a plain base class: such an
    object is filled at full speed and then becomes one of the immutable class (see Destination._make).
    """

    __slots__ = ()
    _compared: ClassVar[tuple[str, ...]] = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, n) for n in self._compared])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        inner = ", ".join([f"{n}={getattr(self, n)!r}" for n in self._compared])
        return f"{type(self).__name__}({inner})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._make, tuple([getattr(self, n) for n in self._fields()])

    def __copy__(self: _F) -> _F:
        return self

    def __deepcopy__(self: _F, memo: object) -> _F:
        return self

    @classmethod
    def _fields(cls) -> tuple[str, ...]:
        """Names of all values, those that are not compared too."""
        return tuple(cls.__slots__)

    @classmethod
    def _make(cls: type[_F], *values: Any) -> _F:
        """Build without checks, values in the order of the constructor's fields."""
        self = cls.__new__(cls)
        for name, value in zip(cls._fields(), values):
            set_slot(self, name, value)
        return self
