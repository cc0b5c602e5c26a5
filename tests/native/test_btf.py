"""The reader of the kernel's type information: what it finds, and that damaged data does no harm."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ipvsfast._native import ffi, lib
from support import btf_blob as btf
from support.btf_blob import Blob, connection, sample

KERNEL = "/sys/kernel/btf/vmlinux"


class Types:
    """Parsed BTF."""

    def __init__(self, data: bytes, base: Types | None = None) -> None:
        holder = ffi.new("struct ipvsf_btf **")
        result = lib.ipvsf_btf_create(data, len(data), base.btf if base else ffi.NULL, holder)
        if result:
            assert holder[0] == ffi.NULL
            raise OSError(-result, "btf")
        self.base = base
        self.btf = ffi.gc(holder[0], lib.ipvsf_btf_destroy)

    def member(self, kind: str, name: str) -> tuple[int, int] | int:
        """(offset, size) or a negative errno."""
        offset, size = ffi.new("uint32_t *"), ffi.new("uint32_t *")
        result = lib.ipvsf_btf_member(self.btf, kind.encode(), name.encode(), offset, size)
        return result or (offset[0], size[0])


FOUND = {
    "first": (0, 4), "colour": (4, 4), "left": (8, 4), "right": (12, 4), "both": (8, 8), "next": (16, 8),
    "pair": (24, 16), "table": (40, 36), "half": -errno.EBADMSG, "last": (80, 8),
    "nosuch": -errno.ENODATA, "a": -errno.ENODATA, "": -errno.ENODATA,
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_members_are_found(name: str) -> None:
    """Through typedefs, qualifiers, arrays and unnamed structs and unions, but not through named ones."""
    assert Types(sample().data()).member("conn", name) == FOUND[name]


def test_unknown_types() -> None:
    """Neither a struct of no such name nor one that is declared only."""
    types = Types(sample().data())
    assert (types.member("nosuch", "a"), types.member("colour", "a")) == (-errno.ENOENT, -errno.ENOENT)


def test_bitfields_are_refused() -> None:
    """With the flag that puts a width into the offset, whole members are found and others are not."""
    blob = Blob()
    u32 = blob.integer(4)
    blob.compound("bits", 8, [("whole", u32, 32), ("part", u32, 3 << 24 | 8)], flag=1)
    types = Types(blob.data())
    assert types.member("bits", "whole") == (4, 4)
    assert types.member("bits", "part") == -errno.EBADMSG


def test_split_btf() -> None:
    """A module's types go on where the kernel's end, in numbers and in strings."""
    base = sample()
    shared, wanted = base.name("c_list"), base.last - 1  # a name that only the base has
    module = Blob(base)
    own = module.compound("list", 16, [("next", 3, 0), ("prev", 3, 64)])
    module.compound("ip_vs_conn", 40, [(shared, own, 0), ("flags", 2, 128), ("far", wanted, 192)])
    types = Types(module.data(), Types(base.data()))
    assert types.member("ip_vs_conn", "c_list") == (0, 16)
    assert types.member("ip_vs_conn", "flags") == (16, 4)
    assert types.member("ip_vs_conn", "far") == (24, 8)
    assert types.member("conn", "left") == (8, 4)
    assert Types(base.data()).member("ip_vs_conn", "flags") == -errno.ENOENT
    alone = Types(module.data())  # without its base nothing in it has a meaning
    assert isinstance(alone.member("ip_vs_conn", "flags"), int)


def test_types_within_themselves() -> None:
    """A struct that is its own unnamed member, a typedef of itself, an array of itself: an end is made."""
    blob = Blob()
    many = [("", 1, 0)] * 400 + [("x", 2, 0), ("y", 3, 0)]
    blob.compound("knot", 8, many)
    blob.add(btf.TYPEDEF, blob.name("t"), 2)
    blob.array(3, 1 << 20)
    types = Types(blob.data())
    assert types.member("knot", "nosuch") == -errno.EBADMSG
    straight = Blob()
    straight.compound("s", 8, [("x", 2, 0), ("y", 3, 0)])
    straight.add(btf.TYPEDEF, straight.name("t"), 2)
    straight.array(3, 1 << 20)
    types = Types(straight.data())
    assert (types.member("s", "x"), types.member("s", "y")) == (-errno.EBADMSG, -errno.EBADMSG)


@pytest.mark.parametrize("more", [0, 8, 16])
def test_headers_of_newer_kernels(more: int) -> None:
    """They are longer, Linux 7's by 8 bytes; nothing of that is needed."""
    assert Types(sample().data(bytes(more))).member("conn", "right") == FOUND["right"]


def test_types_of_many_members() -> None:
    """Newer kernels count members in 24 bits instead of 16: what comes after such a type is found."""
    blob = Blob()
    u32 = blob.integer(4)
    blob.add(btf.ENUM, 0, 4, 65537, rest=bytes(65537 * 8))
    blob.compound("s", 4, [("x", u32, 0)])
    assert Types(blob.data()).member("s", "x") == (0, 4)


@pytest.mark.parametrize("kind", [0, 20, 31, 32, 33])
def test_unknown_kinds(kind: int) -> None:
    """How long they are is not known, so nothing after them can be found: no guess is made."""
    blob = Blob()
    blob.add(kind, 0, 4)
    with pytest.raises(OSError) as caught:
        Types(blob.data())
    assert caught.value.errno == errno.EOPNOTSUPP


