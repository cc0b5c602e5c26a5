"""Writes the list of metrics in docs/exporter.md from ipvsfast/exporter/families.py."""

from __future__ import annotations

from pathlib import Path

from ipvsfast.exporter.families import FAMILIES, ROW_LABELS, SERVICE_LABELS, Family

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "exporter.md"
BEGIN, END = (
    "<!-- begin of the list of metrics: make generated -->\n",
    "<!-- end of the list of metrics -->\n",
)
TITLES = {
    "exporter": ("The exporter", ()),
    "namespace": ("The network namespace", ()),
    "connections": ("The connection table, with `--connections`", ()),
    "service": ("Each service", SERVICE_LABELS),
    "destination": ("Each destination", ROW_LABELS),
}


def label_words(labels: tuple[str, ...]) -> str:
    return ", ".join([f"`{label}`" for label in labels])


def row(family: Family) -> str:
    return f"| `{family.sample_name}` | {family.kind} | {label_words(family.labels)} | {family.help} |"


def listing() -> str:
    """The tables, one for each subject."""
    lines = []
    for subject, (title, labels) in TITLES.items():
        lines += [f"### {title}", ""]
        if labels:
            lines += [f"Labels of all of them: {label_words(labels)}.", ""]
        lines += ["| metric | type | labels | meaning |", "|---|---|---|---|"]
        lines += [row(family) for family in FAMILIES if family.subject == subject]
        lines.append("")
    return "\n".join(lines)


def written(text: str) -> str:
    """The document with the list as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{listing()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text()))
