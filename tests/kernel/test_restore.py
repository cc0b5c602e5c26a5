"""`ipvsfast restore` and `save` on a real kernel: all or a true account, and nothing lost."""

import errno
import os
import random
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipvsfast import Batch, Destination, InvalidValue, Ipvs, Operation, Service, SyncDaemon, Timeouts, Tunnel
from ipvsfast.changes.restore import RulesInvalid
from support.command import NOBODY, program, rules, run
from support.held import held

pytestmark = pytest.mark.usefixtures("netns")

MISTAKES = """\
# a comment, then nine mistakes
-A -t 10.0.0.1:80 -s rr
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 2
-a -t 10.0.0.2:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r [::1]:80 -m
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1 -x 1 -y 2
-a -t 10.0.0.1:80 -r 224.0.0.1:80 -m -w 1
-A -t 10.0.0.3:0 -s rr
-D -t 10.0.0.1:80
foo
"""
FOUND = [
    (3, "this stands twice"),
    (5, "this stands twice"),
    (6, "its service is not defined before it"),
    (7, "Different address family is allowed only for tunneling servers"),
    (8, "the lower threshold is above the upper one"),
    (9, "the server address is not unicast"),
    (10, "Zero port specified for non-persistent service"),
    (11, "a rule file holds add-service, add-destination, set, start-daemon only, not delete-service"),
    (12, "this is no rule"),
]


def test_every_mistake_is_listed_and_nothing_is_sent(tmp_path) -> None:
    """With and without --check: all of them, with place and rule; the table stays empty."""
    path = tmp_path / "rules"
    path.write_text(MISTAKES)
    lines = MISTAKES.splitlines()
    expected = [f"{path}:{n}: {lines[n - 1]}: {text}" for n, text in FOUND]
    for argv in (["restore", str(path)], ["restore", "--check", str(path)]):
        done = run(*argv)
        assert done.returncode == 1
        assert done.stderr.splitlines()[:-1] == expected
    with Ipvs() as ipvs:
        assert ipvs.services() == []
        with pytest.raises(RulesInvalid) as caught:
            ipvs.restore(path)
        assert [(p.line, p.message) for p in caught.value.problems] == FOUND


def test_check_needs_no_privilege() -> None:
    """--check asks no kernel: it works as anybody."""
    done = run("restore", "--check", stdin=rules(3, 3), prefix=NOBODY)
    assert (done.returncode, done.stderr) == (0, "stdin: 12 rules, no mistakes\n")
    assert run("restore", "--check", stdin="-A -f 0\n", prefix=NOBODY).returncode == 1


def test_a_good_file_is_restored_with_a_summary() -> None:
    """Status 0, a count on standard error, nothing on standard output; --quiet says nothing at all."""
    done = run("restore", stdin=rules(5, 5))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("30 of 30 rules are in force after 0.")
    run("-C")
    done = run("restore", "-q", stdin=rules(5, 5))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_stop_on_error_leaves_nothing_after_it() -> None:
    """The default: what follows a refused rule is not in force, though it went out in the same send."""
    with Ipvs() as ipvs:
        ipvs.add_service(Service.mark(7))
        text = "-A -f 6 -s rr\n-A -f 7 -s rr\n-A -f 8 -s rr\n-a -f 8 -r 10.0.0.1:0 -g -w 1\n"
        done = run("restore", stdin=text)
        assert done.returncode == 1
        assert done.stderr.splitlines()[0] == (
            "stdin:2: -A -f 7 -s rr: Service already exists (edit it with -E, or delete it first)"
        )
        assert "1 of 4 rules are in force after 0." in done.stderr
        assert done.stderr.endswith(" s: 1 added, 0 already there, 1 refused, 2 not tried\n")
        assert sorted(s.key.fwmark for s in ipvs.services()) == [6, 7]


def test_keep_going_and_exist() -> None:
    """Refusals make the status 1 and do not stop; with --exist what is there is made as the file says."""
    text = "-A -f 7 -s rr\n-a -f 7 -r 10.0.0.1:0 -g -w 5\n-A -f 8 -s rr\n"
    with Ipvs() as ipvs:
        ipvs.add_service(Service.mark(7, "wlc"))
        ipvs.add_destination(Service.mark(7).key, Destination("10.0.0.1", 0))
        done = run("restore", "--keep-going", stdin=text)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 3)
        assert "1 of 3 rules are in force after 0." in done.stderr
        assert done.stderr.endswith(" s: 1 added, 0 already there, 2 refused\n")
        assert ipvs.service(Service.mark(7).key).scheduler == "wlc"
        done = run("restore", "--exist", stdin=text)
        assert done.returncode == 0, done.stderr
        assert done.stderr.endswith(" s: 0 added, 2 changed, 1 already there, 0 refused\n")
        service, dests = ipvs.one(Service.mark(7).key)
        assert (service.scheduler, dests[0].weight) == ("rr", 5)


