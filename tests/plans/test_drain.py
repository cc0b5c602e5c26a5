"""`ipvsfast drain` and `undrain` with real connections: no new ones, none broken, and the weights back."""

from __future__ import annotations

import json
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from parity.traffic import addresses, listeners

from ipvsfast import (
    Batch,
    Destination,
    Drained,
    Interrupted,
    InvalidValue,
    Ipvs,
    Service,
    StateError,
    TableFilter,
    Tunnel,
)
from ipvsfast.drains import drain as drain_module
from ipvsfast.drains.chosen import Targets
from ipvsfast.drains.drain import Draining
from ipvsfast.kernel.session import Session
from support.command import run
from support.terminal import on_terminal, screen
from support.waiting import Jumping, waiting

VIP, OTHER_VIP = "10.9.0.1", "10.9.0.2"
WEB, MAIL = Service.tcp(VIP, 80, "wlc"), Service.tcp(OTHER_VIP, 25, "wlc")
ONE, TWO = (Destination(f"10.9.1.{n}", 80, forwarding="masq", weight=n + 4) for n in (1, 2))
MAIL_ONE = Destination("10.9.1.1", 25, forwarding="masq", weight=2)
WEB_ONE = f"{WEB.key} {ONE.key}"
QUIESCENT = Path("/proc/sys/net/ipv4/vs/expire_quiescent_template")
GO_ON = "weights stay 0: the same command goes on, `ipvsfast undrain' gives the weights back\n"


@pytest.fixture
def space() -> Iterator[SimpleNamespace]:
    """Two servers behind a service; one of them is behind another service too."""
    space = SimpleNamespace(sockets=[])
    addresses(space, VIP, OTHER_VIP, ONE.address, TWO.address)
    listeners(space, ("tcp", ONE.address, 80), ("tcp", TWO.address, 80), ("tcp", ONE.address, 25))
    with Ipvs() as ipvs:
        batch = Batch().add_service(WEB).add_destination(WEB, ONE).add_destination(WEB, TWO)
        ipvs.apply(batch.add_service(MAIL).add_destination(MAIL, MAIL_ONE)).check()
    yield space
    for item in space.sockets:
        item.close()


def connect(target: tuple[str, int] = (VIP, 80)) -> socket.socket:
    """A client with an established connection, which it resets when it is closed."""
    client = socket.create_connection(target, timeout=5)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return client


def connect_to_one() -> socket.socket:
    """One that the first server has."""
    with Ipvs() as ipvs:
        ipvs.edit_destination(WEB, TWO.replace(weight=0))
        client = connect()
        ipvs.edit_destination(WEB, TWO)
    assert active()[ONE.key] == 1
    return client


def weights(service: Service = WEB) -> dict[object, int]:
    with Ipvs() as ipvs:
        return {one.key: one.weight for one in ipvs.destinations(service)}


def active() -> dict[object, int]:
    with Ipvs() as ipvs:
        return {one.key: one.active for one in ipvs.destinations(WEB)}


def test_it_waits_until_the_connections_are_gone(space: SimpleNamespace) -> None:
    """Meanwhile new ones go to the other server, and those that are there serve on; the weight is 0 afterwards and
    comes back with undrain."""
    client = connect_to_one()
    with waiting("drain", "-t", f"{VIP}:80", "-r", ONE.address) as drain:
        drain.until("1 destination, weight 0: 1 with 1 active connection\n")
        assert weights() == {ONE.key: 0, TWO.key: 6}
        others = [connect() for _ in range(5)]
        assert active() == {ONE.key: 1, TWO.key: 5}
        client.send(b"it is still there")
        assert drain.process.poll() is None
        client.close()
        status, _, err = drain.end()
    assert status == 0
    assert err.endswith(" s: 1 without connections\n")
    for other in others:
        other.close()
    assert weights() == {ONE.key: 0, TWO.key: 6}
    done = run("undrain", "-r", ONE.address)
    assert (done.returncode, done.stderr) == (0, "1 destination with the weight from before\n")
    assert weights() == {ONE.key: 5, TWO.key: 6}


