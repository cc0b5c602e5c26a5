"""Error paths of the exchange with the kernel, over a socket pair whose other end we play.

This shows only what the C layer does with answers that a healthy kernel does not give; that it works
at all is shown on a real kernel, in tests/kernel.
"""

import contextlib
import ctypes
import errno
import math
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from ipvsfast import Batch, IpvsError, IpvsUnavailable, Service
from ipvsfast.kernel import layout
from ipvsfast.kernel.rule_buffer import new_results
from ipvsfast.kernel.session import Session
from support.held import await_sleep

FAMILY = 0x1D


def error(seq: int, code: int) -> bytes:
    return struct.pack("=IHHIIi", 36, 2, 0, seq, 0, code) + b"\0" * 16


def sequences(request: bytes) -> list[int]:
    found = []
    while request:
        length, _, _, seq, _ = struct.unpack_from("=IHHII", request)
        found.append(seq)
        request = request[(length + 3) & ~3 :]
    return found


class Kernel(threading.Thread):
    """Answers each request with what `answer(request)` gives: a list of datagrams."""

    def __init__(self, answer) -> None:
        super().__init__(daemon=True)
        ours, self.sock = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.answer = answer
        self.requests: list[bytes] = []
        self.session = Session.attach(ours.detach(), FAMILY)
        self.start()

    def run(self) -> None:
        try:
            while request := self.sock.recv(1 << 20):
                self.requests.append(request)
                for datagram in self.answer(request):
                    self.sock.send(datagram)
        except OSError:
            pass  # the session gave up first

    def close(self) -> None:
        self.session.close()
        self.join(5)
        self.sock.close()


@pytest.fixture
def kernel():
    running: list[Kernel] = []

    def start(answer) -> Kernel:
        running.append(Kernel(answer))
        return running[-1]

    yield start
    for one in running:
        one.close()


def ops(count: int) -> bytearray:
    return layout.pack_operations(Batch().add_service(Service.tcp("10.0.0.1", 80))) * count


def send(kernel: Kernel, count: int) -> list[int]:
    results = new_results(count)
    done, packed = 0, ops(count)
    while done < count:
        done = kernel.session.send(packed, count, results, done)
    return list(results)


def test_refusals_go_to_their_operations(kernel) -> None:
    """Answers are matched by sequence number, in and across windows; strangers' are passed over."""

    def answer(request: bytes) -> list[bytes]:
        *rules, barrier = sequences(request)
        return [error(rules[3], -17), error(barrier + 1000, -1), error(rules[-1], -3), error(barrier, 0)]

    k = kernel(answer)
    k.session.set_window(256)
    got = send(k, 300)
    expected = [0] * 300
    expected[3], expected[255], expected[259], expected[299] = -17, -3, -17, -3
    assert got == expected


def test_missing_barrier_means_unknown(kernel) -> None:
    """A kernel that stops in the middle of a batch is found out; nothing is called done."""

    def answer(request: bytes) -> Iterator[bytes]:
        yield error(sequences(request)[1], -17)
        k.sock.shutdown(socket.SHUT_RDWR)

    k = kernel(answer)
    results = new_results(4)
    assert k.session.send(ops(4), 4, results) == 4
    assert list(results) == [0, -17, -errno.ENOBUFS, -errno.ENOBUFS]


def test_stale_replies_do_not_poison_the_next_call(kernel) -> None:
    """A reply of an earlier request is passed over by its sequence number."""

    def answer(request: bytes) -> list[bytes]:
        (seq,) = sequences(request)
        info = struct.pack("=IHHIIBBH", 36, FAMILY, 0, seq - 1, 0, 14, 1, 0) + struct.pack(
            "=HHIHHI", 8, 1, 9, 8, 2, 9
        )
        good = struct.pack("=IHHIIBBH", 36, FAMILY, 0, seq, 0, 14, 1, 0) + struct.pack(
            "=HHIHHI", 8, 1, 0x010201, 8, 2, 7
        )
        return [error(seq - 1, -5), info, good, error(seq, 0)]

    assert kernel(answer).session.info() == (0x010201, 7)


