"""Type information that has all that live counters are made of, one member right after the other."""

from __future__ import annotations

from support.btf_blob import Blob

LIST = 16
SERVICE = [
    ("s_list", LIST), ("f_list", LIST), ("af", 2), ("protocol", 2), ("addr", 16), ("port", 2), ("fwmark", 4),
    ("flags", 4), ("timeout", 4), ("netmask", 4), ("ipvs", 8), ("destinations", LIST), ("num_dests", 4),
    ("stats", 280), ("scheduler", 8), ("pe", 8),
]  # fmt: skip
DEST = [
    ("n_list", LIST), ("af", 2), ("port", 2), ("addr", 16), ("conn_flags", 4), ("weight", 4), ("tun_type", 2),
    ("tun_port", 2), ("tun_flags", 2), ("stats", 280), ("activeconns", 4), ("inactconns", 4),
    ("persistconns", 4), ("u_threshold", 4), ("l_threshold", 4), ("svc", 8),
]  # fmt: skip
FIVE = ("conns", "inpkts", "outpkts", "inbytes", "outbytes")
OTHERS = {
    "ip_vs_stats": [("kstats", 80), ("est", 96), ("cpustats", 8), ("kstats0", 80)],
    "ip_vs_kstats": [(name, 8) for name in FIVE],
    "ip_vs_estimator": [
        ("list", LIST),
        *[(name, 8) for name in ("cps", "inpps", "outpps", "inbps", "outbps")],
    ],
    "ip_vs_cpu_stats": [("cnt", 40)],
    "ip_vs_counters": [(name, 8) for name in FIVE],
    "ip_vs_scheduler": [("n_list", LIST), ("name", 8)],
    "ip_vs_pe": [("n_list", LIST), ("name", 8)],
    "task_struct": [("before", 80), ("nsproxy", 8)],
    "nsproxy": [("before", 40), ("net_ns", 8)],
    "net": [("before", 80), ("ipvs", 8)],
}
RESIZABLE = {
    "netns_ipvs": [("before", 80), ("svc_table", 8), ("svc_table_changes", 4)],
    "ip_vs_rht": [("buckets", 8), ("new_tbl", 8), ("size", 4)],
    "hlist_bl_head": [("first", 8)],
}
Members = list[tuple[str, int]]


def types(changes: dict[str, Members] | None = None, resizable: bool = False) -> Blob:
    """changes: members of structs that are not as usual."""
    structs = {"ip_vs_service": SERVICE, "ip_vs_dest": DEST, **OTHERS}
    if resizable:
        structs |= RESIZABLE
        structs["ip_vs_service"] = without(SERVICE, "f_list")
    structs |= changes or {}
    blob = Blob()
    sizes = sorted({size for members in structs.values() for _, size in members})
    kinds = {size: blob.compound("", size, []) for size in sizes}
    for name, members in structs.items():
        at, packed = 0, []
        for member, size in members:
            packed.append((member, kinds[size], 8 * at))
            at += size
        blob.compound(name, at, packed)
    return blob


def without(members: Members, name: str) -> Members:
    return [member for member in members if member[0] != name]


def changed(members: Members, name: str, size: int) -> Members:
    """One member has another size."""
    return [(member, size if member == name else usual) for member, usual in members]
