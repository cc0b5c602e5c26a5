"""Prometheus: its rules in contrib/, and itself, where a test runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from support.pages import blocks
from support.tools import ROOT

FOLDER = ROOT / "contrib" / "prometheus"
RECORDING, ALERTS = FOLDER / "ipvsfast.rules.yml", FOLDER / "ipvsfast.alerts.yml"
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
_NAME = re.compile(r"\b(?:up|ALERTS|(?:\w+:)?(?:ipvs|scrape)_\w+(?::\w+)*)\b")


def rules(path: Path) -> list[dict[str, Any]]:
    """The rules of a file."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def recorded() -> set[str]:
    """Names of the series that the rules make."""
    return {rule["record"] for rule in rules(RECORDING)}


def shown(*documents: str) -> list[str]:
    """What documents ask Prometheus by hand: expressions, with an empty line between them."""
    return [
        expr
        for document in documents
        for block in blocks(ROOT / document)
        if block.language == "promql"
        for expr in block.text.split("\n\n")
    ]


def metric_names(expr: str) -> set[str]:
    """What an expression asks for."""
    return set(_NAME.findall(_TEXT.sub('""', expr)))
