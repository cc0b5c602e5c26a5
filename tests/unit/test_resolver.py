"""Names: what is asked, how long it may take, what is believed; no real network."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.model.address import LookupFailed
from ipvsfast.resolver import RULES_VARIABLE, TIMEOUT_VARIABLE, Lookups, Resolver, is_host_name
from support.names import FakeLookups

A, B, C = (bytes([10, 0, 0, n]) for n in (1, 2, 3))
SIX = bytes(15) + b"\1"


def test_prefetch():
    """Names are found for the addresses that have them, each asked for once however often it is wanted."""
    fake = FakeLookups({A: "one.example", B: "two"})
    names = Resolver(timeout=10, lookups=fake)
    names.prefetch([A, B, C, A])
    names.prefetch(iter([A, C]))
    assert [names.address_name(p) for p in (A, B, C)] == ["one.example", "two", None]
    assert sorted(fake.asked) == [A, B, C]


def test_without_prefetch():
    """Nothing is looked up behind the caller's back."""
    fake = FakeLookups({A: "one"})
    assert Resolver(timeout=10, lookups=fake).address_name(A) is None
    assert fake.asked == []


def test_in_parallel():
    """Lookups run at the same time: one that hangs until all others are done stops nobody."""
    addresses = [bytes([10, 0, 1, n]) for n in range(40)]
    fake = FakeLookups({p: f"host-{p[3]}" for p in addresses}, hang=addresses[:8])
    names = Resolver(timeout=20, workers=9, lookups=fake)
    timer = threading.Timer(0.2, fake.release.set)
    timer.start()
    names.prefetch(addresses)
    timer.join()
    assert [names.address_name(p) for p in addresses] == [f"host-{n}" for n in range(40)]


def test_deadline():
    """A lookup that hangs costs the timeout and its own name, and no other name."""
    fake = FakeLookups({A: "one", B: "two"}, hang=[B])
    names = Resolver(timeout=1, lookups=fake)
    start = time.monotonic()
    names.prefetch([A, B])
    assert 0.9 < time.monotonic() - start < 10
    assert (names.address_name(A), names.address_name(B)) == ("one", None)
    fake.release.set()


def test_late_answers_do_not_change_names():
    """What comes after the deadline is not taken: one listing shows one name for an address."""
    fake = FakeLookups({A: "one"}, hang=[A])
    names = Resolver(timeout=0.1, lookups=fake)
    names.prefetch([A])
    fake.release.set()
    time.sleep(0.1)
    assert names.address_name(A) is None


def test_timeout_is_for_all_calls_together():
    """A script of many listings waits once, not once per listing."""
    fake = FakeLookups(hang=[A, B])
    names = Resolver(timeout=0.2, lookups=fake)
    names.prefetch([A])
    start = time.monotonic()
    for n in range(100):
        names.prefetch([bytes([10, 0, 2, n])])
    assert time.monotonic() - start < 10  # a wait of its own for each would be 20 s
    assert set(fake.asked) <= {A}
    fake.release.set()


def test_no_more_lookups_after_the_deadline():
    """Workers that were not reached by then ask for nothing more."""
    addresses = [bytes([10, 0, 3, n]) for n in range(50)]
    fake = FakeLookups(hang=addresses)
    Resolver(timeout=0.1, workers=4, lookups=fake).prefetch(addresses)
    fake.release.set()
    time.sleep(0.1)
    assert len(fake.asked) <= 4


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (3, 3)])
def test_number_of_workers(workers, most):
    """No more lookups run at the same time than there may be workers."""
    running, peak, lock = [0], [0], threading.Lock()

    class Counting(Lookups):
        def reverse(self, packed):
            with lock:
                running[0] += 1
                peak[0] = max(peak[0], running[0])
            time.sleep(0.01)
            with lock:
                running[0] -= 1
            return "name"

    names = Resolver(timeout=20, workers=workers, lookups=Counting())
    names.prefetch([bytes([10, 0, 4, n]) for n in range(12)])
    assert peak[0] <= most
    assert names.address_name(bytes([10, 0, 4, 11])) == "name"


