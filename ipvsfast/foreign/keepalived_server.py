"""One virtual server of keepalived.conf: its block, and the services and destinations it stands for."""

from __future__ import annotations

from ..errors import InvalidValue
from ..model.address import parse_ip
from ..model.destination import IPIP, Destination, Tunnel
from ..model.kernel_names import INT_MAX, MAX_TIMEOUT, flag_bits
from ..model.keys import ServiceKey
from ..model.service import Service
from .keepalived_groups import family_of, number, port_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from ..model.types import ForwardingName
    from .account import Account
    from .keepalived_blocks import Statement
    from .keepalived_groups import VirtualAddress

_SCHEDULERS = ["rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"]
_FLAGS = ("flag-1", "flag-2", "flag-3", "sh-port", "sh-fallback", "mh-port", "mh-fallback")
_PERSISTENT = 360  # seconds, where none are given
_CHECKS = frozenset({
    "HTTP_GET", "SSL_GET", "TCP_CHECK", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK", "BFD_CHECK",
    "UDP_CHECK", "PING_CHECK", "FILE_CHECK",
})  # fmt: skip
_CHECKING = frozenset({
    "ha_suspend", "alpha", "omega", "quorum", "hysteresis", "quorum_up", "quorum_down",
    "connect_timeout", "retry", "nb_get_retry", "delay_before_retry", "warmup", "delay_loop",
    "inhibit_on_failure", "notify_up", "notify_down", "smtp_alert", "virtualhost",
    "sorry_server_inhibit",
})  # fmt: skip
_NO_CHECKS = "left out: servers are not checked, all count as alive"
_METHODS: dict[str, ForwardingName] = {"NAT": "masq", "DR": "route", "TUN": "tunnel"}
_METHOD = "NAT, DR, or TUN [type {ipip|gue port N|gre} [nocsum|csum|remcsum]]"


class _Server:
    """A real server, or the sorry server. port: None where none is given."""

    __slots__ = ("statement", "address", "port", "weight", "upper", "lower", "method", "inhibit")

    def __init__(self, statement: Statement, address: str, port: int | None) -> None:
        self.statement: Final[Statement] = statement
        self.address: Final[str] = address
        self.port: Final[int | None] = port
        self.weight = 1
        self.upper = 0
        self.lower = 0
        self.method: tuple[ForwardingName, Tunnel] | None = None
        self.inhibit = False


