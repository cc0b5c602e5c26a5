"""The one kind of value: a tuple with names, checked when it is made, and the checks that constructors share.

A tuple is the cheapest thing in Python that cannot be changed: half the time of an object with slots, and
it is compared and hashed in C. Neither dataclasses nor namedtuple: importing them costs more than a listing.
"""

from __future__ import annotations

from ..errors import InvalidValue
from .kernel_names import NAME_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any, ClassVar, Generic, TypeVar, overload

    from typing_extensions import Never, Self

    _T = TypeVar("_T")
    _V = TypeVar("_V")

    def new(kind: type[_V], values: Sequence[Any]) -> _V:
        """A value without checks, all that it is made of in order: the fastest way to make one."""
        ...

    class Field(Generic[_T]):
        """A value by its name, its place and what it means; it can be read only."""

        def __init__(self, place: int, doc: str = "") -> None: ...
        @overload
        def __get__(self, value: None, kind: type) -> Self: ...
        @overload
        def __get__(self, value: object, kind: type) -> _T: ...
        def __get__(self, value: object, kind: type) -> Any: ...
        def __set__(self, value: object, to: Never) -> None: ...

    class _Tuple:
        """What a value is made of is no promise, unless its class says so (see keys, Connection)."""

else:
    _Tuple, new = tuple, tuple.__new__
    try:
        from _collections import _tuplegetter as Field  # what namedtuple is made of
    except ImportError:
        from operator import itemgetter

        def Field(place, doc=""):  # the same where this Python has no such thing
            return property(itemgetter(place), doc=doc)