def test_no_threads_to_be_had(monkeypatch):
    """Where no thread can be started there are no names, and no error."""

    def refuse(*arguments):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuse)
    names = Resolver(timeout=5, lookups=FakeLookups({A: "one"}))
    names.prefetch([A])
    assert names.address_name(A) is None


@pytest.mark.parametrize(
    "error", [OSError, UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), RuntimeError, KeyError]
)
def test_any_failure_is_no_name(error):
    """Whatever a lookup raises, the address has no name and the others are looked up."""

    class Failing(Lookups):
        def reverse(self, packed):
            if packed == A:
                raise error
            return "two"

    names = Resolver(timeout=10, workers=1, lookups=Failing())
    names.prefetch([A, B])
    assert (names.address_name(A), names.address_name(B)) == (None, "two")


@pytest.mark.parametrize(
    "name",
    ["", ".", "-rf", ".example", "a b", "a\n", "a\x1b[2J", "höst", "a:80", "a]", "a/b", "a;b", "a%lo", "a'", "x" * 256,
     "10.0.0.9", "7", "0x7f.1", "host.0x1F", "1.2.3.4.", "a\0b", "a\u202eb", "٣"],
)  # fmt: skip
def test_hostile_names(name):
    """A name that is not plainly one is not shown, nor one that reads as an address or an option."""
    assert not is_host_name(name)
    names = Resolver(timeout=10, lookups=FakeLookups({A: name}))
    names.prefetch([A])
    assert names.address_name(A) is None


@pytest.mark.parametrize(
    "name", ["a", "web-1.example.com", "_srv.example", "3com", "10-0-0-1.example", "x.1a", "0xg"]
)
def test_good_names(name):
    """Ordinary names are names."""
    assert is_host_name(name)


@given(st.text(max_size=20))
def test_characters_of_names(name):
    """No name has any character that could do harm."""
    if is_host_name(name):
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
        assert name[0] not in "-."


def test_confirmed_names():
    """A name is confirmed if it leads to its address and no other IPv4 address."""
    fake = FakeLookups(
        {A: "one", B: "two", C: "three", SIX: "six"},
        {("one", 2): [A], ("two", 2): [A, B], ("three", 2): [A], ("six", 2): [A], ("six", 10): [SIX]},
    )
    names = Resolver(timeout=10, lookups=fake)
    names.prefetch([A])
    assert names.confirmed_name(A) is None
    names.prefetch([A, B, C, SIX], confirm=True)
    assert [names.confirmed_name(p) for p in (A, B, C, SIX)] == ["one", None, None, None]
    assert fake.asked.count(A) == 1


def test_forward():
    """The first IPv4 address, else the first IPv6 address, asked for once."""
    fake = FakeLookups(addresses={("dual", 2): [B, A], ("dual", 10): [SIX], ("six", 10): [SIX]})
    names = Resolver(timeout=0, lookups=fake)
    assert [names.host(n) for n in ("dual", "six", "none", "dual", "none")] == [B, SIX, None, B, None]
    assert fake.asked == [("dual", 2), ("six", 2), ("six", 10), ("none", 2), ("none", 10)]
    assert names.host("") is names.host("dual\0x") is None


AGAIN = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.mark.parametrize("error", [AGAIN, OSError("refused"), TimeoutError()])
def test_no_answer_is_not_the_answer_that_there_is_none(error):
    """Whoever could not be asked for IPv4 is not asked for IPv6, and not asked again."""
    fake = FakeLookups(addresses={("web", 10): [SIX]}, fail={("web", 2): error})
    names = Resolver(timeout=0, lookups=fake)
    for _ in range(2):
        with pytest.raises(LookupFailed, match=f"^web could not be looked up: {error.strerror or error}$"):
            names.host("web")
    assert fake.asked == [("web", 2)]


def test_no_answer_for_ipv6():
    """A name without IPv4 address of whose IPv6 address nothing is known is not unknown."""
    names = Resolver(lookups=FakeLookups(fail={("web", 10): AGAIN}))
    with pytest.raises(LookupFailed, match="web could not be looked up: Temporary"):
        names.host("web")