class VirtualServer:
    """entries: the addresses and marks it stands for. group: whether they are those of a group."""

    def __init__(
        self, account: Account, statement: Statement, entries: list[VirtualAddress], group: bool
    ) -> None:
        self._account = account
        self._statement = statement
        self._entries = entries
        self._group = group
        self._scheduler = "wlc"
        self._flags: list[str] = []
        self._method: tuple[ForwardingName, Tunnel] = ("masq", IPIP)
        self._protocol = ""
        self._persistent = 0
        self._granularity = ""
        self._engine = ""
        self._family = 0
        self._one_packet = False
        self._sorry: _Server | None = None
        self._inhibit = False
        self._servers: list[_Server] = []
        self._known: dict[tuple[str, int | None], _Server] = {}

    def carry_out(self) -> None:
        """What it stands for goes to the account, unless there is a mistake in it."""
        account, statement = self._account, self._statement
        mistakes = len(account.mistakes)
        for one in statement.block or []:
            self._guarded(one, self._take)
        if len(account.mistakes) > mistakes:
            return
        if not self._servers:
            account.leave(
                statement.place, str(statement), "left out: it has no real_server, and keepalived ignores it"
            )
            return
        self._settle()
        try:
            self._add()
        except InvalidValue as error:
            account.wrong(statement.place, str(statement), error.strerror)

    def _guarded(self, statement: Statement, take: Callable[[Statement], None]) -> None:
        try:
            take(statement)
        except InvalidValue as error:
            self._account.wrong(statement.place, str(statement), error.strerror)

    def _take(self, statement: Statement) -> None:
        """One line of the block."""
        words = statement.words
        word, more = (words[0], words[1:]) if words else ("", [])
        if word == "real_server":
            return self._real_server(statement, more)
        if word in _CHECKING or word in _CHECKS:
            self._inhibit = self._inhibit or (word == "inhibit_on_failure" and _is_on(more))
            return self._account.leave(statement.place, str(statement), _NO_CHECKS)
        if word == "snmp_name":
            return self._account.leave(statement.place, str(statement), "left out: no part of the table")
        if statement.block is not None:
            raise InvalidValue(f"no block stands behind {word!r}")
        if word in ("lvs_method", "lb_kind"):
            self._method = _method(more)
        elif word == "sorry_server_lvs_method":
            method = _method(more)
            if self._sorry is not None:
                self._sorry.method = method
            else:
                reason = "left out: keepalived heeds it only behind sorry_server"
                self._account.leave(statement.place, str(statement), reason)
        elif word == "sorry_server":
            self._sorry = _Server(statement, _address(more), port_of(more[1:]))
        elif word == "persistence_timeout":
            seconds = _one(more) if more else str(_PERSISTENT)
            self._persistent = number(seconds, "persistence_timeout", 1, MAX_TIMEOUT)
        elif word in _FLAGS or word == "ops":
            self._flag(statement, word, more)
        else:
            self._word(word, _one(more) if more else "")
        return None

    def _word(self, word: str, value: str) -> None:
        """Lines of one word and one value."""
        if word in ("lvs_sched", "lb_algo"):
            if value not in _SCHEDULERS:
                raise InvalidValue(f"there is no scheduler {value!r}: {', '.join(_SCHEDULERS)}")
            self._scheduler = value
        elif word == "protocol":
            if value.lower() not in ("tcp", "udp", "sctp"):
                raise InvalidValue(f"protocol is TCP, UDP or SCTP, not {value!r}")
            self._protocol = value.lower()
        elif word == "persistence_granularity":
            self._granularity = value
        elif word == "persistence_engine":
            self._engine = value
        elif word == "ip_family":
            if value not in ("inet", "inet6"):
                raise InvalidValue(f"ip_family is inet or inet6, not {value!r}")
            self._family = 2 if value == "inet" else 10
        elif word == "nat_mask":
            raise InvalidValue("nat_mask is gone from keepalived")
        else:
            raise InvalidValue(f"there is no {word!r} in a virtual_server")

    def _flag(self, statement: Statement, word: str, more: list[str]) -> None:
        if more:
            raise InvalidValue(f"{more[0]!r} behind {word} is not understood")
        if word == "ops":
            self._one_packet = True
        elif word[:2] in ("sh", "mh") and word[:2] != self._scheduler:
            reason = f"left out: keepalived ignores it unless it stands behind lvs_sched {word[:2]}"
            self._account.leave(statement.place, word, reason)
        else:
            self._flags.append(word)

    def _real_server(self, statement: Statement, words: list[str]) -> None:
        server = _Server(statement, _address(words), port_of(words[1:]))
        if statement.block is None:
            raise InvalidValue("its block, { ... }, is missing")
        for one in statement.block:
            self._guarded(one, lambda one: self._of_server(server, one))
        first = self._known.setdefault((server.address, server.port), server)
        if first is not server:
            line = first.statement.place.line
            reason = f"left out: it stands twice, first in line {line}, and keepalived takes the first"
            return self._account.leave(statement.place, str(statement), reason)
        self._servers.append(server)
        return None

    def _of_server(self, server: _Server, statement: Statement) -> None:
        words = statement.words
        word, more = (words[0], words[1:]) if words else ("", [])
        if word in _CHECKING or word in _CHECKS:
            server.inhibit = server.inhibit or (word == "inhibit_on_failure" and _is_on(more))
            what = f"{statement} of {server.statement}"
            return self._account.leave(statement.place, what, _NO_CHECKS)
        if word == "snmp_name":
            return self._account.leave(statement.place, str(statement), "left out: no part of the table")
        if statement.block is not None:
            raise InvalidValue(f"no block stands behind {word!r}")
        if word == "weight":
            server.weight = number(_one(more), word, 0, INT_MAX)
        elif word == "uthreshold":
            server.upper = number(_one(more), word, 0, INT_MAX)
        elif word == "lthreshold":
            server.lower = number(_one(more), word, 0, INT_MAX)
        elif word in ("lvs_method", "lb_kind"):
            server.method = _method(more)
        else:
            raise InvalidValue(f"there is no {word!r} in a real_server")
        return None

    # What it comes to

    def _settle(self) -> None:
        """What keepalived takes where it is not said, or does not go together."""
        account, statement = self._account, self._statement
        what = str(statement)
        addresses = [entry for entry in self._entries if not entry.fwmark]
        if not self._persistent and (self._granularity or any(not one.port for one in addresses)):
            self._persistent = _PERSISTENT
            reason = "a granularity" if self._granularity else "a port that is not given"
            account.leave(statement.place, what, f"{reason} makes it persistent for {_PERSISTENT} seconds")
        if addresses and not self._protocol:
            self._protocol = "udp"
            account.leave(statement.place, what, "no protocol is given: it is UDP, as keepalived takes it")
        if self._engine and not self._persistent:
            reason = "left out: without a persistence_timeout it has no effect"
            account.leave(statement.place, f"persistence_engine {self._engine}", reason)
            self._engine = ""
        if self._one_packet and addresses and self._protocol != "udp":
            self._one_packet = False
            account.leave(
                statement.place, f"ops of {what}", "left out: it is for UDP only, and keepalived ignores it"
            )
        self._sorry_or_not()

    def _sorry_or_not(self) -> None:
        """The sorry server comes where the real servers have no weight at all, else only if they fail."""
        account, sorry = self._account, self._sorry
        if sorry is None:
            return None
        if any(server.weight for server in self._servers):
            reason = "left out: it comes only when too few real servers are alive"
            return account.leave(sorry.statement.place, str(sorry.statement), reason)
        kept = []
        for server in self._servers:
            if server.inhibit or self._inhibit:
                kept.append(server)
            else:
                reason = "left out: no real server has a weight, so that the sorry server serves"
                account.leave(server.statement.place, str(server.statement), reason)
        self._servers = [*kept, sorry]
        return None

    def _add(self) -> None:
        mask = self._mask()
        for entry in self._entries:
            service = self._service(entry, mask)
            what = entry.what if self._group else str(self._statement)
            if self._account.service(entry.place, what, service):
                for server in self._servers:
                    self._destination(entry, service.key, server)

    def _mask(self) -> str | int | None:
        text = self._granularity
        if not text:
            return None
        return text if "." in text else number(text, "an IPv6 granularity", 1, 128)

    def _service(self, entry: VirtualAddress, mask: str | int | None) -> Service:
        if entry.fwmark:
            key = ServiceKey.mark(entry.fwmark, (entry.family or self._mark_family(mask)) == 10)
        else:
            key = ServiceKey.of(self._protocol, entry.address, entry.port)  # type: ignore[arg-type]
        if mask is not None and isinstance(mask, int) != (key.family == 10):
            raise InvalidValue(
                f"persistence_granularity {mask}: it is a netmask for IPv4 (255.255.255.0), a prefix length "
                "for IPv6"
            )
        flags = flag_bits(self._scheduler, self._flags)
        return Service(key, self._scheduler, self._persistent, mask, self._engine, self._one_packet, flags)

    def _mark_family(self, mask: str | int | None) -> int:
        """That of the group's addresses, else that of the servers, unless all are tunnelled and differ."""
        of_group = {entry.family for entry in self._entries if entry.family}
        if len(of_group) == 1:
            return of_group.pop()
        families = {family_of(server.address) for server in self._servers}
        plain = {
            family_of(server.address)
            for server in self._servers
            if (server.method or self._method)[0] != "tunnel"
        }
        if plain:
            return plain.pop()
        if self._family:
            return self._family
        if self._group:
            return 2
        if mask is not None:
            return 10 if isinstance(mask, int) else 2
        return families.pop() if len(families) == 1 else 2

    def _destination(self, entry: VirtualAddress, service: ServiceKey, server: _Server) -> None:
        forwarding, tunnel = server.method or self._method
        account, statement = self._account, server.statement
        port = server.port
        if forwarding != "masq":
            if port not in (None, service.port) and entry is self._entries[0]:
                reason = f"its port has no effect: the one of the service stays, {service.port}"
                account.leave(statement.place, str(statement), reason)
            port = service.port
        elif port is None:
            port = 0 if self._group or server is self._sorry else service.port

        def make() -> Destination:
            return Destination(
                server.address, port or 0, forwarding, server.weight, server.upper, server.lower, tunnel
            )

        destination = account.value(statement.place, str(statement), make)
        if destination is None:
            return None
        if account.destination_again(service, destination.key):
            if entry is not self._entries[0]:
                return None
            reason = f"left out: {destination.key} stands twice, and keepalived takes the first"
            return account.leave(statement.place, str(statement), reason)
        return account.destination(statement.place, str(statement), service, destination)


