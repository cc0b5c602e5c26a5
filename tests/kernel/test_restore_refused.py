"""A restore with a refused rule, lost replies or another program beside it: what was there stays, what is said is so."""

import errno
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ipvsfast import Batch, Destination, Ipvs, KernelRefused, Service, Timeouts
from ipvsfast.changes.restore import Adding, Restored, RuleText, check_rules
from ipvsfast.kernel.session import Session
from support.command import program, rules, run
from support.held import held

pytestmark = pytest.mark.usefixtures("netns")
REFUSED = "-A -f 1 -s nosuch\n"
LIVE = rules(24, 99)  # more than one buffer


def contents(ipvs: Ipvs) -> dict[object, object]:
    return {service.key: (service, dests) for service, dests in ipvs.table()}


class Spoiled(Session):
    """A session whose Nth send is followed by something: it may change results, and what is there."""

    def __init__(self, number: int, then: Callable[[memoryview, int, int], None]) -> None:
        super().__init__()
        self.number = number
        self.then = then

    def send(self, ops: bytearray, count: int, results: memoryview, start: int = 0) -> int:
        done = super().send(ops, count, results, start)
        self.number -= 1
        if not self.number:
            self.then(results, start, done)
        return done


def restored(session: Session, text: str, **how: bool) -> Restored:
    source = RuleText(text.encode())
    checked = check_rules(source)
    assert checked.problems == []
    return Adding(session, source, checked.total, checked.parse, **how).carry_out()


def lose(first: int) -> Callable[[memoryview, int, int], None]:
    """The replies to all from that place on are lost."""

    def then(results: memoryview, start: int, done: int) -> None:
        for at in range(max(first, start), done):
            results[at] = -errno.ENOBUFS

    return then


@pytest.mark.parametrize("at", [0, 700, 2350])
@pytest.mark.parametrize("exist", [True, False])
def test_live_rules_stay_where_one_is_refused(tmp_path: Path, at: int, exist: bool) -> None:
    """First, in the middle, in a later send: the table is as it was, by the command and by the API."""
    assert run("-R", stdin=LIVE).returncode == 0
    lines = LIVE.splitlines(keepends=True)
    path = tmp_path / "rules"
    path.write_text("".join([*lines[:at], REFUSED, *lines[at:]]))
    with Ipvs() as ipvs:
        before = contents(ipvs)
        done = run("restore", *(["--exist"] if exist else []), str(path))
        assert (done.returncode, done.stderr.splitlines()[0].split(": ")[:2]) == (
            1, [f"{path}:{at + 1}", REFUSED.strip()]
        )  # fmt: skip
        assert contents(ipvs) == before
        account = ipvs.restore(path, exist=exist)
        assert (account.added, account.changed, account.already_there, account.refused) == (0, 0, 2400, 1)
        assert contents(ipvs) == before


def test_what_is_there_differently_stays_behind_a_refused_rule() -> None:
    """Edited before it, as it was behind it; a service that is edited and a destination that is added to it."""
    assert run("-R", stdin=LIVE.replace("-w 1\n", "-w 2\n")).returncode == 0
    lines = LIVE.replace("10.0.0.3:80 -s rr", "10.0.0.3:80 -s wlc").splitlines(keepends=True)
    with Ipvs() as ipvs:
        gone = Service.tcp("10.0.0.3", 80).key, Destination("10.128.0.5", 8080)
        ipvs.delete_destination(*gone)
        before = contents(ipvs)
        account = ipvs.restore("".join([*lines[:250], REFUSED, *lines[250:]]).encode(), exist=True)
        assert (account.added, account.changed, account.already_there) == (0, 247, 23)
        now = contents(ipvs)
        assert now.keys() == before.keys()
        key = Service.tcp("10.0.0.3", 80).key
        assert (now[key], now[gone[0]]) == (before[key], before[key])
        weights = [dest.weight for _, dests in ipvs.table() for dest in dests]
        assert (weights.count(1), weights.count(2)) == (247, 24 * 99 - 247 - 1)


