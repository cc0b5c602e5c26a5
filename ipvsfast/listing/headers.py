"""The views of `ipvsadm -L`, and the lines above their tables."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from ..model.settings import Info
    from ..model.types import ViewName

DEFAULT: ViewName = "default"
# When several are asked for, the first of these is shown.
PRECEDENCE: tuple[ViewName, ...] = ("stats", "rate", "thresholds", "persistent-conn", "tun-info")

_SERVICES = "Prot LocalAddress:Port Scheduler Flags\n"
_SERVERS = "  -> RemoteAddress:Port"
_COUNTED = "%-33s %8s %8s %8s %8s %8s\n"
HEADERS = {
    DEFAULT: f"{_SERVICES}{_SERVERS}           Forward Weight ActiveConn InActConn\n",
    "tun-info": f"{_SERVICES}{_SERVERS}           Forward TunnelInfo    Weight ActiveConn InActConn\n",
    "stats": _COUNTED % ("Prot LocalAddress:Port", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes")
    + f"{_SERVERS}\n",
    "rate": _COUNTED % ("Prot LocalAddress:Port", "CPS", "InPPS", "OutPPS", "InBPS", "OutBPS")
    + f"{_SERVERS}\n",
    "thresholds": "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n"
    f"{_SERVERS}\n",
    "persistent-conn": "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n"
    f"{_SERVERS}\n",
}


def chosen_view(options: Container[str]) -> ViewName:
    """The view to show when the options in `options` ("stats", "rate", ...) were all asked for."""
    for view in PRECEDENCE:
        if view in options:
            return view
    return DEFAULT


def version_line(info: Info) -> str:
    """`IP Virtual Server version 1.2.1 (size=4096)`, with the line end."""
    major, minor, patch = info.version
    return f"IP Virtual Server version {major}.{minor}.{patch} (size={info.size})\n"