def test_all_services_that_hold_a_destination(space: SimpleNamespace) -> None:
    """By its address alone, by address and port, or by a prefix."""
    assert run("drain", "--destination", ONE.address).returncode == 0
    assert (weights(), weights(MAIL)) == ({ONE.key: 0, TWO.key: 6}, {MAIL_ONE.key: 0})
    assert run("undrain", "--destination", f"{ONE.address}:25").returncode == 0
    assert (weights(), weights(MAIL)) == ({ONE.key: 0, TWO.key: 6}, {MAIL_ONE.key: 2})
    assert run("undrain", "--all").returncode == 0
    assert run("drain", "--destination", "10.9.1.0/24:80").returncode == 0
    assert (weights(), weights(MAIL)) == ({ONE.key: 0, TWO.key: 0}, {MAIL_ONE.key: 2})


def test_time_is_over(space: SimpleNamespace) -> None:
    """Status 1, where how many are left, and nothing is deleted; with --force it is."""
    with connect_to_one():
        done = run("drain", "-r", f"{ONE.address}:80", "--timeout", "0.1", "--delete")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-2] == f"{WEB_ONE} has 1 active connection"
        assert done.stderr.endswith(" s: 1 with 1 active connection\n")
        assert weights() == {ONE.key: 0, TWO.key: 6}
        done = run("drain", "-r", f"{ONE.address}:80", "--timeout", "0", "--delete", "--force", "--json")
        assert done.returncode == 0
        told = json.loads(done.stdout)
        assert (told["ok"], told["deleted"], told["waiting"]) == (True, 1, 0)
        assert told["destinations"] == [
            {
                "service": WEB.key.to_dict(), "destination": ONE.key.to_dict(), "state": "deleted", "before": 5,
                "weight": 0, "active": 1, "inactive": 0, "persistent": 0, "errno": 0,
            }
        ]  # fmt: skip
    assert weights() == {TWO.key: 6}
    done = run("undrain", "--all")
    assert (done.returncode, "no weight is remembered" in done.stderr) == (2, True)


def test_only_those_without_connections_are_deleted(space: SimpleNamespace) -> None:
    """The others keep weight 0, and their weight stays remembered."""
    with connect_to_one():
        done = run("drain", "--destination", ONE.address, "--no-wait", "--delete")
    assert done.returncode == 1
    assert ": 1 deleted, 1 with 1 active connection\n" in done.stderr
    assert (weights(), weights(MAIL)) == ({ONE.key: 0, TWO.key: 6}, {})
    assert run("undrain", "--all").returncode == 0
    assert weights() == {ONE.key: 5, TWO.key: 6}


def test_not_to_wait(space: SimpleNamespace) -> None:
    """It is done when the weight is 0, which status 0 tells."""
    with connect_to_one():
        done = run("drain", "-r", f"{ONE.address}:80", "--no-wait")
        assert (done.returncode, weights()[ONE.key]) == (0, 0)
        assert f"{WEB_ONE} has 1 active connection\n" in done.stderr


def test_killed(space: SimpleNamespace) -> None:
    """Also after SIGKILL the weight from before is known, and draining goes on."""
    words = ("drain", "-r", f"{ONE.address}:80")
    with connect_to_one():
        with waiting(*words) as drain:
            drain.until("weight 0: 1 with 1 active connection")
            drain.process.kill()
            assert drain.end()[0] == -signal.SIGKILL
        assert weights()[ONE.key] == 0
        assert run(*words, "--no-wait").returncode == 0
    assert run("undrain", "-r", ONE.address).returncode == 0
    assert weights()[ONE.key] == 5


