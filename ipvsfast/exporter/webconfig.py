"""The web configuration file, in the format that Prometheus' exporters share (exporter-toolkit)."""

from __future__ import annotations

import os
import re
from threading import Lock
from time import monotonic

from ..errors import InvalidValue
from ..filewatch import signature
from ..foreign.account import Mistake
from ..foreign.documents import Document, parse_yaml
from .basic_auth import BasicAuth
from .bcrypt_hash import hash_problem
from .tls import load_tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .notes import Notes
    from .tls import Tls

MOST_BYTES = 1 << 20
_RETRY = 10.0  # seconds
_TLS = {
    **dict.fromkeys(("cert", "key", "client_ca", "cert_file", "key_file", "client_ca_file"), str),
    **dict.fromkeys(("client_auth_type", "min_version", "max_version"), str),
    **dict.fromkeys(("client_allowed_sans", "cipher_suites", "curve_preferences"), list),
    "prefer_server_cipher_suites": bool,
}
_HTTP = {"http2": bool, "headers": dict}
_TOP = {"tls_server_config": dict, "http_server_config": dict, "basic_auth_users": dict, "rate_limit": dict}
_RATE = {"interval": (str, int), "burst": int}
_HEADERS: dict[str, tuple[str, ...]] = {  # with the values they may have, where only some have a meaning
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
_KINDS = {str: "text", bool: "true or false", dict: "an object", list: "a list", int: "a whole number"}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class WebConfig:
    """What such a file says. tls, auth: None where it asks for none. headers: of every answer. rate: seconds
    between two requests, and how many may come at once; None for any number. files: what it was read from."""

    def __init__(self) -> None:
        self.tls: Tls | None = None
        self.auth: BasicAuth | None = None
        self.headers: dict[str, str] = {}
        self.rate: tuple[float, int] | None = None
        self.files: list[str] = []
        self.remarks: list[str] = []


def read_web_config(path: str) -> WebConfig:
    """InvalidValue, with the file and where it is known the line, for what is wrong in it; OSError where it
    cannot be read."""
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InvalidValue(f"{path}: larger than {MOST_BYTES:,} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise InvalidValue(f"{path}: this is no text in UTF-8") from None
    try:
        return _ConfigReader(path, parse_yaml(text)).config
    except Mistake as mistake:
        place = f"{path}:{mistake.line}" if mistake.line else path
        raise InvalidValue(f"{place}: {mistake.message}") from None


class _ConfigReader:
    def __init__(self, path: str, document: Document) -> None:
        self._lines = document.lines
        self._folder = os.path.dirname(os.path.abspath(path))
        self.config: Final = WebConfig()
        self.config.files.append(path)
        top = self._object(document.value if document.value is not None else {}, "the file", _TOP, 1)
        for name, read in (
            ("tls_server_config", self._tls), ("http_server_config", self._http),
            ("basic_auth_users", self._users), ("rate_limit", self._rate),
        ):  # fmt: skip
            if top.get(name):
                read(top[name])

    def _line(self, value: object) -> int:
        return self._lines.get(id(value), 0)

    def _object(self, value: Any, name: str, known: dict[str, Any], line: int = 0) -> dict[str, Any]:
        """An object with no other names than the known ones, each of its type. Nothing counts as left out."""
        line = self._line(value) or line
        if not isinstance(value, dict):
            raise Mistake(line, f"{name} is an object")
        for word, found in value.items():
            if word not in known:
                raise Mistake(line, f"{name}: {word!r} is not among {', '.join(known)}")
            kinds = known[word] if isinstance(known[word], tuple) else (known[word],)
            is_bool = isinstance(found, bool)
            if found is not None and (not isinstance(found, kinds) or (is_bool and bool not in kinds)):
                raise Mistake(self._line(found) or line, f"{word} is {_KINDS[kinds[0]]}")
            if isinstance(found, list) and not all(isinstance(one, str) for one in found):
                raise Mistake(self._line(found) or line, f"{word} is a list of texts")
        return {word: found for word, found in value.items() if found is not None}

    def _tls(self, value: dict[str, Any]) -> None:
        words = self._object(value, "tls_server_config", _TLS)
        for name in ("cert_file", "key_file", "client_ca_file"):
            if words.get(name):
                words[name] = os.path.join(self._folder, words[name])
                self.config.files.append(words[name])
        try:
            self.config.tls = load_tls(words)
        except InvalidValue as error:
            raise Mistake(self._line(value), f"tls_server_config: {error}") from None

    def _http(self, value: dict[str, Any]) -> None:
        words = self._object(value, "http_server_config", _HTTP)
        if words.get("http2"):
            self.config.remarks.append("http2 is asked for, and HTTP/1.1 is what is served")
        headers = self._object(words.get("headers", {}), "headers", dict.fromkeys(_HEADERS, str))
        for name, text in headers.items():
            allowed = _HEADERS[name]
            if allowed and text.lower() not in ("", *allowed):
                raise Mistake(self._line(words["headers"]), f"{name} is {' or '.join(allowed)}")
            if not text.isascii() or not text.isprintable():
                raise Mistake(self._line(words["headers"]), f"{name} has characters that no header can have")
            if text:
                self.config.headers[name] = text

    def _users(self, value: dict[str, Any]) -> None:
        users: dict[str, str] = {}
        for name, hashed in value.items():
            if not name or ":" in name:
                raise Mistake(self._line(value), f"{name!r} is no name for a user")
            problem = hash_problem(hashed) if isinstance(hashed, str) else "this is no bcrypt hash"
            if problem:
                raise Mistake(self._line(value), f"basic_auth_users: {name}: {problem}")
            users[name] = hashed
        self.config.auth = BasicAuth(users)

    def _rate(self, value: dict[str, Any]) -> None:
        words = self._object(value, "rate_limit", _RATE)
        text, burst = str(words.get("interval", 0)), words.get("burst", 0)
        found = _DURATION.fullmatch(text)
        if found is None and text != "0":
            raise Mistake(self._line(value), f"interval is a time such as 1s or 500ms, not {text!r}")
        seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
        if not seconds:
            return
        if burst < 1:
            raise Mistake(self._line(value), "burst is how many requests may come at once, at least 1")
        self.config.rate = seconds, burst


class WebConfigFile:
    """The file, read again when it or what it names has changed. InvalidValue or OSError where it cannot be
    used at the start; later that is noted, and what was read before stays in force."""

    def __init__(self, path: str, notes: Notes) -> None:
        self._path = path
        self._notes = notes
        self._lock = Lock()
        self._config: WebConfig
        self._seen: dict[str, tuple[int, ...]]
        self._failure = ""
        self._failed_at = 0.0
        self._load({path: signature(path)})

    def current(self) -> WebConfig:
        """What is in force now."""
        with self._lock:
            changed = any(signature(file) != seen for file, seen in self._seen.items())
            # A file that it names may have been what was wrong, and that is not looked at.
            if changed or (self._failure and monotonic() - self._failed_at >= _RETRY):
                self._read_again()
            return self._config

    def read_again(self) -> None:
        """Whether it seems to have changed or not."""
        with self._lock:
            self._failure = ""
            self._read_again()

    def _load(self, before: dict[str, tuple[int, ...]]) -> None:
        """before: what the files were; who changes one meanwhile is seen at the next look."""
        self._config = read_web_config(self._path)
        self._seen = {file: before.get(file) or signature(file) for file in self._config.files}
        for remark in self._config.remarks:
            self._notes(f"remarks on {self._path}", f"{self._path}: {remark}")

    def _read_again(self) -> None:
        before = {file: signature(file) for file in self._config.files}
        try:
            self._load(before)
        except (InvalidValue, OSError) as error:
            why = f"{self._path}: {error.strerror}" if isinstance(error, OSError) else str(error)
            if why != self._failure:
                self._notes(f"{self._path} cannot be used", f"{why}; what was read before stays in force")
            self._failure, self._failed_at, self._seen = why, monotonic(), before
            return
        self._failure = ""
        self._notes(f"{self._path} was read again", f"{self._path} was read again and is in force")
