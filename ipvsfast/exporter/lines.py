"""Lines of an exposition: Prometheus' text format 0.0.4 and OpenMetrics 1.0."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .families import Family

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_HELP_ESCAPES = {
    False: str.maketrans({"\\": "\\\\", "\n": "\\n"}),
    True: _ESCAPES,
}
END = "# EOF\n"  # of OpenMetrics


def escaped(value: str) -> str:
    """A value of a label as it stands between quotes. Bytes that are no UTF-8 have U+FFFD in their place."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace").translate(_ESCAPES)


def label_text(names: Iterable[str], values: Iterable[object]) -> str:
    """Labels as they stand behind a name; none at all are no text."""
    pairs = ",".join([f'{name}="{escaped(str(value))}"' for name, value in zip(names, values)])
    return f"{{{pairs}}}" if pairs else ""


def with_labels(text: str, more: str) -> str:
    """Labels with others, `name="value"`, behind them."""
    return f"{text[:-1]},{more}}}" if text else f"{{{more}}}"


def head(family: Family, openmetrics: bool) -> str:
    """What stands above the samples of a family."""
    name = family.name if openmetrics else family.sample_name
    kind = "gauge" if family.kind == "info" and not openmetrics else family.kind
    lines = f"# HELP {name} {family.help.translate(_HELP_ESCAPES[openmetrics])}.\n# TYPE {name} {kind}\n"
    if family.unit and openmetrics:
        lines += f"# UNIT {name} {family.unit}\n"
    return lines


def number(value: float) -> str:
    """A value: whole numbers in full, whatever their size."""
    return str(value) if isinstance(value, int) else repr(value)


def sample_lines(name: str, labels: Sequence[str], values: Sequence[float], sparse: bool = False) -> str:
    """A line for each value; sparse: but not for 0."""
    return "".join(
        [f"{name}{text} {number(value)}\n" for text, value in zip(labels, values) if value or not sparse]
    )
