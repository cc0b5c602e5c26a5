"""The installed commands are not reached by what the caller's environment says to Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.command import BIN, program
from support.tools import ROOT

COMMANDS = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore", "ipvsfast-python")
NATIVE = COMMANDS[:3]
TRAP = "import os; os.write(2, b'TRAPPED')\n"


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder in which everything that Python, or we, might import says so."""
    folder = tmp_path / "trap"
    (folder / "ipvsfast/cli").mkdir(parents=True)
    for name in (
        "sitecustomize",
        "usercustomize",
        "os",
        "site",
        "encodings",
        "_signal",
        "ipvsfast/__init__",
        "ipvsfast/cli/__init__",
    ):
        (folder / f"{name}.py").write_text(TRAP)
    (folder / "start.py").write_text(TRAP)
    site = folder / f"lib/python{'.'.join(map(str, __import__('sys').version_info[:2]))}/site-packages"
    site.mkdir(parents=True)
    (site / "usercustomize.py").write_text(TRAP)
    (site / "evil.pth").write_text(TRAP)
    return folder


def variables(trap: Path) -> dict[str, str]:
    """A value that changes something for each variable that Python knows."""
    return {
        "PYTHONHOME": str(trap), "PYTHONPATH": str(trap), "PYTHONSTARTUP": f"{trap}/start.py", "PYTHONINSPECT": "1",
        "PYTHONUSERBASE": str(trap), "PYTHONWARNINGS": "error", "PYTHONBREAKPOINT": "start.x",
        "PYTHONPLATLIBDIR": f"{trap}", "PYTHONEXECUTABLE": f"{trap}/python", "PYTHONSAFEPATH": "", "PYTHONNOUSERSITE": "",
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONOPTIMIZE": "2", "PYTHONDEBUG": "1", "PYTHONVERBOSE": "1",
        "PYTHONUNBUFFERED": "1", "PYTHONCASEOK": "1", "PYTHONHASHSEED": "nonsense", "PYTHONINTMAXSTRDIGITS": "nonsense",
        "PYTHONIOENCODING": "nonsense", "PYTHONUTF8": "nonsense", "PYTHONCOERCECLOCALE": "warn", "PYTHONDEVMODE": "1",
        "PYTHONFAULTHANDLER": "1", "PYTHONTRACEMALLOC": "nonsense", "PYTHONPROFILEIMPORTTIME": "1",
        "PYTHONASYNCIODEBUG": "1", "PYTHONMALLOC": "nonsense", "PYTHONMALLOCSTATS": "1", "PYTHONLEGACYWINDOWSSTDIO": "1",
        "PYTHONPYCACHEPREFIX": f"{trap}/cache", "PYTHONWARNDEFAULTENCODING": "1", "PYTHONDUMPREFS": "1",
        "PYTHONNODEBUGRANGES": "1", "PYTHONPERFSUPPORT": "1", "PYTHON_FROZEN_MODULES": "off", "PYTHON_GIL": "nonsense",
        "PYTHON_COLORS": "1", "PYTHON_CPU_COUNT": "nonsense", "PYTHON_HISTORY": f"{trap}/history", "PYTHON_JIT": "1",
        "PYTHON_BASIC_REPL": "1", "PYTHON_PERF_JIT_SUPPORT": "1", "PYTHON_THREAD_INHERIT_CONTEXT": "nonsense",
        "PYTHON_CONTEXT_AWARE_WARNINGS": "nonsense", "__PYVENV_LAUNCHER__": f"{trap}/python",
    }  # fmt: skip


def answer(name: str, environment: dict[str, str], cwd: Path) -> tuple[int, str, str]:
    """(status, standard output, standard error) of a command with -h, its caller having these variables."""
    done = subprocess.run(
        [program(name), "-h"],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_script_in_place_of_the_native_command_has_the_last_part_of_its_path_for_a_name(
    tmp_path: Path,
) -> None:
    """The kernel tells it where it lies, not what was typed; that is nearer to it than a whole path."""
    shutil.copy(ROOT / "scripts/launcher.sh", tmp_path / "ipvsfast")
    (tmp_path / "ipvsfast").chmod(0o755)
    shutil.copy(program("ipvsfast-python"), tmp_path)
    environment = {**CLEAN, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    for typed in ("ipvsfast", str(tmp_path / "ipvsfast")):
        done = subprocess.run(
            [typed, "--bogus"], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (
            255, "Try `ipvsfast -h' or 'ipvsfast --help' for more information.\n")  # fmt: skip


CLEAN = {"PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}


@pytest.mark.parametrize("name", NATIVE)
def test_every_variable_of_python(trap: Path, name: str) -> None:
    """Each by itself and all together: the same text, nothing said, nothing of theirs run or written."""
    expected = answer(name, CLEAN, trap.parent)
    assert expected[0] == 0
    assert expected[1].startswith("Usage:")
    before = sorted(trap.rglob("*"))
    given = variables(trap)
    for some in ({}, given, *[{key: value} for key, value in given.items()]):
        assert answer(name, {**CLEAN, "HOME": str(trap), **some}, trap) == expected, some
    assert sorted(trap.rglob("*")) == before


def test_no_variable_is_forgotten(trap: Path) -> None:
    """Those that this Python says it knows are among the ones tried."""
    text = ""
    for option in ("-h", "--help-env"):  # in the one or the other, depending on the version
        text += subprocess.run([BIN / "python", option], capture_output=True, text=True, check=False).stdout
    known = set(re.findall(r"\bPYTHON[A-Z0-9_]+\b", text))
    assert "PYTHONPATH" in known
    assert known <= set(variables(trap))


@pytest.mark.parametrize("name", NATIVE)
def test_the_command_is_native(name: str) -> None:
    """What is installed under the command's names is an executable, not a script."""
    assert Path(program(name)).read_bytes()[:4] == b"\x7fELF"


def test_the_python_part_by_itself(trap: Path) -> None:
    """Called directly, it starts again isolated before anything is imported that is not Python's own."""
    expected = answer("ipvsfast-python", CLEAN, trap.parent)
    assert expected[1].startswith("Usage:")
    package = trap.parent / "path"
    os.rename(trap / "ipvsfast", package.with_name("ipvsfast"))
    assert answer("ipvsfast-python", {**CLEAN, "PYTHONPATH": str(trap.parent)}, trap) == expected


def test_as_a_module() -> None:
    """`python -m ipvsfast` is there too, isolated or not as one likes, and calls itself by the command's name."""
    done = subprocess.run(
        [BIN / "python", "-I", "-m", "ipvsfast", "-h"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage:\n  ipvsfast -A")


@pytest.mark.parametrize(
    ("name", "seen"), [("/x/ipvsadm", "ipvsadm"), ("ipvsfast-restore", "ipvsfast-restor"), ("", "ipvsfast")]
)
def test_the_name_in_lists_of_processes(name: str, seen: str) -> None:
    """ps, pidof and killall find the command by its name, as far as the kernel keeps it."""
    code = "from ipvsfast.cli import start; start.leave = lambda status: sys.exit(open('/proc/self/comm').read()); start.run()"
    argv = [BIN / "python", "-X", f"ipvsfast=main,-1,,{name}", "-c", f"import sys; {code}", "--bogus"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stderr.split()[-1] == seen
