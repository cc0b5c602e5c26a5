"""Writes the list of alerts in docs/monitoring.md from contrib/prometheus/ipvsfast.alerts.yml."""

from __future__ import annotations

import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "monitoring.md"
ALERTS = ROOT / "contrib" / "prometheus" / "ipvsfast.alerts.yml"
BEGIN, END = "<!-- begin of the list of alerts: make generated -->\n", "<!-- end of the list of alerts -->\n"


def in_words(summary: str) -> str:
    """A summary without the labels of the director, and with names in place of the others."""
    text = re.sub(r"^{{ \$labels\.instance }}: ", "", summary)
    text = re.sub(r"{{ ?with \$labels\.fwmark ?}}.*?{{ ?end ?}}", "a service", text)
    text = re.sub(r"{{ \$labels\.destination }} port {{ \$labels\.destination_port }}", "a destination", text)
    text = re.sub(r"{{ \$labels\.director_group }}", "a group", text)
    text = re.sub(r" \({{ \$labels\.reason }}\)", "", text)
    return re.sub(r"{{ \$value.*?}}", "N", text)


def listing() -> str:
    """The table."""
    lines = ["| alert | what it says | after | severity |", "|---|---|---|---|"]
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            words = in_words(rule["annotations"]["summary"])
            severity = rule["labels"]["severity"]
            lines.append(f"| {rule['alert']} | {words} | {rule.get('for', '')} | {severity} |")
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """The document with the list as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{listing()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