def test_many_at_the_same_time() -> None:
    """No weight is forgotten where several drain at once."""
    count = 6
    with Ipvs() as ipvs:
        batch = Batch().add_service(WEB)
        for number in range(1, count + 1):
            batch.add_destination(WEB, Destination(f"10.9.2.{number}", 80, weight=number))
        ipvs.apply(batch).check()
        before = weights()
        with ExitStack() as stack:
            commands = [
                stack.enter_context(waiting("drain", "-r", f"10.9.2.{n}")) for n in range(1, count + 1)
            ]
            assert [command.end()[0] for command in commands] == [0] * count
        assert set(weights().values()) == {0}
        assert run("undrain", "--all").returncode == 0
        assert weights() == before


def test_on_a_terminal(space: SimpleNamespace) -> None:
    """One line is redrawn and gone in the end; without one, and with --quiet, only what is wrong is told."""
    with connect_to_one():
        shown = on_terminal("drain", "-r", f"{ONE.address}:80", "--timeout", "1.2", status=1)
        assert "\r1 destination, weight 0: 1 with 1 active connection, 1 s left\x1b[K\r" in shown
        left = screen(shown).splitlines()
        assert left[0] == f"{WEB_ONE} has 1 active connection"
        assert left[1].endswith(" s: 1 with 1 active connection")
        done = run("drain", "-r", f"{ONE.address}:80", "--timeout", "0", "--quiet")
        assert [line.partition(" after ")[0] for line in done.stderr.splitlines()] == [
            left[0],
            "1 destination",
        ]
        assert run("undrain", "--all", "-q").stderr == ""
        assert run("drain", "-r", TWO.address, "-q").stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(space: SimpleNamespace, number: int) -> None:
    """The weight stays 0, and it is said where it stands and what can be done; the same command goes on."""
    words = ("drain", "-r", f"{ONE.address}:80")
    with connect_to_one():
        with waiting(*words) as drain:
            drain.until("weight 0: 1 with 1 active connection")
            drain.process.send_signal(number)
            status, _, err = drain.end()
        assert status == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
        assert err.startswith(
            "interrupted: 1 destination" if number == signal.SIGINT else "terminated: 1 dest"
        )
        assert err.endswith(f": 1 with 1 active connection; {GO_ON}")
        assert weights()[ONE.key] == 0
        assert run(*words, "--timeout", "0").returncode == 1
    assert run("undrain", "-r", ONE.address).returncode == 0
    assert weights()[ONE.key] == 5


def test_another_gives_it_a_weight_meanwhile(space: SimpleNamespace) -> None:
    """It is said, left so, and not waited for; nor is it deleted."""
    with connect_to_one():
        with waiting("drain", "-r", f"{ONE.address}:80", "--delete") as drain:
            drain.until("weight 0: 1 with 1 active connection")
            with Ipvs() as ipvs:
                ipvs.edit_destination(WEB, ONE.replace(weight=3))
            status, _, err = drain.end()
        assert status == 1
        assert f"{WEB_ONE} has weight 3, which another program has set meanwhile: left so\n" in err
        assert weights()[ONE.key] == 3
        done = run("undrain", "-r", ONE.address)
        assert done.returncode == 1
        assert (
            f"{WEB_ONE} has weight 3, which another program has set: left so (--force sets 5)\n"
            in done.stderr
        )
        assert weights()[ONE.key] == 3
        assert run("undrain", "-r", ONE.address, "--force").returncode == 0
        assert weights()[ONE.key] == 5


def test_another_deletes_it_meanwhile(space: SimpleNamespace) -> None:
    """Then it has no connections to wait for; its service, too."""
    with connect_to_one(), waiting("drain", "-r", ONE.address) as drain:
        drain.until("2 destinations, weight 0: 1 with 1 active connection")
        with Ipvs() as ipvs:
            ipvs.delete_service(WEB)
        status, _, err = drain.end()
    assert (status, "1 without connections, 1 deleted by another program\n" in err) == (0, True)
    done = run("undrain", "--all")
    assert done.returncode == 1
    assert (
        done.stderr == f"{WEB_ONE} is not there any more\n1 of 2 destinations with the weight from before\n"
    )
    assert run("undrain", "--all").returncode == 2  # and is forgotten


