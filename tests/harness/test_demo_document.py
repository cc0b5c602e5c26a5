"""make demo prints what README.md shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from support.harness import ROOT
from support.pages import agree, blocks
from support.require import cannot_run

# Seconds, how many times as fast, and the blanks of a table's columns.
TIMES = (
    (re.compile(r"\b\d+\.\d{3}\b"), "N"),
    (re.compile(r"\b\d+ times"), "N times"),
    (re.compile(r"  +"), "  "),
)


def without_times(text: str) -> list[str]:
    """Its lines, whatever the machine's speed."""
    for what, word in TIMES:
        text = what.sub(word, text)
    return text.splitlines()


def test_the_output_in_the_readme(kernel_ready: None) -> None:
    """But for times and versions, and what it says at the end of what to type next."""
    if not shutil.which("ipvsadm", path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        cannot_run("ipvsadm is not installed")
    (block,) = [one for one in blocks(ROOT / "README.md") if one.remark.endswith("/test_demo_document.py")]
    done = subprocess.run(
        ["tools/demo.sh"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.partition("\n\nWhat to type next:")[0]
    assert agree(without_times(block.text), without_times(printed)), printed
