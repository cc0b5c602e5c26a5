"""Grafana's dashboard is what its tool makes, fits Grafana's schema, and asks for nothing that is not there."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ipvsfast.exporter.families import FAMILIES
from support.pages import blocks
from support.prometheus import metric_names, recorded
from support.require import cannot_run
from support.tools import ROOT, tool

FILE = ROOT / "contrib" / "grafana" / "ipvsfast.json"
BOARD: dict[str, Any] = json.loads(FILE.read_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
# What Prometheus itself has of a scrape and of an alert.
OF_PROMETHEUS = {"ALERTS", "scrape_duration_seconds"}
# Below these the schema leaves the form to the data source, to a transformation, or takes any text.
OPEN = (
    "templating.list.#.query", "templating.list.#.current", "timeseries.fieldConfig.overrides",
    "table.transformations.#.options",
)  # fmt: skip


def problems(board: dict[str, Any]) -> list[str]:
    try:
        from support import grafana
    except ModuleNotFoundError:
        cannot_run("Grafana's classes are not here (pip install grafana-foundation-sdk; Python 3.11)")
    return grafana.problems(board)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """To every field."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield (*path, name)
            yield from paths(below, (*path, name))
    elif isinstance(value, list):
        for n, below in enumerate(value):
            yield from paths(below, (*path, n))


def kind_of(path: tuple[Any, ...]) -> str:
    """The same for all fields of that place: of panels of one kind, of all members of a list."""
    if path[0] == "panels" and len(path) > 2:
        path = (BOARD["panels"][path[1]]["type"], *path[2:])
    return ".".join(["#" if isinstance(part, int) else part for part in path])


# What Grafana's documentation says of such a file.
PROVIDER = {
    "name",
    "orgId",
    "folder",
    "folderUid",
    "type",
    "disableDeletion",
    "updateIntervalSeconds",
    "allowUiUpdates",
    "options",
}
PROVIDER_OPTIONS = {"path", "foldersFromFilesStructure"}


def test_the_file_that_provides_it() -> None:
    """docs/monitoring.md shows one that has the fields of such files."""
    (block,) = [
        one for one in blocks(ROOT / "docs/monitoring.md") if one.remark.endswith("/test_dashboard.py")
    ]
    found = yaml.safe_load(block.text)
    (provider,) = found["providers"]
    assert (found.keys(), found["apiVersion"]) == ({"apiVersion", "providers"}, 1)
    assert provider["name"] and provider.keys() <= PROVIDER
    assert provider["options"]["path"].startswith("/") and provider["options"].keys() <= PROVIDER_OPTIONS


def test_it_is_up_to_date() -> None:
    """What is kept in the tree is what the tool makes now."""
    assert FILE.read_text() == tool("dashboard").text(), "run: make generated"


def test_it_fits_the_schema() -> None:
    """Every field is one that Grafana knows there, with a value of its type; nothing that must be is missing."""
    assert problems(BOARD) == []


def test_the_schema_finds_mistakes() -> None:
    """A field with another name, and one of another type, at every place of the dashboard."""
    known = {kind_of(path): path for path in paths(BOARD)}
    assert len(known) > 150
    for kind, path in known.items():
        if kind.startswith(OPEN) and kind not in OPEN:
            continue
        for change in ("name", "type"):
            board = copy.deepcopy(BOARD)
            place: Any = board
            for part in path[:-1]:
                place = place[part]
            if change == "name":
                place[f"{path[-1]}x"] = place.pop(path[-1])
            elif kind not in OPEN:
                place[path[-1]] = [["?"]]
            else:
                continue
            try:
                found = problems(board)
            except (KeyError, TypeError):  # the kind of a panel itself
                found = ["unreadable"]
            assert found, (kind, change)


def test_panels_have_places_of_their_own() -> None:
    """Numbers are given once, none lies over another, all lie on the grid, and each says what it shows."""
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24
        taken |= cells
    assert all(panel["description"].endswith(".") for panel in PANELS)


def test_every_metric_is_there() -> None:
    """Queries and variables ask for metrics of the exporter, or for what the rules record."""
    texts = [target["expr"] for panel in PANELS for target in panel["targets"]]
    texts += [one["query"]["query"] for one in BOARD["templating"]["list"] if one["type"] == "query"]
    known = {family.sample_name for family in FAMILIES} | recorded() | OF_PROMETHEUS
    for text in texts:
        assert metric_names(text) and metric_names(text) <= known, text


def test_every_variable_is_there() -> None:
    """Each $name is a variable of the dashboard or one of Grafana's own; each variable is used."""
    names = {one["name"] for one in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", FILE.read_text())) - {"__all"}
    assert used == names | {"__rate_interval"}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_columns_of_a_table(panel: dict[str, Any]) -> None:
    """Each query has its column, and no title stands twice."""
    if panel["type"] != "table":
        return
    (organize,) = [one for one in panel["transformations"] if one["id"] == "organize"]
    names = organize["options"]["renameByName"]
    several = len(panel["targets"]) > 1
    assert set(names) == {f"Value #{one['refId']}" if several else "Value" for one in panel["targets"]}
    assert len(set(names.values())) == len(names)
