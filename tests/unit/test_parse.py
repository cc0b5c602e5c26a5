"""The command line: what is accepted, and what it means."""

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast.language.options import SPELLINGS
from ipvsfast.language.parse import Request, parse
from ipvsfast.language.words import UsageError
from support.commandline import HINT, names, outcome, read, table

ACCEPTED = r"""
-A -t 10.0.0.1:80 => add-service TCP 10.0.0.1:80 wlc
-A -t 10.0.0.1:80 -s rr => add-service TCP 10.0.0.1:80 rr
--add-service --tcp-service 10.0.0.1:80 --scheduler rr => add-service TCP 10.0.0.1:80 rr
-E -u 10.0.0.1:53 -s rr -o => edit-service UDP 10.0.0.1:53 rr ops
-A --sctp-service 10.0.0.1:5060 -s rr => add-service SCTP 10.0.0.1:5060 rr
-A -t 10.0.0.1:1 -p => add-service TCP 10.0.0.1:1 wlc p=360
-A -t 10.0.0.1:2 -p -s rr => add-service TCP 10.0.0.1:2 rr p=360
-A -t 10.0.0.1:3 -p 300 => add-service TCP 10.0.0.1:3 wlc p=300
-A -t 10.0.0.1:4 -p300 => add-service TCP 10.0.0.1:4 wlc p=300
-A -t 10.0.0.1:5 -p=300 => add-service TCP 10.0.0.1:5 wlc p=300
-A -t 10.0.0.1:6 --persistent=300 => add-service TCP 10.0.0.1:6 wlc p=300
-A -t 10.0.0.1:7 --persistent 2678400 => add-service TCP 10.0.0.1:7 wlc p=2678400
-A -t 10.0.0.1:1 -p 5 -M 255.255.255.0 => add-service TCP 10.0.0.1:1 wlc p=5 mask=255.255.255.0
-A -t 10.0.0.1:1 -p 5 -M 255.255.255.255 => add-service TCP 10.0.0.1:1 wlc p=5
-A -t 10.0.0.1:1 -p 5 -M 0xffffff00 => add-service TCP 10.0.0.1:1 wlc p=5 mask=255.255.255.0
-A -t 10.0.0.1:1 -M 0.0.0.0 => add-service TCP 10.0.0.1:1 wlc mask=0.0.0.0
-A -t [2001:db8::1]:1 -p 5 -M 64 => add-service TCP [2001:db8::1]:1 wlc p=5 mask=64
-A -t [2001:db8::1]:2 -p 5 -M 128 => add-service TCP [2001:db8::1]:2 wlc p=5
-A -M 64 -t [2001:db8::1]:3 -p 5 => add-service TCP [2001:db8::1]:3 wlc p=5 mask=64
-A -f 1 -M 64 -p -6 => add-service FWM 1 IPv6 wlc p=360 mask=64
-A -f 1 -6 -M 64 -p => add-service FWM 1 IPv6 wlc p=360 mask=64
-A -M 255.0.0.0 -f 1 -p => add-service FWM 1 wlc p=360 mask=255.0.0.0
-A -t 10.0.0.1:0 -p => add-service TCP 10.0.0.1:0 wlc p=360
-A -t 10.0.0.1 -p => add-service TCP 10.0.0.1:0 wlc p=360
-A -t ::1 -p => add-service TCP [::1]:0 wlc p=360
-A -t [1.2.3.4]:8080 => add-service TCP 1.2.3.4:8080 wlc
-A -t 010.0.0.1:81 => add-service TCP 8.0.0.1:81 wlc
-A -t web:https -s rr => add-service TCP 10.9.8.7:443 rr
-A -t dual:80 => add-service TCP 10.9.8.6:80 wlc
-A -t v6only:80 => add-service TCP [2001:db8::77]:80 wlc
-A -u 1.2.3.4:domain => add-service UDP 1.2.3.4:53 wlc
-A -f 1 -s rr => add-service FWM 1 rr
-A -f 1 -6 -s rr => add-service FWM 1 IPv6 rr
-A -f 1 -6 -6 => add-service FWM 1 IPv6 wlc
-A -f 4294967295 => add-service FWM 4294967295 wlc
-A -f ' 010' => add-service FWM 10 wlc
-A -f 9 -s rr -o => add-service FWM 9 rr ops
-A -t 10.0.0.1:1 -s sh -b sh-port,sh-fallback => add-service TCP 10.0.0.1:1 sh flags=0x18
-A -t 10.0.0.1:2 -b mh-port -s mh => add-service TCP 10.0.0.1:2 mh flags=0x10
-A -t 10.0.0.1:3 -s wrr -b flag-3,flag-1 => add-service TCP 10.0.0.1:3 wrr flags=0x28
-A -t 10.0.0.1:4 -s sh -b flag-1,,flag-2, => add-service TCP 10.0.0.1:4 sh flags=0x18
-A -t 10.0.0.1:4 -s sh -b '' => add-service TCP 10.0.0.1:4 sh
-E -t 10.0.0.1:4 -b flag-2 => edit-service TCP 10.0.0.1:4 wlc flags=0x10
-A -t 10.0.0.1:4 -s '' --pe '' => add-service TCP 10.0.0.1:4 wlc
-A -t 10.0.0.1:4 -s abcdefghijklmnopq --pe abcdefghijklmnopqr => add-service TCP 10.0.0.1:4 abcdefghijklmno pe=abcdefghijklmnop
-A -u 10.0.0.1:5060 -s rr -p 60 -M 255.255.255.0 --pe sip -o => add-service UDP 10.0.0.1:5060 rr p=60 mask=255.255.255.0 pe=sip ops
-A -t 10.0.0.1:80 -s nosuch => add-service TCP 10.0.0.1:80 nosuch
-A -t 224.0.0.1:80 => add-service TCP 224.0.0.1:80 wlc
-D -t 10.0.0.1:80 => delete-service TCP 10.0.0.1:80
-D -f 7 -6 --sort => delete-service FWM 7 IPv6
-a -t 10.0.0.1:80 -r 192.168.0.1 => add-destination TCP 10.0.0.1:80 -> 192.168.0.1:80 route w=1
-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -g => add-destination TCP 10.0.0.1:80 -> 192.168.0.1:80 route w=1
-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -i => add-destination TCP 10.0.0.1:80 -> 192.168.0.1:80 tunnel w=1 ipip:0:nocsum
-e -t 10.0.0.1:80 -r 192.168.0.2:8080 -m -w 20 => edit-destination TCP 10.0.0.1:80 -> 192.168.0.2:8080 masq w=20
-a -t 10.0.0.1:80 -r 192.168.0.2 -m => add-destination TCP 10.0.0.1:80 -> 192.168.0.2:80 masq w=1
-a -f 1 -r 192.168.0.1 -g => add-destination FWM 1 -> 192.168.0.1:0 route w=1
-a -f 1 -r 192.168.0.1:8080 => add-destination FWM 1 -> 192.168.0.1:8080 route w=1
-a -f 1 -6 -r [2001:db8::2]:80 -g => add-destination FWM 1 IPv6 -> [2001:db8::2]:80 route w=1
-a -f 1 -r 192.168.0.1:domain => add-destination FWM 1 -> 192.168.0.1:53 route w=1
-a -r 192.168.0.1 -t 10.0.0.1:80 -m => add-destination TCP 10.0.0.1:80 -> 192.168.0.1:80 masq w=1
-a -r 192.168.0.2:http -t 10.0.0.1:80 -m => add-destination TCP 10.0.0.1:80 -> 192.168.0.2:80 masq w=1
-a -r 192.168.0.2:domain -m -u 10.0.0.1:80 => add-destination UDP 10.0.0.1:80 -> 192.168.0.2:53 masq w=1
-a -r [2001:db8::2]:5 -f 1 -6 => add-destination FWM 1 IPv6 -> [2001:db8::2]:5 route w=1
-a -t 10.0.0.1:80 -r [2001:db8::9]:80 -i => add-destination TCP 10.0.0.1:80 -> [2001:db8::9]:80 tunnel w=1 ipip:0:nocsum
-a -t 10.0.0.1:80 -r 192.168.0.1 -i --tun-type ipip => add-destination TCP 10.0.0.1:80 -> 192.168.0.1:80 tunnel w=1 ipip:0:nocsum
-a -t 10.0.0.1:80 -r 192.168.0.2 -i --tun-type gue --tun-port 6080 => add-destination TCP 10.0.0.1:80 -> 192.168.0.2:80 tunnel w=1 gue:6080:nocsum
-a -t 10.0.0.1:80 -r 192.168.0.3 -i --tun-type gue --tun-port 6080 --tun-csum => add-destination TCP 10.0.0.1:80 -> 192.168.0.3:80 tunnel w=1 gue:6080:csum
-a -t 10.0.0.1:80 -r 192.168.0.4 -i --tun-type gue --tun-port 65535 --tun-remcsum => add-destination TCP 10.0.0.1:80 -> 192.168.0.4:80 tunnel w=1 gue:65535:remcsum
-a -t 10.0.0.1:80 -r 192.168.0.5 -i --tun-type gre --tun-csum => add-destination TCP 10.0.0.1:80 -> 192.168.0.5:80 tunnel w=1 gre:0:csum
-a -t 10.0.0.1:80 -r 192.168.0.1 -x 2147483647 -y 50 -w 3 => add-destination TCP 10.0.0.1:80 -> 192.168.0.1:80 route w=3 x=2147483647 y=50
-a -t 10.0.0.1:80 -r 192.168.0.1 -x 5 -y 10 => add-destination TCP 10.0.0.1:80 -> 192.168.0.1:80 route w=1 x=5 y=10
-a -t 10.0.0.1:80 -r 192.168.0.2 -w 2147483647 => add-destination TCP 10.0.0.1:80 -> 192.168.0.2:80 route w=2147483647
-a -t 10.0.0.1:80 -r 192.168.0.3 -w 010 => add-destination TCP 10.0.0.1:80 -> 192.168.0.3:80 route w=10
-a -t 10.0.0.1:80 -r 192.168.0.3 -w=-0 => add-destination TCP 10.0.0.1:80 -> 192.168.0.3:80 route w=0
-a -t 10.0.0.1:80 -r 224.0.0.1 => add-destination TCP 10.0.0.1:80 -> 224.0.0.1:80 route w=1
-d -t 10.0.0.1:80 -r 192.168.0.1:8080 => delete-destination TCP 10.0.0.1:80 -> 192.168.0.1:8080 route w=1
-d -t 10.0.0.1:80 -r 192.168.0.1 => delete-destination TCP 10.0.0.1:80 -> 192.168.0.1:80 route w=1
-d -f 1 -r 192.168.0.1 => delete-destination FWM 1 -> 192.168.0.1:0 route w=1
-d -t 10.0.0.1:80 -r [::5]:80 => delete-destination TCP 10.0.0.1:80 -> [::5]:80 route w=1
-At 10.0.0.1:81 -srr -p=9 => add-service TCP 10.0.0.1:81 rr p=9
-At10.0.0.1:82 => add-service TCP 10.0.0.1:82 wlc
-at10.0.0.1:81 -r192.168.0.1 -mw7 => add-destination TCP 10.0.0.1:81 -> 192.168.0.1:81 masq w=7
-Lnt10.0.0.1:81 => list TCP 10.0.0.1:81 numeric
-A -t=10.0.0.1:80 => add-service TCP 10.0.0.1:80 wlc
-L => list
-l => list
-Ln => list numeric
-L --sort --sort => list sort
-L -f 1 -6 => list FWM 1 IPv6 ipv6
-L -X => list exact
-L -- => list
-Ln --rate --thresholds --stats --tun-info => list numeric rate stats thresholds tun-info
-Ln --timeout --nosort --exact --tun-info --syncid 3 => list exact nosort numeric syncid timeout tun-info
-Lnc --persistent-conn => list connection numeric persistent-conn
-L --daemon --nosort --exact => list daemon exact nosort
-S => save
-Sn --sort => save numeric sort
-Z => zero
-Z -t 0.0.0.0:0 => zero TCP 0.0.0.0:0
-C => flush
--clear --sort => flush
-R => restore
--set 1000 0 60 => set 1000 0 60
7 --set 8 9 => set 7 8 9
--set -- 1 2 3 => set 1 2 3
--set ' 5' +6 2678400 => set 5 6 2678400
--start-daemon master => start-daemon master eth0 id=0
--start-daemon=backup --mcast-interface=dummy0 --syncid 255 --sync-maxlen 1000 --mcast-group FF05::0:81 --mcast-port 9000 --mcast-ttl 5 => start-daemon backup dummy0 id=255 len=1000 group=ff05::81 port=9000 ttl=5
--start-daemon master --mcast-interface '' --mcast-group 239.1.2.3 --sync-maxlen 65507 => start-daemon master eth0 id=0 len=65507 group=239.1.2.3
--start-daemon master --mcast-interface abcdefghijklmno => start-daemon master abcdefghijklmno id=0
--stop-daemon master => stop-daemon master - id=0
--stop-daemon backup --syncid 3 => stop-daemon backup - id=3
-h => help
--help => help
-hz => help
foo -h => help
-h --bogus => help
-v => version
-vz => version
--version -L => version
"""


