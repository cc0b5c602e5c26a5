"""The kernel module goes away and comes back under a program that runs."""

import errno
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from ipvsfast import Batch, Destination, Ipvs, IpvsUnavailable, NotFound, Service, SyncDaemon, Timeouts
from ipvsfast.listing.rules import destination_rule, service_rule
from support.command import program, run
from support.module import LOADER, module_afterwards, unload

pytestmark = pytest.mark.usefixtures("netns")

GONE = "the kernel's IPVS was removed, and its table with it"
FOR_GOOD = f"Protocol not available .{GONE}; load the module ip_vs: modprobe ip_vs."
HOPE = "Are you sure that IP Virtual Server is built in the kernel or as module?"


def family_number() -> int:
    """The number of the family IPVS now, asked of the controller without the library."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as controller:
        request = struct.pack("=IHHIIBBHHH8s", 32, 16, 1, 1, 0, 3, 1, 0, 9, 2, b"IPVS\0")
        controller.send(request)
        answer = controller.recv(65536)
    at = 20
    while at < len(answer):
        length, kind = struct.unpack_from("=HH", answer, at)
        if kind == 1:
            return struct.unpack_from("=H", answer, at + 4)[0]
        at += (length + 3) & ~3
    raise AssertionError("no family number")


@pytest.fixture(autouse=True)
def module_again() -> Iterator[None]:
    """Whatever a test does, the next one finds the module."""
    with module_afterwards():
        yield


def test_changes_go_on_after_a_reload() -> None:
    """The family number of before is stale; nothing is lost and nothing is called done that was not."""
    with Ipvs() as ipvs:
        before = family_number()
        unload()
        services = [Service.mark(n, "rr") for n in range(1, 1001)]
        batch = Batch()
        for service in services:
            batch.add_service(service)
        results = ipvs.apply(batch)
        assert results.ok
        assert family_number() != before  # else this shows nothing
        assert sorted(s.key.fwmark for s in ipvs.services()) == list(range(1, 1001))
        ipvs.flush()


@pytest.mark.parametrize("method", ["services", "table", "timeouts", "daemons", "info"])
def test_reading_goes_on_after_a_reload(method: str) -> None:
    """Every kind of request looks the family up again."""
    with Ipvs() as ipvs:
        before = getattr(ipvs, method)()
        unload()
        assert getattr(ipvs, method)() == before


def test_a_refusal_is_no_stale_family() -> None:
    """An unknown scheduler is ENOENT too: reported as what it is, at once and for that one only."""
    with Ipvs() as ipvs:
        batch = Batch().add_service(Service.mark(1)).add_service(Service.mark(2, "nosuch"))
        assert [r.errno for r in ipvs.apply(batch)] == [0, errno.ENOENT]


def test_without_the_module_the_api_says_so() -> None:
    """A kernel that cannot load it: IpvsUnavailable for a new session, and for all that is asked of an old one."""
    with Ipvs() as ipvs:
        unload(for_good=True)
        with pytest.raises(IpvsUnavailable, match="Protocol not available.*modprobe ip_vs"):
            Ipvs()
        for ask in (ipvs.services, ipvs.table, ipvs.timeouts, ipvs.daemons, ipvs.info):
            with pytest.raises(IpvsUnavailable, match=FOR_GOOD):
                ask()


WEB = Service.mark(1, "mh")
DESTINATIONS = [Destination(f"10.0.0.{n}", 0) for n in range(1, 101)]
FILL = Batch().add_service(WEB)
for destination in DESTINATIONS:
    FILL.add_destination(WEB.key, destination)
CHANGES = {
    "add a service": Batch().add_service(WEB),
    "edit a service": Batch().edit_service(WEB),
    "delete a service": Batch().delete_service(WEB.key),
    "add a destination": Batch().add_destination(WEB.key, DESTINATIONS[0]),
    "edit a destination": Batch().edit_destination(WEB.key, DESTINATIONS[0]),
    "delete a destination": Batch().delete_destination(WEB.key, DESTINATIONS[0].key),
    "zero": Batch().zero(),
    "flush": Batch().flush(),
    "set timeouts": Batch().set_timeouts(Timeouts(1, 2, 3)),
    "start a daemon": Batch().start_daemon(SyncDaemon("master", "lo")),
    "stop a daemon": Batch().stop_daemon("backup"),
    "many": Batch([op for n in range(1, 1001) for op in Batch().add_service(Service.mark(n, "nosuch"))]),
}


@pytest.mark.parametrize("batch", CHANGES.values(), ids=CHANGES)
def test_without_the_module_no_change_is_answered_by_a_refusal(batch: Batch) -> None:
    """Not "Scheduler not found" or "No such destination": there is nobody to ask, and nothing was done."""
    with Ipvs() as ipvs:
        unload(for_good=True)
        for _ in range(2):
            with pytest.raises(
                IpvsUnavailable, match=f"after 0 of {len(batch)} operations?: {FOR_GOOD}"
            ) as caught:
                ipvs.apply(batch)
            assert (caught.value.results.sent, caught.value.results.unsent) == (0, batch.operations)


def meanwhile(ipvs: Ipvs, size: int, happens: Callable[[], None]) -> None:
    """The first time slice ends after so many operations; before the next one, something happens, once."""
    send = ipvs.session.send

    def sliced(ops: bytearray, count: int, results: memoryview, start: int = 0) -> int:
        if not start:
            return send(ops, min(count, size), results)
        ipvs.session.send = send  # type: ignore[method-assign]
        happens()
        return send(ops, count, results, start)

    ipvs.session.send = sliced  # type: ignore[method-assign]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def empty_and_unload(for_good: bool) -> None:
    """What another program may do at any time. The module cannot be removed while there is a service."""
    with Ipvs() as other:
        other.flush()
    unload(for_good=for_good)


@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize("for_good", [True, False])
def test_removed_in_the_middle_of_a_batch(size: int, for_good: bool) -> None:
    """What was done before is told apart from what was not; the rest does not go into another table as if
    nothing had happened, and no service comes back that somebody deleted. Then the session goes on."""
    loader = LOADER.read_text()
    with Ipvs() as ipvs:
        meanwhile(ipvs, size, lambda: empty_and_unload(for_good))
        happened = FOR_GOOD if for_good else f"{GONE}; it was loaded again, and its table began empty"
        with pytest.raises(IpvsUnavailable, match=f"after {size} of 101 operations: {happened}") as caught:
            ipvs.apply(FILL)
        results = caught.value.results
        assert ([result.errno for result in results], results.unsent) == ([0] * size, FILL.operations[size:])
        LOADER.write_text(loader)
        assert ipvs.table() == []
        ipvs.apply(FILL).check()
        assert len(ipvs.destinations(WEB.key)) == 100
        ipvs.flush()


@pytest.mark.parametrize("for_good", [True, False])
@pytest.mark.parametrize("how", [{}, {"stop_on_error": False}, {"exist": True}, {"clear": True}])
def test_removed_in_the_middle_of_a_restore(for_good: bool, how: dict[str, bool]) -> None:
    """Nothing is in force any more, the account says, and nothing was refused."""
    with Ipvs() as ipvs:
        meanwhile(ipvs, 30, lambda: empty_and_unload(for_good))
        rules = [service_rule(WEB), *[destination_rule(WEB.key, destination) for destination in DESTINATIONS]]
        with pytest.raises(IpvsUnavailable, match=f"{GONE}.*; 0 of 101 rules are in force") as caught:
            ipvs.restore(rules, **how)
        account = caught.value.restored
        assert (account.ok, account.problems, account.in_force) == (False, [], 0)


def test_removed_under_the_command() -> None:
    """-R that gets its rules one by one: what happened, after which rule, and status 255."""
    with subprocess.Popen(
        [program(), "-R"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as command:
        assert command.stdin is not None and command.stderr is not None
        command.stdin.write("-A -f 1 -s rr\n")
        command.stdin.flush()
        with Ipvs() as ipvs:
            until(lambda: len(ipvs.services()) == 1)
            ipvs.flush()
        unload(for_good=True)
        command.stdin.write("-A -f 2 -s rr\n-a -f 2 -r 10.0.0.1 -g\n")
        command.stdin.close()
        told = command.stderr.read()
    assert command.returncode == 255
    assert told.endswith(
        f"up to stdin:1: Protocol not available ({GONE}; load the module ip_vs: modprobe ip_vs)\n"
    )
    assert told.count("\n") == 1


def test_whoever_has_read_the_new_table_is_not_told_again() -> None:
    """A controller that compares and then changes goes on with the table that it has seen."""
    with Ipvs() as ipvs:
        ipvs.add_service(WEB)
        empty_and_unload(for_good=False)
        assert ipvs.table() == []
        ipvs.add_service(WEB)
        ipvs.flush()


def test_a_session_that_changed_before_is_told_once() -> None:
    """What it did is gone; it cannot know unless it is told. The next change is its own decision."""
    with Ipvs() as ipvs:
        ipvs.add_service(WEB)
        empty_and_unload(for_good=False)
        with pytest.raises(IpvsUnavailable, match=f"{GONE}; it was loaded again"):
            ipvs.add_destination(WEB.key, DESTINATIONS[0])
        with pytest.raises(NotFound, match="Service not defined"):
            ipvs.add_destination(WEB.key, DESTINATIONS[0])


@pytest.mark.parametrize(
    "argv", [("-L", "-n"), ("-A", "-f", "1"), ("-R",), ("-C",), ("save",), ("restore", "-q")]
)
def test_without_the_module_the_command_says_so(argv: tuple[str, ...]) -> None:
    """What modprobe had to say, then ipvsadm's two lines, status 2."""
    unload(for_good=True)
    done = run(*argv, stdin="-A -f 1 -s rr\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-2:] == ["Can't initialize ipvs: Protocol not available", HOPE]


def test_version_tells_that_there_is_none() -> None:
    """--version works without it."""
    unload(for_good=True)
    done = run("--version")
    assert done.returncode == 0
    assert (
        "kernel: IPVS not reachable: Protocol not available (load the module ip_vs: modprobe ip_vs)"
        in done.stdout
    )