@pytest.mark.parametrize("reply", [b"\1", b"\xff" * 20, struct.pack("=IHHII", 5, 2, 0, 1, 0)])
def test_malformed_replies_are_an_error(kernel, reply: bytes) -> None:
    """A datagram that is no netlink message ends the call with EBADMSG or is ignored, never a crash."""

    def answer(request: bytes) -> list[bytes]:
        return [reply, error(sequences(request)[0], -5)]

    with pytest.raises(IpvsError) as caught:
        kernel(answer).session.info()
    assert caught.value.errno in (errno.EBADMSG, errno.EIO)


def test_kernel_words_are_passed_on(kernel) -> None:
    """The text of an extended acknowledgement ends up in the exception."""

    def answer(request: bytes) -> list[bytes]:
        text = b"bad thing\0"
        body = struct.pack("=i", -22) + struct.pack("=IHHII", 20, 0, 0, 0, 0)
        tlv = struct.pack("=HH", 4 + len(text), 1) + text + b"\0\0"
        return [struct.pack("=IHHII", 36 + len(tlv), 2, 0x300, sequences(request)[0], 0) + body + tlv]

    with pytest.raises(IpvsError, match="the kernel says: bad thing"):
        kernel(answer).session.timeouts()


def test_a_storm_of_signals_loses_nothing(kernel) -> None:
    """EINTR while waiting: the handler runs, the answer is still taken."""
    hits = []
    old = signal.signal(signal.SIGALRM, lambda *a: hits.append(1))

    def answer(request: bytes) -> list[bytes]:
        time.sleep(0.2)
        *rules, barrier = sequences(request)
        return [error(rules[0], -17), error(barrier, 0)]

    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.005)
        assert send(kernel(answer), 3) == [-17, 0, 0]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert hits


def test_ctrl_c_reaches_a_caller_that_waits(kernel) -> None:
    """A kernel that never answers does not keep KeyboardInterrupt away, and the session stays usable."""
    quiet = [True]
    caller = threading.get_native_id()

    def answer(request: bytes) -> list[bytes]:
        seq = sequences(request)[0]
        if quiet[0]:
            quiet[0] = False
            await_sleep(caller)
            os.kill(os.getpid(), signal.SIGINT)
            return []
        late = error(seq - 1, -5)
        good = struct.pack("=IHHIIBBH", 36, FAMILY, 0, seq, 0, 14, 1, 0) + struct.pack(
            "=HHIHHI", 8, 1, 1, 8, 2, 7
        )
        return [late, good, error(seq, 0)]

    k = kernel(answer)
    with pytest.raises(KeyboardInterrupt):
        k.session.info()
    # the answer to the interrupted request arrives late, before that to the next one
    k.sock.send(error(sequences(k.requests[0])[0], -5))
    assert k.session.info() == (1, 7)


def test_a_signal_that_another_thread_got_is_seen(kernel) -> None:
    """It does not end the wait by itself; its handler runs long before the answer is given up."""
    seen, in_time = threading.Event(), []
    old = signal.signal(signal.SIGALRM, lambda *a: seen.set())
    caller = threading.get_native_id()

    def answer(request: bytes) -> list[bytes]:
        seq = sequences(request)[0]
        if not in_time:
            await_sleep(caller)
            signal.pthread_kill(threading.get_ident(), signal.SIGALRM)
            in_time.append(seen.wait(8))
        good = struct.pack("=IHHIIBBH", 36, FAMILY, 0, seq, 0, 14, 1, 0) + struct.pack(
            "=HHIHHI", 8, 1, 1, 8, 2, 7
        )
        return [good, error(seq, 0)]

    try:
        assert kernel(answer).session.info() == (1, 7)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert in_time == [True]