@pytest.mark.parametrize(("line", "expected"), table(ACCEPTED))
def test_accepted(line: str, expected: str) -> None:
    """What a command line means."""
    assert outcome(shlex.split(line)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("foo -L", f"255 {HINT}"),
        ("7 --set 8 9", f"255 {HINT}"),
        ("-L foo -n", "2 unexpected argument foo"),
        ("-L '' -z", "2 unexpected argument "),
        ("--set 1 2 3 -n", "2 unexpected argument -n"),
        ("--set 1 2 3", "set 1 2 3"),
        ("-A -p 5 -t 1.1.1.1:1", "add-service TCP 1.1.1.1:1 wlc p=5"),
    ],
)
def test_posix_order(line: str, expected: str) -> None:
    """With POSIXLY_CORRECT the first positional word ends the options."""
    assert outcome(shlex.split(line), posix=True) == expected


def test_no_arguments_list_the_table() -> None:
    """The bare command is -L."""
    assert read([]) == read(["-L"]) == Request("list")


def test_names_are_looked_up_once_and_only_for_hosts() -> None:
    """A server that waits for its service costs one lookup, numbers cost none."""
    resolver = names()
    parse(["-a", "-r", "web:80", "-t", "10.0.0.1:http"], resolver)
    assert resolver.asked == ["web", "http/tcp"]


