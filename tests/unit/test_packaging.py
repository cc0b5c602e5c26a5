"""What a packager gets: the source archive, and what it says about licences."""

import re
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from support.require import cannot_run
from support.tools import ROOT

BUILD = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
# What setuptools adds.
MADE = re.compile(r"PKG-INFO|setup\.cfg|[^/]*\.egg-info/.*")


def tracked() -> list[str]:
    """The files of the checkout."""
    if shutil.which("git") is None:
        cannot_run("git is not installed")
    # Root may look at a checkout of somebody else.
    argv = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        cannot_run(f"not a checkout: {done.stderr}")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in the source archive of a clean copy: setuptools remembers what it has packed before."""
    copy, made = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("made")
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    subprocess.run([sys.executable, "-c", BUILD, made], cwd=copy, capture_output=True, check=True)
    (path,) = made.iterdir()
    with tarfile.open(path) as archive:
        names = [member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()]
    return {name for name in names if not MADE.fullmatch(name)}


def test_the_source_archive_is_the_checkout(archived: set[str]) -> None:
    """Every file of it, so that what the documents and the Makefile speak of is there, and no other."""
    assert archived == set(tracked())


def test_the_licences_are_those_of_the_files() -> None:
    """The metadata names every licence that a file of C claims; its text comes along."""
    metadata = distribution("ipvsfast").metadata
    claimed = set()
    for path in (ROOT / "csrc").rglob("*.[ch]"):
        claimed |= set(
            re.findall(r"SPDX-License-Identifier: (.*?)(?: \*/)?$", path.read_text(), re.MULTILINE)
        )
    # The kernel's headers spell it in an older way.
    expected = {"MIT", *[re.sub(r"\bGPL-2\.0\b(?!-)", "GPL-2.0-only", licence) for licence in claimed]}
    assert set(metadata["License-Expression"].split(" AND ")) == expected
    texts = {Path(name).stem for name in metadata.get_all("License-File") or ()}
    assert texts == {"LICENSE", *[word for licence in expected - {"MIT"} for word in licence.split(" WITH ")]}
