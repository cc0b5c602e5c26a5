"""The API against a real kernel: every operation, every attribute, read back."""

import errno
import ipaddress
import os
import subprocess
import threading
from pathlib import Path

import pytest

from ipvsfast import (
    Batch,
    Destination,
    DestinationKey,
    InvalidValue,
    Ipvs,
    IpvsError,
    KernelRefused,
    Service,
    ServiceKey,
    SyncDaemon,
    TableChanging,
    Timeouts,
    Tunnel,
)

pytestmark = pytest.mark.usefixtures("netns")

SERVICES = [
    Service.tcp("10.0.0.1", 80, "rr"),
    Service.udp("10.0.0.1", 53, "wlc", one_packet=True),
    Service.sctp("10.0.0.1", 5060, "lc"),
    Service.tcp("10.0.0.1", 0, "wrr", persistent=300),
    Service.tcp("10.0.0.2", 443, "sh", scheduler_flags=["sh-port", "sh-fallback"]),
    Service.tcp("10.0.0.3", 443, "mh", scheduler_flags=["mh-port"], persistent=5, netmask=24),
    Service.tcp("10.0.0.4", 1, "rr", persistent=5, netmask="255.0.255.0"),
    Service.udp("10.0.0.1", 5060, "rr", persistent=60, engine="sip"),
    Service.mark(1, "rr"),
    Service.mark(1, "dh", ipv6=True, persistent=7, netmask=64),
    Service.mark(2**32 - 1, "sed"),
    Service.tcp("2001:db8::1", 80, "nq"),
    Service.udp("2001:db8::1", 80, "fo", persistent=2678400, netmask=1),
]

DESTINATIONS = [
    Destination("192.168.0.1", 80),
    Destination("192.168.0.1", 8080, forwarding="masq", weight=0),
    Destination("192.168.0.2", 80, weight=2**31 - 1, upper=2**31 - 1, lower=1),
    Destination("192.168.0.3", 80, forwarding="tunnel"),
    Destination("192.168.0.4", 80, forwarding="tunnel", tunnel=Tunnel("gue", 6080, "remcsum")),
    Destination("192.168.0.5", 80, forwarding="tunnel", tunnel=Tunnel("gre", checksum="csum")),
    Destination("2001:db8::9", 80, forwarding="tunnel"),
]


def test_every_kind_of_service_comes_back_as_it_went() -> None:
    """All protocols, both families, marks, schedulers, flags, persistence, masks, engine."""
    with Ipvs() as ipvs:
        batch = Batch()
        for service in SERVICES:
            batch.add_service(service)
        ipvs.apply(batch).check()
        assert sorted(ipvs.services(), key=lambda s: s.key) == sorted(SERVICES, key=lambda s: s.key)
        for service in SERVICES:
            assert ipvs.service(service.key) == service


def test_every_kind_of_destination_comes_back_as_it_went() -> None:
    """Forwarding methods, weights, thresholds, tunnels, the other address family; newest first."""
    key = SERVICES[0].key
    with Ipvs() as ipvs:
        ipvs.add_service(SERVICES[0])
        for destination in DESTINATIONS:
            ipvs.add_destination(key, destination)
        assert ipvs.destinations(key) == DESTINATIONS[::-1]
        assert ipvs.table() == [(SERVICES[0], DESTINATIONS[::-1])]


def test_edit_replaces_and_delete_removes() -> None:
    """Edits keep the place in the list; a tunnel is reset when it is left out."""
    service = SERVICES[0]
    with Ipvs() as ipvs:
        ipvs.add_service(service)
        for destination in DESTINATIONS:
            ipvs.add_destination(service.key, destination)
        ipvs.edit_service(service.replace(scheduler="wlc", persistent=9))
        changed = Destination("192.168.0.4", 80, forwarding="tunnel", weight=5)
        ipvs.edit_destination(service.key, changed)
        ipvs.delete_destination(service.key, DESTINATIONS[0].key)
        got, dests = ipvs.one(service.key)
        assert (got.scheduler, got.persistent) == ("wlc", 9)
        assert dests == [DESTINATIONS[6], DESTINATIONS[5], changed, *DESTINATIONS[3:0:-1]]
        ipvs.delete_service(service.key)
        assert ipvs.table() == []


