"""What is set for a whole namespace, and what the kernel says of itself."""

from __future__ import annotations

from ..errors import InvalidValue
from .address import format_ip, parse_ip
from .kernel_names import DAEMON_STATES, MAX_TIMEOUT
from .value import Field, Record, check_name, check_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .types import DaemonState, InfoChanges, SyncDaemonChanges, TimeoutsChanges


class Info(Record):
    """What the kernel says of itself: version (major, minor, patch), connection table size."""

    __slots__ = ()
    version: Field[tuple[int, int, int]] = Field(0, "Version of IPVS: (1, 2, 1).")
    size: Field[int] = Field(1, "Buckets of the connection table.")

    def __new__(cls, version: tuple[int, int, int], size: int) -> Self:
        numbers = tuple(version) if isinstance(version, (tuple, list)) else ()
        if len(numbers) != 3:
            raise InvalidValue(f"version must be three numbers such as (1, 2, 1), not {version!r}")
        for number in numbers:
            check_range(number, 0, 255, "a number of the version")
        return cls._make(numbers, check_range(size, 0, 2**32 - 1, "size of the connection table"))

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[InfoChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""


class Timeouts(Record):
    """Connection timeouts in seconds: TCP established, TCP after FIN, UDP. In `set`, 0 = unchanged."""

    __slots__ = ()
    tcp: Field[int] = Field(0, "Of TCP connections that are established.")
    tcp_fin: Field[int] = Field(1, "Of TCP connections after FIN.")
    udp: Field[int] = Field(2, "Of UDP.")

    def __new__(cls, tcp: int = 0, tcp_fin: int = 0, udp: int = 0) -> Self:
        for name, value in (("tcp", tcp), ("tcp_fin", tcp_fin), ("udp", udp)):
            check_range(value, 0, MAX_TIMEOUT, f"{name} timeout (seconds)")
        return cls._make(tcp, tcp_fin, udp)

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[TimeoutsChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""


class SyncDaemon(Record):
    """A connection synchronization daemon.

    state: "master" (sends) or "backup" (receives). interface: multicast interface. sync_id: 0 to
    255. max_len, port, ttl: 0 = the kernel's default (MTU based, 8848, 1). group: "" = 224.0.0.81.
    """

    __slots__ = ()
    state: Field[str] = Field(0, "master (sends) or backup (receives).")
    interface: Field[str] = Field(1, "Multicast interface.")
    sync_id: Field[int] = Field(2, "0 to 255; a backup of 0 takes from every master.")
    max_len: Field[int] = Field(3, "Bytes of a message at most; 0: as the interface allows.")
    group: Field[str] = Field(4, 'Multicast group; "": 224.0.0.81.')
    port: Field[int] = Field(5, "UDP port; 0: 8848.")
    ttl: Field[int] = Field(6, "Time to live; 0: 1.")

    def __new__(
        cls,
        state: DaemonState,
        interface: str = "eth0",
        sync_id: int = 0,
        max_len: int = 0,
        group: str = "",
        port: int = 0,
        ttl: int = 0,
    ) -> Self:
        if state not in DAEMON_STATES:
            raise InvalidValue(f"daemon state must be master or backup, not {state!r}")
        check_name(interface, "multicast interface")
        if group != "":
            packed = parse_ip(group)
            if packed[0] != 255 if len(packed) == 16 else not 224 <= packed[0] < 240:
                raise InvalidValue(f"multicast group must be a multicast address, not {group!r}")
            group = format_ip(packed)
        check_range(sync_id, 0, 255, "syncid")
        check_range(max_len, 0, 65507, "sync-maxlen")
        check_range(port, 0, 65535, "mcast-port")
        check_range(ttl, 0, 255, "mcast-ttl")
        return cls._make(state, interface, sync_id, max_len, group, port, ttl)

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[SyncDaemonChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""
