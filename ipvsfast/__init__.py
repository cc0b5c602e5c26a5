"""ipvsfast: Linux's IPVS (LVS) table, fast.

    from ipvsfast import Ipvs, Service, Destination

The names below are loaded when first used, so that the command pays only for what it needs.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .changes.problem import Problem
    from .changes.replace import Replaced
    from .changes.restore import Restored, RulesInvalid
    from .client import Ipvs
    from .connections.count_by import Group
    from .connections.filter import ConnectionFilter
    from .connections.groups import Counts, Groups
    from .connections.table import (
        Connections,
        ConnectionsStatus,
        Pace,
        ReadingInterrupted,
        ReadingReport,
    )
    from .drains.drain import Drained, DrainedDestination
    from .drains.ramp import Ramped, RampedDestination
    from .drains.undrain import Undrained, UndrainedDestination
    from .errors import (
        AlreadyExists,
        InvalidValue,
        IpvsError,
        IpvsUnavailable,
        KernelError,
        KernelRefused,
        NotFound,
        NotPermitted,
        NotRestorable,
        OutcomeUnknown,
        StateError,
        TableChanging,
        TableLocked,
    )
    from .files import converted, read_wanted
    from .foreign.account import LeftOut
    from .history.history import AwaitsConfirmation, NothingToConfirm
    from .history.journal import Journal, Who
    from .history.undo import NothingToUndo, Undo, UndoMoved
    from .kernel.table_reading import Reading
    from .model.connection import Connection
    from .model.destination import Destination, Tunnel
    from .model.keys import DestinationKey, ServiceKey
    from .model.operation import Batch, Operation
    from .model.result import Interrupted, Result, Results
    from .model.scope import Scope
    from .model.service import Service
    from .model.settings import Info, SyncDaemon, Timeouts
    from .model.stats import Stats
    from .model.table_filter import TableFilter
    from .model.types import (
        ActionName,
        Address,
        ColumnName,
        CommandName,
        ConnectionState,
        ConvertedForm,
        DaemonState,
        DeltaColumnName,
        DestinationColumnName,
        DestinationOrKey,
        DifferenceName,
        DrainState,
        FamilyCondition,
        ForwardingName,
        JournalState,
        Namespace,
        ProtocolCondition,
        ProtocolName,
        RampState,
        RateName,
        RowForm,
        RuleSource,
        SchedulerFlag,
        ServiceColumnName,
        ServiceNumbersName,
        ServiceOptions,
        ServiceOrKey,
        ServiceTextsName,
        SnapshotSource,
        SourceName,
        StateCondition,
        TableColumn,
        TunnelChecksum,
        TunnelType,
        UndrainState,
        ViewName,
        WantedForm,
        WatchEventKind,
    )
    from .plans.apply import Applied, TableMoved
    from .plans.bounds import Bounds
    from .plans.plan import Change, How, Plan, TableState
    from .plans.wanted import Wanted
    from .rules import check, from_rule, to_rule
    from .stats.columns import DestinationColumns, ServiceColumns
    from .stats.delta import Delta, DeltaColumns, DestinationDeltas, ServiceDeltas
    from .stats.poller import Deltas, Poller
    from .stats.snapshot import Snapshot
    from .watch.event import WatchEvent
    from .watch.watching import Watch

__version__ = "0.2.0"

_HOME = {
    "Applied": "plans.apply",
    "TableMoved": "plans.apply",
    "Bounds": "plans.bounds",
    "AwaitsConfirmation": "history.history",
    "NothingToConfirm": "history.history",
    "Journal": "history.journal",
    "Who": "history.journal",
    "NothingToUndo": "history.undo",
    "Undo": "history.undo",
    "UndoMoved": "history.undo",
    "Change": "plans.plan",
    "How": "plans.plan",
    "Plan": "plans.plan",
    "TableState": "plans.plan",
    "Wanted": "plans.wanted",
    "Watch": "watch.watching",
    "WatchEvent": "watch.event",
    "Replaced": "changes.replace",
    "Restored": "changes.restore",
    "RulesInvalid": "changes.restore",
    "Problem": "changes.problem",
    "Ipvs": "client",
    "Group": "connections.count_by",
    "ConnectionFilter": "connections.filter",
    "Counts": "connections.groups",
    "Groups": "connections.groups",
    "Connections": "connections.table",
    "ConnectionsStatus": "connections.table",
    "Pace": "connections.table",
    "ReadingInterrupted": "connections.table",
    "ReadingReport": "connections.table",
    "LeftOut": "foreign.account",
    "converted": "files",
    "read_wanted": "files",
    "AlreadyExists": "errors",
    "InvalidValue": "errors",
    "IpvsError": "errors",
    "IpvsUnavailable": "errors",
    "KernelError": "errors",
    "KernelRefused": "errors",
    "NotFound": "errors",
    "NotPermitted": "errors",
    "NotRestorable": "errors",
    "OutcomeUnknown": "errors",
    "StateError": "errors",
    "TableChanging": "errors",
    "TableLocked": "errors",
    "Reading": "kernel.table_reading",
    "Connection": "model.connection",
    "Batch": "model.operation",
    "Interrupted": "model.result",
    "Operation": "model.operation",
    "Result": "model.result",
    "Results": "model.result",
    "Destination": "model.destination",
    "DestinationKey": "model.keys",
    "Info": "model.settings",
    "Scope": "model.scope",
    "Service": "model.service",
    "ServiceKey": "model.keys",
    "Stats": "model.stats",
    "SyncDaemon": "model.settings",
    "Timeouts": "model.settings",
    "Tunnel": "model.destination",
    "ActionName": "model.types",
    "Address": "model.types",
    "ColumnName": "model.types",
    "CommandName": "model.types",
    "ConnectionState": "model.types",
    "DaemonState": "model.types",
    "DestinationOrKey": "model.types",
    "FamilyCondition": "model.types",
    "ForwardingName": "model.types",
    "JournalState": "model.types",
    "Namespace": "model.types",
    "ProtocolCondition": "model.types",
    "ProtocolName": "model.types",
    "RowForm": "model.types",
    "RuleSource": "model.types",
    "SchedulerFlag": "model.types",
    "ServiceOptions": "model.types",
    "ServiceOrKey": "model.types",
    "SourceName": "model.types",
    "StateCondition": "model.types",
    "TunnelChecksum": "model.types",
    "TunnelType": "model.types",
    "ViewName": "model.types",
    "WantedForm": "model.types",
    "WatchEventKind": "model.types",
    "ConvertedForm": "model.types",
    "Delta": "stats.delta",
    "DeltaColumns": "stats.delta",
    "ServiceDeltas": "stats.delta",
    "DestinationDeltas": "stats.delta",
    "Deltas": "stats.poller",
    "Poller": "stats.poller",
    "Snapshot": "stats.snapshot",
    "ServiceColumns": "stats.columns",
    "DestinationColumns": "stats.columns",
    "DifferenceName": "model.types",
    "RateName": "model.types",
    "ServiceNumbersName": "model.types",
    "ServiceTextsName": "model.types",
    "SnapshotSource": "model.types",
    "ServiceColumnName": "model.types",
    "DestinationColumnName": "model.types",
    "DeltaColumnName": "model.types",
    "Drained": "drains.drain",
    "DrainedDestination": "drains.drain",
    "Ramped": "drains.ramp",
    "RampedDestination": "drains.ramp",
    "Undrained": "drains.undrain",
    "UndrainedDestination": "drains.undrain",
    "TableFilter": "model.table_filter",
    "DrainState": "model.types",
    "UndrainState": "model.types",
    "RampState": "model.types",
    "TableColumn": "model.types",
    "check": "rules",
    "from_rule": "rules",
    "to_rule": "rules",
}

__all__ = [
    "ActionName", "Address", "AlreadyExists", "Applied", "AwaitsConfirmation", "Batch", "Bounds",
    "Change", "ColumnName", "CommandName", "Connection", "ConnectionFilter", "ConnectionState",
    "Connections", "ConnectionsStatus", "ConvertedForm", "Counts", "DaemonState", "Delta",
    "DeltaColumnName", "DeltaColumns", "Deltas", "Destination", "DestinationColumnName",
    "DestinationColumns", "DestinationDeltas", "DestinationKey", "DestinationOrKey", "DifferenceName",
    "DrainState", "Drained", "DrainedDestination", "FamilyCondition", "ForwardingName", "Group", "Groups",
    "How", "Info", "Interrupted", "InvalidValue", "Ipvs", "IpvsError", "IpvsUnavailable", "Journal",
    "JournalState", "KernelError", "KernelRefused", "LeftOut", "Namespace", "NotFound", "NotPermitted",
    "NotRestorable", "NothingToConfirm", "NothingToUndo", "Operation", "OutcomeUnknown", "Pace", "Plan",
    "Poller", "Problem", "ProtocolCondition", "ProtocolName", "RampState", "Ramped", "RampedDestination",
    "RateName", "Reading", "ReadingInterrupted", "ReadingReport", "Replaced", "Restored", "Result",
    "Results", "RowForm", "RuleSource", "RulesInvalid", "SchedulerFlag", "Scope", "Service",
    "ServiceColumnName", "ServiceColumns", "ServiceDeltas", "ServiceKey", "ServiceNumbersName",
    "ServiceOptions", "ServiceOrKey", "ServiceTextsName", "Snapshot", "SnapshotSource", "SourceName",
    "StateCondition", "StateError", "Stats", "SyncDaemon", "TableChanging", "TableColumn", "TableFilter",
    "TableLocked", "TableMoved", "TableState", "Timeouts", "Tunnel", "TunnelChecksum", "TunnelType",
    "Undo", "UndoMoved", "UndrainState", "Undrained", "UndrainedDestination", "ViewName", "Wanted",
    "WantedForm", "Watch", "WatchEvent", "WatchEventKind", "Who", "check", "converted", "from_rule",
    "read_wanted", "to_rule", "__version__",
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
