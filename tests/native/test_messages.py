"""Operations become well-formed netlink messages; any bytes at all can be decoded safely."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast import Destination, Service, SyncDaemon, Timeouts, Tunnel
from ipvsfast._native import ffi, lib
from ipvsfast.kernel import layout
from ipvsfast.model.operation import Batch

NESTED = 0x8000


def encode(ops: Batch) -> list[bytes]:
    packed = layout.pack_operations(ops)
    out = []
    for at in range(0, len(packed), layout.OP_SIZE):
        buf = bytearray(lib.IPVSF_MESSAGE_MAX)
        op = ffi.from_buffer("struct ipvsf_op *", packed[at : at + layout.OP_SIZE])
        length = lib.ipvsf_op_encode(op, 0x1D, 7, ffi.from_buffer(buf), len(buf))
        assert length > 0
        out.append(bytes(buf[:length]))
    return out


def attributes(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while data:
        length, kind = struct.unpack_from("=HH", data)
        assert 4 <= length <= len(data)
        found.append((kind, data[4:length]))
        data = data[(length + 3) & ~3 :]
    return found


def nest(message: bytes, kind: int) -> dict[int, bytes]:
    return dict(attributes(dict(attributes(message[20:]))[kind | NESTED]))


def test_header_is_what_generic_netlink_wants() -> None:
    """Length, family, REQUEST without ACK, sequence, command, version."""
    (message,) = encode(Batch().flush())
    assert struct.unpack("=IHHIIBBH", message) == (20, 0x1D, 1, 7, 0, 17, 1, 0)


def test_service_attributes() -> None:
    """A service carries every attribute that the kernel demands, in its byte order."""
    service = Service.tcp("10.0.0.1", 80, "sh", persistent=300, netmask=24, scheduler_flags=["sh-port"])
    (message,) = encode(Batch().add_service(service))
    assert nest(message, 1) == {
        1: struct.pack("=H", 2), 2: struct.pack("=H", 6), 3: bytes([10, 0, 0, 1]), 4: b"\0\x50",
        6: b"sh\0", 7: struct.pack("=II", 0x11, 0xFFFFFFFF), 8: struct.pack("=I", 300),
        9: bytes([255, 255, 255, 0]),
    }  # fmt: skip


def test_mark_and_ipv6_attributes() -> None:
    """A mark has no protocol, address or port; an IPv6 netmask is a prefix in host order."""
    service = Service.mark(2**32 - 1, "rr", ipv6=True, persistent=1, netmask=64, engine="sip")
    (message,) = encode(Batch().add_service(service))
    assert nest(message, 1) == {
        1: struct.pack("=H", 10), 5: struct.pack("=I", 2**32 - 1), 6: b"rr\0", 11: b"sip\0",
        7: struct.pack("=II", 1, 0xFFFFFFFF), 8: struct.pack("=I", 1), 9: struct.pack("=I", 64),
    }  # fmt: skip


def test_destination_attributes() -> None:
    """Family, address and port, the four mandatory numbers, and the tunnel only where there is one."""
    key = Service.tcp("10.0.0.1", 81).key
    gue = Destination("2001:db8::1", 81, forwarding="tunnel", weight=7, upper=9, lower=3,
                      tunnel=Tunnel("gue", 6080, "remcsum"))  # fmt: skip
    plain = Destination("10.0.0.2", 80, forwarding="masq")
    first, second, third = encode(
        Batch().add_destination(key, gue).edit_destination(key, plain).delete_destination(key, plain.key)
    )
    assert nest(first, 2) == {
        11: struct.pack("=H", 10), 1: gue.key.packed, 2: b"\0\x51", 3: struct.pack("=I", 2),
        4: struct.pack("=I", 7), 5: struct.pack("=I", 9), 6: struct.pack("=I", 3),
        13: b"\1", 14: struct.pack(">H", 6080), 15: struct.pack("=H", 2),
    }  # fmt: skip
    assert sorted(nest(second, 2)) == [1, 2, 3, 4, 5, 6, 11]
    assert sorted(nest(third, 2)) == [1, 2, 11]


def test_daemon_and_timeouts() -> None:
    """The multicast port alone is in host order; 0 means: not sent."""
    start, stop, times = encode(
        Batch()
        .start_daemon(SyncDaemon("master", "lo", 7, max_len=1000, group="ff05::81", port=9000, ttl=5))
        .stop_daemon("backup")
        .set_timeouts(Timeouts(1, 2, 3))
    )
    assert nest(start, 3) == {
        1: struct.pack("=I", 1), 2: b"lo\0", 3: struct.pack("=I", 7), 4: struct.pack("=H", 1000),
        6: bytes.fromhex("ff05" + "00" * 13 + "81"), 7: struct.pack("=H", 9000), 8: b"\5",
    }  # fmt: skip
    assert sorted(nest(stop, 3)) == [1, 2, 3]
    assert attributes(times[20:]) == [
        (4, struct.pack("=I", 1)),
        (5, struct.pack("=I", 2)),
        (6, struct.pack("=I", 3)),
    ]


def test_unknown_command_and_small_buffer_are_refused() -> None:
    """The encoder never writes beyond its buffer."""
    op = bytearray(layout.pack_operations(Batch().add_service(Service.tcp("10.0.0.1", 80))))
    buf = bytearray(lib.IPVSF_MESSAGE_MAX)
    for size in range(92):
        guard = bytearray(b"\xaa" * 256)
        assert (
            lib.ipvsf_op_encode(ffi.from_buffer("struct ipvsf_op *", op), 1, 1, ffi.from_buffer(guard), size)
            < 0
        )
        assert guard[size:] == b"\xaa" * (256 - size)
    op[0] = 99
    assert (
        lib.ipvsf_op_encode(ffi.from_buffer("struct ipvsf_op *", op), 1, 1, ffi.from_buffer(buf), len(buf))
        == -22
    )


def message(attrs: bytes) -> bytes:
    return struct.pack("=IHHIIBBH", 20 + len(attrs), 0x1D, 2, 1, 0, 4, 1, 0) + attrs


@pytest.mark.parametrize("function", ["service", "dest", "daemon"])
@given(st.binary(max_size=600), st.booleans())
def test_garbage_is_refused_or_decoded(function: str, data: bytes, framed: bool) -> None:
    """No input makes the decoders fail otherwise than by an errno."""
    raw = message(data) if framed else data
    row = ffi.new({"service": "struct ipvsf_service_row *", "dest": "struct ipvsf_dest_row *",
                   "daemon": "struct ipvsf_daemon *"}[function])  # fmt: skip
    args = [2, row] if function == "dest" else [row]
    code = getattr(lib, f"ipvsf_{function}_decode")(ffi.from_buffer(raw), len(raw), *args)
    assert code in (0, -74)


@given(st.data())
def test_damaged_messages_are_refused_or_decoded(data) -> None:
    """Flipping bytes of a good reply never reads outside of it (run under ASan in the fuzz target)."""
    body = _attr(1 | NESTED, _attr(1, b"\2\0") + _attr(2, b"\6\0") + _attr(3, b"\x0a\0\0\1") + _attr(4, b"\0\x50")
                 + _attr(6, b"rr\0") + _attr(10 | NESTED, _attr(1, b"\1\0\0\0")))  # fmt: skip
    raw = bytearray(message(body))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    row = ffi.new("struct ipvsf_service_row *")
    assert lib.ipvsf_service_decode(ffi.from_buffer(raw), len(raw), row) in (0, -74)


def _attr(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def test_old_kernels_send_less() -> None:
    """Without STATS64 and ADDR_FAMILY the 32-bit counters and the service's family count."""
    stats = b"".join(_attr(n, struct.pack("=I", n)) for n in (1, 2, 3)) + _attr(4, struct.pack("=Q", 2**40))
    raw = message(
        _attr(
            2 | NESTED, _attr(1, b"\x0a\0\0\2" + b"\0" * 12) + _attr(2, b"\0\x50") + _attr(10 | NESTED, stats)
        )
    )
    row = ffi.new("struct ipvsf_dest_row *")
    assert lib.ipvsf_dest_decode(ffi.from_buffer(raw), len(raw), 2, row) == 0
    dest = layout._dest(layout.DEST_ROW.unpack(bytes(ffi.buffer(row))))
    assert (str(dest.key), dest.stats.connections, dest.stats.in_bytes) == ("10.0.0.2:80", 1, 2**40)
