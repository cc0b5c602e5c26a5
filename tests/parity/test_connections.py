"""Listings of tables that carry real connections: -c, and the counters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from parity.arena import Arena, Space
from parity.compare import assert_same_connections, assert_same_listing, assert_same_output, connections
from parity.programs import Run
from parity.traffic import Flow

from support.sip import invite

LOCAL = "127.0.0.1"
RULES = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 127.0.0.1:8080 -m
-A -t 10.0.0.2:80 -s rr -p 7200
-a -t 10.0.0.2:80 -r 127.0.0.1:8080 -m
-A -t 10.0.0.3:80 -s rr -p 2678400 -M 255.255.0.0
-a -t 10.0.0.3:80 -r 127.0.0.1:8080 -m
-A -t [2001:db8::1]:80 -s rr -p 60 -M 64
-a -t [2001:db8::1]:80 -r [::1]:8080 -m
-A -u 10.0.0.1:53 -s rr
-a -u 10.0.0.1:53 -r 127.0.0.1:8053 -m
-A -u 10.0.0.3:53 -s rr -o
-a -u 10.0.0.3:53 -r 127.0.0.1:8053 -m
-A -u [2001:db8::1]:53 -s rr
-a -u [2001:db8::1]:53 -r [::1]:8053 -m
-A -f 77 -s rr -p 300
-a -f 77 -r 127.0.0.1 -m
-A -f 78 -6 -s rr -p 300
-a -f 78 -6 -r ::1 -m
-A -u 10.0.0.2:5060 -s rr -p 120 --pe sip
-a -u 10.0.0.2:5060 -r 127.0.0.1:5060 -m
"""
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::2")
LISTENERS = [(kind, host, port) for host in (LOCAL, "::1") for kind, port in
             (("tcp", 8080), ("udp", 8053), ("udp", 5060))]  # fmt: skip


FLOWS = [
    Flow("tcp", (LOCAL, 40001), ("10.0.0.1", 80), close="client"),
    Flow("tcp", (LOCAL, 40002), ("10.0.0.1", 80), close="both"),
    Flow("tcp", (LOCAL, 40003), ("10.0.0.2", 80)),
    Flow("tcp", (LOCAL, 40004), ("10.0.0.3", 80)),
    Flow("tcp", ("2001:db8::2", 40005), ("2001:db8::1", 80)),
    Flow("udp", (LOCAL, 40006), ("10.0.0.1", 53)),
    Flow("udp", (LOCAL, 40007), ("10.0.0.3", 53)),
    Flow("udp", ("2001:db8::2", 40008), ("2001:db8::1", 53)),
    Flow("tcp", (LOCAL, 40009), ("10.0.0.1", 8080), mark=77),
    Flow("tcp", ("2001:db8::2", 40010), ("2001:db8::1", 8080), mark=78),
    Flow("udp", (LOCAL, 40011), ("10.0.0.2", 5060), payload=invite(b"3848276298220188511@example.com")),
]


def fill(space: Space, flows: list[Flow]) -> None:
    space.call("parity.traffic:addresses", *ADDRESSES)
    space.call("parity.traffic:listeners", *LISTENERS)
    space.call("parity.traffic:clients", *flows)


@pytest.fixture(scope="module")
def busy(arena: Arena) -> Iterator[tuple[Space, Space]]:
    """Two namespaces with the same connections."""
    with arena.pair(RULES) as (theirs, ours):
        for space in (theirs, ours):
            fill(space, FLOWS)
        yield theirs, ours


@pytest.mark.parametrize("words", ["-Lnc", "-Lc", "-Lnc --persistent-conn", "-L -c --persistent-conn",
                                   "-Lnc --sort", "-Lnc --nosort --exact --tun-info"])  # fmt: skip
def test_connections(busy: tuple[Space, Space], words: str) -> None:
    """TCP in several states, UDP, IPv6, marks, templates and engine data, in both forms and by name."""
    theirs, ours = busy
    run = Run(tuple(words.split()))
    result = theirs.play("theirs", run)
    assert_same_output(result, ours.play("ours", run), run, "connections")
    assert_same_connections(theirs, run)
    assert len(connections(result.stdout)[0]) > 12, result.stdout.decode()


@pytest.mark.parametrize("words", ["-Ln", "-L", "-Ln --persistent-conn", "-Ln --thresholds", "-Ln --stats",
                                   "-Ln --stats --exact", "-Ln --rate", "-Ln --rate --exact --nosort",
                                   "-Ln --stats -t 10.0.0.1:80"])  # fmt: skip
def test_counters(busy: tuple[Space, Space], words: str) -> None:
    """Connection counts, counters and rates, of one and the same table."""
    theirs, _ = busy
    theirs.call("parity.traffic:wait_for_counters", r"UDP  \[2001:db8::1\]:53 +1 ")
    assert_same_listing(theirs, Run(tuple(words.split())))


ZEROS = ["-Z -t 9.9.9.9:1", "-Z -t 10.0.0.1:80", "-Z -f 77", "-Z -u [2001:db8::1]:53", "-Z"]


def test_zero(arena: Arena) -> None:
    """-Z zeroes the counters of one service, or all of them, and the servers' counters with them."""
    with arena.pair(RULES) as (theirs, ours):
        listings = []
        for space in (theirs, ours):
            fill(space, FLOWS)
        for space in (theirs, ours):
            listings.append(space.call("parity.traffic:wait_for_counters", "FWM  78 IPv6 +1 "))
        for words in ZEROS:
            run = Run(tuple(words.split()))
            assert_same_output(theirs.play("theirs", run), ours.play("ours", run), run)
            listings += [space.call("parity.traffic:wait_for_counters", "") for space in (theirs, ours)]
    assert listings[::2] == listings[1::2]
    assert listings[0] == listings[2]
    assert len(set(listings)) == len(ZEROS)


CALL_IDS = {
    "lines of 255 bytes": (b"a" * 185, 1),
    "lines of 257 bytes": (b"b" * 187, 0),
    "lines of 325 bytes": (b"c" * 255, -11, 0),
}


@pytest.mark.quirk("20")
@pytest.mark.parametrize("name", CALL_IDS)
def test_long_call_ids(arena: Arena, name: str) -> None:
    """A long Call-ID hides rows from ipvsadm, adds false ones or crashes it; ipvsfast shows all rows."""
    call_id, *status = CALL_IDS[name]
    long = Flow("udp", (LOCAL, 40012), ("10.0.0.2", 5060), payload=invite(call_id))
    with arena.space(RULES) as space:
        fill(space, [*FLOWS, long])
        text = space.call("parity.traffic:connection_file")
        rows = text.count("\n") - 1
        theirs, ours = space.run("theirs", "-Lnc"), space.run("ours", "-Lnc")
        full = space.run("ours", "-Lnc", "--persistent-conn")
    assert theirs.status in status
    # The order is the kernel's: behind the last row ipvsadm has nothing to hide.
    last = text.endswith(f"{call_id.decode()}\n")
    assert theirs.stdout.count(b"\n") != rows + 2 or last
    assert (ours.status, ours.stderr, ours.stdout.count(b"\n")) == (0, b"", rows + 2)
    assert full.stdout.count(b"127.0.0.1:5060   sip                " + call_id + b"\n") == 1
