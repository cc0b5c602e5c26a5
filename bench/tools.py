"""The programs that are compared: where each one lies, its version, or why it cannot take part."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import prepare

ROOT = Path(__file__).resolve().parent.parent
OURS = ROOT / ".venv" / "bin" / "ipvsfast"
PYROUTE2_SCRIPT = Path(__file__).with_name("pyroute2_restore.py")


@dataclass(frozen=True)
class Tool:
    """One program: the command line's beginning, and either a version or the reason it is absent."""

    name: str
    argv: tuple[str, ...] = ()
    version: str = ""
    absent: str = ""


@dataclass(frozen=True)
class Tools:
    """All of them."""

    ours: Tool
    alone: Tool
    python: Tool
    ipvsadm: Tool
    keepalived: Tool
    pyroute2: Tool
    exporter: Tool
    floor: Tool

    def all(self) -> tuple[Tool, ...]:
        """Every tool, in the order in which tables show them."""
        others = (self.ipvsadm, self.keepalived, self.pyroute2, self.exporter)
        return (self.ours, self.alone, self.python, *others, self.floor)


def _first_line(argv: tuple[str, ...], line: int = 0) -> str:
    """One line of what a version command prints, on whichever channel; empty when it fails."""
    try:
        done = subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = [text.strip() for text in (done.stdout + done.stderr).splitlines() if text.strip()]
    return lines[line] if done.returncode == 0 and len(lines) > line else ""


def _program(name: str, package: str, version_option: str) -> Tool:
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        return Tool(name, absent=f"not installed: apt-get install {package}")
    return Tool(name, (path,), _first_line((path, version_option)) or "version unknown")


def _ours(path: Path) -> Tool:
    if not path.exists():
        return Tool("ipvsfast", absent=f"not built: no {path}; build it there or give --ipvsfast PATH")
    version = _first_line((str(path), "--version"))
    return Tool("ipvsfast", (str(path),), version or "version unknown")


def _interpreter(ours: Path) -> Path:
    """The Python that runs ours, so that its bare start is what ours is held against."""
    try:
        with ours.open("rb") as script:
            words = script.readline(4096).decode(errors="replace").split()
    except OSError:
        words = []
    path = Path(words[0][2:]) if words and words[0].startswith("#!") else Path(sys.executable)
    return path if path.name.startswith("python") and path.exists() else Path(sys.executable)


def _python(ours: Path) -> Tool:
    path = _interpreter(ours)
    return Tool("python3", (str(path), "-I"), _first_line((str(path), "-I", "--version")))


def _alone(ours: Path) -> Tool:
    """Ours without its native front, as it starts from there."""
    script = ours.with_name("ipvsfast-python")
    if not script.exists():
        return Tool("Python alone", absent=f"not built: no {script}")
    return Tool("Python alone", (str(_interpreter(script)), "-I", str(script)), "the same as ipvsfast")


def _pyroute2() -> Tool:
    python = prepare.pyroute2_python()
    if not python.exists():
        return Tool("pyroute2", absent="not installed: python -m bench --prepare, where there is a network")
    version = _first_line((str(python), "-c", "import importlib.metadata as m; print(m.version('pyroute2'))"))
    if not version:
        return Tool("pyroute2", absent="broken: python -m bench --prepare again, where there is a network")
    # Isolated (-I): no module of this folder may stand in for one of its own.
    return Tool("pyroute2", (str(python), "-I", str(PYROUTE2_SCRIPT)), version)


def _floor() -> Tool:
    try:
        path = prepare.build_floor()
    except prepare.CannotPrepare as e:
        return Tool("floor", absent=str(e))
    return Tool("floor", (str(path),), _first_line((prepare.compiler() or "cc", "--version")))


def discover(ours: Path = OURS) -> Tools:
    """Look for everything, and build the floor when it is not built yet."""
    return Tools(
        ours=_ours(ours),
        alone=_alone(ours),
        python=_python(ours.with_name("ipvsfast-python")),
        ipvsadm=_program("ipvsadm", "ipvsadm", "--version"),
        keepalived=_program("keepalived", "keepalived", "--version"),
        pyroute2=_pyroute2(),
        exporter=_program("prometheus-node-exporter", "prometheus-node-exporter", "--version"),
        floor=_floor(),
    )


def processor(floor: Tool) -> tuple[str, float | None]:
    """The processor's own name (an emulated kernel hides it from /proc), and the clock's smallest step."""
    if floor.absent:
        return "unknown", None
    done = subprocess.run((*floor.argv, "host"), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return str(found["cpu"]).strip() or "unknown", float(found["clock_step"])
