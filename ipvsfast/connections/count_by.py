"""By what connections can be counted: names of keys, and packed counts (csrc/api/conns.h). No I/O."""

from __future__ import annotations

import struct
import sys

from ..errors import InvalidValue
from ..model.address import format_endpoint, format_ip, parse_int
from ..model.connection import protocol_text
from ..model.kernel_names import AF_INET
from ..model.value import Field, Value, check_kind, check_range
from .filter import FAMILIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Self, Unpack

    from ..model.types import GroupChanges

PART = struct.Struct("=BBBB")
_PLACE = struct.Struct("=B16sH")
_FAMILY_NAMES = {bit: name for name, bit in FAMILIES.items()}
_KEY_MAX = 160
_ORDER = sys.byteorder


def _address(key: bytes) -> str:
    return format_ip(key[1:5] if key[0] == AF_INET else key[1:17])


def _place(key: bytes) -> str:
    family, packed, port = _PLACE.unpack(key)
    return format_endpoint(packed[:4] if family == AF_INET else packed, port)


def _service(key: bytes) -> str:
    return f"{protocol_text(key[0])} {_place(key[1:])}"


def _port(key: bytes) -> int:
    return int.from_bytes(key, _ORDER)


def _protocol(key: bytes) -> str:
    return protocol_text(key[0])


def _family(key: bytes) -> str:
    return _FAMILY_NAMES[key[0]]


def _name(key: bytes) -> str:
    """As csrc/conns/format.c writes it: ASCII from which the bytes can be had again."""
    text = key.rstrip(b"\0").decode("latin-1")
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join([_escaped(character) for character in text])


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    return character if " " <= character <= "~" else f"\\x{ord(character):02x}"


# Name: (enum ipvsf_conn_key, bytes, text). client-net has its prefix lengths behind a colon.
KEYS: dict[str, tuple[int, int, Callable[[bytes], str]]] = {
    "client": (0, 17, _address),
    "client-net": (0, 17, _address),
    "client-port": (1, 2, lambda key: str(_port(key))),
    "service": (2, 20, _service),
    "service-address": (3, 17, _address),
    "destination": (4, 19, _place),
    "destination-address": (5, 17, _address),
    "state": (6, 16, _name),
    "protocol": (7, 1, _protocol),
    "family": (8, 1, _family),
    "pe": (9, 16, _name),
    "template": (10, 1, lambda key: "yes" if key[0] else "no"),
}
# What a key is for programs: fields as an entry has them (forms.FIELDS), and what the entry does not tell
# by itself.
FIELDS: dict[str, tuple[tuple[str, Callable[[bytes], object]], ...]] = {
    "client": (("client", _address),),
    "client-net": (("client_net", _address),),
    "client-port": (("client_port", _port),),
    "service": (
        ("protocol", _protocol),
        ("service", lambda key: _address(key[1:18])),
        ("service_port", lambda key: _port(key[18:])),
    ),
    "service-address": (("service", _address),),
    "destination": (
        ("destination", lambda key: _address(key[:17])),
        ("destination_port", lambda key: _port(key[17:])),
    ),
    "destination-address": (("destination", _address),),
    "state": (("state", _name),),
    "protocol": (("protocol", _protocol),),
    "family": (("family", _family),),
    "pe": (("pe", lambda key: _name(key) or None),),
    "template": (("template", lambda key: bool(key[0])),),
}
DEFAULT_NETS = (24, 64)


