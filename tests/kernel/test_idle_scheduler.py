"""Adding the destinations of a new service while its scheduler is off: same result (bench shows the time)."""

import errno

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service
from ipvsfast.kernel.layout import pack_operations
from ipvsfast.kernel.rule_buffer import new_results

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


def test_more_destinations_than_the_scheduler_holds() -> None:
    """mh refuses them when it is set at the end: the group is taken back and the plain way gone."""
    work = batch("mh", 1, 4300)
    with Ipvs() as ipvs:
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
