"""Numbers over time as a drawing: it is SVG, and the lines are where the numbers are."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast.cli.stats_query import StatsQuery
from ipvsfast.language.words import UsageError
from ipvsfast.listing.plot import MOST_LINES, Panel, drawing, steps

SVG = "{http://www.w3.org/2000/svg}"
values = st.lists(st.none() | st.floats(0, 1e15), min_size=3, max_size=8)


def paths(text: str) -> list[list[tuple[float, float]]]:
    """The points of each line that is drawn, those of the legend left out."""
    found = []
    for path in ElementTree.fromstring(text).iter(f"{SVG}path"):
        points = re.findall(r"[ML]([\d.]+) ([\d.]+)", path.get("d") or "")
        if path.get("class") == "line" and len(points) > 1:
            found.append([(float(x), float(y)) for x, y in points])
    return found


def test_lines_are_where_the_numbers_are() -> None:
    """Twice as much is twice as high, time goes to the right, and names are escaped."""
    text = drawing(
        "a < b", "now", [0, 1, 2], [Panel("one & two", "B", {"x": [0, 500, 1000], "y<": [None, 250, 0]})]
    )
    first, second = paths(text)
    (left, bottom), (middle, half), (right, top) = first
    assert right - middle == middle - left > 100
    assert bottom - half == pytest.approx((bottom - top) / 2)
    assert second[0] == (middle, pytest.approx(bottom - (bottom - top) / 4))
    words = [element.text for element in ElementTree.fromstring(text).iter(f"{SVG}text")]
    assert {"a < b", "now", "one & two", "x", "y<", "0 s", "2 s", "1 kB"} <= set(words)


@settings(deadline=None)
@given(values, st.integers(1, 12))
def test_every_number_can_be_drawn(line: list, names: int) -> None:
    """Well formed, and within the drawing, whatever the numbers are."""
    lines = {f"name {n}": line for n in range(names)}
    text = drawing("t", "s", [float(n) for n in range(len(line))], [Panel("p", "", lines)])
    root = ElementTree.fromstring(text)
    for points in paths(text):
        assert all(0 <= x <= float(root.get("width") or 0) for x, _ in points)
        assert all(0 <= y <= float(root.get("height") or 0) for _, y in points)
    dashes = [path.get("stroke-dasharray") for path in root.iter(f"{SVG}path") if path.get("class") == "line"]
    assert len(set(dashes)) <= min(names, MOST_LINES)


def test_nothing_to_draw() -> None:
    """An empty drawing has its axes."""
    assert ElementTree.fromstring(drawing("t", "s", [], [Panel("p", "", {})])) is not None


@settings(deadline=None)
@given(st.floats(1e-6, 1e18))
def test_steps(most: float) -> None:
    """Round, few, from 0 to the largest or just beyond."""
    found = steps(most)
    assert found[0] == 0
    assert found[-1] >= most * 0.9999
    assert 2 <= len(found) <= 6
    assert re.fullmatch(r"[125]e[+-]\d+", re.sub(r"\.?0+e", "e", f"{found[1]:e}"))


@pytest.mark.parametrize(("options", "error"), [
    ({}, "--plot needs --interval and --repeat: say how often, and how many readings to draw"),
    ({"interval": "1", "repeat": "2"}, "--plot draws 3 to 5000 readings, not 2"),
    ({"interval": "1", "repeat": "9", "csv": ""}, "--plot makes a drawing; --csv is for text"),
    ({"interval": "1", "repeat": "9", "sort": "active"}, "--plot takes the busiest by connections, in_bytes or out_bytes, not by active"),
])  # fmt: skip
def test_slips(options: dict[str, str], error: str) -> None:
    """What is wrong, and what would be right."""
    with pytest.raises(UsageError, match=re.escape(error)):
        StatsQuery({"plot": "x.svg", **options})
