"""Types of the compiled module. Only session.py (and tests/native) may import it.

`lib` has the functions and enum values of csrc/ipvsfast.h, `ffi` is cffi's; cdata is opaque to mypy.
"""

from collections.abc import Buffer  # type: ignore[attr-defined, unused-ignore]
from typing import Any

class _Ffi:
    def new(self, cdecl: str, init: Any = ...) -> Any: ...
    def from_buffer(self, cdecl: str, buffer: Buffer, require_writable: bool = ...) -> Any: ...
    def buffer(self, cdata: Any, size: int = ...) -> Any: ...
    def string(self, cdata: Any) -> bytes: ...
    def sizeof(self, cdecl: str) -> int: ...
    def offsetof(self, cdecl: str, field: str) -> int: ...
    NULL: Any

class _Lib:
    IPVSF_NAME_LEN: int
    IPVSF_MESSAGE_MAX: int
    def __getattr__(self, name: str) -> Any: ...

ffi: _Ffi
lib: _Lib
