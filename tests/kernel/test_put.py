"""Add or edit: what is there already is made to be what was wanted, in the order of the batch."""

import errno
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipvsfast import (
    AlreadyExists,
    Batch,
    Destination,
    Ipvs,
    KernelError,
    NotFound,
    Operation,
    Service,
    SyncDaemon,
    Timeouts,
)

pytestmark = pytest.mark.usefixtures("netns")

WEB = Service.tcp("10.0.0.1", 80, "rr")
OTHER = Service.mark(7, "wlc")
REAL = Destination("10.1.0.1", 80, weight=1)
HEAVY = REAL.replace(weight=9, upper=5)


def test_put_adds_and_edits() -> None:
    """First it is made, then it is made what is wanted; destinations and their order stay."""
    with Ipvs() as ipvs:
        for service in (WEB, WEB, WEB.replace(scheduler="sh", persistent=60)):
            ipvs.put_service(service)
            assert ipvs.services() == [service]
        for destination in (REAL, Destination("10.1.0.2", 80), REAL, HEAVY):
            ipvs.put_destination(WEB, destination)
        ipvs.put_service(WEB)
        assert ipvs.table() == [(WEB, [Destination("10.1.0.2", 80), HEAVY])]


@pytest.mark.parametrize(
    ("operation", "kind", "code", "text"),
    [
        (
            Operation("put-service", WEB.replace(scheduler="nosuch")),
            NotFound,
            errno.ENOENT,
            "Scheduler or persistence engine not found",
        ),
        (
            Operation("put-service", OTHER.replace(scheduler="nosuch")),
            NotFound,
            errno.ENOENT,
            "Scheduler or persistence engine not found",
        ),
        (Operation("put-destination", OTHER, REAL), NotFound, errno.ESRCH, "Service not defined"),
    ],
)
def test_what_put_cannot_do(operation: Operation, kind: type, code: int, text: str) -> None:
    """Refused with the sentence of what was asked for last, whether the entry was there or not."""
    with Ipvs() as ipvs:
        ipvs.add_service(WEB)
        (result,) = ipvs.apply([operation])
        assert (type(result.error), result.errno, result.error.strerror) == (kind, code, text)
        assert result.error.operation == str(operation)
        assert ipvs.services() == [WEB]


def test_a_batch_of_puts_among_others() -> None:
    """Each result belongs to its operation; what only adds is refused as ever."""
    batch = (
        Batch().put_service(WEB).put_destination(WEB, HEAVY).add_destination(WEB, REAL).put_service(OTHER)
        .add_service(WEB).put_destination(OTHER, REAL).put_destination(Service.mark(9), REAL)
    )  # fmt: skip
    with Ipvs() as ipvs:
        ipvs.add_service(WEB.replace(scheduler="lc"))
        ipvs.add_destination(WEB, REAL)
        results = ipvs.apply(batch)
        assert [result.errno for result in results] == [0, 0, errno.EEXIST, 0, errno.EEXIST, 0, errno.ESRCH]
        assert sorted(ipvs.table(), key=str) == sorted([(WEB, [HEAVY]), (OTHER, [REAL])], key=str)


def test_exist_makes_every_addition_a_put() -> None:
    """Also of daemons that run as wanted; a daemon that runs otherwise is a refusal."""
    subprocess.run(["ip", "link", "set", "lo", "multicast", "on"], check=True)
    daemon = SyncDaemon("master", "lo", 3)
    batch = (
        Batch()
        .set_timeouts(Timeouts(900, 120, 300))
        .start_daemon(daemon)
        .add_service(WEB)
        .add_destination(WEB, HEAVY)
    )
    with Ipvs() as ipvs:
        ipvs.add_service(WEB.replace(scheduler="lc"))
        ipvs.add_destination(WEB, REAL)
        for _ in range(2):
            ipvs.apply(batch, exist=True).check()
            assert ipvs.table() == [(WEB, [HEAVY])]
        results = ipvs.apply(Batch().start_daemon(SyncDaemon("master", "lo", 4)).flush(), exist=True)
        assert [type(result.error) for result in results] == [AlreadyExists, type(None)]
        assert ipvs.daemons()[0].sync_id == 3
        assert [result.errno for result in ipvs.apply(batch)] == [0, errno.EEXIST, 0, 0]
        ipvs.stop_daemon("master")


