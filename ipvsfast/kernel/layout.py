"""The packed layouts of csrc/api/ipvsfast.h: operations to bytes, rows to values. No I/O.

tests/native compares every size and offset with the compiled module.
"""

from __future__ import annotations

import struct
import sys

from ..model.address import format_ip, parse_ip
from ..model.destination import IPIP, Destination, Tunnel
from ..model.kernel_names import (
    AF_INET,
    AF_INET6,
    CHECKSUM_CODES,
    CHECKSUMS,
    COMMAND_NAMES,
    COMMANDS,
    DAEMON_STATE_NAMES,
    DAEMON_STATES,
    F_HASHED,
    F_ONEPACKET,
    F_PERSISTENT,
    FORWARDING,
    FORWARDING_CODES,
    TUNNEL_CODES,
    TUNNELS,
)
from ..model.keys import DestinationKey, ServiceKey
from ..model.operation import PUTS, Operation
from ..model.service import Service
from ..model.settings import SyncDaemon
from ..model.stats import NO_STATS, Stats
from ..model.value import new

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    Buffer = bytes | bytearray | memoryview
    Table = list[tuple[Service, list[Destination]]]

_SERVICE = "HHHHIIIII16s16s20s"
_DEST = "HH16sIiIIHHB3x"
_STATS = "10Q"

SERVICE = struct.Struct("=" + _SERVICE)
DEST = struct.Struct("=" + _DEST)
DAEMON = struct.Struct("=IIHHHBx16s16s")
TIMEOUTS = struct.Struct("=III")
SERVICE_ROW = struct.Struct("=" + _SERVICE + _STATS + "II8x")  # C counts dests in what is left out
DEST_ROW = struct.Struct("=" + _DEST + "III" + _STATS)
_SERVICE_OP = struct.Struct("=H2x" + _SERVICE + "44x")
_DEST_OP = struct.Struct("=H2x80s" + _DEST)
_DAEMON_OP = struct.Struct("=H2xIIHHHBx16s16s76x")
_TIMEOUTS_OP = struct.Struct("=H2xIII112x")
OP_SIZE = _SERVICE_OP.size

_ALL_FLAGS = 0xFFFFFFFF


