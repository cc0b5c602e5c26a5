"""Each fault at each place of a command that writes rules: what is left, and whether a rerun makes it whole.

python tests/campaigns/fault_sweep.py [KIND...]     as root, with a kernel that has IPVS
"""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.command import program
from support.front import ALONE, table
from support.netns import fresh_namespace
from support.shim import build_shim

OLD = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n-A -f 3 -s mh\n"
ERRNOS = (
    errno.EINTR,
    errno.EAGAIN,
    errno.ENOBUFS,
    errno.ENOMEM,
    errno.EMSGSIZE,
    errno.ECONNREFUSED,
    errno.EIO,
)
KINDS = ("kill-before", "kill-after", "send-error", "recv-error", "memory", "module-memory")


def grouped(*marks: int) -> str:
    """Services that go to the kernel with their destinations in one send, and one that does not."""
    lines = []
    for mark in marks:
        lines.append(f"-A -f {mark} -s mh\n")
        lines += [f"-a -f {mark} -r 10.1.{mark}.{n}:0 -g -w 1\n" for n in range(1, 31)]
    return "".join(lines) + "-A -t 10.0.0.9:80 -s rr\n-a -t 10.0.0.9:80 -r 10.1.0.1:80 -m -w 1\n"


@dataclass(frozen=True)
class Case:
    """A command that brings rules into a table; again: the one that is to make the table whole."""

    name: str
    argv: tuple[str, ...]
    again: tuple[str, ...]
    text: str
    before: str = ""
    front: bool = True

    @property
    def environ(self) -> dict[str, str]:
        return {} if self.front else ALONE


ADD = ("ipvsfast", "restore", "-q", "--exist")
CLEAR = ("ipvsfast", "restore", "-q", "--clear")
APPLY = ("ipvsfast", "apply", "-q")
CASES = (
    Case("-R", ("ipvsfast", "-R"), ADD, grouped(7, 8)),
    Case("-R without the front", ("ipvsfast", "-R"), ADD, grouped(7, 8), front=False),
    Case("restore", ("ipvsfast", "restore", "-q"), ADD, grouped(7, 8), front=False),
    Case("restore --clear", CLEAR, CLEAR, grouped(3, 8), OLD, front=False),
    Case("apply", APPLY, APPLY, grouped(3, 8), OLD, front=False),
    Case("ipvsfast-restore", ("ipvsfast-restore",), CLEAR, grouped(3, 8), OLD),
)


def _run(argv: tuple[str, ...], text: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(argv[0]), *argv[1:]], input=text, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environ},
    )  # fmt: skip


def _wanted(case: Case) -> list[list[str]]:
    with fresh_namespace():
        _run(CLEAR, case.before, **ALONE)
        assert _run(case.argv, case.text, **case.environ).returncode == 0
        return table()


def _one(case: Case, environ: dict[str, str], wanted: list[list[str]]) -> str:
    """What is wrong with what is left; "": nothing."""
    with fresh_namespace():
        if case.before:
            _run(CLEAR, case.before, **ALONE)
        done = _run(case.argv, case.text, **environ, **case.environ)
        left = table()
        if any("scheduler='none'" in service for service, *_ in left):
            return "a service has no scheduler"
        if done.returncode == 0 and left != wanted:
            return "status 0, but not all is in force"
        if done.returncode > 0 and not done.stderr:
            return f"status {done.returncode} without a word"
        if "Traceback" in done.stderr:
            return done.stderr
        rerun = _run(case.again, case.text, **ALONE)
        if rerun.returncode or table() != wanted:
            return f"the rerun does not make it whole: {rerun.stderr}"
    return ""


def places(
    kind: str, shim: Path, folder: Path, case: Case, errnos: tuple[int, ...] = ERRNOS, step: int = 1
) -> Iterator[str]:
    """What is wrong after that kind of fault at every step-th place of the command; "": nothing."""
    wanted = _wanted(case)
    for what in errnos if kind.endswith("-error") else (0,):
        for number in itertools.count(1, step):
            fired = folder / f"{kind}-{what}-{number}"
            fault = f"{kind}:{number}:{fired}:{what}"
            wrong = _one(case, {"LD_PRELOAD": str(shim), "FAULT": fault}, wanted)
            if not fired.exists():
                assert not wrong, wrong
                break
            fired.unlink()
            yield wrong and f"{case.name}: FAULT={fault}: {wrong}"


def main() -> int:
    """Every kind, or those that were named."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shim = build_shim(folder)
        for kind in sys.argv[1:] or KINDS:
            found = [wrong for case in CASES for wrong in places(kind, shim, folder, case)]
            wrongs = list(filter(None, found))
            print(f"{kind}: {len(wrongs)} wrong of {len(found)} places", *wrongs, sep="\n  ", flush=True)
            failed += len(wrongs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
