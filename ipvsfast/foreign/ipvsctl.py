"""The model of ipvsctl, in YAML: services with destinations, and defaults for what they do not say."""

from __future__ import annotations

from ..errors import InvalidValue
from ..model.destination import Destination
from ..model.keys import ServiceKey
from ..model.service import Service
from .account import Account, Mistake, TextPlace
from .documents import parse_yaml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..model.types import ForwardingName

_FORWARD: dict[str, ForwardingName] = {"nat": "masq", "tunnel": "tunnel", "direct": "route"}
_DEFAULTS: dict[str, Any] = {"port": None, "weight": 0, "sched": "rr", "forward": "direct"}


def read_ipvsctl(source: str, text: bytes, account: Account) -> None:
    """What is in `text` goes to the account."""
    try:
        document = parse_yaml(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        return account.wrong(TextPlace(source, line), "the document", "this is no UTF-8")
    except Mistake as mistake:
        return account.wrong(TextPlace(source, mistake.line), mistake.what or "the document", mistake.message)
    return _Model(source, document.lines, account).model(document.value)


class _Model:
    def __init__(self, source: str, lines: dict[int, int], account: Account) -> None:
        self._source = source
        self._lines = lines
        self._account = account
        self._defaults = dict(_DEFAULTS)
        self._place = TextPlace(source, 1)

    def model(self, model: Any) -> None:
        """The whole document."""
        if model is None:
            model = {}
        if not self._object("the document", model, ("defaults", "services")):
            return
        defaults = model.get("defaults")
        if defaults is not None and self._object("defaults", defaults, tuple(_DEFAULTS)):
            self._defaults.update(defaults)
        for what, service in self._list("services", model.get("services")):
            self._service(what, service)

    def _object(self, what: str, value: Any, names: tuple[str, ...]) -> bool:
        if not isinstance(value, dict):
            self._account.wrong(self._place, what, f"this is an object with {', '.join(names)}")
            return False
        self._place = TextPlace(self._source, self._lines.get(id(value), self._place.line))
        for name in value:
            if name not in names:
                self._account.wrong(self._place, what, f"there is no {name!r}: {', '.join(names)} are known")
        return True

    def _list(self, what: str, values: Any) -> Iterator[tuple[str, Any]]:
        if values is None:
            values = []
        if not isinstance(values, list):
            self._account.wrong(self._place, what, "this is a list")
            values = []
        return ((f"{what}[{number}]", value) for number, value in enumerate(values))

    def _service(self, what: str, values: Any) -> None:
        if not self._object(what, values, ("address", "sched", "destinations")):
            return
        place, sched = self._place, values.get("sched", self._defaults["sched"])

        def make() -> Service:
            key = self._key(values.get("address"))
            # A mark has neither an address nor a port.
            return Service(key, sched, persistent=0)

        service = self._account.value(place, what, make)
        if service is None or not self._account.service(place, what, service):
            return
        for name, one in self._list(f"{what}.destinations", values.get("destinations")):
            self._destination(name, service.key, one)

    def _key(self, address: Any) -> ServiceKey:
        text = _address(address)
        if text.startswith("fwmark:"):
            return ServiceKey.mark(_number(text[7:], "a mark"))
        protocol, separator, rest = text.partition("://")
        if not separator or protocol not in ("tcp", "udp", "sctp"):
            raise InvalidValue(f"an address is tcp://IP:PORT, udp://, sctp:// or fwmark:N, not {text!r}")
        ip, port = _endpoint(rest)
        if port is None:
            port = self._defaults["port"]
        if port is None:
            raise InvalidValue(f"{text} has no port, and there is none among the defaults")
        return ServiceKey.of(protocol, ip, port)  # type: ignore[arg-type]

    def _destination(self, what: str, service: ServiceKey, values: Any) -> None:
        if not self._object(what, values, ("address", "forward", "weight")):
            return
        place = self._place
        forward = values.get("forward", self._defaults["forward"])
        weight = values.get("weight", self._defaults["weight"])

        def make() -> Destination:
            ip, port = _endpoint(_address(values.get("address")))
            forwarding = _FORWARD.get(forward) if isinstance(forward, str) else None
            if forwarding is None:
                raise InvalidValue(f"forward is {', '.join(_FORWARD)}, not {forward!r}")
            if port is None:
                port = service.port
            elif forwarding != "masq" and not service.fwmark and port != service.port:
                reason = f"{forward} leaves the port as it is: {service.port}"
                self._account.leave(place, f"port {port} of {ip}", reason)
                port = service.port
            return Destination(ip, port, forwarding, weight)

        destination = self._account.value(place, what, make)
        if destination is not None:
            self._account.destination(place, what, service, destination)


def _address(text: Any) -> str:
    if not isinstance(text, str):
        raise InvalidValue("its address is missing" if text is None else f"an address is text, not {text!r}")
    if "${" in text:
        raise InvalidValue(f"{text!r} has a parameter: write its value there, they are not looked up")
    return text


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidValue(f"{what} is a number, not {text!r}")
    return int(text)


def _endpoint(text: str) -> tuple[str, int | None]:
    """The address, and the port if there is one; IPv6 has brackets where it has a port."""
    if text[:1] == "[":
        ip, _, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if colon not in ("", ":"):
            raise InvalidValue(f"no address: {text!r}")
    elif text.count(":") > 1:
        return text, None
    else:
        ip, colon, port = text.partition(":")
    return ip, _number(port, "a port") if colon else None
