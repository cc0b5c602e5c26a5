"""Rule files: lines to words, and what the listing writes reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.language.line import split_line
from ipvsfast.language.parse import Request, parse
from ipvsfast.listing.rules import destination_rule, service_rule
from ipvsfast.model.destination import Destination, Tunnel
from ipvsfast.model.keys import DestinationKey, ServiceKey
from ipvsfast.model.service import Service
from support.names import FakeResolver


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-A -t 10.0.0.1:80 -s rr\n", ["-A", "-t", "10.0.0.1:80", "-s", "rr"]),
        ("   -a\t-t 10.0.0.1:80   -r 192.168.0.1:80 -m  \n",
         ["-a", "-t", "10.0.0.1:80", "-r", "192.168.0.1:80", "-m"]),
        ("-A -f 7\r\n", ["-A", "-f", "7"]),
        ("-A\r-f\r7", ["-A", "-f", "7"]),  # a lone CR separates
        ("-A -f 4  ", ["-A", "-f", "4"]),  # ipvsadm drops such a last line
        ("", []),
        ("\n", []),
        ("  \t \r\n", []),
        ("# comment\n", []),
        ("   \t# indented\n", []),
        ("#-A -f 1\n", []),
        ("-A -f 1 # x\n", ["-A", "-f", "1", "#", "x"]),  # only whole lines are comments
        ("ipvsadm -A -f 1", ["-A", "-f", "1"]),
        ("/sbin/ipvsadm -A -f 1", ["-A", "-f", "1"]),
        ("./ipvsfast -A -f 1", ["-A", "-f", "1"]),
        ("ipvsfast -A -f 1", ["-A", "-f", "1"]),
        ("opt/sbin/ipvsadm -A -f 1", ["-A", "-f", "1"]),
        ("/opt/a=b/ipvsadm -A -f 1", ["-A", "-f", "1"]),
        ("$SBIN/ipvsadm -A -f 1", ["-A", "-f", "1"]),
        ("IPVSADM=/sbin/ipvsadm", ["IPVSADM=/sbin/ipvsadm"]),  # an assignment, as scripts begin with
        ("X=1/ipvsadm -A -f 1", ["X=1/ipvsadm", "-A", "-f", "1"]),
        ("--program=/sbin/ipvsadm -A", ["--program=/sbin/ipvsadm", "-A"]),
        ("-A/ipvsadm -f 1", ["-A/ipvsadm", "-f", "1"]),
        ("/sbin/ipvsadm=x -A", ["/sbin/ipvsadm=x", "-A"]),
        ("ipvsadm\n", []),
        ("ipvsadm-save -n", ["ipvsadm-save", "-n"]),
        ("-A -f ipvsadm 2", ["-A", "-f", "ipvsadm", "2"]),  # ipvsadm removes the word anywhere
        ("ipvsadm ipvsadm -A", ["ipvsadm", "-A"]),
        ("-A -t '10.0.0.1:80'", ["-A", "-t", "'10.0.0.1:80'"]),  # no quoting
        ('-A -t "a b"', ["-A", "-t", '"a', 'b"']),
        ("-A \\\n", ["-A", "\\"]),  # no continuation
        ("-A -f 1\v-s\frr\x1c\x85\xa0\u3000x", ["-A", "-f", "1\v-s\frr\x1c\x85\xa0\u3000x"]),
        ("\ufeff-A", ["\ufeff-A"]),
        ("-A -f 1\0x -s rr", ["-A", "-f", "1", "-s", "rr"]),  # a NUL ends its word
        ("-A \0x", ["-A", ""]),
        ("-s " + "x" * 9000, ["-s", "x" * 9000]),  # ipvsadm cuts words after 4096 bytes
        ("-s größe", ["-s", "größe"]),
    ],
)  # fmt: skip
def test_words_of_a_line(line: str, words: list[str]) -> None:
    """Blank, tab and CR separate; nothing else means anything, except # and our name in front."""
    assert split_line(line) == words
    assert split_line(line.encode()) == words


def test_other_encodings_pass_through() -> None:
    """Bytes that are not UTF-8 are kept."""
    words = split_line(b"-A -t h\xf6st:80\n")
    assert [word.encode("utf-8", "surrogateescape") for word in words] == [b"-A", b"-t", b"h\xf6st:80"]


@given(st.text())
def test_words_are_the_text_between_separators(text: str) -> None:
    """Whatever the line holds, words are what stands between the three separators."""
    line = "-A " + text.replace("\n", " ").replace("\0", "")
    expected = line.replace("\t", " ").replace("\r", " ").split(" ")
    assert split_line(line) == [word for word in expected if word]


ADDRESSES = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)
SERVERS = ADDRESSES.filter(
    lambda packed: any(packed) and (packed[0] < 224 or (len(packed) == 16 and packed[0] < 255))
)
PORTS = st.integers(1, 65535)
COUNTS = st.integers(0, 2**31 - 1)


def family(packed: bytes) -> int:
    return 2 if len(packed) == 4 else 10


@st.composite
def keys(draw: st.DrawFn) -> ServiceKey:
    if draw(st.booleans()):
        return ServiceKey.mark(draw(st.integers(1, 2**32 - 1)), ipv6=draw(st.booleans()))
    packed = draw(ADDRESSES)
    return ServiceKey(0, family(packed), draw(st.sampled_from([6, 17, 132])), packed, draw(PORTS))


@st.composite
def services(draw: st.DrawFn) -> Service:
    key = draw(keys())
    persistent = draw(st.integers(0, 2678400))
    mask = draw(st.integers(0, 32) if key.family == 2 else st.integers(1, 128)) if persistent else None
    return Service(
        key,
        draw(st.sampled_from(["rr", "sh", "mh", "wlc", "none"])),
        persistent=persistent,
        netmask=mask,
        engine=draw(st.sampled_from(["", "sip"])),
        one_packet=(key.protocol == "udp" or key.fwmark > 0) and draw(st.booleans()),
        scheduler_flags=draw(st.sampled_from([0x00, 0x08, 0x10, 0x20, 0x28, 0x38])),
    )


TUNNELS = st.sampled_from(
    [Tunnel(), Tunnel("gue", 6080), Tunnel("gue", 1, "remcsum"), Tunnel("gre", 0, "csum"), Tunnel("gre")]
)


@st.composite
def servers(draw: st.DrawFn) -> tuple[ServiceKey, Destination]:
    key = draw(keys())
    packed = draw(SERVERS)
    method = draw(st.sampled_from(["masq", "route", "tunnel"])) if family(packed) == key.family else "tunnel"
    port = key.port if method != "masq" and not key.fwmark else draw(PORTS)
    low, high = sorted([draw(COUNTS), draw(COUNTS)])
    tunnel = draw(TUNNELS) if method == "tunnel" else Tunnel()
    server = DestinationKey(family(packed), packed, port)
    return key, Destination(
        server, forwarding=method, weight=draw(COUNTS), upper=high, lower=low, tunnel=tunnel
    )


def reread(line: str) -> Request:
    return parse(split_line(line), FakeResolver())


@given(services())
def test_saved_services_read_back(service: Service) -> None:
    """The rule that is printed for a service makes the same service."""
    request = reread(service_rule(service))
    assert (request.command, request.key, request.service) == ("add-service", service.key, service)


@given(servers())
def test_saved_servers_read_back(server: tuple[ServiceKey, Destination]) -> None:
    """The rule that is printed for a server makes the same server, thresholds included."""
    key, destination = server
    request = reread(destination_rule(key, destination))
    assert (request.command, request.key, request.destination) == ("add-destination", key, destination)