def test_values_name_what_they_are() -> None:
    """Wherever a key is wanted, the service or destination itself will do, also as the kernel gave it."""
    service, destination = SERVICES[0], DESTINATIONS[1]
    with Ipvs() as ipvs:
        ipvs.add_service(service)
        ipvs.add_destination(service, destination)
        [(service, [destination])] = ipvs.table()
        ipvs.edit_destination(service, destination.replace(weight=3))
        assert ipvs.destinations(service)[0].weight == 3
        assert ipvs.service(service) == ipvs.one(service)[0] == service
        assert ipvs.read(service).values() == ipvs.table()
        ipvs.zero(service)
        ipvs.delete_destination(service, destination)
        assert ipvs.destinations(service) == []
        ipvs.delete_service(service)
        assert ipvs.table() == []


REFUSALS = [
    ("add_service", (SERVICES[0],), errno.EEXIST, "Service already exists"),
    ("add_service", (Service.tcp("10.9.0.1", 1, "nosuch"),), errno.ENOENT, "Scheduler or persistence engine not found"),
    ("add_service", (Service.tcp("10.9.0.1", 1, engine="no"),), errno.ENOENT, "Scheduler or persistence engine not found"),
    ("edit_service", (SERVICES[1],), errno.ESRCH, "No such service"),
    ("delete_service", (SERVICES[1].key,), errno.ESRCH, "No such service"),
    ("zero", (SERVICES[1].key,), errno.ESRCH, "No such service"),
    ("service", (SERVICES[1].key,), errno.ESRCH, "No such service"),
    ("destinations", (SERVICES[1].key,), errno.ESRCH, "No such service"),
    ("add_destination", (SERVICES[0].key, DESTINATIONS[0]), errno.EEXIST, "Destination already exists"),
    ("add_destination", (SERVICES[1].key, DESTINATIONS[1]), errno.ESRCH, "Service not defined"),
    ("edit_destination", (SERVICES[0].key, DESTINATIONS[1]), errno.ENOENT, "No such destination"),
    ("edit_destination", (SERVICES[1].key, DESTINATIONS[1]), errno.ESRCH, "Service not defined"),
    ("delete_destination", (SERVICES[0].key, DESTINATIONS[1].key), errno.ENOENT, "No such destination"),
    ("start_daemon", (SyncDaemon("master", "nosuch0"),), errno.ENODEV, "No such device"),
    ("stop_daemon", ("master",), errno.ESRCH, "No daemon is running"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "args", "code", "text"), REFUSALS, ids=[f"{r[0]}-{r[2]}" for r in REFUSALS]
)
def test_refusals_have_their_sentence(method: str, args: tuple, code: int, text: str) -> None:
    """Each errno becomes the sentence that ipvsadm prints, in an exception that carries both."""
    with Ipvs() as ipvs:
        ipvs.add_service(SERVICES[0])
        ipvs.add_destination(SERVICES[0].key, DESTINATIONS[0])
        with pytest.raises(KernelRefused) as caught:
            getattr(ipvs, method)(*args)
        assert (caught.value.errno, caught.value.strerror) == (code, text)
        assert isinstance(caught.value, OSError)


def test_results_belong_to_their_operations() -> None:
    """In a batch of thousands over many sends, exactly the bad ones fail, in order."""
    key = SERVICES[0].key
    batch = Batch().add_service(SERVICES[0])
    base = int(ipaddress.IPv4Address("10.1.0.0"))
    expected = {}
    for n in range(3000):
        address = str(ipaddress.IPv4Address(base + n + 1))
        batch.add_destination(key, Destination(address, 80))
        if n % 7 == 0:
            expected[len(batch)] = errno.EEXIST
            batch.add_destination(key, Destination(address, 80))
        if n % 501 == 0:
            expected[len(batch)] = errno.ESRCH
            batch.add_destination(ServiceKey.of("udp", "10.0.0.9", 80), Destination(address, 80))
    with Ipvs() as ipvs:
        results = ipvs.apply(batch)
        assert {i: r.errno for i, r in enumerate(results) if not r.ok} == expected
        assert not results.ok
        assert len(ipvs.destinations(key)) == 3000


