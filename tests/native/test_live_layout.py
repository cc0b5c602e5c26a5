"""Where services and dests lie in the kernel's memory, by its type information; and the numbers of its CPUs."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast._native import ffi, lib
from support.btf_blob import Blob
from support.live_types import DEST, OTHERS, RESIZABLE, SERVICE, Members, changed, types, without


def find(blob: Blob) -> tuple[int, str, dict[str, int]]:
    """(errno, what is missing, the plain members of the layout)."""
    data, holder = blob.data(), ffi.new("struct ipvsf_btf **")
    assert lib.ipvsf_btf_create(data, len(data), ffi.NULL, holder) == 0
    btf = ffi.gc(holder[0], lib.ipvsf_btf_destroy)
    found, missing = ffi.new("struct ipvsf_live_layout *"), ffi.new("char[64]")
    code = lib.ipvsf_live_layout_find(btf, found, missing, 64)
    fields = {name: getattr(found, name) for name, _ in ffi.typeof("struct ipvsf_live_layout").fields}
    return -code, ffi.string(missing).decode(), {k: v for k, v in fields.items() if isinstance(v, int)}


def offset(members: Members, name: str) -> int:
    return sum(size for _, size in members[: [one for one, _ in members].index(name)])


def test_a_whole_layout() -> None:
    """Every member is found where it was put; a copy ends behind the last one that is wanted."""
    code, missing, found = find(types())
    assert (code, missing, found["is_resizable"], found["has_total"]) == (0, "", 0, 0)
    for member, field in {"s_list": "node", "f_list": "mark_node", "addr": "addr", "pe": "engine"}.items():
        assert found[field] == offset(SERVICE, member)
    for member, field in {"inactconns": "inactive", "svc": "service", "tun_port": "tun_port"}.items():
        assert found[field] == offset(DEST, member)
    assert found["service_len"] == (offset(SERVICE, "pe") + 8 + 7) & ~7
    assert found["dest_len"] == (offset(DEST, "svc") + 8 + 7) & ~7
    assert found["record_len"] == max(found["service_len"], found["dest_len"]) + 96


def test_a_table_that_changes_its_size() -> None:
    """It is told by what the namespace has, and then no second node is asked for."""
    code, _, found = find(types(resizable=True))
    assert (code, found["is_resizable"], found["table"], found["num_buckets"]) == (0, 1, 80, 16)


def test_all_connections_instead_of_inactive_ones() -> None:
    """Whichever there is; and where there is neither, that is missing."""
    total = [("totalconns" if name == "inactconns" else name, size) for name, size in DEST]
    code, _, found = find(types({"ip_vs_dest": total}))
    assert (code, found["has_total"], found["total"]) == (0, 1, offset(DEST, "inactconns"))
    neither = find(types({"ip_vs_dest": without(DEST, "inactconns")}))
    assert neither[:2] == (errno.ENODATA, "ip_vs_dest.inactconns")


def test_what_is_missing_is_named() -> None:
    """Of a struct that is there a member, and without the module the struct."""
    for struct, members in {"ip_vs_service": SERVICE, "ip_vs_dest": DEST, **OTHERS}.items():
        for name, _ in members:
            if name in ("list", "n_list", "before") and struct != "ip_vs_dest":
                continue
            code, missing, _ = find(types({struct: without(members, name)}))
            wanted = "ip_vs_cpu_stats.cnt" if struct == "ip_vs_cpu_stats" else f"{struct}.{name}"
            assert (code in (errno.ENODATA, errno.EBADMSG), missing) == (True, wanted)
    assert find(Blob()) == (errno.ENOENT, "ip_vs_service.s_list", find(Blob())[2])


@pytest.mark.parametrize(
    ("struct", "member", "size", "missing"),
    [
        ("ip_vs_service", "s_list", 8, "ip_vs_service.s_list"),  # 32 bits
        ("ip_vs_service", "af", 4, "ip_vs_service.af"),
        ("ip_vs_stats", "kstats0", 40, "ip_vs_stats.kstats0"),
        ("ip_vs_cpu_stats", "cnt", 48, "ip_vs_cpu_stats.cnt"),
        ("hlist_bl_head", "first", 16, "hlist_bl_head"),  # a lock beside it
        ("ip_vs_rht", "size", 8, "ip_vs_rht.size"),
    ],
)
def test_other_sizes_are_refused(struct: str, member: str, size: int, missing: str) -> None:
    """What the program would read wrongly."""
    usual = {"ip_vs_service": without(SERVICE, "f_list"), **OTHERS, **RESIZABLE}[struct]
    code, named, _ = find(types({struct: changed(usual, member, size)}, resizable=True))
    assert (code, named) == (errno.EBADMSG, missing)


def test_structs_that_are_too_long() -> None:
    """A record would not hold them."""
    far = [("before", 1200), *SERVICE]
    assert find(types({"ip_vs_service": far}))[:2] == (errno.EBADMSG, "ip_vs_stats")


def cpus(text: str) -> list[int] | int:
    out = ffi.new("uint16_t[512]")
    count = lib.ipvsf_live_cpus(text.encode(), out)
    return list(out[0:count]) if count >= 0 else count


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0\n", [0]), ("0-3", [0, 1, 2, 3]), ("0,2-3,511\n", [0, 2, 3, 511]), ("0-511\n", list(range(512))),
        ("0-512", -errno.E2BIG), ("0-511,0", -errno.E2BIG), ("99999999999999999999", -errno.E2BIG),
        ("", -errno.EBADMSG), ("\n", -errno.EBADMSG), ("3-1", -errno.EBADMSG), ("0,", -errno.EBADMSG),
        ("0-", -errno.EBADMSG), ("0x", -errno.EBADMSG), ("-1", -errno.EBADMSG),
    ],
)  # fmt: skip
def test_lists_of_cpus(text: str, wanted: list[int] | int) -> None:
    """As the kernel writes them; too many, and what is none."""
    assert cpus(text) == wanted


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789-,\n", max_size=40))
def test_any_list_of_cpus(text: str) -> None:
    """Never more numbers than there is room for, and never too large ones."""
    found = cpus(text)
    if isinstance(found, list):
        assert 0 < len(found) <= 512 and max(found) < 512
    else:
        assert found in (-errno.EBADMSG, -errno.E2BIG)