def check_range(value: int, low: int, high: int, what: str) -> int:
    """`value`, if it is a whole number in that range; else InvalidValue."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidValue(f"{what} must be a whole number from {low} to {high}, not {value!r}")
    return value


def check_name(value: str, what: str, empty: bool = False, longest: int = NAME_MAX) -> str:
    """`value`, if the kernel has room for it as a name; else InvalidValue."""
    if isinstance(value, str):
        if not value and empty:
            return value
        try:
            raw = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # half a pair, which JSON can have
            raw = b""
        if 0 < len(raw) <= longest and not any(c <= 32 or c == 127 for c in raw):
            return value
    raise InvalidValue(f"{what} must be 1 to {longest} bytes without blanks, not {value!r}")


def check_kind(value: object, kinds: type | tuple[type, ...], what: str) -> None:
    """TypeError for a value of another class: this is a slip in a program, not in what it was given."""
    if not isinstance(value, kinds):
        names = [kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,))]
        raise TypeError(f"{what} must be a {' or a '.join(names)}, not {value!r}")


def check_flag(value: bool, what: str) -> bool:
    """`value`, if it is True or False; "no" and the like would be taken for True."""
    if value is not True and value is not False:
        raise InvalidValue(f"{what} must be True or False, not {value!r}")
    return value


def check_object(kind: type, values: object) -> None:
    """InvalidValue for what is no object of JSON."""
    if not hasattr(values, "keys"):
        raise InvalidValue(f"{kind.__name__} needs names and values, not {values!r}")


def check_names(
    kind: type, values: Mapping[str, Any], names: Collection[str], optional: Collection[str] = ()
) -> None:
    """InvalidValue for names that `kind` does not have, and for those of its names that are missing."""
    check_object(kind, values)
    for name in values:
        if name not in names:
            raise InvalidValue(f"{kind.__name__} has no {name!r}: there are {', '.join(names)}")
    for name in names:
        if name not in values and name not in optional:
            raise InvalidValue(f"{kind.__name__} needs {name!r}")


def unpickled(kind: type[Value], values: tuple[Any, ...]) -> Value:
    """A value as it was, without checks: the kernel may have reported what constructors refuse."""
    return new(kind, values)


def _plain(value: object) -> object:
    """`value` as JSON has it."""
    if isinstance(value, Value):
        return value.to_dict()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


_parameters: dict[type, tuple[tuple[str, ...], dict[str, Any]]] = {}


class Value(_Tuple):
    """What cannot be changed, and is made of what its constructor takes, by position or by name.

    repr() gives what makes the same value again. `replace(...)` gives a copy with some values changed,
    checked like a new one. `to_dict()` gives what json.dumps() takes, and `from_dict()` takes it back.
    What the kernel reports is made without checks, by `_make`.
    """

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()

    if not TYPE_CHECKING:

        def __init_subclass__(cls) -> None:
            kinds = vars(cls).get("__annotations__", {}).items()  # texts: nobody evaluates them
            names = tuple([name for name, kind in kinds if kind[:6] == "Field["])
            if names:
                cls._fields = cls.__match_args__ = names

        def replace(self, **changes):
            """A copy with some values changed, checked like a new one."""
            return type(self)(**self._changed(changes))

    def __new__(cls, *values: Any, **named: Any) -> Self:
        """For classes without checks of their own."""
        more = cls._fields[len(values) :]
        if len(values) > len(cls._fields) or set(named) != set(more):
            raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}")
        return new(cls, values + tuple([named[name] for name in more]))

    @classmethod
    def _make(cls, *values: Any) -> Self:
        """Without checks, all values in their order."""
        return new(cls, values)

    def _with(self, **changes: Any) -> Self:
        """A copy with some values changed, without checks."""
        values: Any = self
        return new(type(self), [changes.get(name, value) for name, value in zip(self._fields, values)])

    @classmethod
    def _parameters(cls) -> tuple[tuple[str, ...], dict[str, Any]]:
        """The names that the constructor takes, and what it takes those for that are left out."""
        known = _parameters.get(cls)
        if known is None:
            constructor: Any = cls.__new__
            names = constructor.__code__.co_varnames[1 : constructor.__code__.co_argcount] or cls._fields
            defaults = constructor.__defaults__ or ()
            known = _parameters[cls] = names, dict(zip(names[len(names) - len(defaults) :], defaults))
        return known

    def _arguments(self) -> dict[str, Any]:
        """What the constructor makes this value of."""
        return {name: getattr(self, name) for name in self._fields}

    def _changed(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The same with some of it changed."""
        return {**self._arguments(), **changes}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __repr__(self) -> str:
        (first, *_), defaults = self._parameters()
        parts = []
        for name, value in self._arguments().items():
            if name not in defaults:
                parts.append(repr(value) if name == first else f"{name}={value!r}")
            elif value != defaults[name]:
                parts.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"

    def __reduce__(self) -> tuple[Any, ...]:
        values: Any = self
        return unpickled, (type(self), values[:])

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON has it: text, numbers, true and false, None, lists, and dicts of them."""
        return {name: _plain(value) for name, value in self._arguments().items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The value that to_dict() gave, checked like a new one; what is left out has its default."""
        check_names(cls, values, *cls._parameters())
        return cls._of(values)

    @classmethod
    def _of(cls, values: Mapping[str, Any]) -> Self:
        """What the constructor makes of them; data of the wrong kind is not a slip in the program here."""
        try:
            return cls(**values)
        except TypeError as error:
            raise InvalidValue(f"{cls.__name__}: {error}") from None


class Record(Value):
    """A value that is equal only to one of its own class, by its first `_compared` values (None: by all)."""

    __slots__ = ()
    _compared: ClassVar[int | None] = None

    def _key(self) -> tuple[Any, ...]:
        values: Any = self
        return values[: self._compared]  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record) and type(other) is type(self):
            return self._key() == other._key()
        # A plain tuple asked in turn would look at the values alone.
        return False if isinstance(other, tuple) else NotImplemented

    def __ne__(self, other: object) -> bool:  # a tuple has one of its own
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self) -> int:
        return hash(self._key())

    def __lt__(self, other: Self) -> bool:
        return self._key() < other._key() if type(other) is type(self) else NotImplemented

    def __le__(self, other: Self) -> bool:
        return self._key() <= other._key() if type(other) is type(self) else NotImplemented

    def __gt__(self, other: Self) -> bool:
        return self._key() > other._key() if type(other) is type(self) else NotImplemented

    def __ge__(self, other: Self) -> bool:
        return self._key() >= other._key() if type(other) is type(self) else NotImplemented
