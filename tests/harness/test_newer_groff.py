"""Manual pages by a groff that is newer than this machine's. Here, because it has to be fetched once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import newer_groff
from support.harness import ROOT
from support.require import cannot_run
from vm.errors import CannotRunError

PAGES = sorted((ROOT / "man").glob("*.8"))
WIDTH = 80


@pytest.fixture(scope="session")
def groff() -> Path:
    """The folder with it."""
    try:
        return newer_groff.fetch()
    except CannotRunError as error:
        cannot_run(str(error))


def test_it_is_newer(groff: Path) -> None:
    """1.24 gave .SY and .YS another meaning."""
    assert newer_groff.version(groff) >= (1, 24)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_render_without_a_warning(groff: Path, page: Path) -> None:
    """With all warnings; no line is wider than the terminal."""
    text, warnings = newer_groff.render(groff, page, WIDTH)
    assert warnings == ""
    assert max(len(line) for line in text.splitlines()) <= WIDTH


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_synopsis_is_one_list(groff: Path, page: Path) -> None:
    """Every usage begins at the margin, and no blank line is between two of them."""
    text, _ = newer_groff.render(groff, page, WIDTH)
    found = re.search(r"^SYNOPSIS\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    assert found
    lines = found[1].splitlines()
    margin = lines[0][: -len(lines[0].lstrip())]
    begins = [line for line in lines if line.startswith(f"{margin}{page.stem}")]
    assert len(begins) == page.read_text().count(".SY ")
    assert all(line.startswith(margin + " " * len(page.stem)) for line in lines if line not in begins)
