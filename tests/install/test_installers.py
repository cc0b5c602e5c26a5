"""The commands as pip, uv and pipx install them: native, working, isolated, wherever the folder lies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.installing import COMMANDS, environment, pip, run, wheel
from support.tools import ROOT

TRAP = "import os; os.write(2, b'TRAPPED'); os._exit(99)\n"


def assert_works(bin: Path, tmp_path: Path, start: bytes = b"\x7fELF") -> None:
    """Executables that find their Python and its modules, from any folder, under any name, whatever is set."""
    trap = tmp_path / "trap"
    (trap / "ipvsfast").mkdir(parents=True)
    for name in ("ipvsfast/__init__", "sitecustomize", "usercustomize", "cffi", "_cffi_backend"):
        (trap / f"{name}.py").write_text(TRAP)
    hostile = {
        "PYTHONPATH": str(trap), "PYTHONHOME": str(trap), "PYTHONUSERBASE": str(trap), "PYTHONINSPECT": "1",
        "PATH": "/usr/bin:/bin", "HOME": str(trap),
    }  # fmt: skip
    for name in COMMANDS:
        assert (bin / name).read_bytes()[:4] == start
        done = subprocess.run(
            [bin / name, "-h"], env=hostile, cwd=trap, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("Usage:\n")
    names = tmp_path / "names"
    names.mkdir()
    (names / "ipvsadm").symlink_to(bin / "ipvsfast")
    (names / "ipvsadm-save").symlink_to(bin / "ipvsfast-save")
    done = subprocess.run(
        [names / "ipvsadm", "-v"], env=hostile, cwd=trap, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ipvsadm v1.31 (ipvsfast ")
    done = subprocess.run(
        [names / "ipvsadm-save", "-x"], env=hostile, cwd=trap, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ipvsadm-save: Script to save the IPVS table")


# A blank; longer than the first line of a script may be; what a shell takes for something. No backslash: uv writes
# the path into the script as it is, and Python 3.12 warns of that.
FOLDERS = ["plain", "with a blank", "n" * 140 + "/" + "m" * 140, 'it\'s "$HOME" `x` é,=#!']


@pytest.mark.parametrize("folder", FOLDERS, ids=["plain", "blank", "long", "odd"])
def test_pip(tmp_path: Path, offline: tuple[str, str], folder: str) -> None:
    """Into a virtual environment."""
    home = tmp_path / folder
    home.parent.mkdir(exist_ok=True)
    pip(environment(home), "install", *offline, wheel())
    assert_works(home / "bin", tmp_path)


def test_a_build_without_a_linker(tmp_path: Path, offline: tuple[str, str]) -> None:
    """The shell script that such a wheel has in the commands' place works as well."""
    home = environment(tmp_path / "with a blank")
    pip(home, "install", *offline, wheel())
    for name in COMMANDS:
        (home / "bin" / name).write_bytes((ROOT / "scripts/launcher.sh").read_bytes())
    assert_works(home / "bin", tmp_path, b"#!/b")


def test_pip_for_a_user(tmp_path: Path, offline: tuple[str, str]) -> None:
    """--user: the package lies where an isolated Python does not look, beside the programs."""
    base = environment(tmp_path / "base")
    home = tmp_path / "home"
    # The environment stands in for a machine's own Python.
    settings = base / "pyvenv.cfg"
    settings.write_text(
        settings.read_text().replace(
            "include-system-site-packages = false", "include-system-site-packages = true"
        )
    )
    pip(base, "install", "--user", "--ignore-installed", *offline, wheel(), PYTHONUSERBASE=str(home))
    assert (home / "bin/ipvsfast").exists()
    assert_works(home / "bin", tmp_path)


def test_pip_below_a_prefix(tmp_path: Path, offline: tuple[str, str]) -> None:
    """--prefix: the same."""
    base = environment(tmp_path / "base")
    pip(base, "install", f"--prefix={tmp_path}/tree", *offline, wheel())
    assert_works(tmp_path / "tree/bin", tmp_path)