def test_many_puts() -> None:
    """Thousands, half of which are there, over many sends; the numbers that progress is told."""
    told: list[int] = []
    fill, put = Batch().add_service(WEB), Batch().put_service(WEB)
    for n in range(6000):
        destination = Destination(f"10.{2 + (n >> 8)}.{n & 255}.1", 80, weight=1)
        put.put_destination(WEB, destination.replace(weight=2))
        if n % 2:
            fill.add_destination(WEB, destination)
    with Ipvs() as ipvs:
        ipvs.apply(fill).check()
        ipvs.apply(put, progress=told.append).check()
        destinations = ipvs.destinations(WEB)
        assert (len(destinations), {d.weight for d in destinations}) == (6000, {2})
    assert told == sorted(told)
    assert told[-1] == 6001


def meanwhile(ipvs: Ipvs, happens: list[Callable[[], None]]) -> None:
    """Between the sends of one batch, another program does something."""
    send = ipvs.session.send

    def sent(ops: bytearray, count: int, results: memoryview, start: int = 0) -> int:
        done = send(ops, count, results, start)
        if happens:
            happens.pop(0)()
        return done

    ipvs.session.send = sent  # type: ignore[method-assign]


@pytest.mark.parametrize("times", [1, 2])
def test_what_is_deleted_between_adding_and_editing_is_added(times: int) -> None:
    """The edit finds nothing; and when adding finds it again, it is edited."""

    def nothing() -> None:
        pass

    with Ipvs() as ipvs, Ipvs() as other:
        ipvs.add_service(WEB)
        ipvs.add_destination(WEB, REAL)

        def delete() -> None:
            other.delete_destination(WEB, REAL)

        def add() -> None:
            other.add_destination(WEB, REAL)

        meanwhile(ipvs, [delete, add, nothing][:times])
        ipvs.put_destination(WEB, HEAVY)
        assert ipvs.destinations(WEB) == [HEAVY]
        meanwhile(ipvs, [lambda: other.delete_service(WEB), nothing, nothing])
        ipvs.put_service(WEB.replace(scheduler="lc"))
        assert ipvs.table() == [(WEB.replace(scheduler="lc"), [])]


def test_it_ends_where_somebody_always_comes_in_between() -> None:
    """A few rounds, then the refusal that came last."""
    sends: list[int] = []
    with Ipvs() as ipvs, Ipvs() as other:
        ipvs.add_service(WEB)
        ipvs.add_destination(WEB, REAL)

        def spoil() -> None:
            sends.append(1)
            if len(sends) % 2:
                other.delete_destination(WEB, REAL)
            elif not other.destinations(WEB):
                other.add_destination(WEB, REAL)

        meanwhile(ipvs, [spoil] * 100)
        results = ipvs.apply(Batch().put_destination(WEB, HEAVY))
        assert len(sends) < 10
        assert results.ok == (ipvs.destinations(WEB) == [HEAVY])


class Stop(Exception):
    """What a caller might raise."""


