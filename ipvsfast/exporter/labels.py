"""Labels of services and destinations."""

from __future__ import annotations

from ..model.kernel_names import FAMILY_NAMES
from .families import SERVICE_LABELS
from .lines import label_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.keys import DestinationKey, ServiceKey


def row_labels(service: ServiceKey, destination: DestinationKey | None) -> dict[str, str]:
    """All labels of a row: of a mark those of its address are empty, and the other way round. An empty one is
    for Prometheus one that is not there."""
    found = {
        "protocol": service.protocol,
        "family": FAMILY_NAMES.get(service.family, str(service.family)),
        "service": service.address,
        "service_port": "" if service.fwmark else str(service.port),
        "fwmark": str(service.fwmark or ""),
    }
    if destination is not None:
        found["destination"] = destination.address
        found["destination_port"] = str(destination.port)
    return found


def row_label_text(service: ServiceKey, destination: DestinationKey | None, kept: tuple[str, ...]) -> str:
    """The text of those labels that are kept."""
    values = row_labels(service, destination)
    names = [name for name in kept if name in values]
    return label_text(names, [values[name] for name in names])


def kept_of(subject: str, kept: tuple[str, ...]) -> tuple[str, ...]:
    """Those that samples about a service, or about a destination, can have."""
    return tuple([name for name in kept if name in SERVICE_LABELS]) if subject == "service" else kept