def test_every_truncation_is_noticed() -> None:
    """A file cut off anywhere is refused."""
    data = sample().data()
    for length in range(len(data)):
        with pytest.raises(OSError) as caught:
            Types(data[:length])
        assert caught.value.errno in (errno.EBADMSG, errno.EOPNOTSUPP)


WHOLE = sample().data()


@settings(max_examples=3000, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=12))
@example([(24 + 7, 0x84)])
def test_damaged_data_does_no_harm(changes: list[tuple[int, int]]) -> None:
    """Whatever bytes are changed: an error, or answers that lie within 32 bits."""
    data = bytearray(WHOLE)
    for at, value in changes:
        data[at] = value
    try:
        types = Types(bytes(data))
    except OSError:
        return
    for name in FOUND:
        assert isinstance(types.member("conn", name), (int, tuple))
    module = Blob(sample())
    module.compound("m", 8, [("x", 9, 0), (3, 40, 0)])
    split = Types(module.data(), types)
    for name in ("x", "left", "u8"):
        split.member("m", name)
        split.member("conn", name)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_data_does_no_harm(data: bytes) -> None:
    """No header, or one that promises what is not there."""
    for body in (data, WHOLE[:8] + data, WHOLE[:24] + data):
        try:
            Types(body).member("conn", "first")
        except OSError as error:
            assert error.errno in (errno.EBADMSG, errno.EOPNOTSUPP)


def test_the_layout_names_what_is_missing() -> None:
    """Explanations tell which member of which struct is not as expected."""
    layout, missing = ffi.new("struct ipvsf_conn_layout *"), ffi.new("char[64]")

    def outcome(members: list[tuple[str, int, int]]) -> tuple[int, bytes]:
        blob = Blob()
        u64 = blob.integer(8)
        blob.compound("list", 16, [("next", u64, 0), ("prev", u64, 64)])
        blob.integer(2)
        blob.compound("ip_vs_conn", 24, members)
        result = lib.ipvsf_conn_layout_find(Types(blob.data()).btf, layout, missing, 64)
        return -result, ffi.string(missing)

    assert outcome([]) == (errno.ENODATA, b"ip_vs_conn.c_list")
    assert outcome([("c_list", 1, 0)]) == (errno.EBADMSG, b"ip_vs_conn.c_list")
    assert outcome([("c_list", 2, 0)]) == (errno.ENODATA, b"ip_vs_conn.cport")
    assert outcome([("c_list", 2, 0), ("cport", 3, 8 * 2000)]) == (errno.EBADMSG, b"ip_vs_conn.cport")


def test_a_whole_layout() -> None:
    """Every member is found where it was put, the expiry inside its timer; the record ends behind the last."""
    layout, missing = ffi.new("struct ipvsf_conn_layout *"), ffi.new("char[64]")
    assert lib.ipvsf_conn_layout_find(Types(connection().data()).btf, layout, missing, 64) == 0
    found = (
        layout.node,
        layout.cport,
        layout.caddr,
        layout.packets,
        layout.expires,
        layout.ipvs,
        layout.data_len,
    )
    assert found == (0, 16, 26, 86, 98 + 8, 138, 162)
    assert layout.record_len == 168
    assert (layout.engine_name, layout.nsproxy, layout.net, layout.net_ipvs) == (8, 8, 8, 8)


@pytest.mark.parametrize("bit", [8 * 40, 8 * 33, 8 * 1000, 8 * (2**29 - 1)])
def test_an_expiry_outside_its_timer_is_refused(bit: int) -> None:
    """Damaged type information does not lead beyond the record."""
    blob = connection((("timer_list", "expires", bit),))
    layout, missing = ffi.new("struct ipvsf_conn_layout *"), ffi.new("char[64]")
    assert lib.ipvsf_conn_layout_find(Types(blob.data()).btf, layout, missing, 64) == -errno.EBADMSG
    assert ffi.string(missing) == b"timer_list.expires"
    last = connection((("timer_list", "expires", 8 * 32),))
    assert lib.ipvsf_conn_layout_find(Types(last.data()).btf, layout, missing, 64) == 0
    assert layout.expires == 98 + 32


def test_the_machines_own_kernel() -> None:
    """Where it tells its types: what every kernel has, found at offsets that make sense."""
    holder = ffi.new("struct ipvsf_btf **")
    result = lib.ipvsf_btf_open(KERNEL.encode(), ffi.NULL, holder)
    if not Path(KERNEL).exists():
        assert (result, holder[0]) == (-errno.ENOENT, ffi.NULL)
        return
    if int.from_bytes(Path(KERNEL).read_bytes()[:2], sys.byteorder) != btf.MAGIC:
        assert (result, holder[0]) == (-errno.EBADMSG, ffi.NULL)  # we are emulated: it is another machine's
        return
    assert result == 0
    types = object.__new__(Types)
    types.btf = ffi.gc(holder[0], lib.ipvsf_btf_destroy)
    assert types.member("list_head", "prev") == (8, 8)
    assert types.member("hlist_node", "pprev") == (8, 8)
    offset, size = types.member("task_struct", "nsproxy")
    assert offset % 8 == 0 and size == 8
    assert types.member("task_struct", "no_such_member") == -errno.ENODATA


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder, an empty file, one that is not there: the operating system's error, or that it is no BTF."""
    holder = ffi.new("struct ipvsf_btf **")
    (tmp_path / "empty").touch()
    results = [
        lib.ipvsf_btf_open(str(tmp_path / name).encode(), ffi.NULL, holder)
        for name in ("", "empty", "nosuch")
    ]
    assert results[0] < 0
    assert results[1:] == [-errno.EBADMSG, -errno.ENOENT]
