"""The kernel's traps, each with and without what ipvsfast does about it: ``python -m bench.traps``.

Unlike the other questions this one is about one program: the same operations, sent by the library in one
process, so that only the kernel's work differs. Run it as root on a kernel with IPVS, with the Python that
has ipvsfast installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import netns

RUNS = 3

# `-m` puts the current folder first, where the source tree lies; what is measured is what is installed.
sys.path[:] = [folder for folder in sys.path if folder not in ("", os.getcwd())]


@dataclass(frozen=True)
class Case:
    """One row: what is measured, under which condition."""

    subject: str
    condition: str
    measure: Callable[[], float]
    rules: int


def _rules(services: int, destinations: int, scheduler: str = "rr") -> list[str]:
    lines = []
    for s in range(services):
        service = f"10.{s >> 16}.{s >> 8 & 255}.{s & 255}:80"
        lines.append(f"-A -t {service} -s {scheduler}")
        lines += [
            f"-a -t {service} -r 10.{128 + (d >> 14)}.{d >> 7 & 127}.{d & 127}:8080 -m -w 1"
            for d in range(1, destinations + 1)
        ]
    return lines


def _adding(services: int, destinations: int, scheduler: str, grouping: bool) -> Callable[[], float]:
    def measure() -> float:
        from ipvsfast import Ipvs

        lines = _rules(services, destinations, scheduler)
        with Ipvs() as ipvs:
            ipvs.session.set_idle_scheduler(grouping)
            began = time.perf_counter()
            account = ipvs.restore(lines)
            taken = time.perf_counter() - began
            _complete(account.ok)
        return taken

    return measure


def _again(services: int, destinations: int, how: str) -> Callable[[], float]:
    """Replacing a table by itself, its services in another order than the kernel has them."""

    def measure() -> float:
        from ipvsfast import Ipvs
        from ipvsfast.changes.replace import empty_for_restore

        lines = _rules(services, destinations)
        blocks = [lines[at : at + destinations + 1] for at in range(0, len(lines), destinations + 1)]
        random.Random(1).shuffle(blocks)
        shuffled = [line for block in blocks for line in block]
        with Ipvs() as ipvs:
            ipvs.restore(shuffled)
            began = time.perf_counter()
            if how == "replace":
                account = ipvs.restore(lines, clear=True)
            else:
                if how == "flush":
                    ipvs.flush()
                else:
                    empty_for_restore(ipvs.session)
                account = ipvs.restore(lines)
            taken = time.perf_counter() - began
            _complete(account.ok)
        return taken

    return measure


def _others(services: int, destinations: int, how: str) -> Callable[[], float]:
    """Replacing a table by another one with which it shares nothing."""

    def measure() -> float:
        from ipvsfast import Ipvs

        lines = _rules(services, destinations)
        with Ipvs() as ipvs:
            ipvs.restore([line.replace(" 10.", " 11.") for line in lines])
            began = time.perf_counter()
            if how == "flush":
                ipvs.flush()
            account = ipvs.restore(lines, clear=how != "flush")
            taken = time.perf_counter() - began
            _complete(account.ok)
        return taken

    return measure


def _objects(services: int, destinations: int, packed: bool) -> Callable[[], float]:
    """From Python objects that exist already; packed: only what the kernel and the sending take."""

    def measure() -> float:
        from ipvsfast import Batch, Destination, Ipvs, Service
        from ipvsfast.kernel.layout import pack_operations

        batch = Batch()
        for s in range(services):
            service = Service.tcp(f"10.0.{s >> 8}.{s & 255}", 80, "rr")
            batch.add_service(service)
            for d in range(1, destinations + 1):
                address = f"10.{128 + (d >> 14)}.{d >> 7 & 127}.{d & 127}"
                server = Destination(address, 8080, forwarding="masq")
                batch.add_destination(service.key, server)
        ops = pack_operations(batch) if packed else bytearray()
        with Ipvs() as ipvs:
            began = time.perf_counter()
            results = ipvs.apply_packed(ops, batch.operations) if packed else ipvs.apply(batch)
            taken = time.perf_counter() - began
            _complete(results.ok)
        return taken

    return measure


def _complete(ok: bool) -> None:
    if not ok:
        raise ValueError("not every rule was taken")


def cases(size: int) -> list[Case]:
    """size: services of the large table; the others follow from it."""
    large = size * 51
    found = []
    tables = (("mh", 1, 1000), ("mh", 20, 1000), ("mh", 1, 4000), ("wrr", 1, 4000))
    for scheduler, services, destinations in tables:
        subject = f"{services}x{destinations} under {scheduler}"
        for grouping, condition in ((False, "one by one"), (True, "scheduler off meanwhile")):
            measure = _adding(services, destinations, scheduler, grouping)
            found.append(Case(subject, condition, measure, services * (destinations + 1)))
    subject = f"{size}x50 in place of itself"
    others = f"{size}x50 in place of others"
    found += [
        Case(others, "flush, then add", _others(size, 50, "flush"), large),
        Case(others, "restore --clear", _others(size, 50, "replace"), large),
        Case(subject, "flush, then add", _again(size, 50, "flush"), large),
        Case(subject, "-C of ours, then add", _again(size, 50, "ordered"), large),
        Case(subject, "restore --clear", _again(size, 50, "replace"), large),
        Case("1x10000", "no way around it", _adding(1, 10000, "rr", True), 10001),
        Case("50000x1", "no way around it", _adding(50000, 1, "rr", True), 100000),
        Case("1000x50 from Python objects", "packed before", _objects(1000, 50, True), 51000),
        Case("1000x50 from Python objects", "apply(batch)", _objects(1000, 50, False), 51000),
    ]
    return found


def run_apart(measure: Callable[[], float]) -> float:
    """In a process and a network namespace of its own."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(receiving)
            netns.enter_fresh()
            os.write(sending, json.dumps(measure()).encode())
            status = 0
        except Exception as problem:
            print(f"bench.traps: {problem!r}", file=sys.stderr)
        finally:
            os._exit(status)
    os.close(sending)
    with open(receiving, "rb") as answer:
        text = answer.read()
    if os.waitpid(child, 0)[1] or not text:
        raise SystemExit("bench.traps: a run failed")
    netns.settle()
    return float(json.loads(text))


def main() -> None:
    """Measure every case, print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.traps", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--services", type=int, default=200, help="services of the table that is replaced")
    parser.add_argument("--only", default="", help="cases whose subject contains this")
    arguments = parser.parse_args()
    chosen = [case for case in cases(arguments.services) if arguments.only in case.subject]
    samples: dict[Case, list[float]] = {case: [] for case in chosen}
    for _ in range(arguments.runs):
        for case in chosen:
            samples[case].append(run_apart(case.measure))
    print(f"Linux {platform.release()}, {os.cpu_count()} CPU, {arguments.runs} runs each, seconds")
    print(f"{'':32} {'':26} {'min':>8} {'median':>8} {'max':>8} {'us/rule':>8}")
    for case, taken in samples.items():
        low, middle, high = min(taken), sorted(taken)[len(taken) // 2], max(taken)
        row = f"{low:8.3f} {middle:8.3f} {high:8.3f} {low / case.rules * 1e6:8.2f}"
        print(f"{case.subject:32} {case.condition:26} {row}")


if __name__ == "__main__":
    main()
