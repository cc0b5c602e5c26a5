"""Every family of metrics: its name, type, unit, labels, meaning, and where its values come from.

docs/exporter.md lists them; a test compares the two.
"""

from __future__ import annotations

from ..model.destination import CONNECTIONS, SET_NUMBERS, SHARE
from ..model.table_filter import COUNTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Literal

    Kind = Literal["gauge", "counter", "info"]
    Subject = Literal["exporter", "namespace", "service", "destination", "connections"]

# What identifies a service, and a destination of it: labels of every row, in this order.
SERVICE_LABELS = ("protocol", "family", "service", "service_port", "fwmark")
DESTINATION_LABELS = ("destination", "destination_port")
ROW_LABELS = (*SERVICE_LABELS, *DESTINATION_LABELS)


class Family:
    """One family. name: without `_total` and `_info`. unit: "" or the end of the name. subject: what a sample
    is about. labels: those beyond ROW_LABELS. column: of a service or destination, where it is the value.
    whole: only for whole rows, as its values have no sum. sparse: 0 stands for none, and is left out.
    """

    __slots__ = ("column", "help", "kind", "labels", "name", "sparse", "subject", "unit", "whole")

    def __init__(
        self, subject: Subject, kind: Kind, name: str, help: str, *, unit: str = "",
        labels: tuple[str, ...] = (), column: str = "", whole: bool = False, sparse: bool = False,
    ) -> None:  # fmt: skip
        self.subject: Final[Subject] = subject
        self.kind: Final[Kind] = kind
        self.name: Final[str] = name
        self.help: Final[str] = help
        self.unit: Final[str] = unit
        self.labels: Final[tuple[str, ...]] = labels
        self.column: Final[str] = column
        self.whole: Final[bool] = whole or kind == "info"
        self.sparse: Final[bool] = sparse

    @property
    def sample_name(self) -> str:
        """The name of its samples."""
        return self.name + {"gauge": "", "counter": "_total", "info": "_info"}[self.kind]


def _gauge(subject: Subject, name: str, help: str, unit: str = "", labels: tuple[str, ...] = ()) -> Family:
    return Family(subject, "gauge", f"ipvs_{name}", help, unit=unit, labels=labels)


# The five counters: what the name ends in, its unit, and the words for it.
_COUNTED = dict(
    zip(
        COUNTERS,
        (
            ("connections", "", "Connections of {}"),
            ("incoming_packets", "", "Packets from clients to {}"),
            ("outgoing_packets", "", "Packets from {} to clients, where they come back this way"),
            ("incoming_bytes", "bytes", "Bytes from clients to {}"),
            ("outgoing_bytes", "bytes", "Bytes from {} to clients, where they come back this way"),
        ),
    )
)
# Names and meanings of the numbers of a destination.
_NUMBERS = {
    SHARE: ("{}", "Weight: its share of the new connections; 0 is none"),
    "upper": (
        "{}_threshold",
        "Connections from which on it gets no new ones; no sample without such a limit",
    ),
    "lower": (
        "{}_threshold",
        "Connections below which it gets new ones again; no sample without such a limit",
    ),
}
_GAUGES = {
    "active": "Active connections (of TCP, established ones)",
    "inactive": "Connections that are not active",
    "persistent": "Persistent clients",
}


def _counters(subject: Subject, of: str, since: str) -> tuple[Family, ...]:
    middle = "" if subject == "namespace" else f"{subject}_"
    found = []
    for column, (name, unit, words) in _COUNTED.items():
        meaning = f"{words.format(of)}: {since}"
        found.append(Family(subject, "counter", f"ipvs_{middle}{name}", meaning, unit=unit, column=column))
    return tuple(found)


def _of_destinations() -> list[Family]:
    found = []
    for column in SET_NUMBERS:
        form, words = _NUMBERS.get(column, ("{}", f"The number of a destination that is called {column}"))
        limit = column != SHARE and column in _NUMBERS
        name = f"ipvs_destination_{form.format(column)}"
        found.append(Family("destination", "gauge", name, words, column=column, whole=limit, sparse=limit))
    for kind in CONNECTIONS:
        name = f"ipvs_destination_{kind}_connections"
        found.append(Family("destination", "gauge", name, _GAUGES[kind], column=kind))
    return found


_ZEROED = "since they were zeroed, refreshed by the kernel every 2 seconds"
LIVE = _counters("namespace", "all services that the network namespace ever had", "live, and never zeroed")

# Of the exporter itself.
UP = _gauge("exporter", "up", "Whether the table could be read (1) or not (0)")
ERRORS = Family(
    "exporter", "counter", "ipvs_scrape_errors", "Readings that failed since the exporter runs, by reason",
    labels=("reason",),
)  # fmt: skip
DURATION = _gauge("exporter", "scrape_duration_seconds", "How long it took to read everything", "seconds")
BUILD = Family("exporter", "info", "ipvs_exporter_build", "The exporter", labels=("version",))
DETAIL = Family(
    "exporter", "info", "ipvs_exporter_detail",
    "What each sample is about: destination, service or none, as it was wanted, and as the limit of series "
    "allows it", labels=("wanted", "given"),
)  # fmt: skip
LIMITED = _gauge(
    "exporter", "exporter_series_limited",
    "Whether the limit of series has made samples be about less than was wanted, or left clients out",
)  # fmt: skip
SERIES = _gauge("exporter", "exporter_series", "Series of this exposition")
LIMIT = _gauge("exporter", "exporter_series_limit", "How many series there may be; 0 is any number")
CHANGED = Family(
    "exporter", "counter", "ipvs_table_unstable_scrapes",
    "Scrapes in which the table kept changing while it was read",
)  # fmt: skip