def test_what_is_not_remembered(space: SimpleNamespace) -> None:
    """It is an error that tells which command sets weights; or a remark, where some are known."""
    before = weights()
    done = run("undrain", "-r", TWO.address)
    assert done.returncode == 2
    assert "a weight is remembered" in done.stderr and "`ipvsfast weight'" in done.stderr
    with Ipvs() as ipvs:
        ipvs.edit_destination(WEB, TWO.replace(weight=0))
    run("drain", "-r", ONE.address)
    done = run("undrain", "-t", f"{VIP}:80")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{WEB.key} {TWO.key} has weight 0, and none is remembered")
    assert weights() == {**before, TWO.key: 0}


def test_a_weight_of_0_is_remembered_too(space: SimpleNamespace) -> None:
    """What had no share before the drain gets none by undrain."""
    with Ipvs() as ipvs:
        ipvs.edit_destination(WEB, ONE.replace(weight=0))
    assert run("drain", "-t", f"{VIP}:80").returncode == 0
    assert run("undrain", "-t", f"{VIP}:80").returncode == 0
    assert weights() == {ONE.key: 0, TWO.key: 6}


def test_everything_else_of_a_destination_stays() -> None:
    """Thresholds, forwarding and tunnels, in services of all kinds; only the weight goes and comes back."""
    services = [
        WEB, Service.udp("2001:db8::1", 53, "sh", scheduler_flags="sh-port"), Service.mark(7, "rr"),
        Service.sctp(VIP, 0, "rr", persistent=60, netmask="255.255.255.0"),
    ]  # fmt: skip
    tunnel = Tunnel("gue", 6080, "csum")
    dests = [
        ONE.replace(upper=100, lower=10), Destination("2001:db8::7", 53, weight=9),
        Destination("10.9.1.7", 0, forwarding="tunnel", tunnel=tunnel, weight=2**31 - 1, upper=3),
        Destination("2001:db8::8", 0, forwarding="tunnel", tunnel=Tunnel("gre"), weight=4),
    ]  # fmt: skip
    everything = TableFilter(destination=("0.0.0.0/0", "::/0"))
    with Ipvs() as ipvs:
        for service, dest in zip(services, dests):
            ipvs.apply(Batch().add_service(service).add_destination(service, dest)).check()
        before = ipvs.rules()
        assert len(ipvs.drain(everything).destinations) == 4
        assert {dest.weight for _, found in ipvs.table() for dest in found} == {0}
        assert ipvs.undrain(everything).ok
        assert ipvs.rules() == before


def test_persistent_services(space: SimpleNamespace) -> None:
    """A client that is known comes to a destination of weight 0, unless a sysctl says that its template expires; which
    of both holds is told."""
    with Ipvs() as ipvs:
        ipvs.edit_service(WEB.replace(persistent=300))
    connect_to_one().close()
    for value, held, text in ((0, ONE, "go on coming there"), (1, TWO, "come elsewhere from now on")):
        QUIESCENT.write_text(f"{value}\n")
        done = run("drain", "-r", f"{ONE.address}:80", "--timeout", "0")
        assert done.returncode == 1
        assert (
            f"clients that it knows {text} (net.ipv4.vs.expire_quiescent_template is {value})" in done.stderr
        )
        assert " 1 persistent connections\n" in done.stderr
        with connect():
            assert active()[held.key] == 1


