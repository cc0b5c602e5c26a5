"""docs/differences.md and the tests speak of the same differences."""

from __future__ import annotations

import ast
from pathlib import Path

from parity.cases import CASES, read_file

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "docs" / "differences.md"


def rows_of_the_document() -> set[tuple[str, str]]:
    """(number, test) of every row."""
    found = set()
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        if not line.startswith("| ") or cells[0] == "no.":
            continue
        assert len(cells) == 5 and all(cells), f"five columns with something in each: {line}"
        found |= {(cells[0], test.strip("` ")) for test in cells[4].split(",")}
    return found


def differences_in_tests() -> set[tuple[str, str]]:
    """(number, test) of every case that states a quirk, and of every test that is marked with one."""
    found = set()
    for path in CASES.glob("*.txt"):
        found |= {(case.quirk, path.name) for case in read_file(path) if case.quirk}
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                found |= {(number, f"{path.name}::{node.name}") for number in quirks_of(node)}
    return found


def quirks_of(function: ast.FunctionDef) -> list[str]:
    calls = [call for call in function.decorator_list if isinstance(call, ast.Call)]
    return [
        ast.literal_eval(argument)
        for call in calls
        if ast.unparse(call.func) == "pytest.mark.quirk"
        for argument in call.args
    ]


def test_every_difference_is_documented_and_tested() -> None:
    """Each row of the table has its test, and each test of a difference its row."""
    assert rows_of_the_document() == differences_in_tests()


def test_numbers_are_not_used_twice() -> None:
    """One row for one difference."""
    rows = [line.split(" | ")[0] for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    assert len(rows) == len(set(rows))
