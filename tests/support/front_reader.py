"""The front's reader of command lines (csrc/front/words.c), built into a library, beside the grammar."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, NamedTuple

from ipvsfast._native import ffi, lib
from ipvsfast.kernel.layout import pack_operations
from ipvsfast.kernel.table_reading import VIEWS
from ipvsfast.language.parse import operation_of, parse
from ipvsfast.language.words import UsageError
from ipvsfast.listing.headers import chosen_view
from ipvsfast.model.operation import Operation
from support.built import library

CHANGE, CLEAR, RESTORE, LIST, TIMEOUTS, CONNS, REPLACE = range(7)
SOURCES = ("front/words.c", "rules/scan.c", "netlink/encode.c")


class Meaning(NamedTuple):
    """What a command line comes to. message: the change, or what names the one service of a listing."""

    kind: int
    message: bytes = b""
    view: int = 0
    exact: bool = False
    nosort: bool = False


class _Answer(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int32),
        ("view", ctypes.c_uint32),
        ("exact", ctypes.c_uint32),
        ("nosort", ctypes.c_uint32),
        ("len", ctypes.c_int32),
        ("message", ctypes.c_uint8 * 512),
    ]


@cache
def _library() -> Any:
    return library("front_reader", *SOURCES, made=("front/options.py",))


def by_front(words: list[str], program: str = "") -> Meaning | None:
    """What the front makes of these words; None where it leaves them to Python. program: "save", "restore"."""
    raw = [word.encode("utf-8", "surrogateescape") for word in words]
    argv = (ctypes.c_char_p * (len(raw) + 1))(*raw, None)
    answer = _Answer()
    if not _library().front_reader(program.encode(), argv, ctypes.byref(answer)):
        return None
    assert answer.len >= 0, "it is no message"
    message = bytes(answer.message[: answer.len])
    return Meaning(answer.kind, message, answer.view, bool(answer.exact), bool(answer.nosort))


class _NoNames:
    """Whoever asks for a name meets this: the front must not take names."""

    def host(self, name: str) -> bytes | None:
        raise LookupError(name)

    def port(self, name: str, protocol: str) -> int | None:
        raise LookupError(name)


def _message(operation: Operation) -> bytes:
    packed = pack_operations([operation])
    room = ffi.new("uint8_t[]", lib.IPVSF_MESSAGE_MAX)
    length = lib.ipvsf_op_encode(ffi.from_buffer("struct ipvsf_op *", packed), 1, 1, room, len(room))
    assert length > 0
    return bytes(ffi.buffer(room, length))


def by_grammar(words: list[str]) -> Meaning | str:
    """What the grammar makes of them: the same in the same form, or in words what is not plain about them."""
    try:
        request = parse(words, _NoNames(), own=True)
    except (UsageError, LookupError) as error:
        return f"{type(error).__name__}: {error}"
    asked = request.options
    if request.command == "flush":
        return Meaning(CLEAR, _message(operation_of(request)))
    if request.command == "restore":
        return Meaning(RESTORE)
    if request.command == "save":
        return Meaning(LIST, view=VIEWS["rules"]) if "numeric" in asked else "with names"
    if request.command != "list":
        if request.command in ("help", "version"):
            return request.command
        return Meaning(CHANGE, _message(operation_of(request)))
    if "timeout" in asked:
        return Meaning(TIMEOUTS)
    if "daemon" in asked or "numeric" not in asked:
        return "daemons or names"
    if "connection" in asked:
        view = VIEWS["persistent-conn" if "persistent-conn" in asked else "default"]
        return Meaning(CONNS, view=view) if request.source is None else "a source"
    one = b"" if request.key is None else _message(Operation._make("delete-service", request.key, None, None))
    view = VIEWS[chosen_view(asked)]
    return Meaning(LIST, one, view, "exact" in asked, "nosort" in asked)
