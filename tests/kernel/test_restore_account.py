"""The account of `ipvsfast restore`: what was added, changed, there already, refused, and what is in force."""

import random
import subprocess

import pytest

from ipvsfast import (
    Batch,
    Destination,
    Interrupted,
    Ipvs,
    KernelRefused,
    Service,
    ServiceKey,
    SyncDaemon,
    Timeouts,
)
from support.command import rules, run

pytestmark = pytest.mark.usefixtures("netns")

# Everything that a rule can say, in ipvsadm's own words.
VARIED = """\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 0
-a -t 10.0.0.1:80 -r 10.1.0.3:80 -i -w 7 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t 10.0.0.1:80 -r 10.1.0.4:80 -g -w 3 -x 9 -y 2
-A -t [2001:db8::1]:443 -s sh -b sh-port,sh-fallback
-a -t [2001:db8::1]:443 -r [2001:db8::2]:443 -g -w 1
-A -u 10.0.0.1:5060 -s rr -p 60 -M 255.255.255.0 --pe sip
-A -u 10.0.0.2:53 -s rr -o
-A --sctp-service 10.0.0.1:9 -s lc
-A -f 4294967295 -s mh -p 300
-a -f 4294967295 -r 10.1.0.9:0 -g -w 1
-A -f 7 -6 -s rr -p 9 -M 64
"""
LINES = VARIED.splitlines(keepends=True)


def summary(done: subprocess.CompletedProcess[str]) -> str:
    """The last line without the time."""
    text = done.stderr.splitlines()[-1]
    before, _, after = text.partition(" after ")
    return before + after[after.index(" s") + 2 :]


def contents(ipvs: Ipvs) -> dict[ServiceKey, tuple[Service, list[Destination]]]:
    """The table without the order of services, which a resize of the kernel's changes."""
    return {service.key: (service, dests) for service, dests in ipvs.table()}


@pytest.mark.parametrize("maker", ["ipvsadm", "ipvsfast"])
def test_what_is_there_as_the_rules_say_is_no_refusal(maker: str) -> None:
    """Whoever put it there: status 0, and the account says it."""
    if maker == "ipvsadm":
        subprocess.run(["ipvsadm", "-R"], input=VARIED, text=True, check=True)
    else:
        assert run("-R", stdin=VARIED).returncode == 0
    before = run("save").stdout.partition("\n")[2]
    for argv in ((), ("--keep-going",), ("--exist",)):
        done = run("restore", *argv, stdin=VARIED)
        assert (done.returncode, len(done.stderr.splitlines())) == (0, 1), done.stderr
        assert summary(done) == "13 of 13 rules are in force: 0 added, 13 already there, 0 refused"
    assert run("save").stdout.partition("\n")[2] == before


@pytest.mark.parametrize("seed", range(4))
def test_a_part_is_there(seed: int) -> None:
    """The rest is added; added and already there are told apart."""
    chosen = random.Random(seed)
    there = [line for line in LINES if line[:2] == "-A" and chosen.random() < 0.5]
    assert run("-R", stdin="".join(there)).returncode == 0
    with Ipvs() as ipvs:
        account = ipvs.restore(VARIED.encode())
    assert (account.ok, account.added, account.already_there) == (True, 13 - len(there), len(there))
    assert run("restore", "-q", stdin=VARIED).stderr == ""


def _changed(line: str) -> str:
    if line[:2] == "-a":
        return line.replace(" -w ", " -w 1")
    return line.replace(" -s ", " -p 77 -s ") if " -p " not in line else line.replace(" -p ", " -p 1")


@pytest.mark.parametrize("at", range(len(LINES)))
def test_other_values_are_a_refusal(at: int) -> None:
    """Each rule in turn: refused where it is there with another value, with its line; the others count."""
    text = "".join([*LINES[:at], _changed(LINES[at]), *LINES[at + 1 :]])
    assert run("-R", stdin=text).returncode == 0
    with Ipvs() as ipvs:
        before = contents(ipvs)
        account = ipvs.restore(VARIED.encode())
        assert (account.ok, account.already_there, account.refused, account.in_force) == (False, 12, 1, 12)
        assert [(p.line, "already exists" in p.message) for p in account.problems] == [(at + 1, True)]
        assert contents(ipvs) == before
        account = ipvs.restore(VARIED.encode(), exist=True)
        assert (account.ok, account.changed, account.already_there) == (True, 1, 12)
        assert ipvs.restore(VARIED.encode()).already_there == 13


def test_after_a_stop_what_is_in_force_is_still_told() -> None:
    """The rules behind the refused one are not sent, but those that are there count as in force."""
    run("-R", stdin="-A -f 2 -s wlc\n-A -f 4 -s rr\n")
    text = "-A -f 1 -s rr\n-A -f 2 -s rr\n-A -f 3 -s rr\n-A -f 4 -s rr\n-A -f 5 -s rr\n"
    done = run("restore", stdin=text)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 2)
    assert summary(done) == "2 of 5 rules are in force: 1 added, 1 already there, 1 refused, 2 not tried"
    assert run("-S", "-n").stdout.splitlines() == ["-A -f 1 -s rr", "-A -f 2 -s wlc", "-A -f 4 -s rr"]


