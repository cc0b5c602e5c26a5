"""ldirectord.cf: its virtual services, as ldirectord sets them up while all real servers are alive.

Written from ldirectord(8), and from what ldirectord 4.12 does where that leaves it open.
"""

from __future__ import annotations

from ..errors import InvalidValue
from ..model.address import HostUnknown, format_ip, parse_ip
from ..model.destination import Destination
from ..model.keys import ServiceKey
from ..model.service import Service
from .account import Account, TextPlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from ..model.address import NameLookup
    from ..model.types import ForwardingName

_FORWARDING: dict[str, ForwardingName] = {"gate": "route", "masq": "masq", "ipip": "tunnel"}
_NO_CHECKS = "left out: servers are not checked, all count as alive"
_NOT_THE_TABLE = "left out: no part of the table"
_CHECKING = frozenset({
    "checktimeout", "negotiatetimeout", "checkinterval", "checkcount", "failurecount", "service",
    "checkcommand", "checkport", "request", "receive", "httpmethod", "virtualhost", "login", "passwd",
    "database", "secret", "fallbackcommand", "readdquiescent", "quiescent",
})  # fmt: skip
_OTHERS = frozenset({
    "emailalert", "emailalertfrom", "emailalertfreq", "emailalertstatus", "smtp", "monitorfile",
    "servicename", "comment", "cleanstop",
})  # fmt: skip
_GLOBAL_OTHERS = frozenset({
    "autoreload", "callback", "execute", "fork", "logfile", "maintenancedir", "supervised",
})  # fmt: skip
MOST_ADDRESSES = 1 << 16  # of one range


class _Virtual:
    """A virtual service while its lines are read."""

    def __init__(self, place: TextPlace, what: str, address: str, six: bool) -> None:
        self.place: Final[TextPlace] = place
        self.what: Final[str] = what
        self.address: Final[str] = address
        self.six: Final[bool] = six
        self.values: Final[dict[str, tuple[TextPlace, str]]] = {}
        self.real: Final[list[tuple[TextPlace, str, str, bool]]] = []
        self.fallback: tuple[TextPlace, str, str] | None = None
        self.checked = "negotiate"


def read_ldirectord(source: str, text: bytes, account: Account, names: NameLookup) -> None:
    """What the text makes of an empty table goes to the account."""
    reader = _Services(source, account, names)
    for number, raw in enumerate(text.split(b"\n"), 1):
        reader.line(number, raw)
    reader.close()


