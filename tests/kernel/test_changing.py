"""Readings of a table that changes at the worst moment: behind the first part of a dump, whose rest is made later.

That an entry goes away which the first part holds makes the kernel pass over one that stands still; one that
comes in front makes it give another one twice. Of either there is no sign in the dump.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service, ServiceKey
from support.command import program

pytestmark = pytest.mark.usefixtures("netns")

PYTHON, NATIVE = {"IPVSFAST_FRONT": "off"}, {}
SAID = "the table kept changing while it was read: services or destinations may be missing here\n"
REFUSED = "the table kept changing while it was read (try again when less is added and deleted at once)\n"
READ = """
import json, sys
from ipvsfast import Ipvs, Service
with Ipvs() as ipvs:
    result = {expression}
print(json.dumps([[str(s.key), [d.address for d in dests]] for s, dests in result]))
"""


def behind(
    shim: Path, fault: str, *argv: str, env: dict[str, str] = PYTHON
) -> subprocess.CompletedProcess[str]:
    kind, number, command = fault.split(":", 2)
    fault = f"{kind}:{number}:unset LD_PRELOAD IPVSFAST_FRONT; {command}"
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, **env, "LD_PRELOAD": str(shim), "FAULT": fault},
    )  # fmt: skip


def reading(shim: Path, fault: str, expression: str) -> list[tuple[str, list[str]]]:
    """What the expression gives, while the fault works; services by their keys."""
    done = behind(shim, fault, sys.executable, "-I", "-c", READ.format(expression=expression))
    assert done.returncode == 0, done.stderr
    return [(key, dests) for key, dests in json.loads(done.stdout)]


def service(kind: str, number: int) -> Service:
    if kind == "mark":
        return Service.mark(number, "rr")
    return Service.tcp(
        f"10.1.{number >> 8}.{number & 255}" if kind == "IPv4" else f"2001:db8::{number:x}", 80, "rr"
    )


def options(key: ServiceKey) -> str:
    """The key as it stands on a command line."""
    if key.fwmark:
        return f"-f {key.fwmark}"
    return f"-t [{key.address}]:80" if ":" in key.address else f"-t {key.address}:80"


def fill(*kinds: str, count: int = 300) -> list[ServiceKey]:
    """Services in the order in which the kernel gives them."""
    with Ipvs() as ipvs:
        batch = Batch()
        for number in range(1, count + 1):
            for kind in kinds:
                batch.add_service(service(kind, number))
        ipvs.apply(batch).check()
        return [s.key for s in ipvs.services()]


def toggle(add: str, delete: str, words: str, more: str = "") -> str:
    """A command that adds what is not there, and deletes what is."""
    return f"{program()} {add} {words} {more} 2>/dev/null || {program()} {delete} {words}"


@pytest.mark.parametrize("kinds", [("IPv4",), ("IPv6",), ("mark",), ("IPv4", "IPv6", "mark")], ids=" ".join)
def test_save_lacks_nothing_that_stands(shim: Path, kinds: tuple[str, ...]) -> None:
    """A service that was dumped is deleted, so that another one is passed over: that one is in the file."""
    first, *standing = fill(*kinds)
    done = behind(shim, f"services:1:{program()} -D {options(first)}", program(), "save")
    assert (done.returncode, done.stderr) == (0, "")
    saved = [line[3 : line.index(" -s")] for line in done.stdout.splitlines() if line.startswith("-A")]
    assert sorted(saved) == sorted(options(key) for key in standing)


@pytest.mark.parametrize("kinds", [("IPv4",), ("IPv6",), ("IPv4", "IPv6", "mark")], ids=" ".join)
def test_plain_readings_lack_nothing_either(shim: Path, kinds: tuple[str, ...]) -> None:
    """As there is time to read again once, without `strict` and without dests."""
    first, *standing = fill(*kinds)
    fault = f"services:1:{program()} -D {options(first)}"
    for expression in ("ipvs.table()", "[(s, []) for s in ipvs.services()]"):
        keys = [key for key, _ in reading(shim, fault, expression)]
        assert sorted(keys) == sorted(map(str, standing))
        with Ipvs() as ipvs:
            ipvs.add_service(Service(first, "rr"))


def assert_saved(shim: Path, keys: list[ServiceKey], moving: ServiceKey) -> None:
    """The one goes at one dump and comes back at the next, without end: what stands is saved."""
    done = behind(shim, f"services:0:{toggle('-A', '-D', options(moving), '-s rr')}", program(), "save")
    assert (done.returncode, done.stderr) == (0, "")
    saved = [line[3 : line.index(" -s")] for line in done.stdout.splitlines() if line.startswith("-A")]
    assert len(saved) == len(set(saved))
    assert {options(key) for key in keys} - {options(moving)} <= set(saved) <= {options(key) for key in keys}


@pytest.mark.parametrize("kinds", [("IPv4",), ("IPv4", "IPv6")], ids=" ".join)
def test_that_services_come_and_go_keeps_nobody_from_saving(shim: Path, kinds: tuple[str, ...]) -> None:
    """An IPv4 service comes and goes among others."""
    keys = fill(*kinds)
    assert_saved(shim, keys, next(key for key in keys if "." in str(key)))


@pytest.mark.parametrize("kind", ["IPv4", "IPv6"])
def test_that_an_ipv6_service_is_passed_over_keeps_nobody_from_saving(shim: Path, kind: str) -> None:
    """One service comes and goes among IPv6 ones: one of these is what the same dump always passes over."""
    fill("IPv6")
    with Ipvs() as ipvs:
        for number in range(1001, 1301):
            moving = service(kind, number)
            ipvs.add_service(moving)
            keys = [s.key for s in ipvs.services()]
            if keys.index(moving.key) < 20:  # in the first part
                break
            ipvs.delete_service(moving.key)
    assert_saved(shim, keys, moving.key)


@pytest.mark.parametrize("env", [PYTHON, NATIVE], ids=["python", "front"])
@pytest.mark.parametrize("what", ["services", "dests"])
def test_no_consistent_reading(shim: Path, tmp_path: Path, what: str, env: dict[str, str]) -> None:
    """Where every dump is overtaken, saving and strict readings fail and leave a file as it was; a listing
    says in one line that something may be missing, and all that it prints stands there once."""
    if what == "services":
        # So many of them that some stand in the first part, and some behind it, in whatever order the kernel has them.
        least, most = 280, 320
        fill("IPv6", count=most)
        add, delete, gone = tmp_path / "add", tmp_path / "delete", tmp_path / "gone"
        moving = [options(service("IPv6", number).key) for number in range(301, 321)]
        add.write_text("".join(f"-A {words} -s rr\n" for words in moving))
        delete.write_text("".join(f"-D {words}\n" for words in moving))
        fault = f"services:0:if [ -e {gone} ]; then rm {gone}; {program()} -R <{add}; "
        fault += f"else : >{gone}; {program()} -R <{delete}; fi"
        listing = ["-L", "-n"]
    else:
        least, most = 298, 300
        (key,) = fill("IPv4", count=1)
        with Ipvs() as ipvs:
            batch = Batch()
            for number in range(300):
                batch.add_destination(key, Destination(f"10.2.{number >> 8}.{number & 255}", 80))
            ipvs.apply(batch).check()
        words = f"{options(key)} -r 10.2.1.43:80"
        fault = f"dests:0:{toggle('-a', '-d', words)}"
        listing = ["-L", "-n", "-t", f"{key.address}:80"]
    saved = tmp_path / "rules"
    saved.write_text("as it was\n")
    for argv in (["save", str(saved)], ["save", "--compat"]):
        done = behind(shim, fault, program(), *argv, env=env)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", REFUSED)
    assert saved.read_text() == "as it was\n"
    for argv in (["-S", "-n"], ["list"], listing, [*listing, "--nosort"]):
        done = behind(shim, fault, program(), *argv, env=env)
        assert (done.returncode, done.stderr) == (0, SAID), argv
        rows = [line for line in done.stdout.splitlines() if "2001:db8" in line or "10.2." in line]
        assert least <= len(rows) == len(set(rows)) <= most, argv
    done = behind(shim, fault, sys.executable, "-I", "-c", READ.format(expression="ipvs.table(strict=True)"))
    assert "TableChanging: the table kept changing" in done.stderr


# Of a poller that has read the table before, so that it knows the rows that are there no more.
POLLED = """[
    (service, [d for n, d in zip(s.destinations["service"], s.destinations) if n == at])
    for poller in [ipvs.poller({source!r})] for s in [poller.poll() and poller.poll()]
    for at, service in enumerate(s.services)
]"""


@pytest.mark.parametrize(
    "expression",
    [
        "ipvs.table()",
        "ipvs.table(strict=True)",
        POLLED.format(source="sockopt"),
        POLLED.format(source="netlink"),
    ],
    ids=["table", "strict", "sockopt", "netlink"],
)
def test_a_service_that_goes_between_the_dumps(shim: Path, expression: str) -> None:
    """It is left out. A strict reading has the one that came in its place."""
    first, second, last = fill("IPv4", count=3)
    came = Service.tcp("10.9.0.1", 80, "rr")
    with Ipvs() as ipvs:
        for key in (first, second):
            ipvs.add_destination(key, Destination("10.2.0.1", 80))
    swap = f"{program()} -D {options(last)} && {program()} -A {options(came.key)} -s rr"
    swap += f" && {program()} -a {options(came.key)} -r 10.2.0.2:80"
    got = reading(shim, f"dests:{4 if 'poller' in expression else 1}:{swap}", expression)
    wanted = [(str(first), ["10.2.0.1"]), (str(second), ["10.2.0.1"])]
    assert sorted(got) == sorted(wanted + ([(str(came.key), ["10.2.0.2"])] if "strict" in expression else []))


@pytest.mark.parametrize("expression", ["ipvs.table()", "ipvs.table(strict=True)", "[ipvs.one({one!r})]"])
@pytest.mark.parametrize("kind", ["IPv4", "IPv6"])
def test_nothing_stands_twice_in_a_small_table(shim: Path, expression: str, kind: str) -> None:
    """That a dump has one part only does not help: what comes in front pushes the last entry into another."""
    keys = fill(kind, count=10)
    target = ("10.3.0.{}:80" if kind == "IPv4" else "[2001:db8:3::{}]:80").format
    with Ipvs() as ipvs:
        for key in keys:
            for number in range(1, 21):
                address = target(number)[:-3].strip("[]")
                ipvs.add_destination(key, Destination(address, 80))
    one = Service(keys[0], "rr").key
    text = expression.replace("{one!r}", f"Service.tcp({one.address!r}, 80)")
    new = [service(kind, number) for number in range(50, 60)]
    commands = " && ".join(f"{program()} -A {options(s.key)} -s rr" for s in new)
    for fault in (f"services:1:{commands}", f"dests:1:{program()} -a {options(one)} -r {target(77)}"):
        got = reading(shim, fault, text)
        assert len({key for key, _ in got}) == len(got) >= (1 if "one" in expression else 10)
        for key, dests in got:
            assert len(set(dests)) == len(dests) >= (0 if key in {str(s.key) for s in new} else 20)
