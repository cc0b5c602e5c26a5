"""What drain, undrain and weight do where the kernel refuses, a destination vanishes, or another has the lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service, TableFilter, TableLocked
from ipvsfast.changes import lock as lock_module
from ipvsfast.changes.lock import TableLock
from ipvsfast.drains import drain as drain_module
from ipvsfast.drains import ramp as ramp_module
from ipvsfast.drains.chosen import Targets, send_all
from ipvsfast.drains.drain import Draining
from ipvsfast.drains.ramp import Ramp
from ipvsfast.kernel.session import Session
from support.command import program, rules, run
from support.held import held
from support.waiting import Jumping

WEB = Service.tcp("10.9.0.1", 80, "wlc")
ONE, TWO = (Destination(f"10.9.1.{n}", 80, forwarding="masq", weight=n + 4) for n in (1, 2))
WEB_ONE = f"{WEB.key} {ONE.key}"
ALL = TableFilter(destination="10.9.1.0/24")
UNKNOWN = "Memory allocation problem"
BUSY = "replacing the table of this network namespace; nothing was done"


@pytest.fixture(autouse=True)
def filled() -> Iterator[None]:
    """A service with two destinations."""
    with Ipvs() as ipvs:
        ipvs.apply(Batch().add_service(WEB).add_destination(WEB, ONE).add_destination(WEB, TWO)).check()
    yield


def weights() -> dict[object, int]:
    with Ipvs() as ipvs:
        return {one.key: one.weight for one in ipvs.destinations(WEB)}


def refused(shim: Path, folder: Path, number: int, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, whose operation of that number the kernel refuses."""
    fired = folder / "fired"
    environ = {**os.environ, "LD_PRELOAD": str(shim), "FAULT": f"refuse-op:{number}:{fired}"}
    done = subprocess.run([program(), *words], env=environ, capture_output=True, text=True, check=False)
    assert fired.exists()
    return done


def test_a_refused_weight(shim: Path, tmp_path: Path) -> None:
    """It is said which and why, the other is drained, and nothing is told of it that is not so."""
    done = refused(shim, tmp_path, 1, "drain", "-r", "10.9.1.0/24", "--delete", "--json")
    account = json.loads(done.stdout)
    assert done.returncode == 1
    assert (account["ok"], account["refused"], account["deleted"]) == (False, 1, 1)
    left = next(one for one in account["destinations"] if one["state"] == "refused")
    name = next(key for key in (ONE.key, TWO.key) if str(key) == f"{left['destination']['address']}:80")
    before = {ONE.key: 5, TWO.key: 6}[name]
    assert (left["weight"], left["before"], left["errno"]) == (before, before, 95)
    assert f"{WEB.key} {name}: " in done.stderr
    assert "1 refused by the kernel, 1 deleted" in done.stderr
    assert weights() == {name: before}


def test_a_refused_deletion(shim: Path, tmp_path: Path) -> None:
    """Weight 0 stays, and what it was stays remembered."""
    done = refused(shim, tmp_path, 2, "drain", "-r", ONE.address, "--delete")
    assert done.returncode == 1
    assert f"{WEB_ONE}: " in done.stderr
    assert done.stderr.endswith(" s: 1 refused by the kernel\n")
    assert weights() == {ONE.key: 0, TWO.key: 6}
    assert run("undrain", "--all").returncode == 0
    assert weights() == {ONE.key: 5, TWO.key: 6}


