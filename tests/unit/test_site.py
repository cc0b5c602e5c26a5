"""The site has every page and every name, and every command in it is run by a test."""

from __future__ import annotations

import re
import sys

import pytest

import ipvsfast
from support.pages import LISTS, blocks, played
from support.tools import ROOT

sys.path.append(str(ROOT / "tools/site"))
from pages import MENU, REFERENCE, reference_of  # type: ignore[import-not-found]

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
IN_MENU = [page for pages in MENU.values() for page in pages]


def test_every_page_is_in_the_menu() -> None:
    """Once, and nothing else is."""
    there = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert sorted(IN_MENU) == sorted({*there, "changelog", *(f"reference/{page}" for page in REFERENCE)})


def test_every_name_is_in_the_reference() -> None:
    """On one page, and no page is empty."""
    assert {reference_of(home) for home in ipvsfast._HOME.values()} == set(REFERENCE)
    assert reference_of("model.types") == "words"
    with pytest.raises(ValueError, match="no page of the reference has names of cli"):
        reference_of("cli.main")


# Looks at a terminal that are of another time: what they show takes connections that last, and minutes. Their texts are held by
# tests/plans.
RECORDED = ("docs/apply.md", "docs/drain.md", "docs/watch.md")


def run_by(path: str, document: str) -> bool:
    """Whether the test is there, and reads the document; what README.md shows of `make demo` is done by .ci/run."""
    if (path, document) == (".ci/run", "README.md"):
        return "\nmake demo" in (ROOT / path).read_text()
    return (ROOT / path).exists() and document in (ROOT / path).read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_is_run_by_a_test(path) -> None:
    """By tests/kernel/test_pages.py, or by the test that the page names."""
    name = str(path.relative_to(ROOT))
    left = []
    for block in blocks(path):
        named = re.fullmatch(r"run by: (\S+)", block.remark)
        if not block.has_commands or played(block) or (block.language == "sh" and name in LISTS):
            continue
        if name in RECORDED and not block.language:
            continue
        if not (named and run_by(named[1], name)):
            left.append(block.text)
    assert left == [], (
        "no test runs this: make it a block of the language console, or name the test that runs it"
    )
