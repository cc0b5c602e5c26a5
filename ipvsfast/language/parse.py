"""Words to requests: what a command line or one line of a rule file asks for.

The order in which mistakes are found, the sentences and the exit statuses are those of ipvsadm 1.31,
because scripts look at them. What ipvsadm leaves to the kernel (multicast server addresses, unknown
schedulers, crossed thresholds) is left to it here too. No I/O: names go to the resolver that is handed in.
"""

from __future__ import annotations

from ..errors import InvalidValue
from ..model.destination import IPIP, Destination, Tunnel
from ..model.kernel_names import AF_INET, AF_INET6, DAEMON_STATES, UDP, flag_bits
from ..model.keys import DestinationKey
from ..model.service import Service
from ..model.settings import SyncDaemon, Timeouts
from ..model.stats import NO_STATS
from .options import (
    ALLOWED,
    CELLS,
    COLUMNS,
    COMMAND,
    NUMBERED,
    NUMBERS,
    REQUIRED,
    SPELLINGS,
    TUNNEL_CELLS,
    TUNNEL_OPTIONS,
    WITH_OWN,
)
from .values import DEFAULT_INTERFACE, OptionReader, seconds
from .words import UsageError, hint, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, ClassVar

    from ..model.address import NameLookup
    from ..model.keys import ServiceKey
    from ..model.operation import Operation

__all__ = ["Request", "UsageError", "hint", "parse"]


class Request:
    """What one command line asks for.

    command: the name of the command in messages ("add-service", "list", "start-daemon", ...). key: the
    service that was named. service: for add-service and edit-service. destination: for the three server
    commands. options: names of the options that were there ("numeric", "stats", "sort", "ipv6" ...).
    timeouts: for set. daemon: for start-daemon and stop-daemon. source: of connections. Values are None
    where they do not apply.
    """

    __slots__ = ("command", "key", "service", "destination", "options", "timeouts", "daemon", "source")
    if TYPE_CHECKING:
        __hash__: ClassVar[None]  # type: ignore[assignment]  # it changes

    def __init__(
        self,
        command: str,
        key: ServiceKey | None = None,
        *,
        service: Service | None = None,
        destination: Destination | None = None,
        options: Iterable[str] = (),
        timeouts: Timeouts | None = None,
        daemon: SyncDaemon | None = None,
        source: str | None = None,
    ) -> None:
        self.command: str = command
        self.key: ServiceKey | None = key
        self.service: Service | None = service
        self.destination: Destination | None = destination
        self.options: frozenset[str] = frozenset(options)
        self.timeouts: Timeouts | None = timeouts
        self.daemon: SyncDaemon | None = daemon
        self.source: str | None = source

    def __eq__(self, other: object) -> bool:
        if type(other) is not Request:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in Request.__slots__)

    def __repr__(self) -> str:
        values = [
            (name, getattr(self, name)) for name in self.__slots__ if name not in ("command", "options")
        ]
        parts = [f"{name}={value!r}" for name, value in values if value is not None]
        if self.options:
            parts.append(f"options={'+'.join(sorted(self.options))}")
        return f"Request({', '.join([self.command, *parts])})"


def parse(
    argv: Sequence[str],
    resolver: NameLookup,
    program: str = "ipvsfast",
    posix: bool = False,
    own: bool = False,
) -> Request:
    """The request that the words of a command line (without the program's name) make.

    resolver: asked for host and service names only. program: named in the hint. posix: the first
    positional word ends the options (POSIXLY_CORRECT). own: with the options that ipvsadm does not have.
    UsageError for everything ipvsadm refuses itself.
    """
    if not argv:
        return Request("list")
    words: list[str] = []
    stream = tokens(argv, WITH_OWN if own else SPELLINGS, words, posix)
    try:
        option, text, _ = next(stream)
    except StopIteration:
        raise hint(program) from None
    except UsageError as error:
        raise hint(program, error.word) from None
    if option.block != COMMAND:
        raise hint(program)
    command = option.name
    if command in ("help", "version"):
        return Request(command)
    state = "" if text is None else _daemon_state(command, text)
    line = OptionReader(resolver)
    try:
        for option, text, word in stream:
            line.take(option, text, word)
    except UsageError:
        line.settle()  # a mistake further left is the one to report
        raise
    line.end()
    timeouts = _timeouts(words) if command == "set" else None
    if words:
        raise UsageError(2, f"unexpected argument {words[0]}")
    values = line.values
    if "sched-flags" in values:
        values["sched-flags"] = _scheduler_flags(values["sched-flags"], values.get("scheduler", "wlc"))
    column = COLUMNS[command]
    if not REQUIRED[column] <= values.keys() <= ALLOWED[column]:
        word = command.replace("-destination", "-server")  # ipvsadm's, in messages
        _check_cells(NUMBERED, CELLS[column], values, word, "command")
    if "source" in values and "connection" not in values:
        raise UsageError(2, "--source goes with -L -c only")
    request = Request(command, line.key, options=values, timeouts=timeouts, source=values.get("source"))
    build = _BUILD.get(command)
    if build:
        build(request, values, state)
    return request


def _scheduler_flags(text: str, scheduler: str) -> int:
    names = [name for name in text.split(",") if name]
    if text and not names:
        raise UsageError(2, f"invalid scheduler flag `{text}'")
    try:
        return flag_bits(scheduler, names)
    except InvalidValue as error:
        raise UsageError(2, str(error)) from None