def test_ended_among_the_edits() -> None:
    """What was edited is done, what was not is there as it was: `AlreadyExists`."""
    wanted = [Destination(f"10.2.0.{n}", 80, weight=2) for n in range(1, 41)]
    with Ipvs() as ipvs:
        ipvs.add_service(WEB)
        ipvs.apply([Operation("add-destination", WEB, d.replace(weight=1)) for d in wanted[::2]]).check()
        send, calls = ipvs.session.send, []

        def sliced(ops: bytearray, count: int, results: memoryview, start: int = 0) -> int:
            calls.append(count)
            if len(calls) == 3:
                raise Stop
            return send(ops, min(count, start + 10) if len(calls) == 2 else count, results, start)

        ipvs.session.send = sliced  # type: ignore[method-assign]
        with pytest.raises(Stop) as caught:
            ipvs.apply([Operation("put-destination", WEB, d) for d in wanted])
        results = caught.value.results  # type: ignore[attr-defined]
        assert calls == [40, 20, 20]
        assert results.sent == 40
        weights = {d.key: d.weight for d in ipvs.destinations(WEB)}
        assert [result.ok for result in results] == [weights[d.key] == 2 for d in wanted]
        assert [type(result.error) for result in results.failed] == [AlreadyExists] * 10


SERVICES = [Service.mark(n, "rr") for n in (1, 2)]
DESTINATIONS = [Destination(f"10.3.0.{n}", 0) for n in (1, 2)]
steps = st.one_of(
    st.builds(lambda s, w: Operation("put-service", s.replace(scheduler=w)), st.sampled_from(SERVICES), st.sampled_from(["rr", "lc", "nosuch"])),
    st.builds(lambda s, d, w: Operation("put-destination", s, d.replace(weight=w)), st.sampled_from(SERVICES), st.sampled_from(DESTINATIONS), st.integers(0, 3)),
    st.builds(lambda s, w: Operation("add-service", s.replace(scheduler=w)), st.sampled_from(SERVICES), st.sampled_from(["rr", "lc"])),
    st.builds(lambda s, d, w: Operation("add-destination", s, d.replace(weight=w)), st.sampled_from(SERVICES), st.sampled_from(DESTINATIONS), st.integers(0, 3)),
    st.builds(lambda s, w: Operation("edit-service", s.replace(scheduler=w)), st.sampled_from(SERVICES), st.sampled_from(["rr", "lc"])),
    st.builds(lambda s, d, w: Operation("edit-destination", s, d.replace(weight=w)), st.sampled_from(SERVICES), st.sampled_from(DESTINATIONS), st.integers(0, 3)),
    st.builds(lambda s: Operation("delete-service", s), st.sampled_from(SERVICES)),
    st.builds(lambda s, d: Operation("delete-destination", s, d), st.sampled_from(SERVICES), st.sampled_from(DESTINATIONS)),
    st.just(Operation("flush")),
)  # fmt: skip


def one_by_one(ipvs: Ipvs, operations: list[Operation], exist: bool) -> list[int]:
    """What putting means, each operation by itself."""
    codes = []
    for operation in operations:
        command, put = operation.command, operation.command.startswith("put-")
        first = operation.replace(command=command.replace("put-", "add-")) if put else operation
        (result,) = ipvs.apply([first])
        if result.errno == errno.EEXIST and (put or exist):
            (result,) = ipvs.apply([operation.replace(command=first.command.replace("add-", "edit-"))])
        codes.append(result.errno)
    return codes


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=12), st.lists(steps, max_size=4), st.booleans())
def test_a_batch_does_what_its_operations_do_one_by_one(
    operations: list[Operation], before: list[Operation], exist: bool
) -> None:
    """Whatever stands between puts of the same entry: the same results, and the same table."""
    with Ipvs() as ipvs:
        outcomes = []
        for run in (
            lambda: one_by_one(ipvs, operations, exist),
            lambda: [r.errno for r in ipvs.apply(operations, exist=exist)],
        ):
            ipvs.flush()
            ipvs.apply(before)
            outcomes.append((run(), sorted(ipvs.table(), key=lambda row: row[0].key)))
        assert outcomes[0] == outcomes[1]


def test_puts_of_a_closed_table() -> None:
    """The error of the exchange, with the results."""
    with Ipvs() as ipvs:
        pass
    with pytest.raises(KernelError, match="the session is closed") as caught:
        ipvs.put_service(WEB)
    assert caught.value.results.sent == 0
