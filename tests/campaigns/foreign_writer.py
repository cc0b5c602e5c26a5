"""A second writer outside the scope, during many applies inside it: is it left alone, is every report true?

    .venv/bin/python -m tests.vm --timeout 900 -- .venv/bin/python tests/campaigns/foreign_writer.py [APPLIES]

or as root in a network namespace of its own (`unshare -n`). It ends with status 1 if a report was wrong, or if a foreign service
was touched. tests/plans/test_apply_scope.py does a few of them.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ipvsfast import Destination, Ipvs, Scope, Service, ServiceKey
from support.command import run

SCOPE = "10.0.0.0/8"
FOREIGN = 20
PAUSE = 0.002  # between two changes of the other: a reading in between is possible


@dataclass
class Told:
    """How many applies there were: in force, or refused as the table kept changing; how many foreign changes; and
    what was wrong."""

    applied: int = 0
    refused: int = 0
    foreign: int = 0
    wrong: list[str] = field(default_factory=list)


class Writer(threading.Thread):
    """Changes services outside the scope until it is told to end, and knows what there has to be of them."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)
        self.expected: dict[ServiceKey, tuple[str, dict[str, int]]] = {}
        self.changes = 0
        self.error = ""
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            with Ipvs() as ipvs:
                while not self.ended.wait(PAUSE):
                    self._change(ipvs)
                    self.changes += 1
        except Exception as error:  # the test tells it
            self.error = repr(error)

    def _change(self, ipvs: Ipvs) -> None:
        number = self._chance.randrange(1, FOREIGN)
        scheduler = self._chance.choice(("rr", "wrr", "wlc"))
        service = (
            Service.mark(number, scheduler)
            if number % 2
            else Service.tcp(f"172.16.0.{number}", 80, scheduler)
        )
        there = self.expected.get(service.key)
        if there is None:
            ipvs.add_service(service)
            self.expected[service.key] = scheduler, {}
        elif self._chance.random() < 0.3:
            ipvs.delete_service(service.key)
            del self.expected[service.key]
        else:
            name = f"10.1.0.{self._chance.randrange(1, 9)}"
            weight = self._chance.randrange(100)
            ipvs.put_destination(service.key, Destination(name, 0 if number % 2 else 80, weight=weight))
            there[1][name] = weight

    def found(self, ipvs: Ipvs) -> dict[ServiceKey, tuple[str, dict[str, int]]]:
        scope = Scope(SCOPE)
        return {
            service.key: (service.scheduler, {dest.address: dest.weight for dest in dests})
            for service, dests in ipvs.table(strict=True)
            if not scope.has(service.key)
        }


def _inside(chance: random.Random) -> tuple[str, dict[Any, Any]]:
    """A table in the scope as rules, and as what there has to be."""
    lines, expected = [], {}
    for number in chance.sample(range(1, 20), chance.randrange(1, 12)):
        service = f"-t 10.0.0.{number}:80"
        scheduler = chance.choice(("rr", "wrr", "wlc"))
        lines.append(f"-A {service} -s {scheduler}\n")
        weights = {
            f"10.1.0.{n}": chance.randrange(9) for n in chance.sample(range(1, 30), chance.randrange(20))
        }
        lines += [f"-a {service} -r {name}:80 -m -w {weight}\n" for name, weight in weights.items()]
        expected[ServiceKey.of("tcp", f"10.0.0.{number}", 80)] = scheduler, weights
    return "".join(lines), expected


def _there(ipvs: Ipvs) -> dict[Any, Any]:
    scope = Scope(SCOPE)
    while True:
        reading = ipvs.read()
        if not (reading.unstable or reading.vanished):
            break
    return {
        service.key: (service.scheduler, {dest.address: dest.weight for dest in dests})
        for service, dests in reading.values()
        if scope.has(service.key)
    }


def writer_beside_applies(count: int, seed: int) -> Told:
    """So many applies, by the command, beside such a writer."""
    chance, told, writer = random.Random(seed), Told(), Writer(seed)
    writer.start()
    with Ipvs() as ipvs:
        for number in range(count):
            text, expected = _inside(chance)
            done = run("apply", "--scope", SCOPE, stdin=text)
            there = _there(ipvs)
            if done.returncode == 0:
                told.applied += 1
                if there != expected:
                    told.wrong.append(f"{number}: status 0, but {there} is there and not {expected}")
            elif "kept changing" in done.stderr or "could not be read again" in done.stderr:
                told.refused += 1
            else:
                told.wrong.append(f"{number}: status {done.returncode}: {done.stderr}")
            if any(word in done.stdout for word in ("172.16.", "-f ")):
                told.wrong.append(f"{number}: foreign services in what is shown: {done.stdout}")
        writer.ended.set()
        writer.join()
        if writer.error:
            told.wrong.append(f"the other was disturbed: {writer.error}")
        found = writer.found(ipvs)
        if found != writer.expected:
            told.wrong.append(f"foreign services: {found} and not {writer.expected}")
    told.foreign = writer.changes
    return told


def main() -> int:
    """The exit status."""
    seed = int(os.environ.get("IPVSFAST_SEED", "0")) or random.randrange(1 << 30)
    start = time.monotonic()
    told = writer_beside_applies(int(sys.argv[1]) if len(sys.argv) > 1 else 300, seed)
    print(f"IPVSFAST_SEED={seed}: {told.applied} applied, {told.refused} refused as the table kept changing, "
          f"{told.foreign} foreign changes, {len(told.wrong)} wrong, {time.monotonic() - start:.0f} s")  # fmt: skip
    print(*told.wrong, sep="\n")
    return 1 if told.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