def _one(words: list[str]) -> str:
    """The only word behind another one."""
    if len(words) != 1:
        raise InvalidValue(
            "a value is missing" if not words else f"{words[1]!r} is not understood: one value is expected"
        )
    return words[0]


def _address(words: list[str]) -> str:
    if not words:
        raise InvalidValue("an address is missing")
    parse_ip(words[0])
    return words[0]


def _is_on(words: list[str]) -> bool:
    return words[:1] not in (["off"], ["no"], ["false"])


def _method(words: list[str]) -> tuple[ForwardingName, Tunnel]:
    forwarding = _METHODS.get(words[0]) if words else None
    if forwarding is None or (forwarding != "tunnel" and len(words) > 1):
        raise InvalidValue(f"{_METHOD} is expected")
    more: list[Any] = words[1:]
    kind, port, checksum = "ipip", 0, "nocsum"
    if more[:1] == ["type"]:
        kind, more = (more[1] if len(more) > 1 else ""), more[2:]
        if more[:1] == ["port"]:
            port, more = number(more[1] if len(more) > 1 else "", "a port", 1, 65535), more[2:]
        if len(more) == 1:
            checksum, more = more[0], []
    if more:
        raise InvalidValue(f"{_METHOD} is expected")
    return forwarding, Tunnel(kind, port, checksum) if forwarding == "tunnel" else IPIP  # type: ignore[arg-type]
