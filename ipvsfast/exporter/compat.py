"""The eight families of node_exporter's collector ipvs, with its names, labels and values."""

from __future__ import annotations

from ..model.destination import SHARE
from .families import Family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.keys import DestinationKey, ServiceKey

STATS_FILE = "/proc/thread-self/net/ip_vs_stats"
_TOTALS = (
    ("connections", "", "number of connections made"),
    ("incoming_packets", "", "number of incoming packets"),
    ("outgoing_packets", "", "number of outgoing packets"),
    ("incoming_bytes", "bytes", "amount of incoming data"),
    ("outgoing_bytes", "bytes", "amount of outgoing data"),
)
TOTALS = tuple([
    Family("namespace", "counter", f"node_ipvs_{name}", f"The total {what}", unit=unit)
    for name, unit, what in _TOTALS
])  # fmt: skip


def _backend(name: str, column: str, what: str) -> Family:
    meaning = f"The current {what} by local and remote address"
    return Family("destination", "gauge", f"node_ipvs_backend_{name}", meaning, column=column)


BACKENDS = (
    _backend("connections_active", "active", "active connections"),
    _backend("connections_inactive", "inactive", "inactive connections"),
    _backend(SHARE, SHARE, f"backend {SHARE}"),
)


def node_labels(service: ServiceKey, destination: DestinationKey | None) -> dict[str, str]:
    """All labels of a backend; of a service those of its backends that are the same for all."""
    mark = service.fwmark
    found = {
        "local_address": "" if mark else service.address,
        "local_port": "0" if mark else str(service.port),
        "proto": "FWM" if mark else service.protocol.upper(),
        "local_mark": f"{mark:08X}" if mark else "",
    }
    if destination is not None:
        found |= {"remote_address": destination.address, "remote_port": str(destination.port)}
    return found


def parse_totals(text: bytes) -> list[int]:
    """The five counters of /proc/net/ip_vs_stats; none if it is another text."""
    lines = text.splitlines()
    words = lines[2].split() if len(lines) > 2 else []
    return [int(word, 16) for word in words] if len(words) == len(TOTALS) else []
