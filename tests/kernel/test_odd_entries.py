"""What another program may have put into the kernel, which takes it without a word: listed, saved, restored."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parity.programs import THEIRS

from ipvsfast import InvalidValue, Ipvs, NotRestorable, Service, Timeouts, check, to_rule
from ipvsfast.kernel.layout import DAEMON, TIMEOUTS, packed_operation
from ipvsfast.kernel.rule_buffer import new_results
from ipvsfast.model.kernel_names import COMMANDS
from support.command import run
from support.odd_entries import OddDestination, OddService, OddTable, send

pytestmark = pytest.mark.usefixtures("netns")

S, D = OddService, OddDestination
MADE = [D(address=b"\xc0\xa8\0\5")]  # an ordinary destination

# A reason, and the service that has it.
SERVICES: dict[str, OddService] = {
    "protocol 47": S(protocol=47),
    "protocol 0": S(protocol=0),
    "protocol 300": S(protocol=300),
    "port 0 without persistence": S(port=0),
    "persistent for 0 seconds": S(flags=1, netmask=0xFFFFFF00, engine=b"sip"),
    "persistent for 2678401 seconds": S(flags=1, timeout=2678401),
    "one-packet scheduling of TCP": S(flags=4),
    "one-packet scheduling of SCTP": S(protocol=132, flags=4),
    "unknown flags 0x40": S(flags=0x40),
    "unknown flags 0xffffff00": S(flags=0xFFFFFF00),
}
# The same for destinations of an ordinary service.
DESTINATIONS: dict[str, OddDestination] = {
    "forwarding local": D(1),
    "forwarding bypass": D(4),
    "forwarding method-5": D(5),
    "forwarding method-6": D(6),
    "forwarding method-7": D(7),
    "route to another port": D(3, port=81),
    "tunnel to another port": D(2, port=81),
    "tunnel type-3": D(2, tunnel_type=3),
    "tunnel type-255": D(2, tunnel_type=255),
    "gue tunnel with flags-3": D(2, tunnel_type=1, tunnel_port=5, tunnel_flags=3),
    "gre tunnel with remcsum": D(2, tunnel_type=2, tunnel_flags=2),
    "gre tunnel with flags-65535": D(2, tunnel_type=2, tunnel_flags=0xFFFF),
}
# What looks odd, and can be restored.
RESTORABLE: OddTable = [
    (S(port=1, flags=1, timeout=60, netmask=0xFF00FF00), MADE),
    (S(port=2, flags=1, timeout=60, netmask=24), []),
    (S(port=3, scheduler=b"none"), MADE),
    (S(port=4, scheduler=b"sh", flags=0x38), []),
    (S(port=5, engine=b"sip"), []),
    (S(port=0, flags=1, timeout=60), [D(3, port=0), D(0, port=8080)]),
    (S(mark=7, flags=4), [D(3, port=9), D(0, address=b"\xf0\0\0\1"), D(0, address=b"\0\0\0\1")]),
    (S(port=6), [D(2, port=6, upper=2**31 - 1, lower=3, tunnel_port=5, tunnel_flags=9)]),
]


def rules_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line[:1] != "#"]


def comments_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("# not restorable: ")]


def assert_saved(left_out: int, path: Path) -> str:
    """What save writes is right as a whole and brings the rest of the table back; the text."""
    done = run("save", str(path))
    assert (done.returncode, done.stdout) == (1 if left_out else 0, "")
    text = path.read_text()
    assert len(comments_of(text)) == left_out
    assert done.stderr.startswith(f"{left_out} rule" if left_out else "")
    checked = run("restore", "--check", str(path))
    assert (checked.returncode, checked.stdout) == (0, "")
    again = run("restore", "--clear", "--allow-empty", "--quiet", str(path))
    assert (again.returncode, again.stderr) == (0, "")
    second = run("save")
    assert (second.returncode, second.stderr) == (0, "")
    assert rules_of(second.stdout) == rules_of(text)
    return text


@pytest.mark.parametrize("reason", SERVICES)
def test_a_service_that_no_rule_makes(tmp_path: Path, reason: str) -> None:
    """It is a comment with the reason, with its destinations; the other service is saved."""
    with Ipvs() as ipvs:
        table: OddTable = [(SERVICES[reason], MADE), (S(port=9), MADE)]
        assert send(ipvs, table) == [""] * 4
        lines = ipvs.rules()
    text = assert_saved(2, tmp_path / "rules")
    assert lines == text.splitlines()[1:]
    first, second = comments_of(text)
    assert first.startswith(f"# not restorable: {reason}: -A ")
    assert second.startswith("# not restorable: its service is not restorable: -a ")
    assert rules_of(text)[1:] == ["-A -t 10.0.0.1:9 -s rr", "-a -t 10.0.0.1:9 -r 192.168.0.5:80 -m -w 1"]


@pytest.mark.parametrize("reason", DESTINATIONS)
def test_a_destination_that_no_rule_makes(tmp_path: Path, reason: str) -> None:
    """It is a comment with the reason; its service and the other destination are saved."""
    with Ipvs() as ipvs:
        assert send(ipvs, [(S(), [DESTINATIONS[reason], *MADE])]) == [""] * 3
    text = assert_saved(1, tmp_path / "rules")
    assert comments_of(text)[0].startswith(f"# not restorable: {reason}: -a -t 10.0.0.1:80 -r 192.168.0.1:8")
    assert rules_of(text)[1:] == ["-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 192.168.0.5:80 -m -w 1"]


def test_what_only_looks_odd_is_saved(tmp_path: Path) -> None:
    """Masks with holes, all flags, addresses of class E, ports of a mark: they are the same afterwards."""
    with Ipvs() as ipvs:
        assert not any(send(ipvs, RESTORABLE))
        before = [(service, dests) for service, dests in ipvs.table()]
        assert_saved(0, tmp_path / "rules")
        after = dict(ipvs.table())
    for service, dests in before:
        if service.port == 6:  # an ipip tunnel has no use for a port and flags
            dests = [one._with(tunnel=after[service][0].tunnel) for one in dests]
        assert after[service] == dests


ANY_SERVICES = [*SERVICES.values(), S(), S(protocol=17, flags=4), S(mark=3, flags=1), S(mark=4, flags=0x80), S(
    family=10, netmask=128, address=b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\1")]  # fmt: skip
ANY_DESTINATIONS = [
    *DESTINATIONS.values(),
    *MADE,
    D(3),
    D(family=10, address=b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\2"),
]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ANY_SERVICES), st.lists(st.sampled_from(ANY_DESTINATIONS), max_size=4)),
                max_size=6))  # fmt: skip
def test_any_of_them_together(tmp_path_factory: pytest.TempPathFactory, table: Any) -> None:
    """Whatever the kernel takes of it: each rule of the table is in the file, as a rule or as a comment."""
    path = tmp_path_factory.mktemp("saved") / "rules"
    with Ipvs() as ipvs:
        ipvs.flush()
        send(ipvs, [(service._replace(port=service.port and 80 + at), dests)
                    for at, (service, dests) in enumerate(table)])  # fmt: skip
        total = sum(1 + len(dests) for _, dests in ipvs.table())
        lines = ipvs.rules()
        left_out = sum(line[:1] == "#" for line in lines)
        assert len(lines) == total + 1
        assert check(lines) == total + 1 - left_out
        assert_saved(left_out, path)


def test_timeouts_and_daemons_beyond_the_options(tmp_path: Path) -> None:
    """The timeout that no option takes is left as it is by the rule; a syncid of more than a byte is a comment."""
    with Ipvs() as ipvs:
        for name, packed in (("set", TIMEOUTS.pack(5000000, 120, 300)),
                             ("start-daemon", DAEMON.pack(2, 300, 0, 0, 0, 0, b"", b"lo"))):  # fmt: skip
            op = packed_operation(COMMANDS[name], packed)
            results = new_results(1)
            ipvs.send(bytearray(op), 1, results)
            assert results[0] == 0
        lines = ipvs.rules()
        assert lines[:2] == [
            "# not restorable: timeout of 5000000 seconds: --set 5000000 120 300",
            "--set 0 120 300",
        ]
        assert lines[2].startswith(
            "# not restorable: syncid 300: --start-daemon backup --mcast-interface lo "
        )
        assert check(lines) == 1
        with pytest.raises(NotRestorable) as caught:
            ipvs.save(tmp_path / "rules")
        assert ipvs.timeouts() == Timeouts._make(5000000, 120, 300)
        ipvs.stop_daemon("backup")
    assert [text.partition(":")[0] for text in caught.value.rules] == [
        "timeout of 5000000 seconds",
        "syncid 300",
    ]
    assert (tmp_path / "rules").read_text().splitlines()[1:] == lines


def test_the_command_says_how_many_and_the_first(tmp_path: Path) -> None:
    """Status 1 and one sentence, to a file and to standard output; the rules are there."""
    with Ipvs() as ipvs:
        send(ipvs, [(S(protocol=47), []), (S(port=9), [D(4)])])
        said = "2 rules cannot be restored and are comments: the first is "
        texts = []
        for words in (["save"], ["save", str(tmp_path / "rules")]):
            done = run(*words)
            assert (done.returncode, done.stderr[: len(said)]) == (1, said)
            texts.append(done.stdout or (tmp_path / "rules").read_text())
        assert texts[0].splitlines()[1:] == texts[1].splitlines()[1:] == ipvs.rules()
        with pytest.raises(NotRestorable) as caught:
            ipvs.save(tmp_path / "rules")
        assert sorted(caught.value.rules) == [
            "forwarding bypass: -a -t 10.0.0.1:9 -r 192.168.0.1:80 (null) -w 1",
            "protocol 47: -A --xxx-service 10.0.0.1:80 -s rr",
        ]
        ipvs.delete_service(Service.tcp("10.0.0.1", 9))
    done = run("save")
    assert (
        done.stderr
        == "1 rule cannot be restored and is a comment: protocol 47: -A --xxx-service 10.0.0.1:80 -s rr\n"
    )


def test_compat_leaves_them_out() -> None:
    """ipvsadm -R knows no comments: what it is given are rules that it reads; what lacks is told."""
    with Ipvs() as ipvs:
        send(ipvs, [(S(protocol=47), MADE), (S(port=9), [D(1), D(4, address=b"\xc0\xa8\0\2"), *MADE])])
        done = run("save", "--compat")
        text = "-A -t 10.0.0.1:9 -s rr\n-a -t 10.0.0.1:9 -r 192.168.0.5:80 -m -w 1\n"
        assert (done.returncode, done.stdout) == (1, text)
        assert done.stderr.startswith("4 rules cannot be restored and were left out: the first is ")
        ipvs.flush()
        theirs = subprocess.run(
            [THEIRS, "-R"], input=text.encode(), capture_output=True, timeout=60, check=False
        )
        assert (theirs.returncode, theirs.stdout, theirs.stderr) == (0, b"", b"")
        assert run("save", "--compat").stdout == text


# ipvsadm -S ends by a crash at forwarding methods and tunnels that it has no words for.
LISTED = [one for one in DESTINATIONS.values() if one.method in (0, 1, 3)]
VIEWS = [
    "-Ln",
    "-Ln --stats",
    "-Ln --rate",
    "-Ln --thresholds",
    "-Ln --persistent-conn",
    "-Ln -t 10.0.0.1:14",
]


def test_listings_are_those_of_ipvsadm() -> None:
    """Every view of every kind, and -S -n, where ipvsadm writes one: the same bytes."""
    table = [(one._replace(port=one.port and 10 + at), LISTED) for at, one in enumerate(SERVICES.values())]
    with Ipvs() as ipvs:
        results = send(ipvs, [*table, *[(s, d) for s, d in RESTORABLE if s.port not in (0, 4, 6)]])
        assert not any(results)
        compared = ["-S -n", *VIEWS]
        for _ in range(2):
            for words in compared:
                theirs = subprocess.run(
                    [THEIRS, *words.split()], capture_output=True, timeout=60, check=False
                )
                ours = run(*words.split())
                assert theirs.returncode == 0
                assert ours.stdout == theirs.stdout.decode(), words
                assert ours.returncode == 0
            send(ipvs, [(S(port=200), list(DESTINATIONS.values()))])
            compared = VIEWS


def test_reading_checks_nothing() -> None:
    """Values of all of it are what the kernel has: listed as text, as JSON, and written back by an edit."""
    with Ipvs() as ipvs:
        send(ipvs, [(one._replace(port=one.port and 10 + at), list(DESTINATIONS.values()))
                    for at, one in enumerate(SERVICES.values())])  # fmt: skip
        for service, dests in ipvs.table():
            for value in (service, *dests):
                assert str(value.to_dict()) and repr(value) and hash(value) is not None
            ipvs.edit_service(service)
            for one in dests[:1]:
                ipvs.edit_destination(service, one)
            assert ipvs.service(service) == service
        zero = next(s for s, _ in ipvs.table() if s.engine)
        assert (zero.persistent, zero.flags, zero.to_dict()["scheduler_flags"]) == (0, 1, ["0x01"])
        assert zero != zero._with(scheduler_flags=0)
        odd = next(s for s, _ in ipvs.table() if s.key.protocol_number == 0)
        assert (odd.protocol, str(odd.key)) == ("0", "0 10.0.0.1:11")
        with pytest.raises(InvalidValue, match="protocol 0"):
            to_rule(odd)