def test_the_nearer_installation(tmp_path: Path, offline: tuple[str, str]) -> None:
    """With one of the Python itself, too, the program runs the package that came with it."""
    base = environment(tmp_path / "base")
    for options in ([], ["--ignore-installed", f"--prefix={tmp_path}/tree"]):
        pip(base, "install", *options, *offline, wheel())
    for package in tmp_path.rglob("site-packages/ipvsfast/__init__.py"):
        package.write_text(package.read_text() + f"\n__version__ = {package.parts[len(tmp_path.parts)]!r}\n")
    for name in ("base", "tree"):
        assert run(tmp_path / name / "bin/ipvsfast", "-v").startswith(f"ipvsfast v{name} ")


@pytest.mark.parametrize("options", [(), ("--relocatable",)], ids=["usual", "relocatable"])
@pytest.mark.parametrize("folder", FOLDERS, ids=["plain", "blank", "long", "odd"])
def test_uv(tmp_path: Path, offline: tuple[str, str], folder: str, options: tuple[str, ...]) -> None:
    """uv makes environments and installs into them; what it made to be moved can be."""
    home = tmp_path / folder
    home.parent.mkdir(exist_ok=True)
    cache = {"UV_CACHE_DIR": f"{tmp_path}/cache", "UV_NO_CONFIG": "1"}
    run("uv", "venv", "--offline", "--python", sys.executable, *options, home, **cache)
    run("uv", "pip", "install", "--offline", *offline, "--python", home / "bin/python", wheel(), **cache)
    if options:
        home = home.rename(tmp_path / "moved")
    assert_works(home / "bin", tmp_path)


def test_uv_tool(tmp_path: Path, offline: tuple[str, str]) -> None:
    """The programs are links to the environment's."""
    where = {
        "UV_TOOL_DIR": f"{tmp_path}/tools",
        "UV_TOOL_BIN_DIR": f"{tmp_path}/bin",
        "UV_CACHE_DIR": f"{tmp_path}/cache",
    }
    run(
        "uv",
        "tool",
        "install",
        "--offline",
        *offline,
        "--python",
        sys.executable,
        wheel(),
        UV_NO_CONFIG="1",
        **where,
    )
    assert (tmp_path / "bin/ipvsfast").is_symlink()
    assert_works(tmp_path / "bin", tmp_path)


def test_pipx(tmp_path: Path, offline: tuple[str, str]) -> None:
    """The same by another tool."""
    where = {
        "PIPX_HOME": f"{tmp_path}/pipx",
        "PIPX_BIN_DIR": f"{tmp_path}/bin",
        "PIPX_MAN_DIR": f"{tmp_path}/man",
    }
    run(
        "pipx",
        "install",
        "--python",
        sys.executable,
        f"--pip-args={' '.join(offline)}",
        wheel(),
        HOME=str(tmp_path),
        **where,
    )
    assert (tmp_path / "bin/ipvsfast").is_symlink()
    assert_works(tmp_path / "bin", tmp_path)


def test_a_repaired_wheel(tmp_path: Path, offline: tuple[str, str]) -> None:
    """auditwheel, which wheels for an index go through, leaves the commands executables."""
    run("auditwheel", "repair", "--wheel-dir", tmp_path / "repaired", wheel())
    (repaired,) = (tmp_path / "repaired").glob("*.whl")
    assert "manylinux" in repaired.name
    home = environment(tmp_path / "home")
    pip(home, "install", *offline, repaired)
    assert_works(home / "bin", tmp_path)


def test_pip_uninstall(tmp_path: Path, offline: tuple[str, str]) -> None:
    """It leaves nothing of ours; links made by `install` are taken back by what that has left behind."""
    home, prefix = environment(tmp_path / "home"), tmp_path / "prefix"
    prefix.mkdir()
    before = {path for path in home.rglob("*") if "__pycache__" not in path.parts}
    pip(home, "install", *offline, wheel())
    run(home / "bin/ipvsfast", "install", "--ipvsadm", prefix)
    pip(home, "uninstall", "--yes", "ipvsfast", "cffi", "pycparser")
    left = {path for path in home.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert left <= before
    assert not os.path.exists(prefix / "bin/ipvsfast")
    run("sh", prefix / "share/ipvsfast/uninstall")
    assert list(prefix.rglob("*")) == []
