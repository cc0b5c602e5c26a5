"""Numeric addresses, netmasks and `host:port` texts, both directions.

Nothing here asks the network: names go to a resolver that the caller hands in. IPv4, the common
case by far, needs no module at all; IPv6 and the classic short IPv4 forms import `_socket` when met.
"""

from __future__ import annotations

from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class NameLookup(Protocol):
        """Forward lookups, as the command line needs them."""

        def host(self, name: str) -> bytes | None:
            """Packed first IPv4 address, else first IPv6 address, else None. May raise HostUnknown."""

        def port(self, name: str, protocol: str) -> int | None:
            """Number of a service name in the tcp, udp or sctp database, else None."""


class HostUnknown(ValueError):
    """A host name that stands for no address. The text says why."""


class LookupFailed(HostUnknown):
    """A host name whose look-up failed: it may or may not have an address."""


_AF_INET, _AF_INET6 = 2, 10
_FULL_MASK = 0xFFFFFFFF
_BLANKS = " \t\n\v\f\r"  # isspace() of the C locale
_OCTETS = {str(octet): octet for octet in range(256)}  # strict: no leading zero has an entry


def parse_ip(text: object) -> bytes:
    """Packed form of a numeric address: 4 bytes for strict dotted IPv4, 16 for IPv6.

    `text` is a str, or an object whose str() is an address (ipaddress.IPv4Address ...).
    InvalidValue for anything else: names, short forms, scope ids, packed bytes.
    """
    address = text if isinstance(text, str) else str(text)
    packed = _dotted(address) or _ipv6(address)
    if packed is None:
        raise InvalidValue(f"not an IPv4 or IPv6 address: {text!r}")
    return packed


def format_ip(packed: bytes) -> str:
    """Text of a packed address (4 or 16 bytes): dotted, or compressed lower case IPv6."""
    if len(packed) == 4:
        a, b, c, d = packed
        return f"{a}.{b}.{c}.{d}"
    from _socket import inet_ntop

    return inet_ntop(_AF_INET6, packed)


def format_endpoint(packed: bytes, port: int) -> str:
    """`1.2.3.4:80` or `[2001:db8::1]:80`."""
    if len(packed) == 4:
        a, b, c, d = packed
        return f"{a}.{b}.{c}.{d}:{port}"
    return f"[{format_ip(packed)}]:{port}"


def is_unicast(packed: bytes) -> bool:
    """Whether a packed address can be that of one host: csrc/rules/check.c says the same."""
    if len(packed) == 4:
        return any(packed) and not 224 <= packed[0] < 240 and packed != b"\xff\xff\xff\xff"
    return any(packed) and packed[0] != 255


def parse_netmask(value: int | str | None, family: int) -> int:
    """The mask of a service as the model keeps it: an IPv4 mask number, or an IPv6 prefix length.

    None is the full mask. IPv4: 0 to 32 is a prefix length, a larger number is the mask itself, text
    is dotted or a prefix length. IPv6: prefix length 1 to 128. InvalidValue otherwise.
    """
    if family == _AF_INET6:
        number = 128 if value is None else _whole(value, 1, 128)
        if number is None:
            raise InvalidValue(f"an IPv6 netmask must be a prefix length from 1 to 128, not {value!r}")
        return number
    if value is None:
        return _FULL_MASK
    if isinstance(value, str) and "." in value:
        packed = _dotted(value)
        number = None if packed is None else int.from_bytes(packed, "big")
    else:
        number = _whole(value, 0, 32 if isinstance(value, str) else _FULL_MASK)
        if number is not None and number <= 32:
            number = _FULL_MASK << (32 - number) & _FULL_MASK
    if number is None:
        raise InvalidValue(f"an IPv4 netmask must be dotted or a prefix length from 0 to 32, not {value!r}")
    return number


def _whole(value: int | str, low: int, high: int) -> int | None:
    if isinstance(value, str):
        return parse_int(value, low, high)
    return value if isinstance(value, int) and low <= value <= high else None


def parse_int(text: str, low: int, high: int) -> int | None:
    """The decimal number in `text`, or None if it is not a number or lies outside low..high.

    White space and one sign may lead; digits must follow up to the end (`010` is ten).
    """
    if not (text.isdigit() and text.isascii()):
        text = text.lstrip(_BLANKS)
        sign, text = (text[:1], text[1:]) if text[:1] in ("+", "-") else ("", text)
        if not (text.isdigit() and text.isascii()):
            return None
        if sign == "-" and text.strip("0"):
            return None  # no option takes a negative number
    if len(text) > 20:  # int() refuses texts of thousands of digits with an error of its own
        text = text.lstrip("0") or "0"
        if len(text) > 20:
            return None
    number = int(text)
    return number if low <= number <= high else None


