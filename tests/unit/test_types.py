"""The words that annotations allow are the words that are taken at run time; nothing is typed as anything."""

import ast
import inspect
from pathlib import Path
from typing import get_args

import pytest

import ipvsfast
from ipvsfast import (
    ConnectionFilter,
    Connections,
    Destination,
    InvalidValue,
    Operation,
    Service,
    ServiceKey,
    SyncDaemon,
    Tunnel,
)
from ipvsfast.connections.filter import FAMILIES, STATES
from ipvsfast.connections.forms import HEADS
from ipvsfast.connections.source import SOURCES
from ipvsfast.kernel.conn_layout import COLUMNS
from ipvsfast.kernel.conn_reader import FORMATS
from ipvsfast.kernel.table_reading import VIEWS
from ipvsfast.listing.converted import FORMS as CONVERTED_FORMS
from ipvsfast.model import connection, types
from ipvsfast.model.kernel_names import CHECKSUMS, COMMANDS, DAEMON_STATES, PROTOCOLS, TUNNELS, flag_names
from ipvsfast.model.operation import PUTS
from ipvsfast.plans.forms import SOURCES as WANTED_FORMS
from ipvsfast.stats.columns import DESTINATION_NAMES, SERVICE_NAMES
from ipvsfast.stats.delta import DELTA_NAMES
from ipvsfast.stats.sources import NAMES as SNAPSHOT_SOURCES


def words(kind: object) -> list[str]:
    """The texts of a Literal, or of a union of them."""
    found: list[str] = []
    for part in get_args(kind):
        found += [part] if isinstance(part, str) else words(part)
    return found


def excluded(names) -> list[str]:
    """Names, and their exclusions."""
    return [*names, *[f"!{name}" for name in names]]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (types.ProtocolName, PROTOCOLS),
        (types.ForwardingName, ["masq", "route", "tunnel"]),
        (types.TunnelType, TUNNELS),
        (types.TunnelChecksum, CHECKSUMS),
        (types.DaemonState, DAEMON_STATES),
        (types.SchedulerFlag, [*flag_names("sh", 0x18), *flag_names("mh", 0x18), *flag_names("rr", 0x38)]),
        (types.CommandName, [*COMMANDS, *PUTS]),
        (types.ViewName, VIEWS),
        (types.ConnectionState, STATES),
        (types.StateCondition, excluded(STATES)),
        (types.ConnectionProtocol, ["tcp", "udp", "sctp", "ip", "icmp", "icmpv6"]),
        (types.ProtocolCondition, excluded(["tcp", "udp", "sctp", "ip", "icmp", "icmpv6"])),
        (types.FamilyName, FAMILIES),
        (types.FamilyCondition, excluded(FAMILIES)),
        (types.SourceName, SOURCES),
        (types.WantedForm, WANTED_FORMS),
        (types.ConvertedForm, CONVERTED_FORMS),
        (types.RowForm, HEADS),
        (types.RowForm, FORMATS),
        (types.ColumnName, COLUMNS),
        (types.SnapshotSource, SNAPSHOT_SOURCES),
        (types.ServiceColumnName, SERVICE_NAMES),
        (types.DestinationColumnName, DESTINATION_NAMES),
        (types.DeltaColumnName, DELTA_NAMES),
    ],
)
def test_words(kind: object, names) -> None:
    """Each set of words is the table that is looked into."""
    assert sorted(words(kind)) == sorted(set(names))


KEY = ServiceKey.of("udp", "10.0.0.1", 80)
TAKEN = [
    (types.ProtocolName, lambda word: ServiceKey.of(word, "10.0.0.1", 80)),
    (types.ForwardingName, lambda word: Destination("10.0.0.1", 80, word)),
    (types.TunnelType, lambda word: Tunnel(word, 5 if word == "gue" else 0)),
    (types.TunnelChecksum, lambda word: Tunnel("gue", 5, word)),
    (types.DaemonState, SyncDaemon),
    (
        types.SchedulerFlag,
        lambda word: Service(KEY, "mh" if word.startswith("mh") else "sh", scheduler_flags=word),
    ),
    (types.StateCondition, lambda word: ConnectionFilter(states=word)),
    (types.ProtocolCondition, lambda word: ConnectionFilter(protocols=word)),
    (types.FamilyCondition, lambda word: ConnectionFilter(families=word)),
    (types.SourceName, lambda word: Connections(source=word)),
    (types.ConnectionProtocol, connection.check_protocol),
]


@pytest.mark.parametrize(("kind", "take"), TAKEN, ids=[str(at) for at in range(len(TAKEN))])
def test_words_are_taken(kind: object, take) -> None:
    """Every one of them, and no other."""
    for word in words(kind):
        take(word)
    for wrong in ("", "local", "bypass", "nonsense", "!", "!nonsense"):
        with pytest.raises(InvalidValue):
            take(wrong)


def test_commands_are_taken() -> None:
    """An operation knows all of them, and says of others what there is."""
    for word in words(types.CommandName):
        with pytest.raises(TypeError):
            Operation(word, 5)
    with pytest.raises(InvalidValue):
        Operation("list")


def test_no_parameter_is_anything() -> None:
    """In what is exported, keyword arguments are named: a slip such as persistant=300 is seen."""
    loose = []
    for name in ipvsfast.__all__:
        kind = getattr(ipvsfast, name)
        for method, function in (
            inspect.getmembers(kind, callable) if isinstance(kind, type) else [(name, kind)]
        ):
            if method.startswith("_") or not str(getattr(function, "__module__", "")).startswith("ipvsfast"):
                continue
            if method != "replace":  # one function for all classes; its types stand under TYPE_CHECKING
                loose += [
                    f"{name}.{method}({one})"
                    for one in inspect.signature(function).parameters.values()
                    if "**" in str(one) and "Unpack" not in str(one)
                ]
    assert loose == []


def test_replace_is_typed_in_every_class() -> None:
    """Each class of values with fields of its own says what its replace() takes."""
    package = Path(ipvsfast.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.ClassDef)
                and {ast.unparse(base) for base in node.bases} & {"Record", "Value"}
                and node.name != "Record"
            ):
                text = ast.unparse(node)
                if "def __new__" in text:
                    assert "def replace(self, **changes: Unpack[" in text, node.name
