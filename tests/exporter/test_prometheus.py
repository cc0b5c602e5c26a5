"""The real Prometheus scrapes the real exporter: every rule and every query of the dashboard is asked for there.

Two directors are scraped: one with traffic, by two exporters that count its connections by different keys, and one
in another namespace, whose exporter has its socket from the first, as systemd would pass it. A fourth target is nowhere.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service
from support.netns import entered, make_namespace, own_namespace, returning
from support.prometheus import ALERTS, RECORDING, metric_names, rules, shown
from support.require import cannot_run
from support.tools import ROOT, tool

demo = tool("watch_demo")
FIRST, SECOND, CLIENTS, NOWHERE = demo.EXPORTER, "127.0.0.1:9120", "127.0.0.1:9121", "127.0.0.1:9122"
LIMITED = ("--max-series", "200")  # less than there are
BOARD = json.loads((ROOT / "contrib" / "grafana" / "ipvsfast.json").read_text())
QUERIES = [
    (f"{panel['title']} {target['refId']}", target["expr"])
    for panel in BOARD["panels"]
    for target in panel.get("targets", [])
]
# What only newer kernels count: expressions that need it are empty on others.
OF_LINUX_7 = {
    "ipvs_connection_table_entries", "ipvs_connection_table_limit", "instance:ipvs_connection_table_used:ratio",
}  # fmt: skip
NEW_KERNEL = Path("/proc/sys/net/ipv4/vs/conn_max").exists()
# Older ones are emulated, most of the time, and slow. Only a fault takes as long as SECONDS.
PACE, SECONDS = (2, 90.0) if NEW_KERNEL else (15, 500.0)
WITHOUT_DATA = {name for name, expr in QUERIES if not NEW_KERNEL and OF_LINUX_7 & metric_names(expr)}
# Alerts that the scene has a reason for, and those that it has none for. By chance: connections are few here.
WITH_REASON = {
    "IpvsExporterDown", "IpvsSeriesLimited", "IpvsEstimationOff", "IpvsServiceWithoutDestinations",
    "IpvsServiceWithoutWeight", "IpvsDestinationWeightZero", "IpvsTableDrift",
}  # fmt: skip
WITHOUT_REASON = {
    "IpvsTableUnreadable", "IpvsScrapeErrors", "IpvsScrapeSlow", "IpvsTableUnstable", "IpvsTableEmptied",
    "IpvsDestinationAtThreshold", "IpvsConnectionTableNearLimit", "IpvsConnectionTableCrowded",
    "IpvsWeightDrift",  # the other drift says it all
}  # fmt: skip
BY_CHANCE = {"IpvsDestinationImbalance"}


def fill_second() -> None:
    """A service that has no destination, limits of connections, and nothing is counted."""
    Path("/proc/sys/net/ipv4/vs/run_estimation").write_text("0")
    with Ipvs() as ipvs:
        batch = Batch()
        web = Service.tcp("10.0.0.1", 80, "wlc")
        batch.add_service(web)
        batch.add_service(Service.mark(9))
        for n in range(3):
            batch.add_destination(web, Destination(f"10.1.0.{n + 1}", 80, upper=1000, lower=500))
        ipvs.apply(batch).check()


@contextmanager
def activated(namespace: int, folder: Path) -> Iterator[None]:
    """An exporter in another namespace; its socket, as a service manager passes it, is in the caller's."""
    with socket.create_server(("127.0.0.1", int(SECOND.rpartition(":")[2]))) as server, ExitStack() as stack:
        number = server.fileno()
        command = f'exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
        argv = ["bash", "-c", command, "bash", str(demo.PROGRAM), "exporter"]
        with entered(namespace):
            stack.enter_context(demo.running(argv, folder / "second.log", pass_fds=[number]))
        yield


