"""Installing the wheel that was built, by every tool that people use, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from support.command import BIN
from support.require import cannot_run
from support.tools import ROOT

COMMANDS = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")


def wheel() -> Path:
    """The one that `make venv` has built and installed."""
    found = sorted((ROOT / "build/wheel").glob("ipvsfast-*.whl"))
    if len(found) != 1:
        cannot_run("there is no wheel in build/wheel: run make venv")
    return found[0]


def pack(name: str, folder: Path) -> None:
    """A wheel of a package that is installed here."""
    package = distribution(name)
    kind = next(
        line[5:] for line in (package.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: ")
    )
    with zipfile.ZipFile(
        folder / f"{package.name.replace('-', '_')}-{package.version}-{kind}.whl", "w"
    ) as archive:
        for file in package.files or ():
            # Not what an installer has made: programs and compiled modules.
            if (
                ".." not in file.parts
                and file.suffix != ".pyc"
                and file.name not in ("INSTALLER", "REQUESTED")
            ):
                archive.write(str(file.locate()), str(file))


def run(*argv: str | Path, **more: str) -> str:
    """What a program prints, of a tool or ours; its environment has nothing of ours, and finds no index."""
    if not shutil.which(argv[0], path=f"{BIN}:{os.environ['PATH']}"):
        cannot_run(f"{argv[0]} is not installed: run make venv")
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",
        **more,
    }
    done = subprocess.run(
        [str(word) for word in argv],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{' '.join(map(str, argv))}: {done.stdout}{done.stderr}"
    return done.stdout


def environment(folder: Path) -> Path:
    """A virtual environment without pip; its folder."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    return folder


def pip(home: Path, *argv: str | Path, **more: str) -> str:
    """pip of the tested environment, which works on the environment `home`."""
    return run(BIN / "python", "-m", "pip", "--python", home / "bin/python", *argv, **more)