def _name(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def pack_key(key: ServiceKey) -> bytes:
    """A service by its key alone, as requests on one service and its dests need it."""
    return SERVICE.pack(key[1], key[2], key[4], 0, key[0], 0, 0, 0, 0, key[3], b"", b"")


def _pack_service(command: int, service: Service) -> bytes:
    fwmark, family, protocol, address, port = service.key
    return _SERVICE_OP.pack(
        command, family, protocol, port, 0, fwmark, service.flags, _ALL_FLAGS, service.persistent,
        service.netmask, address, _name(service.scheduler), _name(service.engine),
    )  # fmt: skip


def _code(codes: dict[str, int], text: str) -> int:
    """The number of a word, or the one in what unpacking made of a number without a word ("method-7")."""
    code = codes.get(text)
    return int(text.rpartition("-")[2]) if code is None else code


def _pack_dest(command: int, service: bytes, dest: Any) -> bytes:
    (family, address, port), forwarding, weight, upper, lower, tunnel = dest[:6]
    tun_port = tun_flags = tun_type = 0
    if tunnel is not IPIP and forwarding == "tunnel":
        tun_port, tun_flags = tunnel.port, _code(CHECKSUM_CODES, tunnel.checksum)
        tun_type = _code(TUNNEL_CODES, tunnel.type)
    method = FORWARDING_CODES.get(forwarding)
    if method is None:
        method = _code(FORWARDING_CODES, forwarding)
    return _DEST_OP.pack(
        command, service, family, port, address, method, weight, upper, lower, tun_port, tun_flags, tun_type
    )  # fmt: skip


def _pack_daemon(command: int, daemon: SyncDaemon) -> bytes:
    group = parse_ip(daemon.group) if daemon.group else b""
    family = {0: 0, 4: AF_INET, 16: AF_INET6}[len(group)]
    return _DAEMON_OP.pack(
        command, DAEMON_STATES[daemon.state], daemon.sync_id, family, daemon.max_len, daemon.port,
        daemon.ttl, group, _name(daemon.interface),
    )  # fmt: skip


# A put asks the kernel to add first.
_NUMBERS = {**COMMANDS, **{name: COMMANDS[first] for name, first in PUTS.items()}}
# What is packed in the same way.
_OF_SERVICE = (COMMANDS["add-service"], COMMANDS["edit-service"])
_OF_KEY = (COMMANDS["delete-service"], COMMANDS["zero"])
_OF_DEST = (COMMANDS["add-destination"], COMMANDS["edit-destination"], COMMANDS["delete-destination"])
_SET, _FLUSH = COMMANDS["set"], COMMANDS["flush"]


def pack_operations(operations: Iterable[Operation]) -> bytearray:
    """All operations, OP_SIZE bytes each, as ipvsf_batch_send() takes them."""
    packed = bytearray()
    known: object = None
    key = b""
    for op in operations:
        parts: Any = op
        try:
            name, service, dest, value = parts
            command = _NUMBERS[name]
        except (TypeError, ValueError, KeyError):
            raise TypeError(f"expected Operations, not {op!r}") from None
        if command in _OF_DEST:
            if service is not known:
                known = service
                key = pack_key(service)
            if type(dest) is DestinationKey:
                packed += _DEST_OP.pack(command, key, dest[0], dest[2], dest[1], 0, 0, 0, 0, 0, 0, 0)
            else:
                packed += _pack_dest(command, key, dest)
        elif command in _OF_SERVICE:
            packed += _pack_service(command, service)
        elif command in _OF_KEY:
            packed += _DEST_OP.pack(command, pack_key(service) if service else b"", *_NO_DEST)
        elif command == _SET:
            packed += _TIMEOUTS_OP.pack(command, *value)
        elif command == _FLUSH:
            packed += _DEST_OP.pack(command, b"", *_NO_DEST)
        else:
            packed += _pack_daemon(command, value)
    return packed


_NO_DEST = (0, 0, b"", 0, 0, 0, 0, 0, 0, 0)


def _text(raw: bytes, cache: dict[bytes, str] = {}) -> str:  # noqa: B006 - a handful of names recur
    text = cache.get(raw)
    if text is None:
        text = cache[raw] = raw.rstrip(b"\0").decode("utf-8", "surrogateescape")
    return text


def _stats(values: Sequence[int]) -> Stats:
    return new(Stats, values) if any(values) else NO_STATS


_TOLD = F_HASHED | F_ONEPACKET


def _service(row: Sequence[Any]) -> Service:
    family, protocol, port, _, fwmark, flags, _, timeout, netmask, address, sched, pe = row[:12]
    if fwmark:
        address = b""
    elif family == AF_INET:
        address = address[:4]
    key = new(ServiceKey, (fwmark, family, protocol, address, port))
    # What no other value tells stays: flags that nobody knows, and that of a persistence of 0 seconds.
    other = flags & ~_TOLD
    if not other & F_PERSISTENT:
        timeout = 0
    elif timeout:
        other ^= F_PERSISTENT
    return new(Service, (
        key, _text(sched), timeout, netmask, _text(pe), bool(flags & F_ONEPACKET), other, _stats(row[12:22]),
    ))  # fmt: skip


def _tunnel(kind: int, port: int, flags: int) -> Tunnel:
    # Values that this program does not know are shown as numbers rather than hidden.
    return Tunnel._make(
        TUNNELS[kind] if kind < len(TUNNELS) else f"type-{kind}",
        port,
        CHECKSUMS[flags] if flags < len(CHECKSUMS) else f"flags-{flags}",
    )


def _dest(row: Sequence[Any]) -> Destination:
    (family, port, address, fwd, weight, upper, lower, tun_port, tun_flags, tun_type,
     active, inactive, persistent) = row[:13]  # fmt: skip
    if family == AF_INET:
        address = address[:4]
    tunnel = _tunnel(tun_type, tun_port, tun_flags) if tun_type or tun_flags or tun_port else IPIP
    return new(Destination, (
        new(DestinationKey, (family, address, port)),
        FORWARDING[fwd] if fwd < len(FORWARDING) else f"method-{fwd}",
        weight, upper, lower, tunnel, active, inactive, persistent, _stats(row[13:]),
    ))  # fmt: skip


def unpack_table(services: Buffer, dests: Buffer) -> Table:
    """Rows of ipvsf_table as values: services in kernel order, each with its dests newest first."""
    all_dests = [_dest(row) for row in DEST_ROW.iter_unpack(dests)]
    table = []
    for row in SERVICE_ROW.iter_unpack(services):
        first, count = row[22], row[23]
        table.append((_service(row), all_dests[first : first + count]))
    return table


def unpack_daemon(row: Sequence[Any]) -> SyncDaemon:
    """One DAEMON row as a SyncDaemon."""
    state, sync_id, family, max_len, port, ttl, group, ifn = row
    text = format_ip(group[:4] if family == AF_INET else group) if family else ""
    name = DAEMON_STATE_NAMES.get(state) or f"state-{state}"
    return SyncDaemon._make(name, _text(ifn), sync_id, max_len, text, port, ttl)


# For what works on the packed form itself. An operation is a command, a service, and a destination; a row
# begins with the same bytes as the one or the other.
_COMMAND = struct.Struct("=H2x")
_SERVICE_AT = _COMMAND.size
_DEST_AT = _SERVICE_AT + SERVICE.size
_KEY_END = struct.calcsize("=HHHHI")  # family, protocol, port, mark
_ADDRESS_AT = struct.calcsize("=HHHHIIIII")
_ADDRESS_END = _ADDRESS_AT + struct.calcsize("=16s")
DEST_KEY_SIZE = struct.calcsize("=HH16s")  # family, port, address
_SPAN = struct.Struct("=II")
_SPAN_AT = struct.calcsize("=" + _SERVICE + _STATS)
# The byte of a command number that is not 0: commands are few.
_COMMAND_BYTE = 0 if sys.byteorder == "little" else 1


def command_of(op: Buffer) -> int:
    """The command number of a packed operation."""
    number: int = _COMMAND.unpack_from(op)[0]
    return number


def commands_of(ops: Buffer) -> bytes:
    """The command numbers of many packed operations, a byte each."""
    return bytes(ops[_COMMAND_BYTE::OP_SIZE])


def with_command(command: int, op: Buffer) -> bytes:
    """The same operation with another command."""
    return _COMMAND.pack(command) + bytes(op[_SERVICE_AT:])


def service_of(op: Buffer) -> bytes:
    """The packed service of an operation."""
    return bytes(op[_SERVICE_AT:_DEST_AT])


def dest_of(op: Buffer) -> bytes:
    """The packed destination of an operation."""
    return bytes(op[_DEST_AT : _DEST_AT + DEST.size])


def service_key(service: Buffer) -> bytes:
    """What identifies a packed service, or the service of a row."""
    return bytes(service[:_KEY_END]) + bytes(service[_ADDRESS_AT:_ADDRESS_END])


def dest_key(dest: Buffer) -> bytes:
    """What identifies a packed destination, or that of a row, within its service."""
    return bytes(dest[:DEST_KEY_SIZE])


def packed_operation(command: int, service: Buffer = b"", dest: Buffer = b"") -> bytes:
    """One operation. service, dest: packed, or their beginnings."""
    return (_COMMAND.pack(command) + bytes(service).ljust(SERVICE.size, b"\0") + dest).ljust(OP_SIZE, b"\0")


def packed_additions(service: Buffer, dests: Iterable[bytes]) -> bytes:
    """The operations that add these packed destinations to a service."""
    head = _COMMAND.pack(COMMANDS["add-destination"]) + bytes(service).ljust(SERVICE.size, b"\0")
    tail = bytes(OP_SIZE - len(head) - DEST.size)
    return b"".join([head + dest + tail for dest in dests])


def packed_rows(services: bytes, dests: bytes) -> Iterator[tuple[bytes, list[bytes]]]:
    """Rows of a reading as packed services, each with its packed destinations."""
    size = DEST_ROW.size
    for at in range(0, len(services), SERVICE_ROW.size):
        first, count = _SPAN.unpack_from(services, at + _SPAN_AT)
        starts = range(first * size, (first + count) * size, size)
        yield services[at : at + SERVICE.size], [dests[n : n + DEST.size] for n in starts]


def unpack_service_spans(services: Buffer) -> list[tuple[int, int]]:
    """Of each service row the number of its first destination row, and how many there are."""
    return [_SPAN.unpack_from(services, at + _SPAN_AT) for at in range(0, len(services), SERVICE_ROW.size)]


def packed_services(ops: Buffer) -> list[tuple[bytes, list[bytes]]]:
    """The same of operations that add services, each before its destinations; each once."""
    found: dict[bytes, tuple[bytes, list[bytes]]] = {}
    for at in range(0, len(ops), OP_SIZE):
        op = bytes(ops[at : at + OP_SIZE])
        service = service_of(op)
        key = service_key(service)
        if command_of(op) == COMMANDS["add-service"]:
            found[key] = service, []
        else:
            found[key][1].append(dest_of(op))
    return list(found.values())


def added_keys(ops: Buffer) -> list[ServiceKey]:
    """What identifies the services that packed operations add, in their order."""
    size = SERVICE_ROW.size
    added = COMMANDS["add-service"]
    places = [at * OP_SIZE for at, command in enumerate(commands_of(ops)) if command == added]
    rows = [service_of(ops[at : at + OP_SIZE]).ljust(size, b"\0") for at in places]
    return unpack_service_keys(b"".join(rows))


def unpack_operation(op: Buffer) -> Operation:
    """The value of a packed operation on services and destinations."""
    name = COMMAND_NAMES[command_of(op)]
    service = unpack_service(service_of(op).ljust(SERVICE_ROW.size, b"\0"), 0)
    if name in ("add-service", "edit-service"):
        return Operation._make(name, service, None, None)
    if name == "delete-service":
        return Operation._make(name, service.key, None, None)
    dest = unpack_dest(dest_of(op).ljust(DEST_ROW.size, b"\0"), 0)
    return Operation._make(name, service.key, dest.key if name == "delete-destination" else dest, None)


# For what works on columns: where each value of a row lies.
_COUNTED = "connections in_packets out_packets in_bytes out_bytes"
COUNTERS = tuple(_COUNTED.split())
_STATS_NAMES = f"{_COUNTED} cps in_pps out_pps in_bps out_bps"


def _columns(form: str, names: str) -> dict[str, tuple[str, int]]:
    """For each name the code of the struct module (with its count if it is text) and the offset; `-` stands
    for what no column shows, and padding has no name."""
    found: dict[str, tuple[str, int]] = {}
    left = iter(names.split())
    count, at = "", 0
    for code in form:
        if code.isdigit():
            count += code
            continue
        values = [count + code] if code in "sx" else [code] * int(count or 1)
        for value in values:
            if code != "x":
                found[next(left)] = (value, at)
            at += struct.calcsize("=" + value)
        count = ""
    found.pop("-", None)
    return found


SERVICE_COLUMNS = _columns(
    _SERVICE + _STATS + "II",
    "family protocol port - fwmark flags - timeout netmask address scheduler engine "
    f"{_STATS_NAMES} first_destination destination_count",
)
DEST_COLUMNS = _columns(
    _DEST + "III" + _STATS,
    "family port address forwarding weight upper lower tunnel_port tunnel_flags tunnel_type "
    f"active inactive persistent {_STATS_NAMES}",
)


def unpack_service(rows: Buffer, number: int) -> Service:
    """One row of many."""
    return _service(SERVICE_ROW.unpack_from(rows, number * SERVICE_ROW.size))


def unpack_dest(rows: Buffer, number: int) -> Destination:
    """One row of many."""
    return _dest(DEST_ROW.unpack_from(rows, number * DEST_ROW.size))


_SERVICE_KEY_ROW = struct.Struct(f"=HHH2xI{_ADDRESS_AT - _KEY_END}x16s{SERVICE_ROW.size - _ADDRESS_END}x")
_DEST_KEY_ROW = struct.Struct(f"=HH16s{DEST_ROW.size - DEST_KEY_SIZE}x")


def unpack_service_keys(rows: Buffer) -> list[ServiceKey]:
    """What identifies each service of the rows."""
    return [
        new(ServiceKey, (
            fwmark, family, protocol, b"" if fwmark else address[:4] if family == AF_INET else address, port
        ))
        for family, protocol, port, fwmark, address in _SERVICE_KEY_ROW.iter_unpack(rows)
    ]  # fmt: skip


def unpack_dest_keys(rows: Buffer) -> list[DestinationKey]:
    """What identifies each destination of the rows within its service."""
    return [
        new(DestinationKey, (family, address[:4] if family == AF_INET else address, port))
        for family, port, address in _DEST_KEY_ROW.iter_unpack(rows)
    ]


def unpack_texts(rows: Buffer, name: str) -> list[str]:
    """A column of text of services."""
    form, offset = SERVICE_COLUMNS[name]
    size = struct.calcsize("=" + form)
    one = struct.Struct(f"={offset}x{form}{SERVICE_ROW.size - offset - size}x")
    return [_text(raw) for (raw,) in one.iter_unpack(rows)]
