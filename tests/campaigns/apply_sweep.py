"""A refusal at each operation of an apply, and each reply of the kernel lost: is what is said what is there?

python tests/campaigns/apply_sweep.py [KIND...]     as root, with a kernel that has IPVS

Each is played twice: rules on standard input are Python's, those of a file the native front's.

`tables` is no fault: random tables, each made to be the next one. tests/plans/test_apply_told.py does a few of each.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from ipvsfast import Ipvs
from support.command import program, run
from support.front import filled, table
from support.shim import build_shim
from support.some_rules import some_rules

KINDS = ("refuse-op", "recv-error", "send-error", "tables")
TABLES = 100
ACCOUNT = re.compile(r"([\d,]+) added, ([\d,]+) changed, ([\d,]+) deleted(?:.*?, ([\d,]+) refused)?")
LEFT = re.compile(r"the table is not as wanted: (.*)$", re.M)
Entries = dict[tuple[str, str], str]


def _group(mark: int, dests: range, weight: int = 1, scheduler: str = "rr") -> str:
    lines = [f"-a -f {mark} -r 10.1.{mark}.{n}:0 -g -w {weight}\n" for n in dests]
    return f"-A -f {mark} -s {scheduler}\n" + "".join(lines)


@dataclass(frozen=True)
class Case:
    """Rules in the table, and those that are applied."""

    name: str
    old: str
    new: str


CASES = (
    Case("all kinds of changes",
         _group(1, range(1, 5)) + _group(2, range(1, 4)) + _group(3, range(1, 4)) + "-A -t 10.0.0.1:80 -s wlc -p 60\n",
         _group(1, range(3, 8), 2) + _group(2, range(1, 4), 1, "wrr") + _group(4, range(1, 4)) + "-A -u 10.0.0.1:53 -s sh\n"),
    Case("a large new service whose scheduler is built once",
         _group(1, range(1, 4)), _group(1, range(2, 4)) + _group(5, range(1, 31), 1, "mh")),
    Case("only deletions", _group(1, range(1, 7)) + _group(2, range(1, 3)), _group(1, range(1, 3))),
)  # fmt: skip


def entries() -> Entries:
    """Services and destinations of this namespace, each with its values."""
    found: Entries = {}
    with Ipvs() as ipvs:
        for service, dests in ipvs.table():
            found[str(service.key), ""] = repr(service)
            found.update({(str(service.key), str(dest.key)): repr(dest) for dest in dests})
    return found


def _number(text: str | None) -> int:
    return int((text or "0").replace(",", ""))


def _wrong(case: Case, before: Entries, wanted: Entries, done: subprocess.CompletedProcess[str]) -> str:
    """What the command said that is not so; "": nothing."""
    now = entries()
    if "Traceback" in done.stderr:
        return done.stderr
    if done.returncode == 2:
        return "" if now == before else "status 2, but something was done"
    unread = "could not be read again" in done.stderr
    if (done.returncode == 0) != (now == wanted) and not unread:
        return f"status {done.returncode}, and {'all' if now == wanted else 'not all'} is as wanted: {done.stderr}"
    told = ACCOUNT.search(done.stderr)
    if told is None:
        return f"no account: {done.stderr}"
    said = [_number(text) for text in told.groups()]
    unknown = said.pop() if "reply was lost" in done.stderr else 0
    there = [
        len(now.keys() - before.keys()),
        len([key for key, value in now.items() if before.get(key, value) != value]),
        len(before.keys() - now.keys()),
    ]
    if said[:3] != there and not (unknown and all(one <= more for one, more in zip(said, there))):
        return f"said {said}, there is {there}: {done.stderr}"
    left = LEFT.search(done.stderr)
    differs = run("diff", "--summary", stdin=case.new).stdout.splitlines()[0]
    if done.returncode and not unread and (left is None or left[1] != differs):
        return f"left: {left and left[1]}, but the difference is {differs}"
    if there[2] and said[0] < len(wanted.keys() - before.keys()) and not unknown:
        return "something was deleted, though an addition was refused"
    return ""


def one(case: Case, environ: dict[str, str], path: Path | None = None) -> str:
    """What is wrong after one apply with that fault, or after another one without. path: a file to apply."""
    if path is not None:
        path.write_text(case.new)
    with filled(case.new):
        wanted = entries()
    with filled(case.old):
        before = entries()
        done = subprocess.run(
            [program(), "apply", *([str(path)] if path else [])], input=case.new, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, **environ},
        )  # fmt: skip
        wrong = _wrong(case, before, wanted, done)
        if not wrong and (run("apply", "-q", stdin=case.new).returncode or entries() != wanted):
            wrong = "applying it again does not bring the rest"
        return wrong


def places(kind: str, shim: Path, folder: Path, case: Case, step: int = 1) -> Iterator[str]:
    """What is wrong after that kind of fault at every step-th place; "": nothing."""
    code = errno.ENOBUFS if kind == "recv-error" else errno.EIO if kind == "send-error" else 0
    for path in (None, folder / "rules"):
        for number in itertools.count(1, step):
            fired = folder / f"{kind}-{number}"
            fault = f"{kind}:{number}:{fired}:{code}"
            wrong = one(case, {"LD_PRELOAD": str(shim), "FAULT": fault}, path)
            if not fired.exists():
                assert not wrong, wrong
                break
            fired.unlink()
            yield wrong and f"{case.name}: FAULT={fault}{' (file)' if path else ''}: {wrong}"


def tables(count: int, seed: int) -> Iterator[str]:
    """Random tables, each made to be the next one, by turns with --order: exactly that, and then nothing is left to do."""
    chance = random.Random(seed)
    with filled(""):
        for number in range(count):
            new = some_rules(chance)
            with filled(new):
                wanted, exactly = entries(), table()
            words = ["--order"] if number % 2 else []
            done = run("apply", *words, stdin=new)
            right = table() == exactly if words else entries() == wanted
            again = run("apply", *words, stdin=new)
            nothing = (
                again.returncode == 0 and not again.stdout and "0 added, 0 changed, 0 deleted" in again.stderr
            )
            fine = right and nothing and done.returncode == 0
            yield "" if fine else f"seed {seed}, table {number}: {done.stderr}{again.stderr}"


def main() -> int:
    """Every kind, or those that were named."""
    failed = 0
    seed = int(os.environ.get("IPVSFAST_SEED", "0")) or random.randrange(1 << 30)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shim = build_shim(folder)
        for kind in sys.argv[1:] or KINDS:
            if kind == "tables":
                found = list(tables(TABLES, seed))
            else:
                found = [wrong for case in CASES for wrong in places(kind, shim, folder, case)]
            wrongs = list(filter(None, found))
            print(
                f"apply, {kind}: {len(wrongs)} wrong of {len(found)} places", *wrongs, sep="\n  ", flush=True
            )
            failed += len(wrongs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
