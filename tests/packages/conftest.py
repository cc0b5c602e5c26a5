"""Packages as they are built for this release, once for all tests of a run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support.rpm_builds import Builder
from support.tools import ROOT


@pytest.fixture(scope="session")
def packages() -> dict[str, Path]:
    """Debian's packages by name, built now; who makes them has an address, as lintian wants it."""
    environment = {**os.environ, "DEBEMAIL": "ipvsfast@example.org"}
    subprocess.run(
        [ROOT / "tools/deb.sh"], env=environment, stdin=subprocess.DEVNULL, check=True, timeout=900
    )
    return {path.name.partition("_")[0]: path for path in (ROOT / "dist/deb").glob("*.deb")}


@pytest.fixture(scope="session")
def rpms() -> dict[str, Path]:
    """The RPM packages by name, built now as `make rpm` builds them; the source is among them as "source"."""
    subprocess.run([ROOT / "tools/rpm.sh"], stdin=subprocess.DEVNULL, check=True, timeout=900)
    return {
        "source" if path.name.endswith(".src.rpm") else path.name.rsplit("-", 2)[0]: path
        for path in (ROOT / "dist/rpm").glob("*.rpm")
    }


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Of RPM packages for other distributions."""
    return Builder(tmp_path_factory.mktemp("rpm"))
