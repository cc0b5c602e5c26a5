"""`ipvsfast weight`: weights of many destinations at once and in steps; other writers, interruptions."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator

import pytest

from ipvsfast import Batch, Destination, DestinationKey, Interrupted, InvalidValue, Ipvs, Service, TableFilter
from ipvsfast.drains import ramp as ramp_module
from ipvsfast.drains.chosen import Targets
from ipvsfast.drains.ramp import Ramp, Ramped
from support.command import run
from support.waiting import Jumping, waiting

WEB, MAIL = Service.tcp("10.9.0.1", 80, "wlc"), Service.tcp("10.9.0.2", 25, "wrr", persistent=60)
ONE, TWO = (Destination(f"10.9.1.{n}", 80, forwarding="masq", weight=n, upper=n) for n in (1, 2))
THREE = Destination("10.9.1.3", 25, forwarding="tunnel", weight=30)
ALL = TableFilter(destination="10.9.1.0/24")


@pytest.fixture(autouse=True)
def filled() -> Iterator[None]:
    """Two services with three destinations."""
    with Ipvs() as ipvs:
        batch = Batch().add_service(WEB).add_destination(WEB, ONE).add_destination(WEB, TWO)
        ipvs.apply(batch.add_service(MAIL).add_destination(MAIL, THREE)).check()
    yield


def weights() -> dict[DestinationKey, int]:
    with Ipvs() as ipvs:
        return {one.key: one.weight for _, dests in ipvs.table() for one in dests}


def steps(account: Ramped) -> dict[DestinationKey, list[int]]:
    return {one.destination: one.set for one in account.destinations}


def states(account: Ramped) -> dict[DestinationKey, str]:
    return {one.destination: one.state for one in account.destinations}


def ramp(
    goal: int, over: float, count: int | None, arrived: Callable[[float], None] = lambda moment: None
) -> Ramped:
    """A ramp of all three whose time is told by `arrived`."""
    with Ipvs() as ipvs:
        clock = Jumping(arrived)
        return Ramp(ipvs.session, Targets(ALL), goal, over=over, steps=count, clock=clock).carry_out()


def test_at_once() -> None:
    """Everything else stays, and what has the weight is not sent."""
    with Ipvs() as ipvs:
        before = ipvs.rules()
        account = ipvs.set_weights(ALL, 2)
        assert account.ok
        assert steps(account) == {ONE.key: [2], TWO.key: [], THREE.key: [2]}
        expected = [rule.replace("-w 30", "-w 2").replace("-w 1 ", "-w 2 ") for rule in before]
        assert ipvs.rules() == expected != before


def test_each_goes_its_way_in_the_same_steps() -> None:
    """Whole numbers on the line, at moments that are reckoned from the start; no step that changes nothing."""
    moments: list[float] = []
    seen: list[dict[DestinationKey, int]] = []

    def arrived(moment: float) -> None:
        moments.append(moment)
        seen.append(weights())

    account = ramp(10, 4, 4, arrived)
    assert account.ok
    assert moments == [1, 2, 3, 4]
    assert steps(account) == {ONE.key: [3, 6, 8, 10], TWO.key: [4, 6, 8, 10], THREE.key: [25, 20, 15, 10]}
    assert [one[ONE.key] for one in seen] == [1, 3, 6, 8]
    assert weights() == dict.fromkeys((ONE.key, TWO.key, THREE.key), 10)
    account = ramp(12, 10, 8)
    assert steps(account)[ONE.key] == [11, 12]


def test_the_number_of_steps() -> None:
    """One a second, or one for each weight in between if these are fewer."""
    assert ramp(3, 5.5, None).steps == 5
    assert ramp(5, 5.5, None).steps == 2
    assert ramp(9, 0.5, None).steps == 1


def test_what_has_the_weight_is_not_waited_for() -> None:
    """A ramp of nothing is over at once."""
    assert ramp(7, 0, None).ok
    moments: list[float] = []
    assert ramp(7, 60, 6, moments.append).ok
    assert moments == []


def test_missed_moments_are_left_out() -> None:
    """The ramp ends when it should, by the line; nothing is made up for."""
    clock = Jumping(lambda moment: clock.lose(3.5) if moment == 2 else None)
    with Ipvs() as ipvs:
        account = Ramp(ipvs.session, Targets(ALL), 11, over=10, steps=10, clock=clock).carry_out()
    assert clock.moments == [1, 2, 5, 6, 7, 8, 9, 10]
    assert steps(account)[ONE.key] == [2, 3, 6, 7, 8, 9, 10, 11]


def test_another_sets_a_weight_meanwhile() -> None:
    """That destination is left as it is, the others go on; so does one that is deleted, or its service."""

    def meddle(moment: float) -> None:
        with Ipvs() as ipvs:
            if moment == 2:
                ipvs.edit_destination(WEB, ONE.replace(weight=77))
            if moment == 3:
                ipvs.delete_service(MAIL)

    account = ramp(10, 4, 4, meddle)
    assert not account.ok
    assert states(account) == {ONE.key: "moved", TWO.key: "reached", THREE.key: "gone"}
    assert steps(account) == {ONE.key: [3], TWO.key: [4, 6, 8, 10], THREE.key: [25, 20]}
    assert weights() == {ONE.key: 77, TWO.key: 10}


def test_what_another_sets_beside_the_weight_stays() -> None:
    """Each step begins with the destination as it is then."""

    def meddle(moment: float) -> None:
        if moment == 2:
            with Ipvs() as ipvs:
                ipvs.edit_destination(WEB, TWO.replace(weight=4, upper=99, lower=9, forwarding="tunnel"))

    assert ramp(6, 2, 2, meddle).ok
    with Ipvs() as ipvs:
        there = {one.key: one for one in ipvs.destinations(WEB)}
    assert there[TWO.key] == TWO.replace(weight=6, upper=99, lower=9, forwarding="tunnel")


def test_stopped_and_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told where it stands; another one goes on from there."""
    monkeypatch.setattr(ramp_module, "Clock", Jumping)

    def stop(account: Ramped) -> None:
        if account.step == 2:
            raise KeyboardInterrupt

    with Ipvs() as ipvs:
        with pytest.raises(Interrupted) as caught:
            ipvs.set_weights(TableFilter(destination="10.9.1.1"), 9, over=4, steps=4, progress=stop)
        account = caught.value.ramped
        assert (account.step, account.steps, steps(account)) == (2, 4, {ONE.key: [3, 5]})
        assert str(account) == "0 of 1 destination with weight 9, 1 on the way at 5 after 2 of 4 steps"
        assert weights()[ONE.key] == 5
        again = ipvs.set_weights(TableFilter(destination="10.9.1.1"), 9, over=4, steps=4)
        assert steps(again)[ONE.key][-1] == 9
        assert again.destinations[0].start == 5