@pytest.mark.parametrize(
    ("number", "none"),
    [(socket.EAI_NONAME, True), (socket.EAI_NODATA, True), (socket.EAI_ADDRFAMILY, True),
     (socket.EAI_AGAIN, False), (socket.EAI_FAIL, False), (socket.EAI_SYSTEM, False), (socket.EAI_MEMORY, False)],
)  # fmt: skip
def test_what_the_system_means(monkeypatch, number, none):
    """Three of its errors say that there is no address; the others say nothing."""

    def fail(*arguments):
        raise socket.gaierror(number, "text")

    monkeypatch.setattr("_socket.getaddrinfo", fail)
    if none:
        assert Lookups().forward("web", 2) == []
    else:
        with pytest.raises(socket.gaierror):
            Lookups().forward("web", 2)


class Together(Lookups):
    """Answers nothing before so many questions wait at the same time."""

    def __init__(self, count):
        self.barrier = threading.Barrier(count)

    def forward(self, name, family):
        self.barrier.wait(60)
        return [bytes([10, 0, 0, int(name)])]


def test_names_of_a_work_are_looked_up_together():
    """All at the same time, although they are asked for one by one; the work sees all of them in the end."""
    names = Resolver(lookups=Together(20))

    def work():
        return [names.host(str(n)) for n in range(20)]

    assert names.together(work) == [bytes([10, 0, 0, n]) for n in range(20)]


def test_names_that_are_asked_for_once_others_are_known():
    """A work that comes further with every answer is carried out as often; what was known before is used."""
    fake = FakeLookups(addresses={("one", 2): [A], ("two", 2): [B], ("three", 2): [C]})
    names = Resolver(lookups=fake)
    names.host("three")

    def work():
        found = [names.host("three"), names.host("one")]
        if found == [C, A]:
            found.append(names.host("two"))
        return found

    assert names.together(work) == [C, A, B]
    assert names.together(lambda: names.host("two")) == B
    assert fake.asked == [("three", 2), ("one", 2), ("two", 2)]


def test_an_interrupted_work_leaves_nothing_behind():
    """After a work that raised, a name is looked up when it is asked for."""
    names = Resolver(lookups=FakeLookups(addresses={("one", 2): [A]}))
    with pytest.raises(ZeroDivisionError):
        names.together(lambda: 1 // 0)
    assert names.host("one") == A


def test_limit_of_names_together():
    """What has no answer by then could not be looked up, and is not asked for again; answers are kept."""
    fake = FakeLookups(addresses={("one", 2): [A]}, hang={("mute", 2), ("two", 2)})
    names = Resolver(lookups=fake, rules_timeout=0.2)
    names.look_up(["one", "mute"])
    names.look_up(["two"])
    assert names.host("one") == A
    for name in ("mute", "two"):
        with pytest.raises(LookupFailed, match=f"{name} could not be looked up: no answer in time"):
            names.host(name)
    fake.release.set()


def test_names_without_threads(monkeypatch):
    """Where no thread can be started, names are looked up one after the other: rules need them."""

    def refuse(*arguments):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuse)
    names = Resolver(lookups=FakeLookups(addresses={("one", 2): [A]}))
    names.look_up(["one", "two"])
    assert (names.host("one"), names.host("two")) == (A, None)


INTERRUPTED = """
import os, signal, sys, time
from ipvsfast.resolver import Lookups, Resolver

class Hanging(Lookups):
    def _hang(self, *question):
        os.write(1, b"asked")
        time.sleep(600)

    reverse = forward = _hang

signal.signal(signal.SIGINT, signal.default_int_handler)  # our caller may have ignored it
try:
    {call}
except KeyboardInterrupt:
    sys.exit(7)
"""


