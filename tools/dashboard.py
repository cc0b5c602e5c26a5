"""Writes contrib/grafana/ipvsfast.json: a dashboard over metrics of the exporter and rules made of them.

Rows of panels stand below as data; a panel says what it shows, in which unit, and by which queries.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).resolve().parents[1] / "contrib" / "grafana" / "ipvsfast.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # columns of Grafana's grid

# What the variables choose, by the letter that stands for it in the queries below: directors; services of
# them; destinations of these.
_DIRECTORS = 'job=~"$job",instance=~"$instance"'
_SERVICES = f'{_DIRECTORS},service=~"$service",service_port=~"$service_port",fwmark=~"$fwmark"'
CHOSEN = {"I": _DIRECTORS, "S": _SERVICES, "D": f'{_SERVICES},destination=~"$destination"'}
_SERVICE = "instance, protocol, family, service, service_port, fwmark"
_DESTINATION = f"{_SERVICE}, destination, destination_port"
_SERVICE_LINE = "{{instance}} {{protocol}} {{service}} {{service_port}} {{fwmark}}"
_DESTINATION_LINE = (
    "{{destination}} {{destination_port}} of {{protocol}} {{service}} {{service_port}} {{fwmark}}"
)


class Query(NamedTuple):
    """expr: {I}, {S} and {D} are what CHOSEN has for them. legend: how a line is called; of a table the title
    of its column."""

    expr: str
    legend: str = "{{instance}}"


class Panel(NamedTuple):
    """kind: of Grafana's panels. steps: limits from which on the colour is another. most: a scale's end."""

    kind: str
    title: str
    about: str
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    height: int = 8
    steps: tuple[tuple[float, str], ...] = ()
    most: float | None = None


class Row(NamedTuple):
    """Panels below a title."""

    title: str
    panels: tuple[Panel, ...]


def _lines(title: str, about: str, *queries: Query, unit: str = "short", width: int = 8) -> Panel:
    return Panel("timeseries", title, about, queries, unit, width)


def _number(title: str, about: str, expr: str, *steps: tuple[float, str]) -> Panel:
    return Panel("stat", title, about, (Query(expr, title),), "short", 4, 4, steps)


def _table(
    title: str, about: str, by: str, *columns: tuple[str, str], width: int = WIDTH, height: int = 9
) -> Panel:
    """A line for each set of the labels in by. columns: a metric, and the title of its column."""
    queries = [Query(f"max by ({by}) ({metric})", title) for metric, title in columns]
    return Panel("table", title, about, tuple(queries), width=width, height=height)


def _rate(metric: str, legend: str = "{{instance}}") -> Query:
    return Query(f"rate({metric}[$__rate_interval])", legend)


def _bits(metric: str, legend: str = "{{instance}}") -> Query:
    return Query(f"8 * rate({metric}[$__rate_interval])", legend)


def _top(number: int, query: Query) -> Query:
    return Query(f"topk({number}, {query.expr})", query.legend)


GREEN, ORANGE, RED = (0, "green"), (1, "orange"), (1, "red")
OVERVIEW = Row(
    "Overview",
    (
        _number(
            "Directors read", "Exporters that could read their table.",
            "sum(ipvs_up{I})", (0, "red"), (1, "green"),
        ),
        _number("Services", "In the tables of all directors.", "sum(ipvs_services{I})"),
        _number("Destinations", "In the tables of all directors.", "sum(ipvs_destinations{I})"),
        _number(
            "Services without a backend", "Without a destination, or with none that has a weight.",
            '(sum(ipvs_service_destinations{S,family!=""} == bool 0) or vector(0))'
            ' + (sum(service:ipvs_destination_weight:sum{S,family!=""} == bool 0) or vector(0))', GREEN, RED,
        ),
        _number(
            "Destinations at weight 0", "They get no new connections.",
            'sum(ipvs_destination_weight{D,destination!=""} == bool 0)', GREEN, ORANGE,
        ),
        _number(
            "Alerts", "Those of ipvsfast.alerts.yml that fire now.",
            'count(ALERTS{alertname=~"Ipvs.*",alertstate="firing"}) or vector(0)', GREEN, RED,
        ),
        _lines(
            "New connections", "A second, of all services: live, whatever the kernel refreshes.",
            _rate("ipvs_connections_total{I}"), unit="cps",
        ),
        _lines(
            "Traffic", "Of all services; outgoing only where answers come back through the director.",
            _bits("ipvs_incoming_bytes_total{I}", "{{instance}} in"),
            _bits("ipvs_outgoing_bytes_total{I}", "{{instance}} out"), unit="bps",
        ),
        _lines(
            "Packets", "A second, of all services.",
            _rate("ipvs_incoming_packets_total{I}", "{{instance}} in"),
            _rate("ipvs_outgoing_packets_total{I}", "{{instance}} out"), unit="pps",
        ),
    ),
)  # fmt: skip
OF_SERVICES = Row(
    "Services",
    (
        _table(
            "Services", "Each with what it is made of and its last five minutes.", _SERVICE,
            ("ipvs_service_destinations{S}", "Destinations"),
            ("service:ipvs_destination_weight:sum{S}", "Weights"),
            ("service:ipvs_destination_active_connections:sum{S}", "Active"),
            ("service:ipvs_service_connections:rate5m{S}", "New/s"),
            ("service:ipvs_service_incoming_bytes:rate5m{S}", "Bytes in/s"),
            ("service:ipvs_service_outgoing_bytes:rate5m{S}", "Bytes out/s"),
            width=16,
        ),
        _table(
            "Schedulers", "What shares out the connections of each.",
            f"{_SERVICE}, scheduler",
            ("ipvs_service_info{S}", "There"),
            width=8,
        ),
        _lines(
            "New connections by service", "The ten with the most, a second.",
            _top(10, _rate("ipvs_service_connections_total{S}", _SERVICE_LINE)), unit="cps",
        ),
        _lines(
            "Incoming traffic by service", "The ten with the most.",
            _top(10, _bits("ipvs_service_incoming_bytes_total{S}", _SERVICE_LINE)), unit="bps",
        ),
        _lines(
            "Outgoing traffic by service", "The ten with the most.",
            _top(10, _bits("ipvs_service_outgoing_bytes_total{S}", _SERVICE_LINE)), unit="bps",
        ),
        _lines(
            "Packets by service", "From clients and to them, a second: the ten with the most of each.",
            _top(10, _rate("ipvs_service_incoming_packets_total{S}", f"{_SERVICE_LINE} in")),
            _top(10, _rate("ipvs_service_outgoing_packets_total{S}", f"{_SERVICE_LINE} out")), unit="pps",
        ),
        _lines(
            "Active connections by service", "The ten with the most.",
            _top(10, Query("service:ipvs_destination_active_connections:sum{S}", _SERVICE_LINE)),
        ),
        _lines(
            "Destinations with a weight", "Of a service: where those are fewest that get new connections.",
            Query("bottomk(10, service:ipvs_destination_in_use:count{S})", _SERVICE_LINE),
        ),
    ),
)  # fmt: skip
OF_DESTINATIONS = Row(
    "Destinations",
    (
        _table(
            "Destinations", "Load is 1 where one gets as many new connections as it should.", _DESTINATION,
            ("ipvs_destination_weight{D}", "Weight"),
            ("ipvs_destination_active_connections{D}", "Active"),
            ("ipvs_destination_inactive_connections{D}", "Inactive"),
            ("ipvs_destination_persistent_connections{D}", "Persistent"),
            ("destination:ipvs_destination_connections:rate5m{D}", "New/s"),
            ("destination:ipvs_destination_connections:share5m{D}", "Share"),
            ("destination:ipvs_destination_load:ratio{D}", "Load"),
        ),
        _lines(
            "New connections by destination", "The 20 with the most, a second.",
            _top(20, _rate("ipvs_destination_connections_total{D}", _DESTINATION_LINE)), unit="cps",
        ),
        _lines(
            "Active connections by destination", "The 20 with the most.",
            _top(20, Query("ipvs_destination_active_connections{D}", _DESTINATION_LINE)),
        ),
        _lines(
            "Load by destination", "New connections beside what weights ask for: those that get too many.",
            _top(20, Query("destination:ipvs_destination_load:ratio{D}", _DESTINATION_LINE)),
        ),
        _lines(
            "Weights", "As they are set; drains and ramps can be seen here.",
            Query("ipvs_destination_weight{D}", _DESTINATION_LINE),
        ),
        _lines(
            "Incoming traffic by destination", "The 20 with the most.",
            _top(20, _bits("ipvs_destination_incoming_bytes_total{D}", _DESTINATION_LINE)), unit="bps",
        ),
        _lines(
            "Outgoing traffic by destination", "The 20 with the most.",
            _top(20, _bits("ipvs_destination_outgoing_bytes_total{D}", _DESTINATION_LINE)), unit="bps",
        ),
    ),
)  # fmt: skip
CONNECTIONS = Row(
    "Connection table",
    (
        Panel(
            "gauge", "Of its limit", "Entries beside the sysctl conn_max (Linux 7.2).",
            (Query("max(instance:ipvs_connection_table_used:ratio{I})", "used"),), "percentunit", 4, 8,
            ((0, "green"), (0.6, "orange"), (0.8, "red")), 1,
        ),
        _lines(
            "Entries", "Entries of the table (Linux 7.1 and later), and connections that destinations count.",
            Query("ipvs_connection_table_entries{I}", "{{instance}} entries"),
            Query("instance:ipvs_destination_connections:sum{I}", "{{instance}} counted"), width=10,
        ),
        _lines(
            "Connections for each bucket", "The kernel looks through that many for each packet.",
            Query("instance:ipvs_destination_connections:sum{I} / ipvs_connection_table_buckets{I}"),
            width=10,
        ),
        _lines(
            "By state", "With --connections state.",
            Query("ipvs_connection_table_state_entries{I}", "{{instance}} {{protocol}} {{state}}"),
        ),
        _lines(
            "By client", "With --connections client: the ten with the most.",
            _top(10, Query("ipvs_connection_table_client_entries{I}", "{{instance}} {{client}}")),
        ),
        _table(
            "Timeouts", "After how many seconds without a packet a connection is forgotten.",
            "instance, timer",
            ("ipvs_timeout_seconds{I}", "Seconds"), width=8, height=8,
        ),
    ),
)  # fmt: skip
DIRECTORS = Row(
    "Directors beside each other",
    (
        _table(
            "Rules", "Directors with the same fingerprint have the same rules.", "instance",
            ('ipvs_rules_fingerprint{I,weights="left_out"}', "Rules"),
            ('ipvs_rules_fingerprint{I,weights="included"}', "With weights"),
            ("ipvs_services{I}", "Services"),
            ("ipvs_destinations{I}", "Destinations"),
            ("ipvs_estimation_enabled{I}", "Counted"),
            width=16, height=7,
        ),
        _table(
            "Sync daemons", "1: a daemon of that state runs.", "instance, state",
            ("ipvs_sync_daemon_running{I}", "Runs"), width=8, height=7,
        ),
    ),
)  # fmt: skip
EXPORTER = Row(
    "Exporter",
    (
        _lines(
            "Time of a reading", "And how long Prometheus waited for all of it.",
            Query("ipvs_scrape_duration_seconds{I}", "{{instance}} reading"),
            Query("scrape_duration_seconds{I}", "{{instance}} scrape"), unit="s",
        ),
        _lines(
            "Series", "Of a scrape, and how many there may be.",
            Query("ipvs_exporter_series{I}"),
            Query("ipvs_exporter_series_limit{I} > 0", "{{instance}} limit"),
        ),
        _lines(
            "Trouble", "In five minutes: readings that failed, and that found a table that kept changing.",
            Query("increase(ipvs_scrape_errors_total{I}[5m])", "{{instance}} {{reason}}"),
            Query("increase(ipvs_table_unstable_scrapes_total{I}[5m])", "{{instance}} changing"),
        ),
        _table(
            "Detail", "What each exporter was asked to tell, and what it tells.", "instance, wanted, given",
            ("ipvs_exporter_detail_info{I}", "There"), width=16, height=6,
        ),
        _table(
            "Versions", "Of the exporters.", "instance, version",
            ("ipvs_exporter_build_info{I}", "Runs"), width=8, height=6,
        ),
    ),
)  # fmt: skip
ROWS = (OVERVIEW, OF_SERVICES, OF_DESTINATIONS, CONNECTIONS, DIRECTORS, EXPORTER)
# Name of a variable, its title, and what its values are.
VARIABLES = (
    ("job", "Job", "label_values(ipvs_up, job)"),
    ("instance", "Director", 'label_values(ipvs_up{job=~"$job"}, instance)'),
    ("service", "Service", "label_values(ipvs_service_info{I}, service)"),
    ("service_port", "Port", 'label_values(ipvs_service_info{I,service=~"$service"}, service_port)'),
    ("fwmark", "Mark", "label_values(ipvs_service_info{I}, fwmark)"),
    ("destination", "Destination", "label_values(ipvs_destination_info{S}, destination)"),
)


def _chosen(expr: str) -> str:
    for letter, labels in CHOSEN.items():
        for end in "},":
            expr = expr.replace(f"{{{letter}{end}", f"{{{labels}{end}")
    return expr


def _target(query: Query, letter: str, at_once: bool, table: bool) -> dict[str, Any]:
    return {
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": _chosen(query.expr),
        "format": "table" if table else "time_series",
        "instant": at_once,
        "legendFormat": query.legend,
        "range": not at_once,
        "refId": letter,
    }


def _table_parts(panel: Panel) -> dict[str, Any]:
    """The queries of a table are joined by their labels; a query gives a column."""
    several = len(panel.queries) > 1
    letters = [chr(ord("A") + n) for n in range(len(panel.queries))]
    names = {
        f"Value #{letter}" if several else "Value": query.legend
        for letter, query in zip(letters, panel.queries)
    }
    steps = [{"id": "merge", "options": {}}] if several else []
    organize = {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": names}
    return {
        "options": {"cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"]}, "showHeader": True},
        "transformations": [*steps, {"id": "organize", "options": organize}],
    }


def _shape(panel: Panel) -> dict[str, Any]:
    """What is special to a kind of panel."""
    calculated = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    if panel.kind == "table":
        return _table_parts(panel)
    if panel.kind == "timeseries":
        legend = {
            "calcs": ["lastNotNull", "max"],
            "displayMode": "table",
            "placement": "bottom",
            "showLegend": True,
        }
        return {"options": {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}}
    if panel.kind == "gauge":
        sizes = {"minVizHeight": 75, "minVizWidth": 75, "sizing": "auto", "orientation": "auto"}
        shown = {"showThresholdLabels": False, "showThresholdMarkers": True, "reduceOptions": calculated}
        return {"options": {**sizes, **shown}}
    looks = {"colorMode": "value", "graphMode": "area", "justifyMode": "auto", "textMode": "value"}
    wide = {"wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard"}
    return {"options": {**looks, **wide, "orientation": "auto", "reduceOptions": calculated}}


def _field(panel: Panel) -> dict[str, Any]:
    """How values are shown."""
    limits = panel.steps or ((0, "blue"),)
    steps = [{"color": color, "value": limit if n else None} for n, (limit, color) in enumerate(limits)]
    found: dict[str, Any] = {
        "color": {"mode": "thresholds" if panel.kind in ("stat", "gauge") else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "unit": panel.unit,
    }  # fmt: skip
    if panel.kind != "table":
        found["min"] = 0
    if panel.most is not None:
        found["max"] = panel.most
    if panel.kind == "timeseries":
        found["custom"] = {
            "drawStyle": "line", "fillOpacity": 10, "lineWidth": 1, "showPoints": "never", "spanNulls": False,
        }  # fmt: skip
    return {"defaults": found, "overrides": []}


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    at_once = panel.kind != "timeseries"
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": {"h": panel.height, "w": panel.width, "x": x, "y": y},
        "fieldConfig": _field(panel),
        "targets": [
            _target(query, chr(ord("A") + n), at_once, panel.kind == "table")
            for n, query in enumerate(panel.queries)
        ],
        **_shape(panel),
    }


def _panels() -> list[dict[str, Any]]:
    """All rows, one below the other; panels stand beside each other while there is room."""
    found: list[dict[str, Any]] = []
    y = 0
    for row in ROWS:
        place = {"h": 1, "w": WIDTH, "x": 0, "y": y}
        head = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        found.append({"id": len(found) + 1, **head, "gridPos": place})
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            found.append(_panel(panel, len(found) + 1, x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return found


def _variable(name: str, title: str, query: str) -> dict[str, Any]:
    """All of them at first, which also matches what lacks the label: a mark has no address."""
    return {
        "name": name,
        "label": title,
        "type": "query",
        "datasource": SOURCE,
        "query": {"qryType": 1, "query": _chosen(query), "refId": f"variable-{name}"},
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
        "sort": 1,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def dashboard() -> dict[str, Any]:
    """The whole dashboard."""
    source = {
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
        "refresh": 1, "includeAll": False, "multi": False,
    }  # fmt: skip
    alerts = {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "expr": 'ALERTS{alertname=~"Ipvs.*",alertstate="firing"}',
        "iconColor": "red",
    }
    return {
        "uid": "ipvsfast",
        "title": "IPVS directors",
        "description": "Metrics of ipvsfast exporter, and recording rules of contrib/prometheus.",
        "tags": ["ipvs", "lvs"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "schemaVersion": 39,
        "version": 1,
        "annotations": {"list": [alerts]},
        "templating": {"list": [source, *[_variable(*variable) for variable in VARIABLES]]},
        "links": [],
        "panels": _panels(),
    }


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
