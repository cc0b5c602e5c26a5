"""Rules and alerts for Prometheus: promtool takes them, and every alert is seen to fire and not to fire."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipvsfast.cli.commands import VERBS
from ipvsfast.exporter.families import FAMILIES, ROW_LABELS
from ipvsfast.language.options import OPTIONS
from support.pages import blocks
from support.prometheus import ALERTS, FOLDER, RECORDING, metric_names, recorded, rules
from support.require import cannot_run
from support.tools import ROOT, tool

TESTS = sorted((FOLDER / "tests").glob("*.yml"))
ALERT_RULES = {rule["alert"]: rule for rule in rules(ALERTS)}


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    if not shutil.which("promtool"):
        cannot_run("promtool is not installed (Debian's package prometheus)")
    return subprocess.run(
        ["promtool", *map(str, words)], capture_output=True, text=True, check=False, timeout=120
    )


def unit_tests() -> list[dict[str, Any]]:
    """Those of all files."""
    found = []
    for path in TESTS:
        found += [
            case for test in yaml.safe_load(path.read_text())["tests"] for case in test["alert_rule_test"]
        ]
    return found


@pytest.mark.parametrize("path", [RECORDING, ALERTS], ids=lambda path: path.name)
def test_rules_are_taken(path: Path) -> None:
    """By promtool, without a word against them."""
    done = promtool("check", "rules", path)
    assert done.returncode == 0 and f"SUCCESS: {len(rules(path))} rules found" in done.stdout, done


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_unit_tests_pass(path: Path) -> None:
    """Each alert fires when it should, with labels and texts to the letter, and not before."""
    # As docs/monitoring.md says, but one at a time.
    (block,) = [
        one for one in blocks(ROOT / "docs/monitoring.md") if one.remark.endswith("/test_prometheus_rules.py")
    ]
    command, *words, pattern = block.text.split()
    assert command == "promtool" and path in ROOT.glob(pattern)
    done = promtool(*words, path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_unit_test_can_fail(tmp_path: Path) -> None:
    """With every limit and time of the alerts changed, some test of each file does."""
    for path in (RECORDING, ALERTS):
        text = path.read_text().replace("for: ", "for: 9").replace("[15m]", "[1m]")
        (tmp_path / path.name).write_text(text)
    (tmp_path / "tests").mkdir()
    for path in TESTS:
        other = tmp_path / "tests" / path.name
        other.write_text(path.read_text())
        assert promtool("test", "rules", other).returncode == 1


def test_the_list_in_the_document_is_up_to_date() -> None:
    """docs/monitoring.md has each alert as it is now."""
    document = tool("alert_list").DOCUMENT.read_text()
    assert document == tool("alert_list").written(document), "run: make generated"
    assert all(f"| {name} |" in document for name in ALERT_RULES)


def test_every_alert_is_tested_both_ways() -> None:
    """There is a time at which it fires and one at which it does not."""
    cases = unit_tests()
    fires = {case["alertname"] for case in cases if case["exp_alerts"]}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}
    assert fires == silent == set(ALERT_RULES)


def test_every_metric_is_there() -> None:
    """Expressions ask for metrics of the exporter, or for what the rules record."""
    known = {family.sample_name for family in FAMILIES} | recorded() | {"up", "ALERTS"}
    for rule in [*rules(RECORDING), *ALERT_RULES.values()]:
        names = metric_names(rule["expr"])
        assert names and names <= known, rule


def test_every_recorded_series_says_what_it_is_about() -> None:
    """Its first part is instance, service or destination; a recorded series is used or is a rate."""
    assert {name.partition(":")[0] for name in recorded()} == {"instance", "service", "destination"}


@pytest.mark.parametrize("name", ALERT_RULES)
def test_texts_of_an_alert(name: str) -> None:
    """A severity, a summary and a description, which speak of options, verbs and labels that are there."""
    rule = ALERT_RULES[name]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description"}
    text = " ".join(rule["annotations"].values())
    options = {word for one in OPTIONS for word in one.spellings}
    options |= {word for verb in VERBS for one in verb.options for word in one.spellings}
    exporter = {"--aggregate", "--connections", "--max-series"}  # of tests/unit/test_documentation.py
    assert set(re.findall(r"(?<![\w-])--[a-z-]+", text)) <= options | exporter
    verbs = set(re.findall(r"\bipvsfast ([a-z]+)", text)) - {"exporter"}
    assert verbs <= {verb.name for verb in VERBS}
    labels = set(re.findall(r"\$labels\.(\w+)", text))
    assert labels <= {*ROW_LABELS, "instance", "reason", "director_group"}
