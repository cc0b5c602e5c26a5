"""What the table holds already: whether a rule is in force, and how an entry was before it was edited."""

from __future__ import annotations

from ..kernel.layout import (
    DAEMON,
    DEST_KEY_SIZE,
    SERVICE,
    TIMEOUTS,
    command_of,
    dest_key,
    dest_of,
    packed_operation,
    packed_rows,
    service_key,
    service_of,
)
from ..kernel.table_reading import CONFIGURATION
from ..model.kernel_names import COMMANDS, F_ONEPACKET, F_PERSISTENT, F_SCHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.session import Session

    Packed = bytes | bytearray

ADD_SERVICE, ADD_DESTINATION = COMMANDS["add-service"], COMMANDS["add-destination"]
_CHOSEN = F_PERSISTENT | F_ONEPACKET | F_SCHED  # the flags that are not the kernel's own
_EVERY_FLAG = 0xFFFFFFFF


def settings_of(service: bytes) -> tuple[object, ...]:
    """What can be chosen of a service, without what has no effect."""
    _, _, _, _, _, flags, _, timeout, netmask, _, scheduler, engine = SERVICE.unpack(service)
    if not flags & F_PERSISTENT:
        timeout = netmask = 0
    return flags & _CHOSEN, timeout, netmask, scheduler, engine


def as_set(service: bytes) -> bytes:
    """A packed service of the table as an operation sets it."""
    values = list(SERVICE.unpack(service))
    values[5:7] = values[5] & _CHOSEN, _EVERY_FLAG
    return SERVICE.pack(*values)


class Present:
    """One reading of the table, asked about operations that add a service or a destination. complete: as
    `Session.read` has it."""

    def __init__(self, session: Session, complete: bool = False) -> None:
        self._entries: dict[bytes, bytes] = {}
        for service, dests in packed_rows(*session.read(complete=complete, scope=CONFIGURATION).rows()):
            key = service_key(service)
            self._entries[key] = service
            for dest in dests:
                self._entries[key + dest_key(dest)] = dest

    def _entry(self, op: Packed) -> bytes | None:
        key = service_key(service_of(op))
        return self._entries.get(key if command_of(op) == ADD_SERVICE else key + dest_key(dest_of(op)))

    def knows(self, op: Packed) -> bool:
        """Whether there is such a service or destination."""
        return self._entry(op) is not None

    def holds(self, op: Packed) -> bool:
        """Whether it is as the rule says."""
        entry = self._entry(op)
        if entry is None:
            return False
        if command_of(op) == ADD_SERVICE:
            return settings_of(entry) == settings_of(service_of(op))
        return entry[DEST_KEY_SIZE:] == dest_of(op)[DEST_KEY_SIZE:]

    def before(self, op: Packed) -> bytes:
        """The operation that makes it again what it was in this reading; nothing if it was not there."""
        entry = self._entry(op)
        if entry is None:
            return b""
        if command_of(op) == ADD_DESTINATION:
            return packed_operation(COMMANDS["edit-destination"], service_of(op), entry)
        return packed_operation(COMMANDS["edit-service"], as_set(entry))


def daemon_runs(session: Session, op: Packed) -> bool:
    """Whether `op` starts a daemon, and one with all the values that it gives is running."""
    if command_of(op) != COMMANDS["start-daemon"]:
        return False
    wanted = DAEMON.unpack(service_of(op)[: DAEMON.size])
    for row in session.daemons():
        pairs = zip(wanted, row)
        if all(want in (have, 0) or (isinstance(want, bytes) and not any(want)) for want, have in pairs):
            return True
    return False


def timeouts_are(session: Session, op: Packed) -> bool:
    """Whether `op` sets timeouts, and those that it gives are in force."""
    if command_of(op) != COMMANDS["set"]:
        return False
    wanted = TIMEOUTS.unpack(service_of(op)[: TIMEOUTS.size])
    return all(want in (have, 0) for want, have in zip(wanted, session.timeouts()))