def test_many_destinations_by_one_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, they are not sent one by one."""
    sent: list[int] = []
    send = Session.send

    def counted(self: Session, ops: bytearray, count: int, *rest: object) -> int:
        sent.append(count)
        return send(self, ops, count, *rest)  # type: ignore[arg-type]

    with Ipvs() as ipvs:
        batch = Batch().add_service(WEB)
        for number in range(500):
            batch.add_destination(
                WEB, Destination(f"10.9.{number >> 8}.{number & 255}", 80, weight=number + 1)
            )
        ipvs.apply(batch).check()
        monkeypatch.setattr(Session, "send", counted)
        assert ipvs.drain(TableFilter(service=VIP)).ok
        assert sent == [500]
        assert ipvs.undrain().ok
        assert sent == [500, 500]
        assert sorted(one.weight for one in ipvs.destinations(WEB)) == list(range(1, 501))


def test_the_library_tells_the_same(space: SimpleNamespace) -> None:
    """Each look is told; an exception out of there has the account, and the weight stays 0."""
    mine = TableFilter(destination=ONE.address)
    seen: list[str] = []

    def stop(account: Drained) -> None:
        seen.extend(one.state for one in account.destinations)
        raise KeyboardInterrupt

    with Ipvs() as ipvs, connect_to_one():
        with pytest.raises(Interrupted) as caught:
            ipvs.drain(mine, progress=stop)
        account = caught.value.drained
        assert sorted(seen) == ["drained", "waiting"]
        assert (account.ok, account.connections, [str(one) for one in account.left]) == (
            False,
            (1, 0, 0),
            [WEB_ONE],
        )
        assert isinstance(account.ended, KeyboardInterrupt)
        assert weights()[ONE.key] == 0
        account = ipvs.drain(mine, wait=False)
        assert sorted(one.before for one in account.destinations) == [2, 5]
        with pytest.raises(InvalidValue, match="there is no such destination; nothing was done"):
            ipvs.drain(TableFilter(destination="10.9.9.9"))


def test_looks_come_at_steady_moments(space: SimpleNamespace) -> None:
    """Every half second from the start, however long a look takes, and the last one when the time is over."""
    with Ipvs() as ipvs, connect_to_one():
        clock = Jumping(lambda moment: clock.lose(0.7) if moment == 1.0 else None)
        targets = Targets(TableFilter(destination=f"{ONE.address}:80"))
        account = Draining(ipvs.session, targets, timeout=2.2, clock=clock).carry_out()
    assert clock.moments == [0.5, 1.0, 2.0, 2.2]
    assert [one.state for one in account.destinations] == ["waiting"]


def test_looks_at_a_large_table_are_not_most_of_the_work(
    space: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a look takes long the next one comes later: a tenth of the time is spent on them at most."""
    clock = Jumping()
    read = drain_module.read_if_still

    def slow(*args: Any) -> Any:
        clock.lose(0.25)
        return read(*args)

    monkeypatch.setattr(drain_module, "read_if_still", slow)
    with Ipvs() as ipvs, connect_to_one():
        targets = Targets(TableFilter(destination=f"{ONE.address}:80"))
        Draining(ipvs.session, targets, timeout=10, clock=clock).carry_out()
    assert clock.moments == [3.0, 6.0, 9.0, 10.0]


def test_what_cannot_be_remembered_is_not_begun(
    space: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, own_state: Path
) -> None:
    """Neither where no folder can be made, nor where its file is damaged."""
    before = weights()
    monkeypatch.setenv("IPVSFAST_STATE", "/proc/no")
    done = run("drain", "-r", ONE.address)
    assert (done.returncode, done.stderr.startswith("cannot keep /proc/no/")) == (2, True)
    assert weights() == before
    monkeypatch.setenv("IPVSFAST_STATE", str(own_state))
    run("drain", "-r", ONE.address)
    (file,) = own_state.glob("*/weights.json")
    file.write_text('{"weights": [{"service": "x"}]}')
    with Ipvs() as ipvs, pytest.raises(StateError, match="is not what was written there"):
        ipvs.drain(TableFilter(destination=TWO.address))
    done = run("undrain", "--all")
    assert (done.returncode, "is not what was written there" in done.stderr) == (2, True)
    assert weights() == {**before, ONE.key: 0}
