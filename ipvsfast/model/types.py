"""Words and options for typed code. Nothing in this package imports it at run time: typing costs too much."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from os import PathLike
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from .destination import Destination, DestinationNumberName
    from .keys import DestinationKey, ServiceKey
    from .service import Service
    from .settings import SyncDaemon, Timeouts
    from .stats import Stats
else:
    from .destination import SET_NUMBERS

    DestinationNumberName = Literal[SET_NUMBERS]

Address = str | IPv4Address | IPv6Address
Namespace = str | PathLike[str]
"""A name of `ip netns`, or a path."""

ServiceOrKey: TypeAlias = "Service | ServiceKey"
DestinationOrKey: TypeAlias = "Destination | DestinationKey"

ProtocolName = Literal["tcp", "udp", "sctp"]
ForwardingName = Literal["masq", "route", "tunnel"]
TunnelType = Literal["ipip", "gue", "gre"]
TunnelChecksum = Literal["nocsum", "csum", "remcsum"]
DaemonState = Literal["master", "backup"]
SchedulerFlag = Literal["sh-fallback", "sh-port", "mh-fallback", "mh-port", "flag-1", "flag-2", "flag-3"]
CommandName = Literal[
    "add-service", "edit-service", "delete-service", "add-destination", "edit-destination",
    "delete-destination", "start-daemon", "stop-daemon", "set", "zero", "flush", "put-service",
    "put-destination",
]  # fmt: skip
"""What an Operation can be, by ipvsadm's names; put: add it, or edit what is there."""
ActionName = Literal["add", "edit", "delete"]
"""What a change of a plan does."""
DrainState = Literal["drained", "waiting", "deleted", "gone", "raised", "refused"]
"""What became of a destination that was to be drained."""
UndrainState = Literal["restored", "changed", "gone", "refused"]
"""What became of one that was to be as before the drain."""
RampState = Literal["reached", "on the way", "moved", "gone", "refused"]
"""What became of one on a ramp."""
JournalState = Literal["applying", "interrupted", "done", "incomplete", "awaiting", "undone"]
"""What has become of an apply."""
WatchEventKind = Literal[
    "applying", "applied", "settled", "drift", "refused", "accepted", "trouble", "note"
]  # fmt: skip
"""What a watch tells."""
ViewName = Literal["default", "stats", "rate", "thresholds", "persistent-conn", "tun-info", "rules"]

ConnectionState = Literal[
    "NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
    "LAST_ACK", "LISTEN", "SYNACK", "UDP", "ICMP", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT",
    "COOKIE", "C-ECHOED", "S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED", "ASSURED",
    "ERR!", "BUG!",
]  # fmt: skip
StateCondition = ConnectionState | Literal[
    "!NONE", "!ESTABLISHED", "!SYN_SENT", "!SYN_RECV", "!FIN_WAIT", "!TIME_WAIT", "!CLOSE", "!CLOSE_WAIT",
    "!LAST_ACK", "!LISTEN", "!SYNACK", "!UDP", "!ICMP", "!INIT1", "!INIT", "!C-SENT", "!C-REPLIED",
    "!C-WAIT", "!COOKIE", "!C-ECHOED", "!S-SENT", "!S-RECEIVED", "!S-ACK-SENT", "!REJECTED", "!CLOSED",
    "!ASSURED", "!ERR!", "!BUG!",
]  # fmt: skip
"""A state, or all but that one."""
ConnectionProtocol = Literal["tcp", "udp", "sctp", "ip", "icmp", "icmpv6"]
ProtocolCondition = ConnectionProtocol | Literal["!tcp", "!udp", "!sctp", "!ip", "!icmp", "!icmpv6"]
FamilyName = Literal["ipv4", "ipv6", "mixed"]
FamilyCondition = FamilyName | Literal["!ipv4", "!ipv6", "!mixed"]
SourceName = Literal["auto", "proc", "bpf"]
"""Where connections are read from."""
WantedForm = Literal["auto", "rules", "json", "yaml", "toml", "keepalived", "ldirectord", "ipvsctl"]
"""How a wanted table is written; the last three are configurations of other programs."""
ConvertedForm = Literal["rules", "json", "yaml"]
"""What one is converted to."""
RowForm = Literal["table", "table-pe", "csv", "csv-details", "ndjson", "json"]
ColumnName = Literal[
    "family", "destination_family", "protocol", "template", "client_port", "service_port",
    "destination_port", "expires", "client", "service", "destination", "state", "details", "flags",
    "fwmark", "timeout", "packets",
]  # fmt: skip

