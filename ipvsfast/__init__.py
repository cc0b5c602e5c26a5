"""ipvsfast: Linux's IPVS (LVS) table, fast.

    from ipvsfast import Ipvs, Service, Destination

The names below are loaded when first used, so that the command pays only for what it needs.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .changes.restore import Restored, RulesInvalid
    from .changes.rule_reader import Problem
    from .client import Ipvs
    from .connections.count_by import Group
    from .connections.filter import ConnectionFilter
    from .connections.table import (
        Connections,
        ConnectionsStatus,
        Pace,
        ReadingInterrupted,
        ReadingReport,
    )
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
    from .kernel.session import Reading
    from .model.connection import Connection
    from .model.operation import Batch, Interrupted, Operation, Result, Results
    from .model.service import (
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
    from .rules import check, from_rule, to_rule

__version__ = "0.1.0"

_HOME = {
    "Restored": "changes.restore",
    "RulesInvalid": "changes.restore",
    "Problem": "changes.rule_reader",
    "Ipvs": "client",
    "Group": "connections.count_by",
    "ConnectionFilter": "connections.filter",
    "Connections": "connections.table",
    "ConnectionsStatus": "connections.table",
    "Pace": "connections.table",
    "ReadingInterrupted": "connections.table",
    "ReadingReport": "connections.table",
    "AlreadyExists": "errors",
    "InvalidValue": "errors",
    "IpvsError": "errors",
    "IpvsUnavailable": "errors",
    "KernelError": "errors",
    "KernelRefused": "errors",
    "NotFound": "errors",
    "NotPermitted": "errors",
    "OutcomeUnknown": "errors",
    "TableChanging": "errors",
    "Reading": "kernel.session",
    "Connection": "model.connection",
    "Batch": "model.operation",
    "Interrupted": "model.operation",
    "Operation": "model.operation",
    "Result": "model.operation",
    "Results": "model.operation",
    "Destination": "model.service",
    "DestinationKey": "model.service",
    "Info": "model.service",
    "Service": "model.service",
    "ServiceKey": "model.service",
    "Stats": "model.service",
    "SyncDaemon": "model.service",
    "Timeouts": "model.service",
    "Tunnel": "model.service",
    "check": "rules",
    "from_rule": "rules",
    "to_rule": "rules",
}

__all__ = [
    "AlreadyExists", "Batch", "Connection", "ConnectionFilter", "Connections", "ConnectionsStatus",
    "Destination", "DestinationKey", "Group", "Info", "Interrupted", "InvalidValue", "Ipvs",
    "IpvsError", "IpvsUnavailable", "KernelError", "KernelRefused", "NotFound", "NotPermitted",
    "Operation", "OutcomeUnknown", "Pace", "Problem", "Reading", "ReadingInterrupted", "ReadingReport",
    "Restored", "Result", "Results", "RulesInvalid", "Service", "ServiceKey", "Stats", "SyncDaemon",
    "TableChanging", "Timeouts", "Tunnel", "check", "from_rule", "to_rule", "__version__",
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
