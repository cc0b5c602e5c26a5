"""`ipvsfast apply --drain`: additions at once, deletions when connections are gone or the time is over."""

from __future__ import annotations

import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from parity.traffic import addresses, listeners

from ipvsfast import Destination, Interrupted, InvalidValue, Ipvs, Service, StateError
from support.command import run
from support.waiting import waiting

VIP, OTHER_VIP = "10.9.0.1", "10.9.0.2"
WEB, MAIL = Service.tcp(VIP, 80, "wlc"), Service.tcp(OTHER_VIP, 25, "wlc")
ONE, TWO, THREE = (Destination(f"10.9.1.{n}", 80, forwarding="masq", weight=n) for n in (1, 2, 3))
MAIL_ONE = Destination("10.9.1.1", 25, forwarding="masq", weight=7)
OLD = f"""\
-A -t {VIP}:80 -s wlc
-a -t {VIP}:80 -r 10.9.1.1:80 -m -w 1
-a -t {VIP}:80 -r 10.9.1.2:80 -m -w 2
-A -t {OTHER_VIP}:25 -s wlc
-a -t {OTHER_VIP}:25 -r 10.9.1.1:25 -m -w 7
"""
NEW = f"""\
-A -t {VIP}:80 -s wlc
-a -t {VIP}:80 -r 10.9.1.2:80 -m -w 9
-a -t {VIP}:80 -r 10.9.1.3:80 -m -w 3
"""
BEFORE = {WEB.key: {ONE.key: 1, TWO.key: 2}, MAIL.key: {MAIL_ONE.key: 7}}
BETWEEN = {WEB.key: {ONE.key: 0, TWO.key: 9, THREE.key: 3}, MAIL.key: {MAIL_ONE.key: 0}}
AFTER = {WEB.key: {TWO.key: 9, THREE.key: 3}}
AT_WORK = "2 destinations, weight 0: 1 with 1 active connection"
KEPT = "what is there still keeps weight 0, applying again goes on"


@pytest.fixture(autouse=True)
def client() -> Iterator[socket.socket]:
    """A connection to the first server, which is to go; it is reset when it is closed."""
    space = SimpleNamespace(sockets=[])
    addresses(space, VIP, OTHER_VIP, *[one.address for one in (ONE, TWO, THREE)])
    listeners(space, *[("tcp", one.address, 80) for one in (ONE, TWO, THREE)])
    assert run("restore", "-q", stdin=OLD.replace("-w 2", "-w 0")).returncode == 0
    client = socket.create_connection((VIP, 80), timeout=5)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with Ipvs() as ipvs:
        ipvs.edit_destination(WEB, TWO)
        assert {one.key: one.active for one in ipvs.destinations(WEB)} == {ONE.key: 1, TWO.key: 0}
    yield client
    client.close()
    for item in space.sockets:
        item.close()


@pytest.fixture
def wanted(tmp_path: Path) -> str:
    """The file of the new table."""
    path = tmp_path / "wanted"
    path.write_text(NEW)
    return str(path)


def weights() -> dict[object, dict[object, int]]:
    with Ipvs() as ipvs:
        return {service.key: {one.key: one.weight for one in dests} for service, dests in ipvs.table()}


@pytest.mark.parametrize("saved", [False, True], ids=["file", "plan"])
def test_deletions_wait_for_connections(
    client: socket.socket, wanted: str, tmp_path: Path, saved: bool
) -> None:
    """What is added and changed does not wait; the destinations of a service that is to go have weight 0, too."""
    if saved:
        assert run("plan", wanted, "-o", str(tmp_path / "plan")).returncode == 0
        wanted = str(tmp_path / "plan")
    with waiting("apply", "--drain", "80", wanted) as apply:
        apply.until(AT_WORK)
        assert weights() == BETWEEN
        client.send(b"it is still there")
        assert apply.process.poll() is None
        client.close()
        status, _, err = apply.end()
    assert status == 0
    assert "1 added, 1 changed, 3 deleted after " in err
    assert "the table is as wanted" in err
    assert err.endswith(" s: 2 deleted\n")
    assert weights() == AFTER
    assert run("undrain", "--all").returncode == 2  # nothing of it is remembered


def test_the_time_is_over(wanted: str) -> None:
    """They are deleted with the connections that they have, which is told."""
    done = run("apply", "--drain", "0.2", wanted)
    assert done.returncode == 0
    assert done.stderr.endswith(" s: 2 deleted, 1 of them with 1 active connection\n")
    assert weights() == AFTER


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(wanted: str, number: int) -> None:
    """What is in force is told; applying again finishes it, and undrain takes the weights back."""
    for again in (("undrain", "--all"), ("apply", "--drain", "0", wanted)):
        with waiting("apply", "--drain", "80", wanted) as apply:
            apply.until(AT_WORK)
            apply.process.send_signal(number)
            status, _, err = apply.end()
        assert status == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
        assert (
            "not sent; the table is not as wanted: 0 to add, 0 to change, 3 to delete; drained: 2 dest" in err
        )
        assert err.endswith(f"1 without connections, 1 with 1 active connection; {KEPT}\n")
        assert weights() == BETWEEN
        assert run(*again).returncode == 0
        if again[0] == "undrain":
            assert weights() == {
                **BETWEEN,
                WEB.key: {**BETWEEN[WEB.key], ONE.key: 1},
                MAIL.key: {MAIL_ONE.key: 7},
            }
    assert weights() == AFTER