TableColumn = Literal[
    "service", "destination", DestinationNumberName, "active", "inactive", "persistent", "connections",
    "in_packets", "out_packets", "in_bytes", "out_bytes", "cps", "in_pps", "out_pps", "in_bps", "out_bps",
]  # fmt: skip
"""What rows of the table can be sorted by."""
RecordForm = Literal["json", "ndjson", "csv"]
"""The forms of a table for programs."""
SnapshotSource = Literal["auto", "live", "netlink", "sockopt"]
"""Where snapshots are read from."""
ServiceNumbersName = Literal[
    "family", "protocol", "port", "fwmark", "flags", "timeout", "netmask", "address", "connections",
    "in_packets", "out_packets", "in_bytes", "out_bytes", "cps", "in_pps", "out_pps", "in_bps", "out_bps",
    "first_destination", "destination_count",
]  # fmt: skip
ServiceTextsName = Literal["scheduler", "engine"]
ServiceColumnName = ServiceNumbersName | ServiceTextsName
DestinationColumnName = Literal[
    "service", "family", "port", "address", "forwarding", DestinationNumberName, "tunnel_port",
    "tunnel_flags", "tunnel_type", "active", "inactive", "persistent", "connections", "in_packets",
    "out_packets", "in_bytes", "out_bytes", "cps", "in_pps", "out_pps", "in_bps", "out_bps",
]  # fmt: skip
DifferenceName = Literal["connections", "in_packets", "out_packets", "in_bytes", "out_bytes"]
RateName = Literal[
    "connections_rate", "in_packets_rate", "out_packets_rate", "in_bytes_rate", "out_bytes_rate"
]  # fmt: skip
DeltaColumnName = DifferenceName | RateName

RuleSource = str | PathLike[str] | bytes | bytearray | memoryview | Iterable[str | bytes]
"""Rule text: a path, the text itself as bytes, or its lines as a file or a list has them."""


class ServiceOptions(TypedDict, total=False):
    """What Service takes beside its key and its scheduler."""

    persistent: int
    netmask: int | str | None
    engine: str
    one_packet: bool
    scheduler_flags: int | SchedulerFlag | Iterable[SchedulerFlag]
    stats: Stats


class ServiceChanges(ServiceOptions, total=False):
    """What Service.replace() takes."""

    key: ServiceKey
    scheduler: str


class ServiceKeyChanges(TypedDict, total=False):
    """What ServiceKey.replace() takes."""

    fwmark: int
    family: int
    protocol: ProtocolName | int
    address: Address | bytes
    port: int


class DestinationKeyChanges(TypedDict, total=False):
    """What DestinationKey.replace() takes."""

    family: int
    address: Address | bytes
    port: int


class TunnelChanges(TypedDict, total=False):
    """What Tunnel.replace() takes."""

    type: TunnelType
    port: int
    checksum: TunnelChecksum


class StatsChanges(TypedDict, total=False):
    """What Stats.replace() takes."""

    connections: int
    in_packets: int
    out_packets: int
    in_bytes: int
    out_bytes: int
    cps: int
    in_pps: int
    out_pps: int
    in_bps: int
    out_bps: int


class InfoChanges(TypedDict, total=False):
    """What Info.replace() takes."""

    version: tuple[int, int, int]
    size: int


class TimeoutsChanges(TypedDict, total=False):
    """What Timeouts.replace() takes."""

    tcp: int
    tcp_fin: int
    udp: int


class SyncDaemonChanges(TypedDict, total=False):
    """What SyncDaemon.replace() takes."""

    state: DaemonState
    interface: str
    sync_id: int
    max_len: int
    group: str
    port: int
    ttl: int


class OperationChanges(TypedDict, total=False):
    """What Operation.replace() takes."""

    command: CommandName
    service: Service | ServiceKey | None
    destination: Destination | DestinationKey | None
    value: Timeouts | SyncDaemon | None


class ConnectionChanges(TypedDict, total=False):
    """What Connection.replace() takes."""

    protocol: ConnectionProtocol | int
    template: bool
    client: Address | bytes
    client_port: int
    service: Address | bytes
    service_port: int
    destination: Address | bytes
    destination_port: int
    state: ConnectionState
    expires: int
    engine: str
    data: bytes
    details: tuple[int, int, int, int] | None


class FilterChanges(TypedDict, total=False):
    """What ConnectionFilter.replace() takes."""

    client: str | Iterable[str]
    service: str | Iterable[str]
    destination: str | Iterable[str]
    states: StateCondition | Iterable[StateCondition]
    protocols: ProtocolCondition | int | Iterable[ProtocolCondition | int]
    families: FamilyCondition | Iterable[FamilyCondition]
    expires_below: int
    templates: bool | None
    engines: str | Iterable[str]
    limit: int


class TableFilterChanges(TypedDict, total=False):
    """What TableFilter.replace() takes."""

    service: str | Iterable[str]
    destination: str | Iterable[str]
    protocols: str | Iterable[str]
    fwmarks: int | Iterable[int]
    families: str | Iterable[str]
    schedulers: str | Iterable[str]
    min_active: int
    zero_weight: bool | None
    sort: TableColumn | str
    limit: int
    services_only: bool


class GroupChanges(TypedDict, total=False):
    """What Group.replace() takes."""

    keys: Iterable[str]
    count: int
