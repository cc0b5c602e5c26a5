"""Adding the destinations of a new service while its scheduler is off: same result (bench shows the time)."""

import errno
import os
import subprocess
import time
from pathlib import Path

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service
from ipvsfast.kernel.layout import pack_operations
from ipvsfast.kernel.rule_buffer import new_results
from support.command import program, run
from support.sockets import shrink_receive_buffers

pytestmark = pytest.mark.usefixtures("netns")


def batch(scheduler: str, services: int, destinations: int) -> Batch:
    work = Batch()
    for s in range(services):
        service = Service.tcp(f"10.0.{s >> 8}.{s & 255}", 80, scheduler, persistent=9)
        work.add_service(service)
        for d in range(destinations):
            work.add_destination(service.key, Destination(f"10.{1 + (d >> 8)}.{d & 255}.1", 80, weight=d))
    return work


def state(ipvs: Ipvs) -> list:
    return sorted(ipvs.table(), key=lambda row: row[0].key)


@pytest.mark.parametrize("scheduler", ["mh", "sh", "dh", "wrr", "rr"])
@pytest.mark.parametrize(("services", "destinations"), [(3, 5), (3, 8), (2, 300), (1, 2500)])
def test_the_result_is_the_same(scheduler: str, services: int, destinations: int) -> None:
    """Services, schedulers, destinations and their order do not depend on it."""
    work = batch(scheduler, services, destinations)
    with Ipvs() as ipvs:
        ipvs._session.set_idle_scheduler(False)
        ipvs.apply(work).check()
        plain = state(ipvs)
        ipvs.flush()
        ipvs._session.set_idle_scheduler(True)
        ipvs.apply(work).check()
        assert state(ipvs) == plain
        assert {service.scheduler for service, _ in plain} == {scheduler}


def test_results_stay_with_their_operations() -> None:
    """A repeated destination in a group is the one that is refused."""
    work = batch("mh", 1, 50)
    key = work.operations[0].service.key
    work.add_destination(key, work.operations[7].destination)
    work.add_service(work.operations[0].service)
    with Ipvs() as ipvs:
        results = ipvs.apply(work)
        assert [(i, r.errno) for i, r in enumerate(results) if r.errno] == [
            (51, errno.EEXIST),
            (52, errno.EEXIST),
        ]


def test_a_service_that_was_there_is_left_alone() -> None:
    """Not ours to change: its scheduler and persistence stay, its destinations are added one by one."""
    work = batch("mh", 1, 20)
    there = work.operations[0].service.replace(scheduler="rr", persistent=77)
    with Ipvs() as ipvs:
        ipvs.add_service(there)
        results = ipvs.apply(work)
        assert [r.errno for r in results] == [errno.EEXIST] + [0] * 20
        service, destinations = ipvs.one(there.key)
        assert (service, len(destinations)) == (there, 20)


@pytest.mark.parametrize("most", [1, 4300])
def test_more_destinations_than_the_scheduler_holds(most: int) -> None:
    """They are not added at once; where the kernel holds less than is thought and so refuses mh at the end,
    they are taken back and added one by one."""
    work = batch("mh", 1, 4300)
    with Ipvs() as ipvs:
        ipvs._session.set_idle_scheduler(most)
        results = ipvs.apply(work)
        service, destinations = ipvs.one(work.operations[0].service.key)
        assert results.ok
        assert (service.scheduler, len(destinations)) == ("mh", 4300)
        assert [d.weight for d in destinations] == list(range(4299, -1, -1))


def test_groups_across_calls() -> None:
    """A service whose destinations come in several batches keeps its scheduler after each."""
    work = batch("mh", 1, 60)
    with Ipvs() as ipvs:
        for start in range(0, len(work), 21):
            ipvs.apply(work.operations[start : start + 21]).check()
            assert [s.scheduler for s in ipvs.services()] == ["mh"]
        assert len(ipvs.destinations(work.operations[0].service.key)) == 60