class Key:
    """One part of what connections are counted by: `client`, `client-net:24` or `client-net:24/48`.

    The two numbers are the prefix lengths for IPv4 and IPv6 (64 unless given). InvalidValue for
    anything else.
    """

    __slots__ = ("name", "spelling", "packed", "size", "_text", "_suffixes")
    name: str
    size: int

    def __init__(self, text: str) -> None:
        self.name, colon, lengths = text.strip().lower().partition(":")
        if self.name not in KEYS or (colon and self.name != "client-net"):
            raise InvalidValue(f"connections cannot be counted by {text!r}: choose from {', '.join(KEYS)}")
        number, self.size, self._text = KEYS[self.name]
        self.spelling: str = self.name
        four, six = 32, 128
        self._suffixes: tuple[str, str] | None = None
        if self.name == "client-net":
            four, six = _prefixes(lengths) if colon else DEFAULT_NETS
            self._suffixes = (f"/{four}", f"/{six}")
            self.spelling = f"client-net:{four}/{six}"
        self.packed: bytes = PART.pack(number, four, six, 0)

    @property
    def names(self) -> list[str]:
        """What its values are called for programs."""
        return [name for name, _ in FIELDS[self.name]]

    def text(self, key: bytes) -> str:
        """One packed key of this kind for people."""
        text = self._text(key)
        if self._suffixes:
            text += self._suffixes[key[0] != AF_INET]
        return text

    def fields(self, key: bytes) -> list[tuple[str, object]]:
        """The same for programs: names and values."""
        if self._suffixes:
            return [("client_net", self.text(key))]
        return [(name, value(key)) for name, value in FIELDS[self.name]]


def _prefixes(text: str) -> tuple[int, int]:
    first, slash, second = text.partition("/")
    four = parse_int(first, 0, 32)
    six = parse_int(second, 0, 128) if slash else DEFAULT_NETS[1]
    if four is None or six is None:
        raise InvalidValue(
            f"client-net:{text}: prefix lengths are 0 to 32 for IPv4, and behind a / 0 to 128 for IPv6"
        )
    return four, six


def parse_keys(by: str | Sequence[str | Key]) -> list[Key]:
    """The parts of `client,state` or ("client", "state"). InvalidValue for anything else."""
    texts: Sequence[str | Key] = by.split(",") if isinstance(by, str) else by
    keys = [text if isinstance(text, Key) else Key(text) for text in texts]
    if not keys or sum(key.size for key in keys) > _KEY_MAX:
        raise InvalidValue(f"connections cannot be counted by {by!r}: too many keys or none")
    if len({key.spelling for key in keys if key.name == "client-net"}) > 1:
        raise InvalidValue("connections cannot be counted by client-net of two lengths at the same time")
    return keys


class Group(Value, tuple[tuple[str, ...], int]):
    """(keys, count): how many connections have these keys, which are texts in the order asked for."""

    __slots__ = ()
    keys: Field[tuple[str, ...]] = Field(0, "The keys, as texts.")
    count: Field[int] = Field(1, "How many connections have them.")  # type: ignore[assignment]

    def __new__(cls, keys: Iterable[str], count: int) -> Self:
        texts = tuple(keys)
        for text in texts:
            check_kind(text, str, "a key")
        return cls._make(texts, check_range(count, 0, 2**64 - 1, "count"))

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[GroupChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""


def counts_of(packed: bytes, entry_size: int) -> list[int]:
    """The counts alone."""
    return memoryview(packed).cast("Q")[:: entry_size // 8].tolist() if packed else []


def unpack_groups(packed: bytes, entry_size: int, keys: Sequence[Key]) -> Iterator[Group]:
    """The groups of packed counts."""
    for parts, count in _unpack(packed, entry_size, keys):
        yield Group._make(tuple([key.text(part) for key, part in zip(keys, parts)]), count)


def unpack_records(packed: bytes, entry_size: int, keys: Sequence[Key]) -> Iterator[dict[str, object]]:
    """The same with values for programs, by their names."""
    for parts, count in _unpack(packed, entry_size, keys):
        record: dict[str, object] = {}
        for key, part in zip(keys, parts):
            record.update(key.fields(part))
        record["connections"] = count
        yield record


def _unpack(packed: bytes, entry_size: int, keys: Sequence[Key]) -> Iterator[tuple[list[bytes], int]]:
    for at in range(0, len(packed), entry_size):
        parts = []
        start = at + 8
        for key in keys:
            parts.append(packed[start : start + key.size])
            start += key.size
        yield parts, int.from_bytes(packed[at : at + 8], _ORDER)