class _Services:
    def __init__(self, source: str, account: Account, names: NameLookup) -> None:
        self._source = source
        self._account = account
        self._names = names
        self._virtual: _Virtual | None = None
        self._fallback: dict[str, tuple[TextPlace, str, str]] = {}
        self._all: list[_Virtual] = []

    def line(self, number: int, raw: bytes) -> None:
        """The next line of the file."""
        place = TextPlace(self._source, number)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            return self._account.wrong(place, raw.decode("utf-8", "replace"), "this is no UTF-8")
        if not text.strip() or text.lstrip()[0] == "#":
            return None
        inside = text[0].isspace()
        name, equal, value = text.partition("=")
        name, value = name.strip(), value.strip()
        what = text.strip()
        if not equal or not value:
            return self._account.wrong(place, what, "a name, `=' and a value are expected")
        try:
            if inside:
                self._inside(place, what, name, value)
            else:
                self._outside(place, what, name, value)
        except InvalidValue as error:
            self._account.wrong(place, what, error.strerror)
        return None

    def _outside(self, place: TextPlace, what: str, name: str, value: str) -> None:
        if name in ("virtual", "virtual6"):
            self._virtual = _Virtual(place, what, _unquoted(value), name == "virtual6")
            self._all.append(self._virtual)
            return
        self._virtual = None
        if name in ("fallback", "fallback6"):
            self._fallback[name] = place, what, value
        elif name == "checktype" or name in _CHECKING:
            self._account.leave(place, what, _NO_CHECKS)
        elif name in _OTHERS or name in _GLOBAL_OTHERS:
            self._account.leave(place, what, _NOT_THE_TABLE)
        else:
            raise InvalidValue(f"there is no {name!r} outside of a virtual service")

    def _inside(self, place: TextPlace, what: str, name: str, value: str) -> None:
        virtual = self._virtual
        if virtual is None:
            raise InvalidValue("it is indented, and no virtual service stands before it")
        if name in ("real", "real6"):
            virtual.real.append((place, what, value, name == "real6"))
        elif name in ("fallback", "fallback6"):
            virtual.fallback = place, what, value
        elif name in ("scheduler", "persistent", "netmask", "protocol", "ops"):
            if name in virtual.values:
                raise InvalidValue(f"{name} stands twice in one virtual service")
            virtual.values[name] = place, _unquoted(value)
        elif name == "checktype":
            virtual.checked = _unquoted(value)
            if virtual.checked not in ("on", "off"):
                self._account.leave(place, what, _NO_CHECKS)
        elif name in _CHECKING:
            self._account.leave(place, what, _NO_CHECKS)
        elif name in _OTHERS:
            self._account.leave(place, what, _NOT_THE_TABLE)
        else:
            raise InvalidValue(f"there is no {name!r} in a virtual service")

    def close(self) -> None:
        """Behind the last line: what the services come to."""
        for virtual in self._all:
            try:
                self._add(virtual)
            except InvalidValue as error:
                self._account.wrong(virtual.place, virtual.what, error.strerror)

    def _add(self, virtual: _Virtual) -> None:
        account = self._account
        service = self._service(virtual)
        if not account.service(virtual.place, virtual.what, service):
            return
        alive = 0
        for place, what, value, six in virtual.real:
            if virtual.checked == "off":
                account.leave(place, what, "left out: with checktype=off ldirectord activates none")
                continue
            try:
                for destination in self._real(service.key, value, six):
                    if destination.upper or destination.lower:
                        account.leave(place, what, "thresholds are taken, which ldirectord 4.12 leaves at 0")
                    account.destination(place, what, service.key, destination)
                    alive += 1
            except InvalidValue as error:
                account.wrong(place, what, error.strerror)
        self._take_fallback(virtual, service.key, alive)

    def _service(self, virtual: _Virtual) -> Service:
        values = {name: value for name, (_, value) in virtual.values.items()}
        if virtual.address.isascii() and virtual.address.isdigit():
            if values.get("protocol", "fwm") != "fwm":
                raise InvalidValue("the protocol of a firewall mark is fwm")
            mark = _number(virtual.address, "a firewall mark", 2**32 - 1)
            key = ServiceKey.mark(mark, virtual.six)
        else:
            key = self._key(virtual, values.get("protocol"))
        persistent = (
            _number(values["persistent"], "persistent", 31 * 24 * 3600) if "persistent" in values else 0
        )
        mask: Any = values.get("netmask")
        if mask is not None and (("." in mask) == (key.family == 10)):
            raise InvalidValue("netmask is dotted for IPv4 (255.255.255.0), a prefix length for IPv6")
        ops = values.get("ops", "no")
        if ops not in ("yes", "no"):
            raise InvalidValue(f"ops is yes or no, not {ops!r}")
        one_packet = ops == "yes" and key.protocol == "udp"
        if ops == "yes" and not one_packet:
            place = virtual.values["ops"][0]
            self._account.leave(
                place, f"ops of {virtual.what}", "left out: it is for UDP only, and ldirectord ignores it"
            )
        return Service(key, values.get("scheduler", "wrr"), persistent, mask, "", one_packet)

    def _key(self, virtual: _Virtual, protocol: str | None) -> ServiceKey:
        address, port = self._endpoint(virtual.address, protocol or "tcp", virtual.six)
        if port is None:
            raise InvalidValue("a virtual service has a port")
        if protocol is None:
            protocol = "udp" if port == 53 else "tcp"
        if protocol not in ("tcp", "udp"):
            raise InvalidValue(f"the protocol of an address is tcp or udp, not {protocol!r}")
        return ServiceKey.of(protocol, address, port)  # type: ignore[arg-type]

    def _real(self, service: ServiceKey, value: str, six: bool) -> Iterator[Destination]:
        """`ADDRESS[->ADDRESS][:PORT] gate|masq|ipip [WEIGHT] ["REQUEST", "RECEIVE"] ["l:N"] ["u:N"]`"""
        words, quoted = _words(value)
        if len(words) < 2 or len(words) > 3:
            raise InvalidValue("ADDRESS:PORT, then gate, masq or ipip, and a weight are expected")
        forwarding = _forwarding(words[1])
        weight = _number(words[2], "a weight", 2**31 - 1) if len(words) > 2 else 1
        upper, lower = _thresholds(quoted)
        first, arrow, rest = words[0].partition("->")
        last, port = self._endpoint(rest if arrow else first, service.protocol or "tcp", six)
        if forwarding != "masq" and not service.fwmark:
            port = service.port
        begin = self._endpoint(first, service.protocol or "tcp", six)[0] if arrow else last
        for address in _between(begin, last):
            yield Destination(address, port or 0, forwarding, weight, upper, lower)

    def _take_fallback(self, virtual: _Virtual, service: ServiceKey, alive: int) -> None:
        """It serves where there is no real server; where they only fail it comes later."""
        of_all = self._fallback.get("fallback6" if service.family == 10 else "fallback")
        given = virtual.fallback or of_all
        if given is None:
            return None
        place, what, value = given
        if alive:
            reason = "left out: it comes only when no real server is alive"
            return self._account.leave(place, f"{what} of {virtual.what}", reason)
        try:
            words, _ = _words(value)
            if not 1 <= len(words) <= 2:
                raise InvalidValue("ADDRESS:PORT, then gate, masq or ipip are expected")
            forwarding = _forwarding(words[1]) if len(words) > 1 else "route"
            address, port = self._endpoint(words[0], service.protocol or "tcp", service.family == 10)
        except InvalidValue as error:
            return self._account.wrong(place, what, error.strerror)
        if service.fwmark and given is of_all:
            reason = "left out: for a firewall mark ldirectord heeds only a fallback of its own"
            return self._account.leave(place, f"{what} of {virtual.what}", reason)
        if (forwarding != "masq" and not service.fwmark) or port is None:
            port = service.port
        destination = self._account.value(place, what, lambda: Destination(address, port or 0, forwarding))
        if destination is not None:
            self._account.destination(place, what, service, destination)
        return None

    def _endpoint(self, text: str, protocol: str, six: bool) -> tuple[str, int | None]:
        """An address as text and the port; names are looked up."""
        if text[:1] == "[":
            host, bracket, rest = text[1:].partition("]")
            colon, port = rest[:1], rest[1:]
            if not bracket or colon not in ("", ":"):
                raise InvalidValue(f"no address: {text!r}")
        else:
            host, colon, port = text.partition(":")
        address = self._address(host)
        if (":" in address) != six:
            kind = "virtual6, real6 and fallback6" if ":" in address else "virtual, real and fallback"
            raise InvalidValue(f"{address} stands in lines of {kind}")
        return address, self._port(port, protocol) if colon else None

    def _address(self, host: str) -> str:
        try:
            return format_ip(parse_ip(host))
        except InvalidValue:
            if not host or not host.isprintable() or " " in host or host.replace(".", "").isdigit():
                raise
        try:
            packed = self._names.host(host)
        except HostUnknown as error:
            raise InvalidValue(str(error)) from None
        if packed is None:
            raise InvalidValue(f"no such host: {host}")
        return format_ip(packed)

    def _port(self, text: str, protocol: str) -> int:
        if text.isascii() and text.isdigit():
            return _number(text, "a port", 65535)
        found = self._names.port(text, protocol) if text.isprintable() and text else None
        if found is None:
            raise InvalidValue(f"no such service: {text!r}")
        return found


