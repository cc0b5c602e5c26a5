"""Labels of services and destinations."""

from __future__ import annotations

from ..model.kernel_names import FAMILY_NAMES
from .lines import label_text
from .options import NODE_LABELS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.keys import DestinationKey, ServiceKey


def row_labels(service: ServiceKey, destination: DestinationKey | None) -> dict[str, str]:
    """All labels of a row: of a mark those of its address are empty, and the other way round. An empty one is
    for Prometheus one that is not there."""
    found = {
        "protocol": "" if service.fwmark else service.protocol,
        "family": FAMILY_NAMES.get(service.family, str(service.family)),
        "service": service.address,
        "service_port": "" if service.fwmark else str(service.port),
        "fwmark": str(service.fwmark or ""),
    }
    if destination is not None:
        found["destination"] = destination.address
        found["destination_port"] = str(destination.port)
    return found


def row_label_text(service: ServiceKey, destination: DestinationKey | None, names: tuple[str, ...]) -> str:
    """The text of the labels with these names."""
    if names[0] in NODE_LABELS:
        from .compat import node_labels

        values = node_labels(service, destination)
    else:
        values = row_labels(service, destination)
    return label_text(names, [values[name] for name in names])