def test_options_that_exclude_each_other_and_unknown_ones() -> None:
    """One sentence and status 2."""
    for argv, text in (
        (["--keep-going", "--stop-on-error"], "exclude each other"),
        (["--allow-empty"], "restore: --allow-empty goes with --clear only"),
        (["--clear", "--exist"], "restore: --exist has no effect with --clear, which"),
        (["--clear", "--stop-on-error"], "restore: --stop-on-error has no effect with --clear, which"),
        (["--bogus"], "restore: --bogus: unknown option"),
        (["a", "b"], "restore: unexpected argument b"),
    ):
        done = run("restore", *argv)
        assert done.returncode == 2
        assert text in done.stderr
    done = run("restore", "/nonexistent/rules")
    assert (done.returncode, done.stderr) == (
        1,
        "cannot read /nonexistent/rules: No such file or directory\n",
    )


def test_clear_replaces_the_table_and_keeps_the_order() -> None:
    """What is not in the file goes, what is in it is there in the order of the file."""
    run("-R", stdin=rules(30, 40))
    wanted = rules(20, 50).splitlines()
    blocks = [wanted[at : at + 51] for at in range(0, len(wanted), 51)]
    random.Random(1).shuffle(blocks)
    for block in blocks:
        tail = block[1:]
        random.Random(2).shuffle(tail)
        block[1:] = tail
    text = "".join(f"{line}\n" for block in blocks for line in block)
    done = run("restore", "--clear", stdin=text)
    assert done.returncode == 0, done.stderr
    with Ipvs() as ipvs:
        table = {str(s.key): [str(d.key) for d in dests] for s, dests in ipvs.table()}
    assert len(table) == 20
    for block in blocks:
        added = [line.split()[4] for line in block[1:]]
        assert table[f"TCP {block[0].split()[2]}"] == added[::-1]


@pytest.mark.parametrize("text", ["", "# saved\n\n", "# saved\n--set 9 9 9\n"])
def test_an_empty_file_does_not_replace_a_table(tmp_path, text: str) -> None:
    """A program that failed wrote it: refused, --set lines too, unless it is said that it is meant."""
    path = tmp_path / "rules"
    path.write_text(text)
    run("-R", stdin=rules(2, 2))
    before = run("save").stdout.partition("\n")[2]
    refused = "holds no service: the table would be empty; nothing was changed"
    for argv in (["--clear"], ["--clear", "--check"], ["--clear", "--keep-going", "-q"]):
        for name, stdin in ((str(path), ""), ("-", text)):
            done = run("restore", *argv, name, stdin=stdin)
            where = name if name != "-" else "stdin"
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == f"{where} {refused} (--allow-empty if that is meant)\n"
    with Ipvs() as ipvs:
        with pytest.raises(InvalidValue, match=f"{refused} .allow_empty=True if that is meant"):
            ipvs.restore(path, clear=True)
        assert run("save").stdout.partition("\n")[2] == before
        assert run("restore", str(path)).returncode == 0  # without --clear nothing is lost
        assert len(ipvs.services()) == 2
        assert ipvs.restore(path, clear=True, allow_empty=True).ok
        assert ipvs.services() == []
        run("-R", stdin=rules(2, 2))
        assert run("restore", "--clear", "--allow-empty", "-q", str(path)).returncode == 0
        assert ipvs.services() == []


def test_an_interrupted_restore_converges(shim: Path) -> None:
    """SIGINT tells how many rules are in force; running it again brings the rest."""
    text = rules(1, 12000)
    with held(shim, "stop:3", "restore", "-", stdin=text) as restore, Ipvs() as ipvs:
        before = len(ipvs.table()[0][1])
        restore.signal(signal.SIGINT)
        assert restore.status == 130
        there = 1 + len(ipvs.table()[0][1])
        assert 0 < before < there < 12000
        assert restore.err == f"interrupted: {there:,} of 12,001 rules are in force\n"
        assert run("restore", "--exist", "-q", stdin=text).returncode == 0
        assert len(ipvs.table()[0][1]) == 12000


def test_killed_in_the_middle_it_converges_too(shim: Path) -> None:
    """SIGKILL between any two sends, mh services among the rules: no service is left on `none`."""
    text = rules(40, 50).replace("-s rr", "-s mh")
    with Ipvs() as ipvs:
        for number in (1, 2, 3, 4):
            with held(shim, f"stop:{number}", "-R", stdin=text) as restore:
                restore.signal(signal.SIGKILL)
            assert {s.scheduler for s in ipvs.services()} <= {"mh"}
        assert run("restore", "--exist", "-q", stdin=text).returncode == 0
        assert run("-S", "-n").stdout == text