def test_the_command() -> None:
    """One object for a program, and a sentence."""
    done = run("weight", "-r", "10.9.1.0/24", "6", "--over", "0.05", "--steps", "5", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["reached"], told["goal"]) == (0, True, 3, 6)
    assert done.stderr.endswith("3 destinations with weight 6\n")
    done = run("weight", "-t", "10.9.0.1:80", "-r", "10.9.1.1,10.9.1.9", "0")
    assert (done.returncode, done.stderr) == (0, "nothing is at 10.9.1.9\n1 destination with weight 0\n")
    assert weights() == {ONE.key: 0, TWO.key: 6, THREE.key: 6}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("5",), "weight: name services (-t, -u, -f, --service ...) or destinations (-r): it is not about all of them\n"),
        (("-r", "10.9.1.1"), "weight: WEIGHT is missing\n"),
        (("-r", "10.9.1.1", "-1"), None),
        (("-r", "10.9.1.1", "2147483648"), "weight: WEIGHT is a whole number from 0 to 2147483647, not `2147483648'\n"),
        (("-r", "10.9.1.1", "5", "--steps", "3"), "weight: --steps needs --over: say how long they take\n"),
        (("-r", "10.9.1.1", "5", "--over", "x"), "weight: --over takes seconds, 0 to 86400, not `x'\n"),
        (("-r", "10.9.9.9", "5"), "there is no such destination; nothing was done\n"),
    ],
)  # fmt: skip
def test_what_is_wrong_changes_nothing(words: tuple[str, ...], message: str | None) -> None:
    """Status 2 and a sentence."""
    before = weights()
    done = run("weight", *words)
    assert done.returncode == 2
    assert message is None or done.stderr == message
    assert weights() == before
    with Ipvs() as ipvs, pytest.raises(InvalidValue):
        ipvs.set_weights(ALL, 3, steps=4)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_interrupted(number: int) -> None:
    """It says where it stands, which is true."""
    with waiting(
        "weight", "-t", "10.9.0.1:80", "-r", "10.9.1.1", "100001", "--over", "1000", "--steps", "100000"
    ) as one:
        one.until("0 of 1 destination with weight 100,001, 1 on the way at ")
        one.process.send_signal(number)
        status, _, err = one.end()
    assert status == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert err.endswith(" of 100,000 steps; the same command goes on from there\n")
    at = int(err.partition(" on the way at ")[2].partition(" ")[0].replace(",", ""))
    assert weights()[ONE.key] == at < 100001
