"""An apply, or an undo, killed at random moments: what was done is taken back, or the rest is done, exactly.

python tests/campaigns/kill_sweep.py [ROUNDS [SEED]]     as root, with a kernel that has IPVS
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.command import program, rules, run
from support.front import table
from support.netns import fresh_namespace

ROUNDS = 200
MOMENT = 0.02  # seconds in which an apply of these is sent and looked at
ENOUGH = 50  # rounds, of which some are killed before, some after and some while they change the table


def unordered() -> list[list[str]]:
    """The table without the order of destinations."""
    return [[service[0], *sorted(service[1:])] for service in table()]


def tables() -> tuple[str, str]:
    """Two that have much in common, with additions, edits, deletions and schedulers between them."""
    one = rules(20, 200)
    other = rules(26, 200).replace("10.0.0.3:", "10.9.0.3:").replace("-r 10.128.0.1", "-r 10.200.0.1")
    return one, other.replace("-s wlc", "-s rr", 2).replace("-w 1\n", "-w 4\n", 200)


class Sweep:
    """Rounds in a network namespace of its own; what the table is to be is known at each moment."""

    def __init__(self, chance: random.Random, state: Path) -> None:
        self._chance = chance
        self._state = state
        self.caught = dict.fromkeys(("not begun", "before", "meanwhile", "after"), 0)
        self._texts = tables()
        self._wanted: list[list[list[str]]] = []
        for text in self._texts:
            with fresh_namespace():
                assert run("restore", "-q", stdin=text).returncode == 0
                self._wanted.append(unordered())
        self._now = 0

    def start(self) -> None:
        """The first of the tables is there."""
        assert run("restore", "-q", stdin=self._texts[0]).returncode == 0

    def round(self) -> str:
        """What is wrong after one more, or ""."""
        other, number = 1 - self._now, self._last()[0]
        self._kill(("apply", "-q"), self._texts[other], number)
        new, state = self._last()
        if new == number:  # killed before its journal was there, and so before anything was sent
            self.caught["not begun"] += 1
            return self._ends(self._now, "not begun")
        if state == "done":
            self.caught["after"] += 1
            self._now = other
            return self._ends(self._now, "done before it was killed")
        self.caught["meanwhile" if unordered() not in self._wanted else "before"] += 1
        if self._chance.random() < 0.5:
            done = run("apply", "-q", stdin=self._texts[other])
            if done.returncode:
                return f"it could not be finished: {done.stderr}"
            if self._ends(other, "finished"):
                return self._ends(other, "finished")
            if self._chance.random() < 0.5:
                self._now = other
                return ""
        elif self._chance.random() < 0.3:
            self._kill(("undo", "-q"), "", new)
            if self._last()[1] != "interrupted":  # it was through
                return self._ends(self._now, "undone before it was killed")
        done = run("undo", "-q")
        if done.returncode:
            return f"it could not be undone: {done.stderr}"
        return self._ends(self._now, "undone")

    def _ends(self, which: int, how: str) -> str:
        if unordered() != self._wanted[which]:
            return f"{how}, and the table is another one"
        told = run("diff", "--summary", stdin=self._texts[which])
        if "interrupted" in told.stderr:
            return f"{how}, and still told as interrupted: {told.stderr}"
        return ""

    def _kill(self, words: tuple[str, ...], text: str, number: int) -> None:
        """Begins it and kills it, some time after its journal is there, or sometimes what announces that. number:
        of the journal before."""
        awaited = "unsettled" if self._chance.random() < 0.1 else f"journal-{number + 1:08}"
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write(text)
            file.seek(0)
            # Rules on standard input are Python's, those of a file the native front's.
            path = [file.name] if text and self._chance.random() < 0.5 else []
            with subprocess.Popen(
                [program(), *words, *path], stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                while process.poll() is None and not list(self._state.rglob(awaited)):
                    time.sleep(0.0005)
                time.sleep(self._chance.random() ** 2 * MOMENT)
                process.kill()

    def _last(self) -> tuple[int, str]:
        """Number and state of the last one."""
        found = json.loads(run("history", "--json").stdout)["history"]
        return (int(found[-1]["number"]), str(found[-1]["state"])) if found else (0, "nothing")


def rounds(count: int, seed: int) -> Iterator[str]:
    """What is wrong after each round, or ""."""
    with tempfile.TemporaryDirectory() as folder, fresh_namespace():
        before = os.environ.get("IPVSFAST_STATE")
        os.environ["IPVSFAST_STATE"] = folder
        try:
            sweep = Sweep(random.Random(seed), Path(folder))
            sweep.start()
            for _ in range(count):
                yield sweep.round()
            print(f"killed {', '.join(f'{number} {when}' for when, number in sweep.caught.items())}")
            if count >= ENOUGH and not all(sweep.caught[when] for when in ("before", "meanwhile", "after")):
                yield "not every kind of moment was among them"
        finally:
            if before is None:
                del os.environ["IPVSFAST_STATE"]
            else:
                os.environ["IPVSFAST_STATE"] = before


def main() -> int:
    """1 if anything was wrong."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    print(f"{count} rounds, seed {seed}")
    wrong = 0
    for number, problem in enumerate(rounds(count, seed), 1):
        if problem:
            print(f"round {number}: {problem}")
            wrong += 1
            break  # the table is not known any more
    print("all is well" if not wrong else f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