def test_two_restores_at_once() -> None:
    """Both end, each with a true account; together the table is whole."""
    text = rules(200, 20)
    both = [
        subprocess.Popen(
            [program(), "restore", "--keep-going"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    counts = []
    for one in both:
        _, messages = one.communicate(text, timeout=60)
        assert (one.returncode, messages.startswith("4,200 of 4,200 rules are in force after ")) == (0, True)
        added = messages.rpartition(": ")[2].partition(" added")[0] if " added" in messages else "4,200"
        counts.append(int(added.replace(",", "")))
    assert sum(counts) == 200 * 21
    assert run("-S", "-n").stdout == text


def test_small_socket_buffers() -> None:
    """With the smallest buffers the kernel grants everything still gets through, with all results."""
    with Ipvs() as ipvs:
        ipvs.session.set_window(3)
        batch = Batch()
        for n in range(1, 200):
            batch.add_service(Service.mark(n)).add_service(Service.mark(n))
        results = ipvs.apply(batch)
        assert [r.errno for r in results] == [0, errno.EEXIST] * 199


keys = st.one_of(
    st.builds(lambda n, p: Service.tcp(f"10.0.{n}.1", p, "rr"), st.integers(0, 3), st.integers(1, 3)),
    st.builds(lambda n: Service.udp(f"2001:db8::{n}", 53, "wlc", one_packet=True), st.integers(1, 3)),
    st.builds(lambda n: Service.sctp("10.0.0.9", n, "wrr"), st.integers(1, 3)),
    st.builds(lambda n, six: Service.mark(n, "sh", ipv6=six, scheduler_flags=0x30), st.integers(2**32 - 3, 2**32 - 1), st.booleans()),
    st.builds(lambda t, m: Service.tcp("10.0.1.1", 0, "lc", persistent=t, netmask=m), st.integers(1, 2678400), st.integers(0, 32)),
    st.builds(lambda t: Service.udp("10.0.1.1", 5060, "rr", persistent=t, engine="sip"), st.integers(1, 2678400)),
)  # fmt: skip
tunnels = st.sampled_from(
    [Tunnel(), Tunnel("gue", 6080, "remcsum"), Tunnel("gre", checksum="csum"), Tunnel("gue", 1)]
)
weights = st.integers(0, 2**31 - 1)


@st.composite
def destinations(draw: st.DrawFn, family: int) -> Destination:
    address = (
        f"10.9.0.{draw(st.integers(1, 9))}"
        if draw(st.booleans())
        else f"2001:db8:9::{draw(st.integers(1, 9))}"
    )
    other = (":" in address) != (family == 10)
    forwarding = "tunnel" if other else draw(st.sampled_from(["masq", "route", "tunnel"]))
    upper = draw(st.sampled_from([0, 5, 2**31 - 1]))
    return Destination(
        address, draw(st.integers(0, 65535)), forwarding=forwarding, weight=draw(weights), upper=upper,
        lower=draw(st.sampled_from([0, upper])), tunnel=draw(tunnels) if forwarding == "tunnel" else Tunnel(),
    )  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[Service, list[Destination]]]:
    services = draw(st.lists(keys, max_size=6, unique_by=lambda s: s.key))
    table = []
    for service in services:
        dests = draw(st.lists(destinations(service.key.family), max_size=6, unique_by=lambda d: d.key))
        if not service.key.fwmark:  # direct routing and tunnels cannot change the port
            port = service.key.port
            dests = [
                d if d.forwarding == "masq" else d.replace(key=type(d.key)(d.key.family, d.key.packed, port))
                for d in dests
            ]
            dests = list({d.key: d for d in dests}.values())
        table.append((service, dests))
    return table


def without_header(text: str) -> str:
    assert text.startswith("# ipvsfast ")
    return text.partition("\n")[2]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.tuples(weights, weights, weights).map(lambda t: Timeouts(*(1 + v % 2678400 for v in t))))
def test_save_flush_restore_save_is_the_identity(table, timeouts: Timeouts) -> None:
    """On random tables: thresholds, order, tunnels, marks, timeouts, everything."""
    with Ipvs() as ipvs:
        ipvs.flush()
        batch = Batch().set_timeouts(timeouts)
        for service, dests in table:
            batch.add_service(service)
            for dest in dests:
                batch.add_destination(service.key, dest)
        ipvs.apply(batch).check()
        before = {s.key: (s, d) for s, d in ipvs.table()}
        saved = run("save").stdout
        ipvs.flush()
        ipvs.set_timeouts(Timeouts(1, 1, 1))
        done = run("restore", "-q", stdin=saved)
        assert done.returncode == 0, done.stderr
        assert {s.key: (s, d) for s, d in ipvs.table()} == before
        assert ipvs.timeouts() == timeouts
        assert without_header(run("save").stdout) == without_header(saved)


def test_daemons_are_saved_and_one_that_runs_is_no_refusal() -> None:
    """Start-daemon lines come back; restoring them while the same daemon runs is fine."""
    subprocess.run(["ip", "link", "set", "lo", "multicast", "on"], check=True)
    with Ipvs() as ipvs:
        ipvs.start_daemon(SyncDaemon("master", "lo", 3, max_len=1400, group="224.0.0.83", port=9001, ttl=2))
        saved = run("save").stdout
        assert (
            "--start-daemon master --mcast-interface lo --syncid 3 --sync-maxlen 1400 --mcast-group 224.0.0.83 "
            "--mcast-port 9001 --mcast-ttl 2\n"
        ) in saved
        assert run("restore", stdin=saved).returncode == 0
        ipvs.stop_daemon("master")
        assert run("restore", stdin=saved).returncode == 0
        assert ipvs.daemons()[0].sync_id == 3
        assert run("restore", stdin=saved.replace("--syncid 3", "--syncid 4")).returncode == 1
        ipvs.stop_daemon("master")


def test_the_file_is_replaced_whole_or_not_at_all(tmp_path) -> None:
    """Mode kept, links followed, no temporary file left, old content kept on failure."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old\n")
    real.chmod(0o640)
    link.symlink_to(real)
    run("-R", stdin=rules(2, 2))
    assert run("save", str(link)).returncode == 0
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert without_header(real.read_text()) == without_header(run("save").stdout)
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]
    done = run("save", str(tmp_path / "no" / "file"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"cannot write {tmp_path}/no/file: No such file or directory\n"


def test_compat_writes_what_ipvsadm_writes() -> None:
    """--compat is byte for byte `ipvsadm -S -n`, thresholds lost and all."""
    text = rules(3, 3) + "-a -t 10.0.0.1:80 -r 10.5.0.1:80 -g -w 3 -x 9 -y 2\n"
    run("-R", stdin=text)
    theirs = subprocess.run(["ipvsadm", "-S", "-n"], capture_output=True, text=True, check=True).stdout
    assert run("save", "--compat").stdout == theirs
    assert run("-S", "-n").stdout == theirs.replace("10.5.0.1:80 -g -w 3", "10.5.0.1:80 -g -w 3 -x 9 -y 2")


def test_compat_leaves_out_what_no_rule_can_make() -> None:
    """A forwarding method that only other programs choose: ipvsadm writes a rule that it does not read."""
    web, server = Service.tcp("10.0.0.1", 80), Destination("10.1.0.1", 80, upper=9)
    with Ipvs() as ipvs:
        ipvs.add_service(web)
        ipvs.apply(
            [Operation._make("add-destination", web.key, server._with(forwarding="bypass"), None)]
        ).check()
        assert ipvs.destinations(web) == [server._with(forwarding="bypass")]
    theirs = subprocess.run(["ipvsadm", "-S", "-n"], capture_output=True, text=True, check=True).stdout
    saved = run("save", "--compat")
    assert saved.stdout == "".join([line for line in theirs.splitlines(True) if "(null)" not in line])
    assert (saved.returncode, saved.stderr.count("1 rule cannot be restored and was left out")) == (1, 1)


def test_the_api_gives_the_same_account(tmp_path) -> None:
    """Ipvs.restore takes a path, bytes or lines, and tells what was done."""
    text = rules(3, 3)
    (tmp_path / "rules").write_text(text)
    seen: list[int] = []
    with Ipvs() as ipvs:
        for source in (tmp_path / "rules", text.encode(), text.splitlines()):
            account = ipvs.restore(source, progress=seen.append)
            assert (account.ok, account.done, account.total, account.problems) == (True, 12, 12, [])
            again = ipvs.restore(source)
            assert (again.ok, again.in_force, again.added, again.already_there) == (True, 12, 0, 12)
            assert (again.changed, again.refused, again.not_tried, again.problems) == (0, 0, 0, [])
            assert str(again) == "12 of 12 rules are in force: 0 added, 12 already there, 0 refused"
            ipvs.edit_service(Service.tcp("10.0.0.0", 80, "wlc"))
            other = ipvs.restore(source)
            assert (other.ok, other.in_force, other.refused) == (False, 11, 1)
            assert (other.problems[0].errno, other.problems[0].line) == (errno.EEXIST, 1)
            assert ipvs.restore(source, clear=True).ok
            ipvs.flush()
        assert [number for number in seen if number != 12] == []