def test_given_tells_what_was_there() -> None:
    """Options are remembered under the name that messages use."""
    request = read(["-A", "-f", "1", "-6", "-s", "sh", "-b", "sh-port", "--sort"])
    assert request.options == {"service-address", "ipv6", "scheduler", "sched-flags", "sort"}


def test_undecodable_words_pass_through() -> None:
    """Bytes that are not UTF-8 come back as the same bytes, cut after the kernel's limit."""
    request = read(["-A", "-f", "1", "-s", "\udcff" * 20, "--pe", "ü" * 9])
    assert request.service is not None
    assert request.service.scheduler == "\udcff" * 15
    assert request.service.engine == "ü" * 8


WORDS = st.sampled_from(
    [*SPELLINGS, *[f"{s}=1" for s in SPELLINGS], "10.0.0.1:80", "[::1]:80", "1", "300", "rr", "sip", "gue",
     "-Lnt", "-mw7", "--", "-", "", "foo", "-p300", "64", "1.2.3.4", "web", "v6only:http", "master"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(WORDS | st.text(max_size=8), max_size=9), st.booleans())
def test_any_words_give_a_request_or_a_refusal(argv: list[str], posix: bool) -> None:
    """No command line ends in another exception; refusals have a status and a sentence."""
    try:
        request = read(argv, posix)
    except UsageError as error:
        assert error.status in (2, 255)
        assert error.message
    else:
        assert repr(request).startswith(f"Request({request.command}")
        assert request == read(argv, posix)


@settings(max_examples=300, deadline=None)
@given(st.permutations(["-t [2001:db8::1]:80", "-p 5", "-M 64", "-s sh", "-b sh-port,flag-3", "--pe sip"]))
def test_the_order_of_options_does_not_matter(parts: list[str]) -> None:
    """A service is the same in whatever order its options stand."""
    expected = "add-service TCP [2001:db8::1]:80 sh p=5 mask=64 pe=sip flags=0x30"
    assert outcome(["-A", *" ".join(parts).split()]) == expected


@settings(max_examples=300, deadline=None)
@given(st.permutations(["-u web:domain", "-r 192.168.0.1:domain", "-m", "-w 7", "-x 9", "-y 3"]))
def test_the_order_of_server_options_does_not_matter(parts: list[str]) -> None:
    """Neither does it for servers, port names included."""
    expected = "add-destination UDP 10.9.8.7:53 -> 192.168.0.1:53 masq w=7 x=9 y=3"
    assert outcome(["-a", *" ".join(parts).split()]) == expected
