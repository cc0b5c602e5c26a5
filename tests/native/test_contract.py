"""What Python believes of the C layer is what the C layer says."""

from pathlib import Path

import pytest

import ipvsfast
from ipvsfast._native import ffi, lib
from ipvsfast.kernel import layout, replacement
from ipvsfast.model import kernel_names

ROOT = Path(__file__).resolve().parents[2]


def test_the_installed_package_is_tested() -> None:
    """Not the source tree: a missing file in the wheel must show."""
    assert ROOT / "ipvsfast" not in Path(ipvsfast.__file__).parents


@pytest.mark.parametrize(
    ("struct", "layout"),
    [
        ("struct ipvsf_service", layout.SERVICE),
        ("struct ipvsf_dest", layout.DEST),
        ("struct ipvsf_daemon", layout.DAEMON),
        ("struct ipvsf_timeouts", layout.TIMEOUTS),
        ("struct ipvsf_service_row", layout.SERVICE_ROW),
        ("struct ipvsf_dest_row", layout.DEST_ROW),
        ("struct ipvsf_step", replacement._STEP),
        ("struct ipvsf_op", layout._SERVICE_OP),
        ("struct ipvsf_op", layout._DEST_OP),
        ("struct ipvsf_op", layout._DAEMON_OP),
        ("struct ipvsf_op", layout._TIMEOUTS_OP),
    ],
)
def test_sizes_agree(struct, layout) -> None:
    """Every packed layout has the size of its C struct."""
    assert ffi.sizeof(struct) == layout.size


def test_field_positions_agree() -> None:
    """A value packed under a name is found under that name in C."""
    op = layout._SERVICE_OP.pack(1, 2, 3, 4, 0, 5, 6, 7, 8, 9, b"A" * 16, b"sched", b"pe")
    c = ffi.from_buffer("struct ipvsf_op *", op)
    s = c.u.service
    got = (c.cmd, s.af, s.protocol, s.port, s.fwmark, s.flags, s.flags_mask, s.timeout, s.netmask)
    assert got == (1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert (bytes(ffi.buffer(s.addr)), ffi.string(s.sched), ffi.string(s.pe)) == (b"A" * 16, b"sched", b"pe")
    op = layout._DEST_OP.pack(5, b"S" * 80, 2, 3, b"B" * 16, 4, -5, 6, 7, 8, 9, 10)
    d = ffi.from_buffer("struct ipvsf_op *", op).dest
    got = (d.af, d.port, d.fwd, d.weight, d.u_thresh, d.l_thresh, d.tun_port, d.tun_flags, d.tun_type)
    assert got == (2, 3, 4, -5, 6, 7, 8, 9, 10)
    op = layout._DAEMON_OP.pack(9, 1, 2, 3, 4, 5, 6, b"C" * 16, b"eth0")
    d = ffi.from_buffer("struct ipvsf_op *", op).u.daemon
    assert (d.state, d.sync_id, d.group_af, d.maxlen, d.port, d.ttl) == (1, 2, 3, 4, 5, 6)
    assert ffi.string(d.ifn) == b"eth0"


def test_commands_agree() -> None:
    """The command numbers of Python are those of C."""
    names = {
        "add-service": "NEW_SERVICE", "edit-service": "SET_SERVICE", "delete-service": "DEL_SERVICE",
        "add-destination": "NEW_DEST", "edit-destination": "SET_DEST", "delete-destination": "DEL_DEST",
        "start-daemon": "NEW_DAEMON", "stop-daemon": "DEL_DAEMON", "set": "SET_CONFIG",
        "zero": "ZERO", "flush": "FLUSH",
    }  # fmt: skip
    assert {ours: getattr(lib, f"IPVSF_{theirs}") for ours, theirs in names.items()} == kernel_names.COMMANDS


def test_the_room_for_a_name() -> None:
    """A name that Python lets pass has room in C, with its NUL."""
    assert kernel_names.NAME_MAX + 1 == lib.IPVSF_NAME_LEN
    assert kernel_names.ENGINE_MAX < lib.IPVSF_PE_LEN


def test_libnl_answers() -> None:
    """The library linked at run time tells its version."""
    assert ffi.string(lib.ipvsf_libnl_version()).startswith(b"3.")