class Scene:
    """here: the namespace of Prometheus and of the first director; second: the other one."""

    def __init__(self, here: int, second: int) -> None:
        self.here, self.second = here, second

    def asked(self, expr: str) -> list[dict[str, Any]]:
        """What an expression has, with all that the dashboard lets one choose."""
        names = [one["name"] for one in BOARD["templating"]["list"]]
        for name in sorted(names, key=len, reverse=True):
            expr = expr.replace(f"${name}", ".*")
        with entered(self.here):
            return demo.query(expr.replace("[$__rate_interval]", "[2m]"))

    def until(self, reached: Callable[[], object], state: Callable[[], object] = lambda: None) -> None:
        """Returns when that is so. state: what to tell where it never is."""
        end = time.monotonic() + SECONDS
        while not reached():
            assert time.monotonic() < end, state()
            time.sleep(0.3)

    def until_equal(self, found: Callable[[], object], expected: object) -> None:
        """Returns when they are."""
        self.until(lambda: found() == expected, lambda: (found(), expected))

    def without_data(self, queries: Iterable[tuple[str, str]]) -> set[str]:
        """Names of those that have none."""
        return {name for name, expr in queries if not self.asked(expr)}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All of it, once every target has been scraped. On a busy machine a scrape may come too late, and all that it
    would have told is gone until the next: tests wait for what they look for."""
    if os.geteuid() or not shutil.which("prometheus"):
        cannot_run("needs root and Debian's package prometheus: python -m tests.vm -- ...")
    folder = tmp_path_factory.mktemp("scene")
    with ExitStack() as stack:
        stack.enter_context(returning())
        stack.enter_context(demo.traffic())
        here = own_namespace()
        stack.callback(os.close, here)
        second = make_namespace()
        stack.callback(os.close, second)
        with entered(second):
            fill_second()
        stack.enter_context(demo.exporter(folder, FIRST, "--connections", "state"))
        stack.enter_context(demo.exporter(folder, CLIENTS, "--connections", "client", *LIMITED))
        stack.enter_context(activated(second, folder))
        web = {"targets": [FIRST, SECOND], "labels": {"director_group": "web"}}
        stack.enter_context(demo.prometheus(folder, [web, {"targets": [CLIENTS, NOWHERE]}], PACE))
        found = Scene(here, second)
        found.until(lambda: len(found.asked("up == 1")) == 3, (folder / "second.log").read_text)
        yield found


def test_every_query_of_the_dashboard_has_data(scene: Scene) -> None:
    """But for those that ask what this kernel does not count."""
    scene.until_equal(lambda: scene.without_data(QUERIES), WITHOUT_DATA)


def test_what_the_documents_ask_has_data(scene: Scene) -> None:
    """There are two directors with other rules, a service without weight, and connections."""
    asked = [(expr, expr) for expr in shown("docs/exporter.md", "docs/monitoring.md")]
    assert len(asked) == 5
    scene.until_equal(lambda: scene.without_data(asked), set())


def values_of(scene: Scene, asks: str) -> set[str]:
    """label_values(METRIC, LABEL), as Grafana asks it."""
    words = re.fullmatch(r"label_values\((.*), (\w+)\)", asks)
    assert words, asks
    return {found["metric"].get(words[2], "") for found in scene.asked(words[1])} - {""}


def test_every_variable_has_values(scene: Scene) -> None:
    """So that there is something to choose."""
    asks = {one["query"]["query"] for one in BOARD["templating"]["list"] if one["type"] == "query"}
    scene.until_equal(lambda: {one for one in asks if values_of(scene, one)}, asks)


def evaluated(scene: Scene) -> dict[str, str]:
    """The state of every rule."""
    with entered(scene.here):
        groups = demo.fetch("rules")["groups"]
    return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


def test_every_rule_is_kept(scene: Scene) -> None:
    """Prometheus evaluates all without an error, and each that records has values."""
    names = [rule.get("record") or rule["alert"] for rule in [*rules(RECORDING), *rules(ALERTS)]]
    scene.until_equal(lambda: evaluated(scene), dict.fromkeys(names, "ok"))
    records = [(rule["record"], rule["record"]) for rule in rules(RECORDING)]
    expected = {name for name, _ in records if not NEW_KERNEL and name in OF_LINUX_7}
    scene.until_equal(lambda: scene.without_data(records), expected)


def test_alerts_have_the_reasons_that_are_there(scene: Scene) -> None:
    """Their expressions have data where something is wrong in this scene, and else none."""
    scene.until_equal(
        lambda: {rule["alert"] for rule in rules(ALERTS) if scene.asked(rule["expr"])} - BY_CHANCE,
        WITH_REASON,
    )
    assert {rule["alert"] for rule in rules(ALERTS)} == WITH_REASON | WITHOUT_REASON | BY_CHANCE


def test_every_metric_that_an_alert_asks_for_has_data(scene: Scene) -> None:
    """So that none is silent only because a name is wrong."""
    asked = {name for rule in rules(ALERTS) for name in metric_names(rule["expr"])} - {"ALERTS"}
    asked -= set() if NEW_KERNEL else OF_LINUX_7
    scene.until_equal(lambda: scene.without_data([(name, name) for name in asked]), set())


def test_numbers_are_those_of_the_table(scene: Scene) -> None:
    """What Prometheus has is what the kernel has."""
    with entered(scene.here), Ipvs() as ipvs:
        table = ipvs.table()
    one = f'{{instance="{FIRST}"}}'
    expected = {
        f"ipvs_services{one}": len(table),
        f"ipvs_destinations{one}": sum(len(below) for _, below in table),
        f"sum(ipvs_destination_weight{one})": sum(each.weight for _, below in table for each in below),
        f"count(ipvs_service_info{one})": len(table),
    }
    scene.until_equal(
        lambda: {expr: float(found["value"][1]) for expr in expected for found in scene.asked(expr)}, expected
    )


def test_directors_are_told_apart_until_they_are_alike(scene: Scene) -> None:
    """The second one gets the rules of the first; then it loses all."""
    exprs = {rule["alert"]: rule["expr"] for rule in rules(ALERTS)}
    with entered(scene.here), Ipvs() as ipvs:
        table = ipvs.table()
    with entered(scene.second), Ipvs() as ipvs:
        ipvs.flush()
        batch = Batch()
        for service, below in reversed(table):
            batch.add_service(service)
            for destination in below:
                batch.add_destination(service, destination.replace(weight=destination.weight + 1))
        ipvs.apply(batch).check()
        scene.until(lambda: not scene.asked(exprs["IpvsTableDrift"]))
        scene.until(lambda: scene.asked(exprs["IpvsWeightDrift"]))
        for service, below in table:
            for destination in below:
                ipvs.edit_destination(service, destination)
        scene.until(lambda: not scene.asked(exprs["IpvsWeightDrift"]))
        ipvs.flush()
        scene.until(lambda: scene.asked(exprs["IpvsTableEmptied"]) and scene.asked(exprs["IpvsTableDrift"]))
