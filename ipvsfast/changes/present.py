"""What the table holds already: whether a rule is in force, and how an entry was before it was edited."""

from __future__ import annotations

import sys

from ..kernel.layout import DAEMON, DEST_ROW, OP_SIZE, SERVICE, SERVICE_ROW
from ..model.service import COMMANDS, F_ONEPACKET, F_PERSISTENT, F_SCHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.session import Session

    Packed = bytes | bytearray

ADD_SERVICE, ADD_SERVER = COMMANDS["add-service"], COMMANDS["add-server"]
_CHOSEN = F_PERSISTENT | F_ONEPACKET | F_SCHED  # the flags that are not the kernel's own
_EVERY_FLAG = 0xFFFFFFFF
# Where in an operation the service and the destination lie; rows begin with the same bytes.
_SERVICE_AT, _DEST_AT, _DEST_END = 4, 84, 128


def command_of(op: Packed) -> int:
    return int.from_bytes(op[:2], sys.byteorder)


def with_command(command: int, op: Packed) -> bytes:
    """The same operation with another command."""
    return command.to_bytes(2, sys.byteorder) + op[2:]


def service_of(op: Packed) -> bytes:
    """What identifies the service in an operation; the same bytes in a packed service row."""
    return bytes(op[4:16]) + bytes(op[32:48])


def server_of(op: Packed) -> bytes:
    """What identifies the destination within it; the first 20 bytes of a packed destination row."""
    return bytes(op[84:104])


def operation(command: int, service: bytes, dest: bytes) -> bytes:
    """A packed operation. service, dest: beginnings of rows, or nothing."""
    head = command.to_bytes(2, sys.byteorder) + b"\0\0"
    return (head + service.ljust(80, b"\0") + dest).ljust(OP_SIZE, b"\0")


def _settings(service: bytes) -> tuple[object, ...]:
    """What can be chosen of a service, without what has no effect."""
    _, _, _, _, _, flags, _, timeout, netmask, _, scheduler, engine = SERVICE.unpack(service)
    if not flags & F_PERSISTENT:
        timeout = netmask = 0
    return flags & _CHOSEN, timeout, netmask, scheduler, engine


class Present:
    """One reading of the table, asked about operations that add a service or a destination."""

    def __init__(self, session: Session) -> None:
        services, dests = session.read().rows()
        size, step = SERVICE_ROW.size, DEST_ROW.size
        self._entries: dict[bytes, bytes] = {}
        for at in range(0, len(services), size):
            row = services[at : at + size]
            key = row[0:12] + row[28:44]
            self._entries[key] = row[:80]
            first, count = memoryview(row)[160:168].cast("I")
            for n in range(first * step, (first + count) * step, step):
                self._entries[key + dests[n : n + 20]] = dests[n : n + 44]

    def _entry(self, op: Packed) -> bytes | None:
        key = service_of(op)
        return self._entries.get(key if command_of(op) == ADD_SERVICE else key + server_of(op))

    def knows(self, op: Packed) -> bool:
        """Whether there is such a service or destination."""
        return self._entry(op) is not None

    def holds(self, op: Packed) -> bool:
        """Whether it is as the rule says."""
        entry = self._entry(op)
        if entry is None:
            return False
        if command_of(op) == ADD_SERVICE:
            return _settings(entry) == _settings(bytes(op[_SERVICE_AT:_DEST_AT]))
        return entry[20:] == op[_DEST_AT + 20 : _DEST_END]

    def before(self, op: Packed) -> bytes:
        """The operation that makes it again what it was in this reading; nothing if it was not there."""
        entry = self._entry(op)
        if entry is None:
            return b""
        if command_of(op) == ADD_SERVER:
            return operation(COMMANDS["edit-server"], bytes(op[_SERVICE_AT:_DEST_AT]), entry)
        values = list(SERVICE.unpack(entry))
        values[5:7] = values[5] & _CHOSEN, _EVERY_FLAG
        return operation(COMMANDS["edit-service"], SERVICE.pack(*values), b"")


def daemon_runs(session: Session, op: Packed) -> bool:
    """Whether `op` starts a daemon, and one with all the values that it gives is running."""
    if command_of(op) != COMMANDS["start-daemon"]:
        return False
    wanted = DAEMON.unpack_from(op, 4)
    for row in session.daemons():
        pairs = zip(wanted, row)
        if all(want in (have, 0) or (isinstance(want, bytes) and not any(want)) for want, have in pairs):
            return True
    return False
