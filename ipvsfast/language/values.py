"""Reading a command line from left to right: the value of every option.

Mistakes are found in the order in which ipvsadm 1.31 finds them, with its sentences and exit statuses.
"""

from __future__ import annotations

from ..errors import InvalidValue
from ..model.address import (
    HostUnknown,
    LookupFailed,
    format_ip,
    parse_cli_netmask,
    parse_endpoint,
    parse_int,
    parse_ip,
)
from ..model.kernel_names import AF_INET, AF_INET6, ENGINE_MAX, MAX_TIMEOUT, NAME_MAX, PROTOCOLS
from ..model.keys import ServiceKey
from .options import COMMAND, REPEATABLE, TUNNEL_CELLS
from .words import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model.address import NameLookup
    from .options import Option

DEFAULT_PERSISTENCE = 360  # seconds, for -p without a value
DEFAULT_INTERFACE = "eth0"
_EITHER: tuple[int, ...] = (AF_INET, AF_INET6)


class OptionReader:
    """The options of one line while they are read, left to right.

    The meaning of -r needs the protocol of the service and that of -M its family. They may come first, so
    they wait until that is known.
    """

    __slots__ = ("resolver", "values", "key", "protocol", "families", "waiting")

    def __init__(self, resolver: NameLookup) -> None:
        self.resolver: NameLookup = resolver
        self.values: dict[str, Any] = {}
        self.key: ServiceKey | None = None
        self.protocol: str = ""  # for port names: tcp for marks, "" before the service
        self.families: tuple[int, ...] = _EITHER
        self.waiting: dict[str, str] = {}

    def take(self, option: Option, text: str | None, word: str) -> None:
        """Check and keep one option; UsageError if it may not stand here or its value is wrong."""
        name = option.name
        if option.block == COMMAND:
            raise UsageError(2, f"invalid option `{word}'")
        if name in self.values and name not in REPEATABLE:
            raise UsageError(2, f"multiple '{name}' options specified")
        if text is None and not option.optional:
            if name == "ipv6":
                self._select_ipv6()
            self.values[name] = option.value
            return
        if option.number:
            self.values[name] = _number(text or "", *option.number)
        elif name in _CONVERT:
            self.values[name] = _CONVERT[name](text)
        elif name == "service-address":
            self._take_service(option.value, text or "")
            self.values[name] = option.value
        else:  # real-server, netmask
            self.values[name] = None
            self.waiting[name] = text or ""
            if self.protocol:
                self.settle()

    def _take_service(self, kind: str, text: str) -> None:
        self.protocol = "tcp" if kind == "fwmark" else kind
        if self.waiting:
            self.settle()
        if kind == "fwmark":
            mark = parse_int(text, 1, 2**32 - 1)
            if mark is None:
                raise UsageError(2, f"invalid fwmark value `{text}' specified")
            self.key = ServiceKey._make(mark, AF_INET, 0, b"", 0)
            return
        packed, port = _endpoint(text, kind, self.resolver, "virtual")
        family = AF_INET if len(packed) == 4 else AF_INET6
        self.key = ServiceKey._make(0, family, PROTOCOLS[kind], packed, port or 0)
        self.families = (family,)
        if self.waiting:
            self.settle()

    def _select_ipv6(self) -> None:
        if not self.key or not self.key[0]:
            raise UsageError(2, "-6 used before -f\n")  # sic: an empty line follows
        self.key = ServiceKey._make(self.key[0], AF_INET6, 0, b"", 0)
        self.families = (AF_INET6,)

    def settle(self) -> None:
        """Interpret what waited, as far as it is clear; UsageError for what cannot be right any more."""
        waiting, self.waiting = self.waiting, {}
        for name, text in waiting.items():
            if name == "real-server":
                self.values[name] = _endpoint(text, self.protocol or "tcp", self.resolver, "real")
            else:
                self.values[name] = _netmask(text, self.families)
                if len(self.families) > 1:
                    self.waiting[name] = text  # -6 may follow

    def end(self) -> None:
        """Nothing follows: a mark without -6 is IPv4."""
        if self.key:
            self.families = (self.key[1],)
        self.settle()


def _endpoint(text: str, protocol: str, resolver: NameLookup, what: str) -> tuple[bytes, int | None]:
    problem = f"illegal {what} server address[:port] specified"
    try:
        return parse_endpoint(text, protocol, resolver)
    except LookupFailed as error:  # not the text is wrong
        raise UsageError(2, f"{problem} ({error})", reason=str(error)) from None
    except HostUnknown as error:
        raise UsageError(2, problem, reason=str(error)) from None
    except ValueError:
        raise UsageError(2, problem) from None


def _netmask(text: str, families: tuple[int, ...]) -> int:
    """`text` as the mask of the first family that it fits."""
    problem = ""
    for family in families:
        try:
            return parse_cli_netmask(text, family)
        except ValueError as error:
            problem = problem or str(error)
    raise UsageError(2, problem)


def _number(text: str, low: int, high: int, problem: str) -> int:
    number = parse_int(text, low, high)
    if number is None:
        raise UsageError(2, problem)
    return number


def seconds(text: str, low: int) -> int:
    """A number of seconds from `low` to 31 days, what the kernel can count."""
    number = parse_int(text, low, MAX_TIMEOUT)
    if number is None:
        raise UsageError(2, f"invalid timeout value `{text}' specified")
    return number


def _persistence(text: str | None) -> int:
    return DEFAULT_PERSISTENCE if text is None else seconds(text, 1)


def _shortened(text: str, limit: int) -> str:
    """The first `limit` bytes: what fits into the kernel's name."""
    if len(text) <= limit and text.isascii():
        return text
    raw = text.encode("utf-8", "surrogateescape")
    return raw[:limit].decode("utf-8", "surrogateescape")


def _scheduler(text: str) -> str:
    return _shortened(text, NAME_MAX) or "wlc"


def _engine(text: str) -> str:
    return _shortened(text, ENGINE_MAX)


def _tunnel_type(text: str) -> str:
    if text not in TUNNEL_CELLS:
        raise UsageError(2, "illegal tunnel type specified")
    return text


def _source(text: str) -> str:
    source = text.lower()
    if source not in ("auto", "proc", "bpf"):
        raise UsageError(2, f"invalid source `{text}' specified: auto, proc or bpf")
    return source


def _interface(text: str) -> str:
    if _shortened(text, NAME_MAX) != text:  # the kernel would look for another interface
        raise UsageError(2, f"illegal mcast-interface `{text}' specified: more than {NAME_MAX} bytes")
    return text or DEFAULT_INTERFACE


def _multicast_group(text: str) -> str:
    try:
        packed = parse_ip(text)
    except InvalidValue:
        packed = b"\0"
    if packed[0] == 255 if len(packed) == 16 else 224 <= packed[0] < 240:
        return format_ip(packed)
    raise UsageError(2, f"invalid {'IPv6' if ':' in text else 'IPv4'} mcast-group `{text}'")


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "scheduler": _scheduler,
    "persistent": _persistence,
    "pe": _engine,
    "sched-flags": str,  # understood once the scheduler is known
    "mcast-interface": _interface,
    "mcast-group": _multicast_group,
    "tun-type": _tunnel_type,
    "source": _source,
}
