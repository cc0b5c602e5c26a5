"""docs/install.md: the commands for a checkout install what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.installing import pack
from support.pages import blocks, steps
from support.tools import ROOT


def test_from_source(tmp_path: Path, offline: tuple[str, str]) -> None:
    """In order, in a copy of the checkout, below folders that stand for /opt and /usr/local; no index is asked."""
    (block,) = [
        one for one in blocks(ROOT / "docs/install.md") if one.remark.endswith("test_install_document.py")
    ]
    checkout, local, builders = tmp_path / "checkout", tmp_path / "local", tmp_path / "builders"
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "dist", "__pycache__", ".cache", "*.egg-info")
    shutil.copytree(ROOT, checkout, ignore=ignored)
    local.mkdir()
    builders.mkdir()
    pack("setuptools", builders)
    for command in (step.command for step in steps(block)):
        words = command.replace("/opt/ipvsfast", str(tmp_path / "opt"))
        if words.startswith("python3 -m venv"):
            words = words.replace("python3", sys.executable, 1)
        elif words.endswith(" install ."):
            words = f"{words[:-2]} {' '.join(offline)} --find-links={builders} ."
        elif words.endswith("ipvsfast install"):
            words += f" {local}"
        environment = {"PATH": f"{local}/bin:{os.environ['PATH']}", "LANG": "C.UTF-8", "HOME": str(tmp_path)}
        done = subprocess.run(
            words, shell=True, cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=600
        )  # fmt: skip
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    assert done.stdout.startswith("ipvsfast v")
    assert (local / "bin/ipvsfast").readlink() == tmp_path / "opt/bin/ipvsfast"