def test_nothing_behind_a_refused_edit_either() -> None:
    """The service is there, its edit is refused: edits, timeouts and the daemon behind it do not stand."""
    subprocess.run(["ip", "link", "set", "lo", "multicast", "on"], check=True)
    with Ipvs() as ipvs:
        ipvs.apply(Batch().add_service(Service.mark(1, "rr")).add_service(Service.mark(2, "wlc"))).check()
        ipvs.add_destination(Service.mark(2).key, Destination("10.0.0.1", 0, weight=5))
        ipvs.set_timeouts(Timeouts(900, 120, 300))
        before = contents(ipvs)
        text = REFUSED + (
            "-A -f 2 -s rr\n-a -f 2 -r 10.0.0.1:0 -g -w 1\n-a -f 2 -r 10.0.0.2:0 -g -w 1\n-A -f 3 -s rr\n"
            "--set 7 8 9\n--start-daemon master --mcast-interface lo\n"
        )
        account = ipvs.restore(text.encode(), exist=True)
        assert str(account) == ("0 of 7 rules are in force: 0 added, 0 already there, 1 refused, 6 not tried")
        assert account.problems[0].message == "Scheduler or persistence engine not found"
        assert (contents(ipvs), ipvs.timeouts(), ipvs.daemons()) == (before, Timeouts(900, 120, 300), [])


def test_what_is_behind_is_sent_where_all_went_well() -> None:
    """The same with a right rule in front."""
    subprocess.run(["ip", "link", "set", "lo", "multicast", "on"], check=True)
    with Ipvs() as ipvs:
        text = "-A -f 1 -s rr\n--set 7 8 9\n--start-daemon backup --mcast-interface lo\n-A -f 2 -s rr\n"
        assert str(ipvs.restore(text.encode())) == "4 of 4 rules are in force"
        assert (ipvs.timeouts(), [d.state for d in ipvs.daemons()]) == (Timeouts(7, 8, 9), ["backup"])
        ipvs.stop_daemon("backup")


def test_what_another_program_deletes_before_the_edit_is_added() -> None:
    """The service could not be added, and then could not be edited either."""
    with Ipvs() as ipvs:
        ipvs.add_service(Service.mark(2, "wlc"))
        ipvs.add_destination(Service.mark(2).key, Destination("10.0.0.1", 0, weight=5))
        text = "-A -f 2 -s rr\n-a -f 2 -r 10.0.0.1:0 -g -w 1\n"
        for stop in (True, False):
            account = restored(Spoiled(1, lambda *_: ipvs.flush()), text, exist=True, stop=stop)
            assert (account.ok, account.added, account.changed) == (True, 2, 0)
            assert run("-S", "-n").stdout == text
            ipvs.put_service(Service.mark(2, "wlc"))
            ipvs.put_destination(Service.mark(2).key, Destination("10.0.0.1", 0, weight=5))


def test_what_another_program_edited_is_not_taken_back() -> None:
    """A destination behind the refused edit was edited, by us and then by another: its edit stays."""
    with Ipvs() as ipvs:
        one = Service.mark(2, "rr")
        ipvs.apply(Batch().add_service(one).add_destination(one.key, Destination("10.0.0.1", 0, weight=5))
                   .add_destination(one.key, Destination("10.0.0.2", 0, weight=5))
                   .add_destination(one.key, Destination("10.0.0.3", 0, weight=5))).check()  # fmt: skip
        text = "-A -f 2 -s rr\n" + "".join(f"-a -f 2 -r 10.0.0.{n}:0 -g -w 1\n" for n in (1, 2, 3))

        def then(results: memoryview, start: int, done: int) -> None:
            results[0] = -errno.EPERM  # the first of the edits
            ipvs.edit_destination(one.key, Destination("10.0.0.3", 0, weight=77))

        account = restored(Spoiled(2, then), text, exist=True)
        weights = {str(dest.address): dest.weight for dest in ipvs.destinations(one.key)}
        assert weights == {"10.0.0.1": 1, "10.0.0.2": 5, "10.0.0.3": 77}
        assert (account.refused, account.changed, account.already_there) == (1, 0, 1)


@pytest.mark.parametrize("stop", [True, False])
def test_lost_replies_are_looked_up(stop: bool) -> None:
    """All is in force, and the account says so."""
    text = rules(3, 99) + "--set 7 8 9\n"
    account = restored(Spoiled(1, lose(0)), text, stop=stop)
    sent = 300 if stop else 301  # what could not be taken back goes alone
    end = f"{301 - sent} added, 0 already there, {sent} found in force after lost replies, 0 refused"
    assert (account.ok, str(account)) == (True, f"301 of 301 rules are in force: {end}")
    assert (account.found, account.unknown, account.problems) == (sent, 0, [])


