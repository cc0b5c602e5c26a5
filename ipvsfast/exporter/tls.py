"""TLS of the server, from the words of a web configuration file."""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager

from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert")
# Names as Go has them, of what is not known to be weak -> OpenSSL's.
CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
# Those of TLS 1.3, which are always all there.
_ALWAYS = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}


class Tls:
    """The settings, checked and loaded. allowed_sans: of client certificates; empty: any that verifies."""

    def __init__(self, context: ssl.SSLContext, allowed_sans: frozenset[str]) -> None:
        self.context: Final[ssl.SSLContext] = context
        self._allowed_sans = allowed_sans

    def refusal(self, client: ssl.SSLSocket) -> str:
        """Why the certificate of a client is not accepted; empty if it is."""
        if not self._allowed_sans:
            return ""
        names: Any = (client.getpeercert() or {}).get("subjectAltName", ())
        found = [str(value) for _, value in names]
        if self._allowed_sans.intersection(found):
            return ""
        return f"its certificate is for {', '.join(found) or 'no name'}, which client_allowed_sans has not"


def load_tls(words: dict[str, Any]) -> Tls:
    """words: those of tls_server_config, of the right types, with whole paths. InvalidValue: which is
    wrong, and why."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    least, most = _version(words, "min_version", "TLS12"), _version(words, "max_version", "TLS13")
    if least > most:
        raise InvalidValue("min_version is above max_version")
    context.minimum_version, context.maximum_version = least, most
    if words.get("prefer_server_cipher_suites", True):
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _set_ciphers(context, words.get("cipher_suites") or [])
    _set_curve(context, words.get("curve_preferences") or [])
    _load_certificate(context, words)
    _load_clients(context, words)
    sans = frozenset(words.get("client_allowed_sans") or ())
    if sans and context.verify_mode != ssl.CERT_REQUIRED:
        raise InvalidValue("client_allowed_sans needs client_auth_type RequireAndVerifyClientCert")
    return Tls(context, sans)


def _version(words: dict[str, Any], name: str, default: str) -> ssl.TLSVersion:
    text = words.get(name, default)
    if text not in _VERSIONS:
        raise InvalidValue(f"{name} is TLS12 or TLS13, not {text!r}")
    return _VERSIONS[text]


def _set_ciphers(context: ssl.SSLContext, names: list[str]) -> None:
    chosen = []
    for name in names:
        if name in CIPHERS:
            chosen.append(CIPHERS[name])
        elif name not in _ALWAYS:
            raise InvalidValue(f"cipher_suites: {name!r} is not among {', '.join(CIPHERS)}")
    if chosen:
        context.set_ciphers(":".join(chosen))


def _set_curve(context: ssl.SSLContext, names: list[str]) -> None:
    if not names:
        return
    if len(names) > 1 or names[0] not in CURVES:
        raise InvalidValue(f"curve_preferences: one of {', '.join(CURVES)} can be chosen, or none named")
    try:
        context.set_ecdh_curve(CURVES[names[0]])
    except (ValueError, ssl.SSLError):
        raise InvalidValue(f"curve_preferences: {names[0]} is not known to this system's OpenSSL") from None


def _load_certificate(context: ssl.SSLContext, words: dict[str, Any]) -> None:
    for name in ("cert", "key"):
        given = [word for word in (name, f"{name}_file") if words.get(word)]
        if len(given) != 1:
            raise InvalidValue(f"either {name} or {name}_file has to be there")
    with _as_file(words, "cert") as cert, _as_file(words, "key") as key:
        try:
            # OpenSSL would ask for a password on the terminal.
            context.load_cert_chain(cert, key, password=lambda: "")
        except ssl.SSLError as error:
            raise InvalidValue(f"certificate and key cannot be used: {_reason(error)}") from None
        except OSError as error:
            raise InvalidValue(f"certificate or key cannot be read: {error.strerror}") from None


def _load_clients(context: ssl.SSLContext, words: dict[str, Any]) -> None:
    kind = words.get("client_auth_type") or "NoClientCert"
    if kind in _UNVERIFIED:
        raise InvalidValue(f"client_auth_type {kind} takes any certificate; choose {', '.join(CLIENTS)}")
    if kind not in CLIENTS:
        raise InvalidValue(f"client_auth_type {kind!r} is not among {', '.join(CLIENTS)}")
    given = [word for word in ("client_ca", "client_ca_file") if words.get(word)]
    if CLIENTS[kind] == ssl.CERT_NONE:
        if given:
            raise InvalidValue(f"{given[0]} needs a client_auth_type")
        return
    if len(given) != 1:
        raise InvalidValue(f"either client_ca or client_ca_file has to be there for client_auth_type {kind}")
    context.verify_mode = CLIENTS[kind]
    try:
        if given[0] == "client_ca":
            context.load_verify_locations(cadata=words["client_ca"])
        else:
            context.load_verify_locations(cafile=words["client_ca_file"])
    except ssl.SSLError as error:
        raise InvalidValue(f"{given[0]} cannot be used: {_reason(error)}") from None
    except OSError as error:
        raise InvalidValue(f"{given[0]} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidValue(f"{given[0]} cannot be used: {error}") from None


@contextmanager
def _as_file(words: dict[str, Any], name: str) -> Iterator[str]:
    """A path at which the text or the file stands: OpenSSL is only given files of these."""
    text = words.get(name)
    if not text:
        yield words[f"{name}_file"]
        return
    fd = os.memfd_create("ipvsfast", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(text.encode())
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