def test_thousands_that_are_there() -> None:
    """More than one send takes; and the stop in the middle of them."""
    text = rules(100, 100)
    assert run("-R", stdin=text).returncode == 0
    done = run("restore", stdin=text)
    assert (done.returncode, summary(done)) == (
        0, "10,100 of 10,100 rules are in force: 0 added, 10,100 already there, 0 refused"
    )  # fmt: skip
    run("-E", "-t", "10.0.0.50:80", "-s", "lc")
    run("-D", "-t", "10.0.0.99:80")
    assert summary(run("restore", stdin=text)) == (
        "9,998 of 10,100 rules are in force: 0 added, 9,998 already there, 1 refused, 101 not tried"
    )
    assert summary(run("restore", "--exist", stdin=text)) == (
        "10,100 of 10,100 rules are in force: 101 added, 1 changed, 9,998 already there, 0 refused"
    )


def test_edits_behind_a_refused_rule_are_taken_back() -> None:
    """--exist stops at a rule that cannot be; what stands behind it has the values that it had."""
    with Ipvs() as ipvs:
        first, bad, behind = (Service.mark(n, "wlc", persistent=n) for n in (1, 2, 3))
        dest = Destination("10.0.0.1", 0, weight=9, upper=5)
        batch = Batch().add_service(first).add_service(bad).add_service(behind)
        ipvs.apply(batch.add_destination(behind.key, dest)).check()
        text = (
            "-A -f 1 -s rr\n-A -f 2 -s nosuch\n-A -f 3 -s rr\n-a -f 3 -r 10.0.0.1:0 -g -w 1\n"
            "-A -f 4 -s rr\n-a -f 4 -r 10.0.0.1:0 -g -w 1\n"
        )
        account = ipvs.restore(text.encode(), exist=True)
        assert [(p.line, p.message) for p in account.problems] == [
            (2, "Scheduler or persistence engine not found")
        ]
        assert (account.changed, account.added, account.already_there, account.not_tried) == (1, 0, 0, 4)
        assert contents(ipvs) == {
            first.key: (Service.mark(1, "rr"), []),
            bad.key: (bad, []),
            behind.key: (behind, [dest]),
        }


def test_nothing_else_behind_a_refused_rule_either() -> None:
    """Timeouts and daemons, which could not be taken back, are not sent along."""
    subprocess.run(["ip", "link", "set", "lo", "multicast", "on"], check=True)
    with Ipvs() as ipvs:
        ipvs.add_service(Service.mark(2, "wlc"))
        ipvs.set_timeouts(Timeouts(100, 101, 102))
        text = "-A -f 1 -s rr\n--set 7 8 9\n-A -f 2 -s rr\n--set 1 2 3\n--start-daemon master --mcast-interface lo\n-A -f 3 -s rr\n"
        account = ipvs.restore(text.encode())
        assert (account.added, account.refused, account.not_tried) == (2, 1, 3)
        assert (ipvs.timeouts(), ipvs.daemons()) == (Timeouts(7, 8, 9), [])
        assert sorted(service.key.fwmark for service in ipvs.services()) == [1, 2]


@pytest.mark.parametrize("argv", [(), ("--clear",)])
def test_a_daemon_that_runs_is_there_already(argv: tuple[str, ...]) -> None:
    """It counts as such, beside the service that is added."""
    subprocess.run(["ip", "link", "set", "lo", "multicast", "on"], check=True)
    with Ipvs() as ipvs:
        ipvs.start_daemon(SyncDaemon("backup", "lo", 4))
        text = "--start-daemon backup --mcast-interface lo --syncid 4\n-A -f 1 -s rr\n"
        done = run("restore", *argv, stdin=text)
        ipvs.stop_daemon("backup")
    assert (done.returncode, summary(done)) == (
        0, "2 of 2 rules are in force: 1 added, 1 already there, 0 refused"
    )  # fmt: skip


def test_interrupted_among_what_is_there() -> None:
    """Ctrl-C: what was found and what was added so far, and how many were not tried."""
    text = rules(60, 60)  # more than one buffer
    half = "".join(text.splitlines(keepends=True)[: 61 * 20])
    assert run("-R", stdin=half).returncode == 0

    def ctrl_c(done: int) -> None:
        if done >= 61 * 20:  # however many time slices that takes
            raise KeyboardInterrupt

    with Ipvs() as ipvs:
        with pytest.raises(Interrupted) as caught:
            ipvs.restore(text.encode(), progress=ctrl_c)
        account = caught.value.restored
        assert (str(caught.value), caught.value.results) == (f"interrupted: {account}", None)
        assert account.already_there == 61 * 20
        assert sum(1 + len(dests) for _, dests in ipvs.table()) == account.in_force < 61 * 60
    assert account.added + account.already_there + account.not_tried == account.total == 61 * 60
    assert str(account) == (
        f"{account.in_force:,} of 3,660 rules are in force: {account.added:,} added, 1,220 already there, "
        f"0 refused, {account.not_tried:,} not tried"
    )


def test_one_rule() -> None:
    """A count of one is no plural."""
    for expected in (
        "1 of 1 rule is in force",
        "1 of 1 rule is in force: 0 added, 1 already there, 0 refused",
    ):
        assert summary(run("restore", stdin="-A -f 1 -s rr\n")) == expected
    with Ipvs() as ipvs:
        with pytest.raises(KernelRefused):
            ipvs.add_service(Service.mark(1, "rr"))
        account = ipvs.restore(b"-A -f 1 -s wlc\n")
    assert str(account) == "0 of 1 rule is in force: 0 added, 0 already there, 1 refused"
    assert repr(account) == f"<Restored {account}>"
