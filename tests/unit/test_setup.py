"""tools/setup.sh: what it says is missing, without anything being installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.tools import ROOT


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A copy of it where nobody is root, and where dpkg has no package."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("setup.sh", "python.sh"):
        shutil.copy(ROOT / "tools" / name, folder)
    for name, script in (("id", "echo 1000"), ("dpkg-query", "exit 1"), ("apt-get", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    return folder


def missing(tools: Path, job: str) -> list[str]:
    """The packages of the line that it prints."""
    path = f"{tools.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [tools / "setup.sh", job], cwd=tools.parent, env={**os.environ, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    (line,) = re.findall(r"^ +apt-get update && apt-get install (.*)$", done.stderr, re.MULTILINE)
    return [word for word in line.split() if not word.startswith("-")]


def test_what_packages_are_built_with(tools: Path) -> None:
    """All that debian/control names is asked of dpkg, which asks for the same names before it builds."""
    control = (ROOT / "contrib/packaging/debian/control").read_text()
    named = re.search(r"^Build-Depends:\n((?: .*\n)+)", control, re.MULTILINE)
    assert named
    provided = {"debhelper-compat": "debhelper", "dh-sequence-python3": "dh-python"}
    wanted = {re.split(r"[ ,]", line.strip())[0] for line in named[1].splitlines()}
    # Either of its two alternatives brings the program, which is what is looked for.
    wanted -= {"pkgconf"}
    assert wanted and {provided.get(name, name) for name in wanted} <= set(missing(tools, "deb"))


def test_a_folder_of_ours_is_no_module(tools: Path) -> None:
    """The checkout has a folder build/, which Python would take for the package of that name."""
    for name in ("build", "installer", "cffi", "setuptools", "wheel"):
        (tools.parent / name).mkdir()
    script = (tools / "setup.sh").read_text().replace("/usr/bin/python3", str(tools.parent / "python3"))
    (tools / "setup.sh").write_text(script)
    # A Python that has nothing but its own library.
    python = tools.parent / "python3"
    python.write_text('#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n')
    python.chmod(0o755)
    assert {"python3-build", "python3-installer", "python3-cffi", "python3-wheel"} <= set(
        missing(tools, "rpm")
    )