@pytest.mark.parametrize("before", [0, 20])
def test_a_service_that_somebody_deletes_meanwhile_is_not_made_again(before: int) -> None:
    """Another program deletes it between two time slices of one batch: what follows is refused, in order."""
    work = batch("mh", 1, before + 20)
    key = work.operations[0].service.key
    packed, results = pack_operations(work), new_results(len(work))
    with Ipvs() as ipvs, Ipvs() as other:
        assert ipvs.session.send(packed, 1 + before, results) == 1 + before
        other.delete_service(key)
        assert ipvs.session.send(packed, len(work), results, 1 + before) == len(work)
        assert list(results) == [0] * (1 + before) + [-errno.ESRCH] * 20
        assert ipvs.table() == []


@pytest.mark.parametrize("before", [0, 20])
def test_a_service_that_was_replaced_between_batches_is_left_alone(before: int) -> None:
    """What stands there now is another program's, though it has the name of one that this session made."""
    work = batch("mh", 1, before + 20)
    service = work.operations[0].service
    with Ipvs() as ipvs, Ipvs() as other:
        ipvs.apply(work.operations[: 1 + before]).check()
        other.delete_service(service.key)
        other.add_service(service.replace(scheduler="rr"))
        ipvs.apply(work.operations[1 + before :]).check()
        assert [(found.scheduler, len(dests)) for found, dests in ipvs.table()] == [("rr", 20)]


NEW, SET, DEL, GET, ADD = "1", "2", "3", "4", "5"


def commands(shim: Path, folder: Path, text: str, *argv: str, **environ: str) -> list[str]:
    """The commands of each send that changes something, as the kernel numbers them."""
    log, rules = folder / "log", folder / "rules"
    rules.write_text(text)
    with rules.open() as stdin:  # a file always has what comes next
        done = subprocess.run(
            [program(), *argv], stdin=stdin, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "LD_PRELOAD": str(shim), "FAULT": f"log:{log}", **environ},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    sends = [line.split() for line in log.read_text().splitlines()]
    return [" ".join(sent) for sent in sends if {NEW, SET, DEL, ADD} & set(sent)]


def rules(services: int, destinations: int) -> str:
    lines = []
    for s in range(1, services + 1):
        lines.append(f"-A -f {s} -s mh\n")
        lines += [f"-a -f {s} -r 10.1.{d >> 8}.{d & 255}:0 -g -w 1\n" for d in range(1, destinations + 1)]
    return "".join(lines)


@pytest.mark.parametrize(("argv", "front"), [("restore", "off"), ("-R", "off"), ("-R", "require")])
def test_a_group_is_one_send(shim: Path, tmp_path: Path, argv: str, front: str) -> None:
    """Created, filled and given its scheduler by one system call; before it the kernel is asked whether that
    may be, and nothing is deleted."""
    sent = commands(shim, tmp_path, rules(2, 30), argv, IPVSFAST_FRONT=front)
    assert sent == [f"{GET} {NEW}", f"{NEW} {f'{ADD} ' * 30}{SET}"] * 2
    assert run("-S", "-n").stdout.count("-s mh") == 2


@pytest.mark.parametrize(("argv", "front"), [("restore", "off"), ("-R", "off"), ("-R", "require")])
@pytest.mark.parametrize(("services", "destinations"), [(9, 1000), (2, 4093)])
def test_a_group_is_not_cut_by_the_portions_of_the_text(
    shim: Path, tmp_path: Path, argv: str, front: str, services: int, destinations: int
) -> None:
    """A service that the end of a portion would cut waits for the next one, and goes as one with it."""
    text = rules(services, destinations) + "-a -f 1 -r 10.2.0.1:0 -g -w 1\n"
    sent = commands(shim, tmp_path, text, argv, IPVSFAST_FRONT=front)
    group = f"{NEW} {f'{ADD} ' * destinations}{SET}"
    assert sent == [f"{GET} {NEW}", group] * services + [ADD]


