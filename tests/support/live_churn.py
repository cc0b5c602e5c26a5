"""live_churn.py COUNT: adds, changes and deletes COUNT services and their destinations in the caller's namespace
without pause, until it is ended. A program."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterator

from ipvsfast import Batch, Destination, Ipvs, Service


def service(number: int) -> Service:
    return Service.tcp(f"10.200.{number // 250}.{number % 250}", 8000 + number % 7, "rr")


def dests(number: int) -> list[Destination]:
    return [
        Destination(f"10.201.{number % 250}.{at}", 80, "masq", weight=1 + at) for at in range(1 + number % 3)
    ]


def rounds(count: int, dice: random.Random) -> Iterator[Batch]:
    """One after the other: all come, their destinations go and come again, all go."""
    numbers = list(range(count))
    dice.shuffle(numbers)
    batch = Batch()
    for number in numbers:
        batch.add_service(service(number))
        for one in dests(number):
            batch.add_destination(service(number), one)
    yield batch
    batch = Batch()
    for number in numbers[:: 1 + dice.randrange(3)]:
        for one in dests(number):
            batch.delete_destination(service(number), one)
            batch.add_destination(service(number), one)
    yield batch
    batch = Batch()
    dice.shuffle(numbers)
    for number in numbers:
        batch.delete_service(service(number))
    yield batch


def main(count: int) -> None:
    ipvs, dice = Ipvs(), random.Random(count)
    # Made before: making them would take longer than carrying them out.
    made = [*rounds(count // 4, dice), *rounds(count, dice)]
    print("ready", flush=True)
    for batch in itertools.cycle(made):
        ipvs.apply(batch).check()


if __name__ == "__main__":
    main(int(sys.argv[1]))
