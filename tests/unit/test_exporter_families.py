"""The families of metrics, and the document about them."""

import json
import re
import subprocess
import sys
from pathlib import Path

from ipvsfast.exporter.families import FAMILIES
from support.prometheus import shown
from support.tools import ROOT

# Where metrics are named; families of the node exporter and of rules that are recorded begin otherwise.
NAMED = re.compile(r"(?<![\w:])ipvs_[a-z_]+")
UNITS = {"seconds", "bytes"}


def test_the_document_lists_all() -> None:
    """docs/exporter.md is up to date: `make generated`."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import metrics
    finally:
        del sys.path[0]
    text = metrics.DOCUMENT.read_text()
    assert text == metrics.written(text)
    assert not [family.name for family in FAMILIES if f"`{family.sample_name}`" not in text]


def test_names() -> None:
    """They begin alike, end in their unit, are there once in both forms, and tell nothing of the type."""
    names = [family.name for family in FAMILIES] + [family.sample_name for family in FAMILIES]
    assert len({*names}) == len({family.name for family in FAMILIES} | {f.sample_name for f in FAMILIES})
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert len({family.sample_name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert re.fullmatch(r"ipvs(_[a-z]+)+", family.name), family.name
        assert not re.search(r"_(total|info|count|sum|bucket|created|gauge|counter)$", family.name)
        assert not family.unit or (family.unit in UNITS and family.name.endswith(f"_{family.unit}"))
        assert family.unit or family.name.rpartition("_")[2] not in UNITS


def test_metrics_that_are_named_exist() -> None:
    """In rules, alerts, dashboards and documents."""
    known = {family.sample_name for family in FAMILIES}
    paths = [
        *ROOT.glob("contrib/prometheus/**/*.yml"),
        *ROOT.glob("contrib/grafana/*.json"),
        ROOT / "docs/exporter.md",
    ]
    assert len(paths) > 5
    for path in paths:
        assert set(NAMED.findall(path.read_text())) <= known, path


def test_queries_of_the_documents(tmp_path: Path) -> None:
    """They are Prometheus' language; tests/exporter/test_prometheus.py asks them."""
    queries = shown("docs/exporter.md", "docs/monitoring.md")
    rules = "".join(
        [f"  - record: made:n{n}\n    expr: {json.dumps(expr)}\n" for n, expr in enumerate(queries)]
    )
    file = tmp_path / "rules.yml"
    file.write_text(f"groups:\n- name: document\n  rules:\n{rules}")
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS: 5 rules found" in done.stdout