def test_one_message_per_send_gives_the_same() -> None:
    """The size of the window changes nothing but speed."""
    batch = Batch()
    for service in [*SERVICES, SERVICES[0]]:
        batch.add_service(service)
    with Ipvs() as ipvs:
        ipvs._session.set_window(1)
        results = ipvs.apply(batch)
        assert [r.errno for r in results] == [0] * len(SERVICES) + [errno.EEXIST]


def test_zero_flush_timeouts_info() -> None:
    """The smaller commands."""
    with Ipvs() as ipvs:
        ipvs.add_service(SERVICES[0])
        ipvs.zero()
        ipvs.zero(SERVICES[0].key)
        before = ipvs.timeouts()
        ipvs.set_timeouts(Timeouts(1000, 0, 60))
        assert ipvs.timeouts() == Timeouts(1000, before.tcp_fin, 60)
        ipvs.flush()
        assert ipvs.services() == []
        info = ipvs.info()
        assert info.version >= (1, 2, 0)


def test_sync_daemons() -> None:
    """Both daemons with all values, and their end."""
    subprocess.run(["ip", "link", "set", "lo", "multicast", "on"], check=True)
    with Ipvs() as ipvs:
        master = SyncDaemon("master", "lo", 255, max_len=1400, group="224.0.0.82", port=9000, ttl=5)
        ipvs.start_daemon(master)
        ipvs.start_daemon(SyncDaemon("backup", "lo", 7))
        got = ipvs.daemons()
        assert got[0] == master
        assert (got[1].state, got[1].sync_id, got[1].group, got[1].port) == ("backup", 7, "224.0.0.81", 8848)
        with pytest.raises(KernelRefused, match="Daemon has already run"):
            ipvs.start_daemon(master)
        ipvs.stop_daemon("master")
        ipvs.stop_daemon("backup")
        assert ipvs.daemons() == []


def test_mixed_families_need_a_tunnel() -> None:
    """Refused before the kernel is asked."""
    with Ipvs() as ipvs, pytest.raises(InvalidValue, match="only for tunneling"):
        ipvs.add_destination(SERVICES[0].key, Destination("::2", 80))


def test_a_large_service_is_read_whole() -> None:
    """5,000 destinations, far more than one answer of the kernel holds; order kept."""
    key = SERVICES[0].key
    batch = Batch().add_service(SERVICES[0])
    wanted = [Destination(f"10.{i >> 8}.{i & 255}.1", 80, weight=i) for i in range(5000)]
    for destination in wanted:
        batch.add_destination(key, destination)
    with Ipvs() as ipvs:
        ipvs.apply(batch).check()
        assert ipvs.destinations(key) == wanted[::-1]
        assert (ipvs.read().rereads, ipvs.read().unstable) == (0, 0)


def test_many_services_are_read_whole() -> None:
    """3,000 services of both families with one destination each."""
    batch, wanted = Batch(), set()
    for i in range(1500):
        for service, dest in (
            (Service.tcp(f"10.1.{i >> 8}.{i & 255}", 80, "rr"), Destination("10.2.0.1", 80)),
            (Service.tcp(f"2001:db8::{i:x}", 80, "rr"), Destination("2001:db8:1::1", 80)),
        ):
            batch.add_service(service).add_destination(service.key, dest)
            wanted.add((service.key, dest.key))
    with Ipvs() as ipvs:
        ipvs.apply(batch).check()
        assert {(s.key, d.key) for s, dests in ipvs.table(strict=True) for d in dests} == wanted
        assert (ipvs.read().rereads, ipvs.read().unstable) == (0, 0)