# Of the network namespace.
KERNEL = Family("namespace", "info", "ipvs_kernel", "The kernel's IPVS", labels=("version",))
ESTIMATION = _gauge(
    "namespace", "estimation_enabled",
    "Whether the kernel refreshes the counters of services and destinations (1) or they stand still (0); no "
    "sample where it does not say",
)  # fmt: skip
LIVE_COUNTERS = _gauge(
    "namespace", "counters_live",
    "Whether counters of services and destinations are those of the moment of the reading (1), which move "
    "where the kernel refreshes none too, or those that it has refreshed last (0)",
)  # fmt: skip
SERVICES = _gauge("namespace", "services", "Services in the table, whatever the filter")
DESTINATIONS = _gauge("namespace", "destinations", "Destinations in the table, whatever the filter")
UNSTABLE = _gauge(
    "namespace", "table_unstable",
    "Parts of the table that changed each time they were read: rows may be missing",
)  # fmt: skip
FINGERPRINT = _gauge(
    "namespace", "rules_fingerprint",
    "A number that two tables share if their rules are the same, whatever their order and counters; with "
    "weights left out, whatever these are too", labels=("weights",),
)  # fmt: skip
TIMEOUT = _gauge(
    "namespace", "timeout_seconds", "After how long without a packet a connection is forgotten", "seconds",
    ("timer",),
)  # fmt: skip
DAEMON = Family(
    "namespace", "info", "ipvs_sync_daemon", "A sync daemon that runs",
    labels=("state", "interface", "sync_id", "group", "port"),
)  # fmt: skip
DAEMON_RUNNING = _gauge(
    "namespace", "sync_daemon_running", "Whether a sync daemon of that state runs", labels=("state",)
)
BUCKETS = _gauge("namespace", "connection_table_buckets", "Buckets of the connection table")
ENTRIES = _gauge(
    "namespace", "connection_table_entries",
    "Entries of the connection table; no sample where the kernel does not count them (before Linux 7.1, or "
    "for others than root)",
)  # fmt: skip
MOST = _gauge(
    "namespace", "connection_table_limit",
    "How many entries the connection table may have (the sysctl conn_max of Linux 7.2)",
)  # fmt: skip
STATUS = _gauge(
    "namespace", "kernel_status",
    "The numbers of /proc/net/ip_vs_status by the kernel's names for them (Linux 7.1 and later, root)",
    labels=("name",),
)  # fmt: skip

# Of the connection table, where it is read.
BY_STATE = _gauge(
    "connections",
    "connection_table_state_entries",
    "Entries of the connection table",
    labels=("protocol", "state"),
)
BY_CLIENT = _gauge(
    "connections", "connection_table_client_entries",
    "Entries of the connection table of a client; the limit of series leaves the smallest out",
    labels=("client",),
)  # fmt: skip
CLIENTS = _gauge(
    "connections", "connection_table_clients", "Clients that have entries in the connection table"
)
INCOMPLETE = _gauge(
    "connections", "connection_table_incomplete",
    "Whether the connection table kept changing its size while it was read: entries may be missing",
)  # fmt: skip

OF_SERVICES: tuple[Family, ...] = (
    Family("service", "info", "ipvs_service", "How a service schedules", labels=("scheduler", "engine")),
    Family(
        "service", "gauge", "ipvs_service_destinations", "Destinations of a service, whatever the filter",
        column="destination_count",
    ),
    Family(
        "service", "gauge", "ipvs_service_persistence_timeout_seconds",
        "How long a client stays with its destination; no sample where it does not", unit="seconds",
        column="timeout", whole=True, sparse=True,
    ),
    *_counters("service", "a service", _ZEROED),
)  # fmt: skip
OF_DESTINATIONS: tuple[Family, ...] = (
    Family("destination", "info", "ipvs_destination", "How a destination is reached", labels=("forwarding",)),
    *_of_destinations(),
    *_counters("destination", "a destination", _ZEROED),
)
FAMILIES: tuple[Family, ...] = (
    UP, ERRORS, DURATION, BUILD, DETAIL, LIMITED, SERIES, LIMIT, CHANGED,
    KERNEL, ESTIMATION, LIVE_COUNTERS, SERVICES, DESTINATIONS, UNSTABLE, FINGERPRINT, TIMEOUT, DAEMON,
    DAEMON_RUNNING, BUCKETS, ENTRIES, MOST, STATUS, *LIVE, BY_STATE, BY_CLIENT, CLIENTS, INCOMPLETE,
    *OF_SERVICES, *OF_DESTINATIONS,
)  # fmt: skip