def test_a_lost_refusal_is_unknown() -> None:
    """Nothing is sent behind it. What may have been there before is not deleted; the account tells both."""
    text = rules(2, 2)
    wrong = text.splitlines(keepends=True)
    wrong.insert(3, REFUSED)
    account = restored(Spoiled(1, lose(1)), "".join(wrong))
    assert str(account) == (
        "6 of 7 rules are in force: 1 added, 0 already there, 5 found in force after lost replies, 0 refused, "
        "1 unknown"
    )
    assert [str(p) for p in account.problems] == [
        "rules:4: -A -f 1 -s nosuch: The kernel's reply was lost (the table does not show it in force)"
    ]
    assert (account.ok, account.refused, account.not_tried) == (False, 0, 0)
    assert run("-S", "-n").stdout == text


def test_lost_replies_to_edits() -> None:
    """The edits were made: they count as changed."""
    with Ipvs() as ipvs:
        ipvs.apply(Batch().add_service(Service.mark(2, "rr")).add_service(Service.mark(3, "rr"))).check()
    account = restored(Spoiled(2, lose(0)), "-A -f 2 -s wlc\n-A -f 3 -s wlc\n", exist=True, stop=False)
    assert str(account) == "2 of 2 rules are in force: 0 added, 2 changed, 0 already there, 0 refused"


@pytest.mark.parametrize(("name", "argv"), [("ipvsfast", ["-R"]), ("ipvsfast-restore", [])])
def test_a_lost_reply_is_no_success(shim: Path, name: str, argv: list[str]) -> None:
    """Not at the end either: the last rule went well, the status is not 0."""
    done = subprocess.run(
        [program(name), *argv], input=rules(30, 60), capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "LD_PRELOAD": str(shim), "FAULT": "short:2", "IPVSFAST_FRONT": "off"},
    )  # fmt: skip
    assert done.returncode == 255
    assert "The kernel's reply was lost" in done.stderr


def test_the_file_is_read_once(tmp_path: Path) -> None:
    """What replaces it between the check and the addition is not carried out."""
    path = tmp_path / "rules"
    path.write_text("-A -f 1 -s rr\n")
    text = RuleText(path)
    checked = check_rules(text)
    path.write_text("-C\n-A -f 2 -s rr\n")
    with Ipvs() as ipvs:
        ipvs.add_service(Service.mark(3, "rr"))
        assert Adding(ipvs.session, text, checked.total, checked.parse).carry_out().added == 1
        assert sorted(service.key.fwmark for service in ipvs.services()) == [1, 3]


@pytest.mark.parametrize(("argv", "what"), [(("restore", "-"), "in force"), (("-R",), "sent")])
@pytest.mark.parametrize("front", ["on", "off"])
def test_sigterm_has_an_account(
    shim: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], what: str, front: str
) -> None:
    """As Ctrl-C has, with the exit status that shells have for it."""
    monkeypatch.setenv("IPVSFAST_FRONT", front)
    with held(shim, "stop:3", *argv, stdin=rules(1, 12000)) as restore, Ipvs() as ipvs:
        restore.signal(signal.SIGTERM)
        assert restore.status == 143
        there = 1 + len(ipvs.table()[0][1])
        assert 0 < there < 12000
    number = f"{there:,} of 12,001 rules are" if what == "in force" else f"{there} rules were"
    assert restore.err.startswith(f"terminated: {number} {what}")


def test_without_memory_there_is_an_account(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What was done is told, then nothing more."""
    from ipvsfast.cli import restore as command
    from ipvsfast.cli.main import main

    class Full:
        def __call__(self, done: int) -> None:
            raise MemoryError

        def close(self) -> None:
            pass

    path = "/dev/stdin"
    monkeypatch.setattr(command, "for_terminal", lambda *_: Full())
    monkeypatch.setattr(command, "_text", lambda _: RuleText(b"-A -f 1 -s rr\n-A -f 2 -s rr\n", "rules"))
    assert main(["restore", path], "ipvsfast") == 1
    assert capfd.readouterr().err == "rules: out of memory\n2 of 2 rules are in force\n"


def test_exist_and_clear_exclude_each_other() -> None:
    """For programs too."""
    with Ipvs() as ipvs:
        ipvs.add_service(Service.mark(3, "rr"))
        with pytest.raises(ValueError, match="exist=True has no effect with clear=True"):
            ipvs.restore(b"-A -f 1 -s rr\n", clear=True, exist=True)
        with pytest.raises(KernelRefused):
            ipvs.add_service(Service.mark(3, "rr"))
