"""Pieces of C, built into libraries for tests."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support.require import cannot_run
from support.tools import ROOT


def library(name: str, *sources: str, flags: tuple[str, ...] = (), made: tuple[str, ...] = ()) -> ctypes.CDLL:
    """tests/support/NAME.c with these files of csrc/."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        cannot_run(f"a C compiler is needed to build tests/support/{name}.c")
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / f"{name}.so"
        words = [compiler, "-shared", "-fPIC", "-O1", "-std=gnu11", "-Wall", "-Werror", *flags, "-o", built]
        for script in made:  # the headers that are made while building
            header = Path(folder, script).with_suffix(".h").name
            subprocess.run([sys.executable, "-IB", ROOT / "csrc" / script, Path(folder, header)], check=True)
        words += [Path(__file__).with_name(f"{name}.c"), *[ROOT / "csrc" / source for source in sources]]
        subprocess.run([*words, f"-I{ROOT / 'csrc'}", f"-I{folder}"], check=True, timeout=120)
        return ctypes.CDLL(str(built))