def _number(text: str, what: str, highest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= highest):
        raise InvalidValue(f"{what} is a number up to {highest}, not {text!r}")
    return int(text)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _forwarding(word: str) -> ForwardingName:
    found = _FORWARDING.get(word)
    if found is None:
        raise InvalidValue(f"forwarding is {', '.join(_FORWARDING)}, not {word!r}")
    return found


def _words(text: str) -> tuple[list[str], list[str]]:
    """Plain words, and behind them those in quotes, with commas between."""
    head, quote, tail = text.partition('"')
    quoted: list[str] = []
    if quote:
        parts = (quote + tail).split('"')
        if len(parts) % 2 == 0:
            raise InvalidValue("a quotation does not end")
        if any(between.strip(" \t,") for between in parts[0::2]):
            raise InvalidValue("behind the quotations only quotations are understood")
        quoted = parts[1::2]
    return head.split(), quoted


def _thresholds(quoted: list[str]) -> tuple[int, int]:
    """The upper and the lower one; other quotations are of a health check."""
    found = {"u": 0, "l": 0}
    for one in quoted:
        if one[:2] in ("u:", "l:"):
            found[one[0]] = _number(one[2:], f"threshold {one}", 2**31 - 1)
    return found["u"], found["l"]


def _between(first: str, last: str) -> Iterator[str]:
    if first == last:
        return iter((first,))
    low, high = parse_ip(first), parse_ip(last)
    if len(low) != 4 or len(high) != 4:
        raise InvalidValue("a range is of IPv4 addresses")
    begin, end = int.from_bytes(low, "big"), int.from_bytes(high, "big")
    if not begin <= end < begin + MOST_ADDRESSES:
        raise InvalidValue(f"the range ends before it begins, or has more than {MOST_ADDRESSES:,} addresses")
    return (format_ip(one.to_bytes(4, "big")) for one in range(begin, end + 1))