def test_a_table_that_changes_is_read_without_repeats() -> None:
    """While another thread adds and deletes, no destination appears twice and the standing ones appear."""
    key = SERVICES[0].key
    standing = [Destination(f"10.5.{i >> 8}.{i & 255}", 80) for i in range(1, 1001)]
    batch = Batch().add_service(SERVICES[0])
    for destination in standing:
        batch.add_destination(key, destination)
    stop = threading.Event()

    def churn() -> None:
        with Ipvs(f"/proc/self/task/{threading.get_native_id()}/ns/net") as other:
            n = 0
            while not stop.is_set():
                moving = Destination(f"10.6.{n >> 8 & 255}.{n & 255}", 80)
                other.apply(Batch().add_destination(key, moving).delete_destination(key, moving.key)).check()
                n += 1

    with Ipvs() as ipvs:
        ipvs.apply(batch).check()
        thread = threading.Thread(target=churn)
        thread.start()
        try:
            quiet = 0
            for _ in range(200):
                try:
                    ((_, dests),) = ipvs.table(strict=True)
                except TableChanging:
                    continue  # it says so; without `strict` some may be missing then
                keys = [d.key for d in dests]
                assert len(keys) == len(set(keys))
                assert {d.key for d in standing} <= set(keys)
                quiet += 1
            assert quiet
        finally:
            stop.set()
            thread.join()


def test_namespace_by_path_and_the_caller_stays() -> None:
    """A session of another namespace works there; the calling thread has not moved."""
    here = os.readlink("/proc/thread-self/ns/net")
    with Ipvs() as ipvs, Ipvs(netns=Path(f"/proc/{os.getppid()}/ns/net")) as parent:
        ipvs.add_service(SERVICES[0])
        assert SERVICES[0] not in parent.services()
        assert os.readlink("/proc/thread-self/ns/net") == here


def test_unknown_namespace() -> None:
    """The error says where it was looked for."""
    with pytest.raises(IpvsError, match="no network namespace 'nosuch'.*/run/netns/nosuch"):
        Ipvs(netns="nosuch")


def test_socket_is_not_inherited() -> None:
    """No descriptor of ours survives an exec."""
    before = set(os.listdir("/proc/self/fd"))
    with Ipvs():
        ours = set(os.listdir("/proc/self/fd")) - before
        assert ours
        assert not any(os.get_inheritable(int(fd)) for fd in ours if os.path.exists(f"/proc/self/fd/{fd}"))


def test_no_descriptor_and_no_memory_is_lost() -> None:
    """Opening, listing and closing many times leaves the process as it was."""
    key = SERVICES[0].key

    def once() -> None:
        with Ipvs() as ipvs:
            ipvs.table()
            ipvs.apply(Batch().add_service(SERVICES[0]))
            with pytest.raises(IpvsError):
                ipvs.destinations(ServiceKey.mark(9))
            ipvs.delete_service(key)
        with pytest.raises(IpvsError):
            Ipvs(netns="nosuch")

    def resident() -> int:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * 4

    for _ in range(20):
        once()
    fds, memory = len(os.listdir("/proc/self/fd")), resident()
    for _ in range(100):
        once()
    assert len(os.listdir("/proc/self/fd")) == fds
    assert resident() - memory < 1024  # KiB; each session alone holds 192


def test_threads_share_a_session() -> None:
    """Concurrent callers get their own answers."""
    with Ipvs() as ipvs:
        ipvs.add_service(SERVICES[0])
        problems: list[BaseException] = []

        def work(n: int) -> None:
            try:
                for i in range(50):
                    dest = Destination(f"10.{n}.0.{i + 1}", 80)
                    ipvs.add_destination(SERVICES[0].key, dest)
                    assert dest in ipvs.destinations(SERVICES[0].key)
            except BaseException as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(ipvs.destinations(SERVICES[0].key)) == 200


def test_keys_read_like_what_they_are() -> None:
    """Keys parse and print; DestinationKey and ServiceKey are hashable and sortable."""
    assert str(ServiceKey.of("tcp", "::1", 80)) == "TCP [::1]:80"
    assert str(DestinationKey.of("10.0.0.1", 80)) == "10.0.0.1:80"
    assert ServiceKey.mark(3) > ServiceKey.of("sctp", "::1", 80)