@pytest.mark.parametrize(
    "call",
    [
        "Resolver(lookups=Hanging()).host('web')",
        "Resolver(lookups=Hanging(), rules_timeout=600).look_up(['web', 'www'])",
        "Resolver(lookups=Hanging(), timeout=600).prefetch([bytes(4)])",
    ],
)
def test_ctrl_c_ends_a_look_up(call):
    """However long the system would wait."""
    argv = [sys.executable, "-c", INTERRUPTED.format(call=call)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout.read(5) == b"asked"
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 7


def test_services():
    """Ports and their names, both ways, asked for once each; case matters."""
    fake = FakeLookups(services={(80, "tcp"): "http", (53, "udp"): "domain"})
    names = Resolver(timeout=0, lookups=fake)
    assert [names.service_name(80, "tcp"), names.service_name(80, "udp")] == ["http", None]
    assert [names.port("http", "tcp"), names.port("HTTP", "tcp"), names.port("http", "udp")] == [
        80,
        None,
        None,
    ]
    before = list(fake.asked)
    assert (names.service_name(80, "tcp"), names.port("HTTP", "tcp")) == ("http", None)
    assert fake.asked == before


@pytest.mark.parametrize("name", ["81", "a b", "a:b", "a\x1b", "[a]", "é", ""])
def test_odd_services(name):
    """A service name that could not be read back as one is not used."""
    assert (
        Resolver(timeout=0, lookups=FakeLookups(services={(80, "tcp"): name})).service_name(80, "tcp") is None
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 2.0), ("0", 0.0), ("0.5", 0.5), ("10", 10.0), ("", 2.0), ("soon", 2.0), ("-1", 2.0), ("nan", 2.0),
     ("inf", 3600.0)],
)  # fmt: skip
def test_environment(monkeypatch, value, seconds):
    """IPVSFAST_DNS_TIMEOUT sets the timeout; what is no number of seconds is ignored."""
    if value is None:
        monkeypatch.delenv(TIMEOUT_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(TIMEOUT_VARIABLE, value)
    fake = FakeLookups({A: "one"})
    names = Resolver(lookups=fake)
    assert names._left == seconds
    if not seconds:
        names.prefetch([A])
        assert (fake.asked, names.address_name(A)) == ([], None)


def test_environment_for_rules(monkeypatch):
    """The limit for the names of rules has a variable of its own: who wants quick listings still has rules."""
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0")
    assert Resolver()._rules_left == 30
    monkeypatch.setenv(RULES_VARIABLE, "5")
    assert (Resolver()._rules_left, Resolver()._left) == (5, 0)


def test_system_lookups_of_numbers():
    """The real questions, with what the C library answers without asking anybody."""
    system = Lookups()
    assert system.forward("10.0.0.1", 2) == [A]
    assert system.forward("::1", 10) == [SIX]
    assert system.forward("::1", 2) == system.forward("10.0.0.1", 10) == []
    with pytest.raises((OSError, ValueError)):
        system.port("no-such-service", "tcp")
    with pytest.raises((OSError, ValueError, OverflowError)):
        system.service(70000, "tcp")


HANG = """
import sys, time
from ipvsfast.resolver import Lookups, Resolver

class Hanging(Lookups):
    def reverse(self, packed):
        time.sleep(600)

names = Resolver(timeout=0.2, lookups=Hanging())
names.prefetch([bytes([10, 0, 0, n]) for n in range(20)])
assert names.address_name(bytes([10, 0, 0, 1])) is None
assert "threading" not in sys.modules
sys.exit(7)
"""


def test_exit_waits_for_no_lookup():
    """A process ends at once, in the ordinary way, while twenty lookups hang."""
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HANG], timeout=60, check=False)
    assert done.returncode == 7
    assert time.monotonic() - start < 10


def test_import_is_light():
    """Importing the module loads what every command line needs; the rest is left to the first question."""
    code = (
        "import sys, ipvsfast; before = set(sys.modules); import ipvsfast.resolver;"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    needed = {
        "__future__",
        "errno",
        "ipvsfast.model",
        "ipvsfast.model.address",
        "ipvsfast.errors",
        "ipvsfast.resolver",
    }
    assert set(loaded.split()) <= needed
