"""Packages as they are built for this release, once for all tests of a run, and roots to install them in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.machines import Machine
from support.package_roots import Root
from support.require import cannot_run
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


def copies_of(kind: str) -> Iterator[Path]:
    place = os.environ.get("IPVSFAST_PACKAGE_ROOTS")
    if place is None:
        cannot_run("there are no roots: make test-packages makes them")
    return iter(sorted(Path(place).glob(f"{kind}*")))


def leave(root: Root) -> None:
    for folder in ("dev", "sys", "proc"):
        subprocess.run(["umount", "-l", root.path / folder], check=True)


@pytest.fixture(scope="session")
def copies() -> Iterator[Path]:
    """Roots that nobody has used yet."""
    return copies_of("root")


@pytest.fixture(scope="session")
def installed_copies() -> Iterator[Path]:
    """The same, with ours installed in the place of ipvsadm."""
    return copies_of("installed")


@pytest.fixture
def root(copies: Iterator[Path], netns: None) -> Iterator[Root]:
    made = Root(next(copies))
    yield made
    leave(made)


@pytest.fixture
def machine(installed_copies: Iterator[Path], netns: None) -> Iterator[Machine]:
    """Off, with ours installed in the place of ipvsadm."""
    made = Machine(next(installed_copies))
    yield made
    made.end()
    leave(made)


@pytest.fixture
def theirs(copies: Iterator[Path], netns: None) -> Iterator[Machine]:
    """Off, with ipvsadm."""
    made = Machine(next(copies))
    yield made
    made.end()
    leave(made)