def parse_endpoint(text: str, protocol: str, resolver: NameLookup) -> tuple[bytes, int | None]:
    """(packed address, port or None) of `HOST[:PORT]` as the command line writes it.

    HOST: IPv6 with or without brackets, IPv4 in the forms of inet_aton (`010.0.0.1` is 8.0.0.1,
    `1.2.3` is 1.2.0.3), or a name. A port after IPv6 needs the brackets. PORT: 0 to 65535 or a
    service name of `protocol` ("tcp", "udp", "sctp"). ValueError for anything else, HostUnknown
    if it is a name that has no address.
    """
    host, colon, port_text = text.rpartition(":")
    packed = _dotted(host)  # the canonical form first: 1.2.3.4:80
    if packed is None:
        if text[:1] == "[":
            host, bracket, port_text = text[1:].partition("]")
            colon, port_text = port_text[:1], port_text[1:]
            if not bracket or colon not in ("", ":"):
                raise ValueError(text)
            packed = _ipv6(host)
        else:
            packed = _ipv6(text)
            if packed is not None:
                return packed, None
            if not colon:
                host = text
    port: int | None = None
    if colon:
        port = parse_int(port_text, 0, 65535)
        if port is None:
            port = resolver.port(port_text, protocol) if port_text else None
            if port is None:
                raise ValueError(text)
    elif host.isdigit():
        raise ValueError(text)  # a lone number is rather a forgotten address than 0.0.0.N
    return packed or _ipv4_or_name(host, resolver), port


def parse_cli_netmask(text: str, family: int) -> int:
    """The value of `-M` for a service of `family`: an IPv4 mask number, or an IPv6 prefix length.

    An IPv4 mask is dotted, or one number. What inet_aton reads in another way than a person means it is
    refused (`24` as 0.0.0.24, `255.255` as 255.0.0.255), and so are names. ValueError with ipvsadm's
    sentence otherwise.
    """
    if family == _AF_INET6:
        number = parse_int(text, 1, 128)
        if number is None:
            raise ValueError("illegal ipv6 netmask specified")
        return number
    packed = _dotted(text) or _aton(text)
    if packed is None or not _has_one_meaning(text, packed):
        raise ValueError("illegal virtual server persistent mask specified")
    return int.from_bytes(packed, "big")


def _has_one_meaning(text: str, packed: bytes) -> bool:
    """Whether a mask that inet_aton reads as `packed` can only be meant so.

    The last of fewer than four parts fills all bytes that are left. A person means one byte by it, or a
    prefix length. Zero is the same either way, and more than 255 fits into no byte.
    """
    dots = text.count(".")
    if dots == 3 or text[:2] in ("0x", "0X"):
        return True
    last = int.from_bytes(packed[dots:], "big")
    return not 0 < last < 256


def _dotted(text: str) -> bytes | None:
    """Strict dotted IPv4, four decimal octets without leading zeros."""
    try:
        a, b, c, d = text.split(".")
        return bytes((_OCTETS[a], _OCTETS[b], _OCTETS[c], _OCTETS[d]))
    except (ValueError, KeyError):
        return None


def _ipv6(text: str) -> bytes | None:
    if text.count(":") < 2:
        return None
    from _socket import inet_pton

    try:
        return inet_pton(_AF_INET6, text)
    except (OSError, ValueError):  # ValueError: a NUL, or what the locale cannot encode
        return None


def _aton(text: str) -> bytes | None:
    """IPv4 by the classic rules, without the text after a blank that inet_aton would ignore."""
    if any(blank in text for blank in _BLANKS):
        return None
    from _socket import inet_aton

    try:
        return inet_aton(text)
    except (OSError, ValueError):
        return None


def _ipv4_or_name(host: str, resolver: NameLookup) -> bytes:
    packed = _aton(host)
    if packed is None and host and host.isprintable() and " " not in host and ":" not in host:
        packed = resolver.host(host)
        if packed is None:
            raise HostUnknown(f"no such host: {host}")
    if packed is None:
        raise ValueError(host)
    return packed