@pytest.mark.parametrize("words", [("undrain", "-r", ONE.address), ("weight", "-r", ONE.address, "5")])
def test_a_refused_weight_of_others(shim: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """The same; what is to be given back stays remembered."""
    assert run("drain", "-q", "-r", ONE.address).returncode == 0
    done = refused(shim, tmp_path, 1, *words)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{WEB_ONE}: ")
    assert weights() == {ONE.key: 0, TWO.key: 6}
    assert run("undrain", "-q", "-r", ONE.address).returncode == 0
    assert weights() == {ONE.key: 5, TWO.key: 6}


def vanishing(number: int) -> Callable[..., list[int]]:
    """Sends operations; before it does so the time of that number, another deletes the first destination."""
    sends = 0

    def send(session: Session, ops: list[bytes]) -> list[int]:
        nonlocal sends
        sends += 1
        if sends == number:
            with Ipvs() as other:
                other.delete_destination(WEB, ONE)
        return send_all(session, ops)

    return send


@pytest.mark.parametrize("number", [1, 2])
def test_it_vanishes_before_it_is_changed(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Before its weight, or before it is deleted: another has deleted it, which is no refusal."""
    monkeypatch.setattr(drain_module, "send_all", vanishing(number))
    with Ipvs() as ipvs:
        account = Draining(ipvs.session, Targets(ALL), delete=True).carry_out()
        assert [(one.destination, one.state) for one in account.those("gone")] == [(ONE.key, "gone")]
        assert [one.destination for one in account.those("deleted")] == [TWO.key]
        assert account.ok
        assert weights() == {}


def test_it_vanishes_before_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others go on."""
    monkeypatch.setattr(ramp_module, "send_all", vanishing(2))
    with Ipvs() as ipvs:
        account = Ramp(ipvs.session, Targets(ALL), 0, over=5, steps=5, clock=Jumping()).carry_out()
    assert {one.destination: one.state for one in account.destinations} == {
        ONE.key: "gone",
        TWO.key: "reached",
    }
    assert weights() == {TWO.key: 0}


@pytest.mark.parametrize(
    "words", [("drain", "-r", TWO.address), ("undrain", "--all"), ("weight", "9", "-r", ONE.address)]
)
def test_another_replaces_the_table(shim: Path, words: tuple[str, ...]) -> None:
    """Then nothing is done, and it is said who that is; with --wait its end is waited for. Reading waits for nobody."""
    assert run("drain", "-q", "-r", ONE.address).returncode == 0
    text = run("-S", "-n").stdout + rules(3, 60)
    with held(shim, "stop:1", "apply", "-q", stdin=text) as other:
        before = run("-S", "-n").stdout
        done = run(*words, "--wait", "0")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"process {other.pid} (")
        assert done.stderr.endswith(f") is {BUSY}\n")
        done = run(*words, "--wait", "0.1")
        assert done.returncode == 2
        assert done.stderr.endswith(f") is still, after 0.1 s {BUSY}\n")
        assert run("-S", "-n").stdout == before
        with subprocess.Popen([program(), *words, "--wait", "100"], stderr=subprocess.DEVNULL) as waits:
            with pytest.raises(subprocess.TimeoutExpired):
                waits.wait(0.5)
            other.signal(signal.SIGCONT)
            assert other.status == 0, other.err
            assert waits.wait(100) == 0
    assert weights() != {ONE.key: 0, TWO.key: 6}


def test_the_lock_is_held_for_moments_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a drain waits others may replace the table, and it looks on while they do; what it deletes afterwards
    waits for them, and if that takes too long the account says what was done."""
    monkeypatch.setattr(lock_module, "PATIENCE", 0.1)
    looks = 0
    with Ipvs() as ipvs, Ipvs() as other:
        lock = TableLock(other.session)

        def looked(account: object) -> None:
            nonlocal looks
            looks += 1
            lock.__enter__()  # TableLocked if the drain had it

        with pytest.raises(TableLocked, match="the rest was not done") as caught:
            ipvs.drain(TableFilter(destination=ONE.address), delete=True, progress=looked)
        assert looks == 1
        assert [one.state for one in caught.value.drained.destinations] == ["drained"]
        assert weights() == {ONE.key: 0, TWO.key: 6}
        lock.release()
        assert ipvs.drain(TableFilter(destination=ONE.address), delete=True).ok
        assert weights() == {TWO.key: 6}
        with TableLock(other.session), pytest.raises(TableLocked, match="nothing was done"):
            ipvs.set_weights(ALL, 3)


@pytest.mark.parametrize("last", [False, True])
def test_steps_while_another_replaces_the_table(monkeypatch: pytest.MonkeyPatch, last: bool) -> None:
    """They are left out, and the next one brings them in; at the last one it ends, and says where it stands."""
    monkeypatch.setattr(lock_module, "PATIENCE", 0.05)
    with Ipvs() as ipvs, Ipvs() as other:
        lock = TableLock(other.session)

        def arrived(moment: float) -> None:
            if moment == 2:
                lock.__enter__()
            elif moment == 4 and not last:
                lock.release()

        clock = Jumping(arrived)
        work = Ramp(
            ipvs.session, Targets(TableFilter(destination=TWO.address)), 1, over=5, steps=5, clock=clock
        )
        if last:
            with pytest.raises(TableLocked, match="the rest was not done"):
                work.carry_out()
        else:
            assert work.carry_out().ok
        lock.release()
    account = work.account()
    assert [one.set for one in account.destinations] == [[5] if last else [5, 2, 1]]
    assert weights() == {ONE.key: 5, TWO.key: 5 if last else 1}
