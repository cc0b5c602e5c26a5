"""Who may ask: users with bcrypt hashes, and what was found of their passwords.

How long an answer takes must tell nobody which users there are: an unknown one is held against the hash of a
known one, always the same. What was found is remembered, by a keyed digest, so that a scrape costs no
hashing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from threading import BoundedSemaphore, Lock

from .bcrypt_hash import password_fits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MOST_REMEMBERED = 256  # of those that fit, and of those that do not
MOST_BYTES = 1024  # of a name and a password together
_AT_ONCE = 2  # hashes computed at a time: guessing gets no more of the machine


class AuthBusy(Exception):
    """Too many passwords are being checked."""


class BasicAuth:
    """users: names and hashes, at least one."""

    def __init__(self, users: dict[str, str]) -> None:
        self._users: Final = {name.encode(): hashed.encode() for name, hashed in users.items()}
        self._hashes = sorted(self._users.values())
        self._key = os.urandom(32)
        self._lock = Lock()
        self._computing = BoundedSemaphore(_AT_ONCE)
        # Apart, or whoever guesses would drive out what is known of the others.
        self._fit: dict[bytes, None] = {}
        self._misfit: dict[bytes, None] = {}

    def allows(self, header: str, seconds: float) -> bool:
        """Whether an Authorization header has a known user and the password; AuthBusy if that cannot be
        found out in so many seconds, without what the hashing takes."""
        user, password = _credentials(header)
        if not user:
            return False
        digest = hmac.digest(self._key, len(user).to_bytes(4, "big") + user + password, hashlib.sha256)
        with self._lock:
            if digest in self._fit:
                return True
            if digest in self._misfit:
                return False
        if not self._computing.acquire(timeout=seconds):
            raise AuthBusy
        try:
            fits = self._fits(user, password)
        finally:
            self._computing.release()
        self._remember(self._fit if fits else self._misfit, digest)
        return fits

    def _fits(self, user: bytes, password: bytes) -> bool:
        hashed = self._users.get(user)
        other = hmac.digest(self._key, user, hashlib.sha256)
        stand_in = self._hashes[int.from_bytes(other, "big") % len(self._hashes)]
        fits = password_fits(password, hashed or stand_in)
        return fits and hashed is not None

    def _remember(self, among: dict[bytes, None], digest: bytes) -> None:
        with self._lock:
            among[digest] = None
            while len(among) > MOST_REMEMBERED:
                del among[next(iter(among))]


def _credentials(header: str) -> tuple[bytes, bytes]:
    """User and password; two empty ones if it has none."""
    scheme, _, coded = header.strip().partition(" ")
    if scheme.lower() != "basic" or len(coded) > 2 * MOST_BYTES:
        return b"", b""
    try:
        user, colon, password = base64.b64decode(coded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b"", b""
    return (user, password) if colon else (b"", b"")
