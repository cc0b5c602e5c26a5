"""The packed layouts, on machines of either byte order."""

import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ipvsfast import Batch, Destination, DestinationKey, Operation, Service, ServiceKey, Timeouts, Tunnel
from ipvsfast.kernel import layout
from ipvsfast.model.kernel_names import COMMANDS

ORDERS = {"little": "<", "big": ">"}
WEB = Service(ServiceKey.of("tcp", "10.0.0.1", 80), "mh", persistent=300, scheduler_flags=("mh-port",))
MAIL = Service(ServiceKey.mark(0x01020304, True), "rr")
BACK = Destination("192.0.2.7", 8080, forwarding="masq", weight=0x01020304, upper=70000, lower=5)
FAR = Destination("2001:db8::7", 0, forwarding="tunnel", weight=1, tunnel=Tunnel("gue", 6080, "csum"))


@pytest.fixture(params=ORDERS)
def order(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def there(order: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is on a machine of that byte order: `=` means that order there."""
    monkeypatch.setattr(sys, "byteorder", order)
    path = Path(layout.__file__)
    module = ModuleType("ipvsfast.kernel.layout_there")
    module.__package__ = "ipvsfast.kernel"
    code = path.read_text().replace('"=', f'"{ORDERS[order]}')
    exec(compile(code, str(path), "exec"), module.__dict__)
    return module


def operations() -> list[Operation]:
    batch = Batch().add_service(WEB).add_destination(WEB.key, BACK)
    batch.add_service(MAIL).edit_destination(MAIL.key, FAR).delete_destination(WEB.key, BACK.key)
    return [*batch.set_timeouts(Timeouts(900, 120, 300)).flush()]


def test_every_number_is_in_that_order(there: ModuleType, order: str) -> None:
    """Command, port, flags, timeout, weight and thresholds; addresses are in network order everywhere."""
    ops = bytes(there.pack_operations(operations()))
    service, dest, size = 4, 84, there.OP_SIZE

    def number(op: int, at: int, length: int) -> int:
        return int.from_bytes(ops[op * size + at :][:length], order)  # type: ignore[arg-type]

    assert number(0, 0, 2) == COMMANDS["add-service"]
    assert [number(0, service + at, 2) for at in (0, 2, 4)] == [2, 6, 80]
    assert [number(0, service + at, 4) for at in (12, 20)] == [WEB.flags, 300]
    assert ops[service + 28 :][:4] == bytes([10, 0, 0, 1])
    assert number(1, 0, 2) == COMMANDS["add-destination"]
    assert [number(1, dest + at, 2) for at in (0, 2)] == [2, 8080]
    assert ops[size + dest + 4 :][:4] == bytes([192, 0, 2, 7])
    assert [number(1, dest + at, 4) for at in (24, 28, 32)] == [0x01020304, 70000, 5]
    assert number(2, service + 8, 4) == 0x01020304
    assert number(3, dest + 36, 2) == 6080
    assert [number(5, 4 + at, 4) for at in (0, 4, 8)] == [900, 120, 300]


def test_parts_of_operations(there: ModuleType) -> None:
    """Command, service and destination come out as they went in, and can be put together again."""
    packed = there.pack_operations(operations())
    size = there.OP_SIZE
    ops = [bytes(packed[at : at + size]) for at in range(0, len(packed), size)]
    numbers = [COMMANDS[op.command] for op in operations()]
    assert [there.command_of(op) for op in ops] == numbers == list(there.commands_of(packed))
    edit = there.with_command(COMMANDS["edit-destination"], ops[1])
    assert there.command_of(edit) == COMMANDS["edit-destination"]
    assert edit[2:] == ops[1][2:]
    again = there.packed_operation(
        COMMANDS["add-destination"], there.service_of(ops[1]), there.dest_of(ops[1])
    )
    assert again == ops[1]
    assert there.service_key(there.service_of(ops[0])) == there.service_key(there.service_of(ops[1]))
    assert there.service_key(there.service_of(ops[0])) != there.service_key(there.service_of(ops[2]))
    assert there.dest_key(there.dest_of(ops[1])) == there.dest_key(there.dest_of(ops[4]))
    assert there.dest_key(there.dest_of(ops[1])) != there.dest_key(there.dest_of(ops[3]))


def test_rows_come_out_as_they_went_in(there: ModuleType, order: str) -> None:
    """Rows that C packed on such a machine are the values that they were packed from."""
    packed = there.pack_operations(operations())
    size = there.OP_SIZE
    ops = [bytes(packed[at : at + size]) for at in range(0, len(packed), size)]
    mark = ORDERS[order]
    stats = struct.pack(f"{mark}10Q", *range(1, 11))
    services = b"".join(
        there.service_of(ops[at]) + stats + struct.pack(f"{mark}II8x", first, 1)
        for at, first in ((0, 0), (2, 1))
    )
    dests = b"".join(there.dest_of(ops[at]) + struct.pack(f"{mark}III", 7, 8, 9) + stats for at in (1, 3))
    (web, (back,)), (mail, (far,)) = there.unpack_table(services, dests)
    assert (web, mail, back, far) == (WEB, MAIL, BACK, FAR)
    assert (back.active, back.inactive, back.persistent) == (7, 8, 9)
    assert web.stats.connections == far.stats.connections == 1
    assert back.stats.out_bps == 10
    rows = list(there.packed_rows(services, dests))
    assert [service for service, _ in rows] == [there.service_of(ops[0]), there.service_of(ops[2])]
    assert [part for _, parts in rows for part in parts] == [there.dest_of(ops[1]), there.dest_of(ops[3])]
    assert DestinationKey.of("192.0.2.7", 8080) == back.key
