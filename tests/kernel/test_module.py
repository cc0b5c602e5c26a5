"""The kernel module goes away and comes back under a program that runs."""

import errno
import socket
import struct
from collections.abc import Iterator

import pytest

from ipvsfast import Batch, Ipvs, IpvsError, IpvsUnavailable, Service
from support.command import run
from support.module import LOADER, loaded, unload
from support.require import cannot_run

pytestmark = pytest.mark.usefixtures("netns")

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
    if "ip_vs" not in loaded():
        cannot_run("IPVS is built into this kernel, or its modules cannot be unloaded")
    loader = LOADER.read_text()
    yield
    LOADER.write_text(loader)
    with Ipvs():
        pass



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
    """A kernel that cannot load it: IpvsUnavailable for a new session, an error for an old one."""
    with Ipvs() as ipvs:
        LOADER.write_text("/bin/false")
        unload()
        with pytest.raises(IpvsUnavailable, match="Protocol not available.*modprobe ip_vs"):
            Ipvs()
        with pytest.raises(IpvsError):
            ipvs.services()
        with pytest.raises(IpvsError):
            ipvs.add_service(Service.mark(1))


@pytest.mark.parametrize("argv", [("-L", "-n"), ("-A", "-f", "1"), ("-R",), ("-C",), ("save",), ("restore", "-q")])
def test_without_the_module_the_command_says_so(argv: tuple[str, ...]) -> None:
    """What modprobe had to say, then ipvsadm's two lines, status 2."""
    LOADER.write_text("/bin/false")
    unload()
    done = run(*argv, stdin="-A -f 1 -s rr\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-2:] == ["Can't initialize ipvs: Protocol not available", HOPE]


def test_version_tells_that_there_is_none() -> None:
    """--version works without it."""
    LOADER.write_text("/bin/false")
    unload()
    done = run("--version")
    assert done.returncode == 0
    assert "kernel: IPVS not reachable: Protocol not available (load the module ip_vs: modprobe ip_vs)" in done.stdout