def test_guards_come_before(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit, a dry run, a refused addition, or weights that cannot be kept: no weight is changed."""
    done = run("apply", "--drain", "9", "--max-delete", "1", wanted)
    assert (done.returncode, weights()) == (2, BEFORE)
    done = run("apply", "--drain", "9", "--dry-run", wanted)
    assert (done.returncode, weights()) == (0, BEFORE)
    assert done.stderr.endswith("(--dry-run); 2 destinations would be drained first, for 9 s at most\n")
    done = run("apply", "--drain", "x", wanted)
    assert (done.returncode, done.stderr) == (2, "apply: --drain takes seconds, 0 to 86400, not `x'\n")
    done = run("apply", "--drain", "9", "--keep-weights", stdin=NEW + "-A -u 10.9.0.3:53 -s nosuch\n")
    assert (done.returncode, "drained" in done.stderr) == (1, False)
    assert {key: dests for key, dests in weights().items() if key == MAIL.key} == {
        MAIL.key: {MAIL_ONE.key: 7}
    }
    assert weights()[WEB.key][ONE.key] == 1
    before = weights()
    monkeypatch.setenv("IPVSFAST_STATE", "/proc/no")
    done = run("apply", "--drain", "9", wanted)
    assert (done.returncode, done.stderr.splitlines()[-1].startswith("cannot keep /proc/no/")) == (2, True)
    assert weights() == before
    with Ipvs() as ipvs, pytest.raises(StateError):
        ipvs.apply_plan(ipvs.plan(wanted), drain=1)


def test_nothing_to_delete_nothing_to_wait_for(wanted: str) -> None:
    """Neither by --only, nor where all that is there stays; no word of a drain then."""
    done = run("apply", "--drain", "80", "--only", "add,edit", wanted)
    assert (done.returncode, "drain" in done.stderr) == (0, False)
    assert weights() == {**BEFORE, WEB.key: {ONE.key: 1, TWO.key: 9, THREE.key: 3}}
    done = run("apply", "--drain", "80", stdin="".join([*NEW.splitlines(True), *OLD.splitlines(True)[3:],
               f"-a -t {VIP}:80 -r 10.9.1.1:80 -m -w 1\n"]))  # fmt: skip
    assert (done.returncode, "drain" in done.stderr) == (0, False)


def test_what_others_do_meanwhile(wanted: str) -> None:
    """A destination that gets a weight again is not waited for, and goes; one that is added to a service which is to
    go does not keep it."""
    with waiting("apply", "--drain", "80", wanted) as apply:
        apply.until(AT_WORK)
        with Ipvs() as ipvs:
            ipvs.edit_destination(WEB, ONE.replace(weight=4))
            ipvs.add_destination(MAIL, Destination("10.9.1.9", 25, forwarding="masq"))
        status, _, err = apply.end()
    assert (status, weights()) == (0, AFTER)
    assert "the table is as wanted" in err


def test_the_library_tells_the_same(wanted: str) -> None:
    """`drained` of the account; None where no drain was asked for, or nothing was to be deleted."""
    with Ipvs() as ipvs:
        with pytest.raises(InvalidValue, match="drain must be seconds"):
            ipvs.apply_plan(ipvs.plan(wanted), drain=-1)
        account = ipvs.apply_plan(ipvs.plan(wanted, only=["add"]), drain=5)
        assert (account.ok, account.drained) == (True, None)
        account = ipvs.apply_plan(ipvs.plan(wanted), drain=0.1)
        assert account.ok
        assert account.drained is not None
        rows = {str(one): (one.state, one.before, one.active) for one in account.drained.destinations}
        assert rows == {
            f"{WEB.key} {ONE.key}": ("deleted", 1, 1),
            f"{MAIL.key} {MAIL_ONE.key}": ("deleted", 7, 0),
        }
        assert ipvs.apply_plan(ipvs.plan(OLD.encode())).drained is None


def test_an_exception_of_the_library_has_the_account(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in the drain it comes from."""
    from ipvsfast.changes.clock import Clock

    def stop(self: Clock, moment: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Clock, "wait_until", stop)
    with Ipvs() as ipvs, pytest.raises(Interrupted) as caught:
        ipvs.apply_plan(ipvs.plan(wanted), drain=60)
    account = caught.value.applied
    assert (account.added, account.edited, account.deleted, account.unsent) == (1, 1, 0, 2)
    assert sorted(one.state for one in account.drained.destinations) == ["drained", "waiting"]
    assert weights() == BETWEEN
