"""`Ipvs.apply` tells what was done, however it ends."""

import copy
import errno
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ipvsfast import AlreadyExists, Batch, Interrupted, Ipvs, KernelError, Operation, Service

pytestmark = pytest.mark.usefixtures("netns")

BATCH = Batch()
for number in range(1, 101):
    BATCH.add_service(Service.mark(number, "rr"))
BATCH.operations[20] = BATCH.operations[0]


def sliced(ipvs: Ipvs, size: int = 30) -> Ipvs:
    """Time slices that are used up after so many operations, on any machine."""
    send = ipvs.session.send
    ipvs.session.send = lambda ops, count, results, start=0: send(
        ops, min(count, start + size), results, start
    )  # type: ignore[method-assign]
    return ipvs


@contextmanager
def handler(number: int, function) -> Iterator[None]:
    old = signal.signal(number, function)
    try:
        yield
    finally:
        signal.signal(number, old)


def in_force(ipvs: Ipvs) -> list[int]:
    return sorted(service.key.fwmark for service in ipvs.services())


DONE = [n for n in range(1, 61) if n != 21]


def judge(error: BaseException, ipvs: Ipvs) -> None:
    """Sixty were sent, one of them refused, and that is what the kernel has."""
    results = error.results  # type: ignore[attr-defined]
    assert (results.sent, len(results), results.ok, len(results.unsent)) == (60, 60, False, 40)
    assert [type(result.error) for result in results.failed] == [AlreadyExists]
    assert [result.operation.service.key.fwmark for result in results if result] == DONE == in_force(ipvs)


class Stop(Exception):
    """What a caller might raise."""


class Narrow(Exception):
    """An exception that takes no attributes."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


@pytest.mark.parametrize("kind", [Stop, SystemExit, MemoryError, KernelError])
def test_whatever_progress_raises_has_the_results(kind: type[BaseException]) -> None:
    """The exception is the caller's own, with the results of what was done."""
    error = kind(errno.EIO) if kind is KernelError else kind()

    def progress(done: int) -> None:
        if done == 60:
            raise error

    with sliced(Ipvs()) as ipvs:
        with pytest.raises(kind) as caught:
            ipvs.apply(BATCH, progress=progress)
        assert caught.value is error
        judge(error, ipvs)
        again = pickle.loads(pickle.dumps(error.results))  # type: ignore[attr-defined]
        assert list(again) == list(error.results)  # type: ignore[attr-defined]


def test_an_exception_that_takes_no_results_goes_its_way() -> None:
    """It is not replaced by a complaint about that."""

    def progress(done: int) -> None:
        raise Narrow

    with sliced(Ipvs()) as ipvs, pytest.raises(Narrow):
        ipvs.apply(BATCH, progress=progress)


def test_what_a_signal_handler_raises_has_the_results() -> None:
    """An alarm, or SIGTERM of a daemon that ends."""

    def stop(number: int, frame: object) -> None:
        raise Stop

    with sliced(Ipvs()) as ipvs, handler(signal.SIGUSR1, stop):
        with pytest.raises(Stop) as caught:
            ipvs.apply(
                BATCH, progress=lambda done: signal.raise_signal(signal.SIGUSR1) if done == 60 else None
            )
        judge(caught.value, ipvs)


def test_ctrl_c_is_interrupted() -> None:
    """A KeyboardInterrupt with the results and a sentence, none of it in KeyboardInterrupt's own arguments."""
    with sliced(Ipvs()) as ipvs, handler(signal.SIGINT, signal.default_int_handler):
        with pytest.raises(KeyboardInterrupt) as caught:
            ipvs.apply(
                BATCH, progress=lambda done: signal.raise_signal(signal.SIGINT) if done == 60 else None
            )
        error = caught.value
        assert isinstance(error, Interrupted)
        assert (str(error), error.args) == ("interrupted: 60 of 100 operations were sent", ())
        judge(error, ipvs)
        assert str(copy.copy(error)) == str(error)


def test_a_failing_exchange_has_the_results() -> None:
    """The socket is closed under it: the error says how far it came."""
    with sliced(Ipvs()) as ipvs:
        with pytest.raises(KernelError) as caught:
            ipvs.apply(BATCH, progress=lambda done: ipvs.close() if done == 60 else None)
        assert str(caught.value) == "after 60 of 100 operations: the session is closed"
        with Ipvs() as other:
            judge(caught.value, other)


def test_before_anything_is_sent_there_are_results_too() -> None:
    """Operations that cannot be collected, or are none: nothing was sent."""

    def broken() -> Iterator[Operation]:
        yield BATCH.operations[0]
        raise Stop

    with Ipvs() as ipvs:
        with pytest.raises(Stop) as caught:
            ipvs.apply(broken())
        assert (caught.value.results.sent, caught.value.results.unsent) == (0, BATCH.operations[:1])  # type: ignore[attr-defined]
        with pytest.raises(TypeError, match="expected Operations") as slip:
            ipvs.apply(["flush"])  # type: ignore[list-item]
        assert (len(slip.value.results), slip.value.results.unsent) == (0, ["flush"])  # type: ignore[attr-defined]
        assert in_force(ipvs) == []


def test_progress_is_told_until_the_end() -> None:
    """Numbers that grow up to that of all operations; an empty batch has nothing to tell."""
    told: list[int] = []
    with sliced(Ipvs()) as ipvs:
        assert len(ipvs.apply(BATCH, progress=told.append)) == 100
        assert told == [30, 60, 90, 100]
        told.clear()
        assert ipvs.apply(Batch(), progress=told.append).ok
        assert told == []
