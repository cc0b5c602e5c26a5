"""The examples of docs/recipes.md as programs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from support.tools import ROOT

FIRST = "A controller"
RECIPES = "docs/recipes.md"
# Documents each example of which is a program; tests/kernel/test_recipes.py runs them, and the recipes.
EXAMPLES = ("README.md", "docs/commands.md", "docs/api.md", "docs/stats.md", "docs/drain.md", "docs/watch.md")
WITH_EXAMPLES = (*EXAMPLES, RECIPES)
_EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(document: str) -> list[str]:
    """The Python of a document, each of which stands for itself."""
    return _EXAMPLE.findall((ROOT / document).read_text())


def sections(path: Path = ROOT / RECIPES) -> dict[str, list[str]]:
    """The examples of each section, in the order of the document."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", path.read_text(), flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("\n")
        if programs := _EXAMPLE.findall(text):
            found[title] = programs
    return found


def program(title: str) -> str:
    """One section as a program: what the first one defines, then the examples."""
    found = sections()
    start = [] if title == FIRST else found[FIRST][:1]
    return "\n\n".join([*start, *found[title]])


def run_recipe(title: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a section of the recipes."""
    return run_program(program(title), folder)


def run_program(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs it like a user, with every warning being an error."""
    path = folder / "recipe.py"
    path.write_text(text)
    return subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
