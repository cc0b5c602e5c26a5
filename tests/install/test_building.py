"""How the commands are built: with the flags that a packager sets, and what there is where they cannot be linked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.tools import ROOT

NAMES = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")
# Notes its words, and links no executable if there is a file of that name.
COMPILER = """#!/bin/sh
echo "$*" >> '{folder}/words'
case " $* " in
*" -pie "*) [ ! -e '{folder}/no-linker' ] || exit 1 ;;
esac
exec cc "$@"
"""


class Builder:
    """A copy of the sources, and a compiler that can fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(
            ROOT,
            folder / "tree",
            ignore=lambda path, names: [n for n in names if n[0] == "." or n in ("build", "tests", "bench")],
        )
        self.compiler = folder / "compiler"
        self.compiler.write_text(COMPILER.format(folder=folder))
        self.compiler.chmod(0o755)

    def build(self, **more: str) -> subprocess.CompletedProcess[str]:
        """Of the programs alone; the module takes long."""
        usual = {
            name: value
            for name, value in os.environ.items()
            if name not in ("CFLAGS", "LDFLAGS", "IPVSFAST_REQUIRE_NATIVE")
        }
        argv = [sys.executable, "setup.py", "build_scripts", "--build-dir", str(self.folder / "made")]
        environment = {**usual, "CC": str(self.compiler), **more}
        return subprocess.run(
            argv, cwd=self.folder / "tree", env=environment, capture_output=True, text=True, check=False
        )

    def made(self) -> dict[str, bytes]:
        """What stands under the names; all of it can be executed."""
        paths = [self.folder / "made" / name for name in NAMES]
        assert all(os.access(path, os.X_OK) for path in paths)
        return {path.name: path.read_bytes() for path in paths}

    def words(self) -> list[str]:
        return (self.folder / "words").read_text().splitlines()


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(tmp_path)


def test_one_executable_under_three_names(builder: Builder) -> None:
    """Without symbols; the script for Python lies beside them, for an installer to fill in."""
    assert builder.build().returncode == 0
    made = builder.made()
    assert len(set(made.values())) == 1
    assert made["ipvsfast"][:4] == b"\x7fELF"
    assert " -s " in builder.words()[-1]
    assert (builder.folder / "made/ipvsfast-python").read_text().startswith("#!")


def test_flags_of_a_packager(builder: Builder) -> None:
    """They are used when compiling and linking, come before nothing that they contradict, and keep the symbols."""
    flags = {"CFLAGS": "-g -DTHEIRS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3", "LDFLAGS": "-Wl,--build-id=sha1"}
    done = builder.build(**flags)
    assert done.returncode == 0, done.stderr
    *compiled, linked = builder.words()
    assert all(
        "-DTHEIRS" in line and "-D_FORTIFY_SOURCE=3" in line and "_FORTIFY_SOURCE=2" not in line
        for line in compiled
    )
    assert "-Wl,--build-id=sha1" in linked
    assert " -s " not in linked
    assert "redefined" not in done.stderr


def test_without_a_linker(builder: Builder) -> None:
    """A shell script takes the command's place, and the build says so; where that may not be, it fails."""
    (builder.folder / "no-linker").touch()
    done = builder.build()
    assert done.returncode == 0
    assert "the native command cannot be built, a shell script takes its place" in done.stderr
    launcher = (ROOT / "scripts/launcher.sh").read_bytes()
    assert builder.made() == dict.fromkeys(NAMES, launcher)
    done = builder.build(IPVSFAST_REQUIRE_NATIVE="1")
    assert done.returncode != 0
    (builder.folder / "no-linker").unlink()
    assert builder.build().returncode == 0
    assert builder.made()["ipvsfast"][:4] == b"\x7fELF"