def test_the_scheduler_of_a_service_that_serves_is_never_off(shim: Path, tmp_path: Path) -> None:
    """Destinations that come later are added as it serves, by no other command."""
    lines = rules(1, 60).splitlines(keepends=True)
    run("restore", stdin="".join(lines[:21]))
    assert commands(shim, tmp_path, "".join(lines[21:]), "-R") == [" ".join([ADD] * 40)]


def test_what_another_program_did_to_a_service_stays() -> None:
    """A destination and an edit that came after the service was created, and before its destinations."""
    work = batch("mh", 1, 20)
    service = work.operations[0].service
    theirs = Destination("10.9.9.9", 80)
    with Ipvs() as ipvs, Ipvs() as other:
        ipvs.add_service(service)
        other.add_destination(service.key, theirs)
        other.edit_service(service.replace(persistent=77))
        ipvs.apply(work.operations[1:]).check()
        found, destinations = ipvs.one(service.key)
        assert (found.scheduler, found.persistent) == ("mh", 77)
        assert theirs in destinations
        assert len(destinations) == 21


@pytest.mark.parametrize("front", ["off", "require"])
def test_what_another_program_did_between_two_portions_stays(front: str) -> None:
    """-R from a pipe whose writer takes its time."""
    reader, writer = os.pipe()
    lines = rules(1, 40).splitlines(keepends=True)
    env = {**os.environ, "IPVSFAST_FRONT": front}
    with Ipvs() as other, subprocess.Popen([program(), "-R"], stdin=reader, env=env) as child:
        os.close(reader)
        os.write(writer, "".join(lines[:21]).encode())
        while [len(destinations) for _, destinations in other.table()] != [20]:
            assert child.poll() is None
            time.sleep(0.01)
        service = other.services()[0]
        other.add_destination(service.key, Destination("10.9.9.9", 80))
        other.edit_service(service.replace(persistent=77))
        os.write(writer, "".join(lines[21:]).encode())
        os.close(writer)
        assert child.wait(60) == 0
        ((found, destinations),) = other.table()
        assert (found.scheduler, found.persistent, len(destinations)) == ("mh", 77, 41)


def test_a_service_that_comes_while_a_batch_runs_is_left_alone() -> None:
    """Another program creates it before its turn: it stays as it is, and the rest of the batch is carried out."""
    work = batch("mh", 3, 20)
    packed, results = pack_operations(work), new_results(len(work))
    theirs = work.operations[21].service.replace(scheduler="rr", persistent=77)
    with Ipvs() as ipvs, Ipvs() as other:
        assert ipvs.session.send(packed, 21, results) == 21
        other.add_service(theirs)
        done = 21
        while done < len(work):
            done = ipvs.session.send(packed, len(work), results, done)
        assert list(results) == [0] * 21 + [-errno.EEXIST] + [0] * 41
        found, destinations = ipvs.one(theirs.key)
        assert (found, len(destinations)) == (theirs, 20)
        assert sorted(s.scheduler for s in ipvs.services()) == ["mh", "mh", "rr"]


def test_lost_replies_to_a_group_are_unknown_outcomes() -> None:
    """What is not known is told as that; nothing is sent a second time, and the service has its scheduler."""
    work = batch("mh", 1, 100)
    key = work.operations[0].service.key
    for operation in work.operations[1:101]:
        work.add_destination(key, operation.destination)
    with Ipvs() as ipvs:
        shrink_receive_buffers()
        codes = [result.errno for result in ipvs.apply(work)]
        known = codes.index(errno.ENOBUFS)
        assert codes[:101] == [0] * 101
        assert codes[101:known] == [errno.EEXIST] * (known - 101)
        assert codes[known:] == [errno.ENOBUFS] * (201 - known)
        ((service, destinations),) = ipvs.table()
        assert (service.scheduler, len(destinations)) == ("mh", 100)
