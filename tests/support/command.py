"""Running the installed command as its users do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
# Runs a program as a user without privileges, who can yet reach an environment in a private folder.
NOBODY = (
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip


def program(name: str = "ipvsfast") -> str:
    """Path of an installed script of the tested environment."""
    return str(BIN / name)


def run(
    *argv: str, stdin: str | None = None, prefix: tuple[str, ...] = (), name: str = "ipvsfast"
) -> subprocess.CompletedProcess[str]:
    """The command with these arguments in the caller's network namespace. name: of another program."""
    return subprocess.run(
        [*prefix, program(name), *argv],
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rules(services: int, destinations: int) -> str:
    """A rule file of S x D rules as `-S -n` prints it."""
    lines = []
    for s in range(services):
        service = f"10.{s >> 16}.{s >> 8 & 255}.{s & 255}:80"
        lines.append(f"-A -t {service} -s rr\n")
        lines += [
            f"-a -t {service} -r 10.{128 + (d >> 14)}.{d >> 7 & 127}.{d & 127}:8080 -m -w 1\n"
            for d in range(1, destinations + 1)
        ]
    return "".join(lines)