def test_a_slow_answer_is_awaited(kernel) -> None:
    """Who looks at signals meanwhile does not ask again and again for what takes longer than that."""

    def answer(request: bytes) -> list[bytes]:
        time.sleep(0.4)
        seq = sequences(request)[0]
        good = struct.pack("=IHHIIBBH", 36, FAMILY, 0, seq, 0, 14, 1, 0) + struct.pack(
            "=HHIHHI", 8, 1, 1, 8, 2, 7
        )
        return [good, error(seq, 0)]

    k = kernel(answer)
    began = time.monotonic()
    assert k.session.info() == (1, 7)
    # Each wait is twice as long as the one before, and the first one is of 50 ms.
    assert len(k.requests) <= 1 + math.log2((time.monotonic() - began) / 0.05 + 1)


def test_the_end_of_an_interrupted_answer_is_awaited_once(kernel) -> None:
    """A batch takes it off the socket: the next reading does not wait for it."""
    caller = threading.get_native_id()
    interrupted: list[int] = []

    def answer(request: bytes) -> list[bytes]:
        seq, *more = sequences(request)
        if not interrupted:
            interrupted.append(seq)
            await_sleep(caller)
            os.kill(os.getpid(), signal.SIGINT)
            return []
        if more:
            return [error(interrupted[0], -5), error(more[-1], 0)]
        good = struct.pack("=IHHIIBBH", 36, FAMILY, 0, seq, 0, 14, 1, 0) + struct.pack(
            "=HHIHHI", 8, 1, 1, 8, 2, 7
        )
        return [good, error(seq, 0)]

    k = kernel(answer)
    with pytest.raises(KeyboardInterrupt):
        k.session.info()
    assert send(k, 2) == [0, 0]
    began = time.monotonic()
    assert k.session.info() == (1, 7)
    assert time.monotonic() - began < 5  # it would be 10 s


@pytest.mark.parametrize("use", ["info", "close"])
def test_a_fork_beside_a_thread_that_reads(kernel, use: str) -> None:
    """The child does not wait for a lock that nobody gives back there: ECHILD, and it can close."""
    asked = threading.Event()

    def answer(request: bytes) -> list[bytes]:
        asked.set()
        return []

    k = kernel(answer)

    def ask() -> None:
        with contextlib.suppress(IpvsError):
            k.session.info()

    threading.Thread(target=ask, daemon=True).start()
    assert asked.wait(10)
    child = ctypes.CDLL(None).fork()  # os.fork() of newer Pythons warns of the thread that reads
    if child == 0:
        signal.alarm(20)
        code = 9
        try:
            k.session.close() if use == "close" else k.session.info()
            code = 7
        except IpvsError as caught:
            code = 7 if caught.errno == errno.ECHILD and use != "close" else 8
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    k.sock.shutdown(socket.SHUT_RDWR)


def test_lengths_that_disagree_are_refused(kernel) -> None:
    """C is not asked to read or write beyond what is lent to it."""
    k = kernel(lambda request: [error(sequences(request)[-1], 0)])
    for packed, count, room, start in (
        (ops(2), 3, 3, 0), (ops(3), 3, 2, 0), (ops(3), 3, 3, -1), (ops(3), 3, 3, 4), (ops(3), -1, 3, 0),
        (ops(3)[:-1], 3, 3, 0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="operations from"):
            k.session.send(packed, count, new_results(room), start)
    assert k.requests == []
    assert k.session.send(ops(3), 2, new_results(3)) == 2


def test_a_fork_may_not_use_the_session(kernel) -> None:
    """The child gets ECHILD instead of somebody else's answers."""
    k = kernel(lambda request: [])
    pid = os.fork()
    if pid == 0:
        try:
            k.session.info()
        except IpvsError as caught:
            os._exit(7 if caught.errno == errno.ECHILD else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_closed_session_says_so() -> None:
    """Using it after close is an error with a sentence; closing twice is none."""
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    session = Session.attach(a.detach(), FAMILY)
    session.close()
    session.close()
    with pytest.raises(IpvsError, match="closed"):
        session.info()
    b.close()


def test_a_dump_while_the_module_is_removed(kernel) -> None:
    """netlink cannot hold a module that is on its way out: to whoever reads, there is no IPVS."""
    one = kernel(lambda request: [error(seq, -errno.EPROTONOSUPPORT) for seq in sequences(request)])
    with pytest.raises(IpvsUnavailable, match="was removed"):
        one.session.read()