def _daemon_state(command: str, text: str) -> str:
    if text in DAEMON_STATES:
        return text
    if command == "start-daemon":
        raise UsageError(2, "illegal start-daemon parameter specified")
    raise UsageError(2, "illegal start_daemon specified")  # sic


def _timeouts(words: list[str]) -> Timeouts:
    """Takes the three values of --set off `words`."""
    if len(words) < 3:
        raise UsageError(2, "--set option requires 3 timeout values")
    timeouts = Timeouts._make(*[seconds(word, 0) for word in words[:3]])
    del words[:3]
    return timeouts


def _check_cells(names: tuple[str, ...], cells: str, options: dict[str, Any], what: str, kind: str) -> None:
    """One row of the matrix (or of the tunnel matrix) against what was given; the first violation counts."""
    earlier = ""
    for name, cell in zip(names, cells, strict=True):
        if name in options:
            if cell == "x":
                raise UsageError(2, f"Illegal '{name}' option with the '{what}' {kind}")
            if cell == "1":
                if earlier:
                    raise UsageError(
                        2, f"The option '{name}' conflicts with the '{earlier}' option in the '{what}' {kind}"
                    )
                earlier = name
        elif cell == "+":
            raise UsageError(2, f"You need to supply the '{name}' option for the '{what}' {kind}")


def _build_service(request: Request, values: dict[str, Any], state: str) -> None:
    key = request.key
    assert key is not None  # the matrix asked for it
    if not key[0]:
        if not key[4] and "persistent" not in values:
            raise UsageError(2, "Zero port specified for non-persistent service")
        if "ops" in values and key[2] != UDP:
            raise UsageError(2, "One-Packet Scheduling is only for UDP virtual services")
    mask = values.get("netmask")
    if mask is None:
        mask = 0xFFFFFFFF if key[1] == AF_INET else 128
    request.service = Service._make(
        key, values.get("scheduler", "wlc"), values.get("persistent", 0), mask, values.get("pe", ""),
        "ops" in values, values.get("sched-flags", 0), NO_STATS,
    )  # fmt: skip


def _build_destination(request: Request, values: dict[str, Any], state: str) -> None:
    service = request.key
    assert service is not None
    packed, port = values["real-server"]
    family = AF_INET if len(packed) == 4 else AF_INET6
    forwarding = values.get("forwarding-method", "route")
    if port is None:
        port = service[4]
    tunnel = IPIP
    if request.command != "delete-destination":
        if family != service[1] and forwarding != "tunnel":
            raise UsageError(2, "Different address family is allowed only for tunneling servers")
        tunnel = _tunnel(values, forwarding)
        if forwarding != "masq" and not service[0]:
            port = service[4]  # direct routing and tunnels cannot change the port
    numbers = [values.get(option.name, option.default) for option in NUMBERS]
    request.destination = Destination._make(
        DestinationKey._make(family, packed, port), forwarding, *numbers, tunnel, 0, 0, 0, NO_STATS
    )


def _tunnel(values: dict[str, Any], forwarding: str) -> Tunnel:
    kind = values.get("tun-type")
    if kind is None and not any(name in values for name in TUNNEL_OPTIONS):
        return IPIP
    if forwarding != "tunnel":
        raise UsageError(2, "Tunnel options conflict with forward method")
    kind = kind or "ipip"
    _check_cells(TUNNEL_OPTIONS, TUNNEL_CELLS[kind], values, kind, "tunnel type")
    checksum = "csum" if "tun-csum" in values else "remcsum" if "tun-remcsum" in values else "nocsum"
    return Tunnel._make(kind, values.get("tun-port", 0), checksum)


def _check_list(request: Request, values: dict[str, Any], state: str) -> None:
    others = "timeout" in values or "daemon" in values
    counters = "stats" in values or "rate" in values or "thresholds" in values
    if (counters and (others or "connection" in values)) or (others and "persistent-conn" in values):
        raise UsageError(2, "options conflicts in the list command")


def _build_daemon(request: Request, values: dict[str, Any], state: str) -> None:
    interface = ""  # to stop a daemon the state is enough
    if request.command == "start-daemon":
        interface = values.get("mcast-interface", DEFAULT_INTERFACE)
    request.daemon = SyncDaemon._make(
        state, interface, values.get("syncid", 0), values.get("sync-maxlen", 0),
        values.get("mcast-group", ""), values.get("mcast-port", 0), values.get("mcast-ttl", 0),
    )  # fmt: skip


_BUILD: dict[str, Callable[[Request, dict[str, Any], str], None]] = {
    "add-service": _build_service,
    "edit-service": _build_service,
    "add-destination": _build_destination,
    "edit-destination": _build_destination,
    "delete-destination": _build_destination,
    "list": _check_list,
    "start-daemon": _build_daemon,
    "stop-daemon": _build_daemon,
}


def operation_of(request: Request) -> Operation:
    """The change that a parsed command line asks for."""
    from ..model.operation import Operation

    service = request.service if request.service is not None else request.key
    value = request.timeouts if request.timeouts is not None else request.daemon
    destination: Destination | DestinationKey | None = request.destination
    if request.command == "delete-destination" and isinstance(destination, Destination):
        destination = destination.key
    return Operation._make(request.command, service, destination, value)
