"""ipvsfast: Linux's IPVS (LVS) table, fast.

    from ipvsfast import Ipvs, Service, Destination

The names below are loaded when first used, so that the command pays only for what it needs.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .batch import Batch, Interrupted, Operation, Result, Results
    from .client import Ipvs
    from .connection import Connection
    from .connfilter import ConnectionFilter
    from .conntable import Connections, ReadingInterrupted
    from .errors import (
        AlreadyExists,
        InvalidValue,
        IpvsError,
        IpvsUnavailable,
        KernelError,
        KernelRefused,
        NotFound,
        NotPermitted,
        OutcomeUnknown,
        TableChanging,
    )
    from .model import (
        Destination,
        DestinationKey,
        Info,
        Service,
        ServiceKey,
        Stats,
        SyncDaemon,
        Timeouts,
        Tunnel,
    )

__version__ = "0.1.0"

_HOME = {
    "Batch": "batch", "Interrupted": "batch", "Operation": "batch", "Result": "batch", "Results": "batch",
    "Ipvs": "client",
    "Connection": "connection", "ConnectionFilter": "connfilter", "Connections": "conntable",
    "ReadingInterrupted": "conntable",
    "AlreadyExists": "errors", "InvalidValue": "errors", "IpvsError": "errors",
    "IpvsUnavailable": "errors", "KernelError": "errors", "KernelRefused": "errors", "NotFound": "errors",
    "NotPermitted": "errors", "OutcomeUnknown": "errors", "TableChanging": "errors",
    "Destination": "model", "DestinationKey": "model", "Info": "model", "Service": "model",
    "ServiceKey": "model", "Stats": "model", "SyncDaemon": "model", "Timeouts": "model",
    "Tunnel": "model",
}  # fmt: skip

__all__ = [
    "AlreadyExists", "Batch", "Connection", "ConnectionFilter", "Connections", "Destination",
    "DestinationKey", "Info", "Interrupted", "InvalidValue", "Ipvs", "IpvsError", "IpvsUnavailable",
    "KernelError", "KernelRefused", "NotFound", "NotPermitted", "Operation", "OutcomeUnknown",
    "ReadingInterrupted", "Result", "Results", "Service", "ServiceKey", "Stats", "SyncDaemon",
    "TableChanging", "Timeouts", "Tunnel", "__version__",
]  # fmt: skip


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
