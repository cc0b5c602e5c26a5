"""What the bench needs besides packages: the C floor, built, and pyroute2 in an environment of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLOOR_SOURCES = tuple(sorted(HERE.glob("floor*.[ch]")))
UAPI = HERE.parent / "csrc" / "uapi"


class CannotPrepare(Exception):
    """Something is missing; the text says what, and what to do."""


def cache() -> Path:
    """Where built things are kept: in the tree, which a test kernel sees under the same path."""
    return Path(os.environ.get("IPVSFAST_BENCH_CACHE") or HERE / ".cache")


def compiler() -> str | None:
    """The C compiler that builds the floor."""
    return shutil.which("gcc") or shutil.which("cc")


def build_floor() -> Path:
    """Build the floor unless this very source is built already; its path."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in FLOOR_SOURCES)).hexdigest()[:12]
    program = cache() / f"floor-{digest}"
    if program.exists():
        return program
    cc = compiler()
    if cc is None:
        raise CannotPrepare("not built, no C compiler: apt-get install gcc libc6-dev")
    cache().mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(f".{os.getpid()}")
    options = ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-I", str(UAPI)]
    sources = [str(source) for source in FLOOR_SOURCES if source.suffix == ".c"]
    command = [cc, *options, "-o", str(unfinished), *sources]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if "error" in line), "the compiler failed")
        raise CannotPrepare(f"not built ({reason.strip()}): apt-get install gcc libc6-dev linux-libc-dev")
    unfinished.rename(program)
    return program


def pyroute2_python() -> Path:
    """The interpreter of pyroute2's environment, whether it exists or not."""
    return cache() / "pyroute2" / "bin" / "python"


def install_pyroute2() -> None:
    """Put pyroute2 from PyPI into its own environment; ours must not depend on it in any way."""
    home = pyroute2_python().parent.parent
    shutil.rmtree(home, ignore_errors=True)
    steps = (
        [sys.executable, "-m", "venv", str(home)],
        [str(pyroute2_python()), "-m", "pip", "install", "--quiet", "pyroute2"],
    )
    for step in steps:
        done = subprocess.run(step, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            shutil.rmtree(home, ignore_errors=True)
            last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
            raise CannotPrepare(f"pyroute2 not installed: {last}")


def _has_pyroute2() -> bool:
    if not pyroute2_python().exists():
        return False
    done = subprocess.run([str(pyroute2_python()), "-c", "import pyroute2"], check=False, capture_output=True)
    return done.returncode == 0


def prepare() -> None:
    """Everything that needs a network or a compiler; says what came of it.

    What is missing afterwards is no error: the bench runs with one contender less, and says so.
    """
    try:
        build_floor()
        print("floor: built")
    except CannotPrepare as e:
        print(f"floor: {e}")
    try:
        if not _has_pyroute2():
            install_pyroute2()
        print("pyroute2: installed")
    except CannotPrepare as e:
        print(e)
    for name in ("ipvsadm", "keepalived", "prometheus-node-exporter"):
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        print(f"{name}: {'installed' if found else f'missing; apt-get install {name}'}")
