"""The site has every page and every name, and every block in it is run by a test."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import ipvsfast
from support.pages import LISTS, SCENE, Block, agree, blocks, played, screen
from support.recipes import WITH_EXAMPLES
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


# Blocks that no test here can run, by their first words, and why.
NOT_RUN = {
    "dnf install": "there is no Fedora or RHEL to be had; tests/packages/test_rpm_installed.py does the same by rpm, in a copy of a Debian",
    "abuild checksum": "there is no Alpine to be had; tests/packages/test_alpine.py carries the recipe out",
}


def run_by(path: str, document: str) -> bool:
    """Whether the test is there, and reads the document."""
    test = ROOT / path
    return test.exists() and bool(re.search(rf'"{document}"', test.read_text()))


def is_run(block: Block, path: Path) -> bool:
    """Whether a test runs what stands in it, or reads it as what it is."""
    name = str(path.relative_to(ROOT))
    if block.remark in SCENE:
        return True
    if block.remark.startswith("run by: "):
        return run_by(block.remark[8:], name)
    if block.remark.startswith("file: "):
        return any(played(other) for other in blocks(path))
    if block.language == "sh":
        return name in LISTS and all(line.startswith("ipvsfast") for line in block.text.splitlines())
    if block.language == "python":
        return name in WITH_EXAMPLES
    return played(block)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_is_run_by_a_test(path: Path) -> None:
    """By tests/kernel/test_pages.py or test_recipes.py, or by the test that the page names before it."""
    left = [
        block.text
        for block in blocks(path)
        if not is_run(block, path) and " ".join(block.text.split()[:2]) not in NOT_RUN
    ]
    assert left == [], (
        "no test runs this: make it a block of the language console, or name the test that runs it"
    )


def test_what_is_not_run_is_there() -> None:
    """Else its reason is of a block that is gone, or is run by now."""
    texts = [
        " ".join(block.text.split()[:2])
        for path in DOCUMENTS
        for block in blocks(path)
        if not is_run(block, path)
    ]
    assert sorted(texts) == sorted(NOT_RUN)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_has_a_fence(path: Path) -> None:
    """What is only indented would not be found above."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    assert re.findall(r"^\n(?: {4}|\t).*", text, re.M) == []


def test_a_look_is_compared_by_its_form() -> None:
    """What differs from run to run does not count; a wrong number, word or line does."""
    line = "0 of 1 destination with weight 0, 1 on the way at {} after {} of 100 steps"
    assert agree([line.format(93, 7)], [line.format(90, 10)])
    assert not agree([line.format(93, 7)], [line.format(93, 10)])
    assert agree(["1 destination after 13.0 s: 1 deleted"], ["1 destination after 9.9 s: 1 deleted"])
    assert not agree(["1 destination after 13.0 s: 1 deleted"], ["2 destinations after 9.9 s: 2 deleted"])
    assert agree(["a", "...", "c"], ["a", "b", "b", "c"]) and not agree(["a", "c"], ["a", "b", "c"])


def test_a_line_that_is_redrawn() -> None:
    """Only what it is in the end is there."""
    assert screen(b"a\r\n\rtwo\x1b[K\rone\x1b[K") == ["a", "one"]
    assert screen(b"\rtwo\x1b[K\r\x1b[Kdone\r\n") == ["done"]
