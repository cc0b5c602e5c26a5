"""Passwords and their bcrypt hashes, by the system's own libcrypt (crypt_r; musl has it in its libc)."""

from __future__ import annotations

import ctypes
import hmac
import re
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_COST = 16  # some seconds; each step doubles it
_HASH = re.compile(rb"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2", None)  # None: what the program itself is linked with
_WORK = 262144  # bytes; glibc's own, older libcrypt takes 131,232
# Of the empty password: a libcrypt that does not know bcrypt gives something else.
_PROBE = b"$2a$04$......................w74bL5gU7LSJClZClCa.Pkz14aTv/XO"


def hash_problem(text: str) -> str:
    """Why this is no hash that passwords can be held against; empty if it is one."""
    data = text.encode("utf-8", "surrogateescape")
    found = _HASH.fullmatch(data)
    if found is None:
        return 'this is no bcrypt hash, such as `htpasswd -nBC 10 ""\' makes ($2y$10$...)'
    if not 4 <= int(found[1]) <= MOST_COST:
        return f"a cost of {int(found[1])}; 4 to {MOST_COST} can be waited for"
    if _crypt_r() is None:
        return "the libcrypt of this system does not know bcrypt; client certificates are another way"
    return ""


def password_fits(password: bytes, hashed: bytes) -> bool:
    """Whether it is the one of the hash. Takes long, on purpose; other threads go on meanwhile."""
    crypt_r = _crypt_r()
    if crypt_r is None or b"\0" in password:
        return False
    made: bytes | None = crypt_r(password, hashed, ctypes.create_string_buffer(_WORK))
    return made is not None and hmac.compare_digest(made, hashed)


@cache
def _crypt_r() -> Any:
    """The function, or None where none knows bcrypt."""
    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt_r
        except (OSError, AttributeError):
            continue
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
        function.restype = ctypes.c_char_p
        if function(b"", _PROBE, ctypes.create_string_buffer(_WORK)) == _PROBE:
            return function
    return None
