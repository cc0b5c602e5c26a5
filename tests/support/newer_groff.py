"""The groff of Debian's next release, which is stricter about manual pages than that of this machine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from vm import cache
from vm.errors import CannotRunError
from vm.packages import Suite

SUITE = "testing"
# groff may want newer libraries than this machine has: it gets its own suite's.
PACKAGES = ("groff-base", "libc6", "libgcc-s1", "libstdc++6", "libuchardet0")
LOADER = "ld-linux-x86-64.so.2"
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def fetch() -> Path:
    """The folder with the unpacked packages, fetched if it is not in the cache yet."""
    if os.uname().machine != "x86_64":
        raise CannotRunError(f"the packages are for x86_64, this is {os.uname().machine}")
    return cache.filled(f"groff-{SUITE}", _fill)


def _fill(folder: Path) -> None:
    suite = Suite(SUITE, folder / "work")
    versions = [f"{package} {suite.unpack(package, folder)}" for package in PACKAGES]
    (folder / "versions").write_text("".join(f"{version}\n" for version in versions))


def version(folder: Path) -> tuple[int, int]:
    """(1, 24) for groff 1.24.2."""
    found = re.search(r"^groff-base (\d+)\.(\d+)", (folder / "versions").read_text(), re.MULTILINE)
    assert found
    return int(found[1]), int(found[2])


def _start(folder: Path, program: str) -> list[str]:
    return [
        str(next(folder.rglob(LOADER))),
        *("--library-path", str(folder / LIBRARIES)),
        str(folder / "usr/bin" / program),
        *("-F", str(folder / "usr/share/groff/current/font")),
    ]


def render(folder: Path, page: Path, columns: int = 80) -> tuple[str, str]:
    """(text of a manual page, warnings). groff would start programs by the machine's own loader."""
    macros = [
        word
        for name in ("site-tmac", "current/tmac")
        for word in ("-M", str(folder / "usr/share/groff" / name))
    ]
    troff = _run([*_start(folder, "troff"), "-ww", "-Tutf8", *macros, "-man", f"-rLL={columns}n", str(page)])
    done = _run(_start(folder, "grotty"), troff.stdout)
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout), troff.stderr + done.stderr


def _run(argv: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    # The variable: without it Debian's own macros ask grotty for something that it no longer knows.
    environment = {"LC_ALL": "C.UTF-8", "GROFF_SGR": "1"}
    return subprocess.run(
        argv, input=stdin, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
