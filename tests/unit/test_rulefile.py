"""Rule files: lines to words, comments, and errors that say where."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast.grammar import Request, UsageError, parse
from ipvsfast.listing.rules import destination_rule, service_rule
from ipvsfast.model import Destination, DestinationKey, Service, ServiceKey, Tunnel
from ipvsfast.rulefile import RuleError, read_requests, read_rules, split_line


class NoNames:
    """A resolver that knows nothing."""

    def host(self, name: str) -> None:
        return None

    def port(self, name: str, protocol: str) -> None:
        return None


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


RULES = (
    b"# saved today\n"
    b"ipvsadm -A -t 10.0.0.1:80 -s rr\n"
    b"\n"
    b"  -a -t 10.0.0.1:80 -r 192.168.0.1:80 -m\r\n"
    b"-L -n\n"
    b"--set 1 2 3"
)


def test_rules_know_their_lines() -> None:
    """Comments and blank lines are counted but not handed out; a final line feed may be missing."""
    assert list(read_rules(io.BytesIO(RULES), "rules")) == [
        (2, "ipvsadm -A -t 10.0.0.1:80 -s rr", ["-A", "-t", "10.0.0.1:80", "-s", "rr"]),
        (4, "  -a -t 10.0.0.1:80 -r 192.168.0.1:80 -m",
         ["-a", "-t", "10.0.0.1:80", "-r", "192.168.0.1:80", "-m"]),
        (5, "-L -n", ["-L", "-n"]),
        (6, "--set 1 2 3", ["--set", "1", "2", "3"]),
    ]  # fmt: skip


def test_text_lines_are_read_too() -> None:
    """Any iterable of lines will do."""
    rules = list(read_rules(RULES.decode().splitlines(keepends=True), "rules"))
    assert rules == list(read_rules(io.BytesIO(RULES), "rules"))


def test_requests_in_order() -> None:
    """Every rule becomes a request; listings are left to the caller."""
    requests = list(read_requests(io.BytesIO(RULES), "rules", NoNames()))
    assert [(number, request.command) for number, _, request in requests] == [
        (2, "add-service"), (4, "add-server"), (5, "list"), (6, "set"),
    ]  # fmt: skip


def test_empty_input_has_no_rules() -> None:
    """An empty file is a valid rule file."""
    assert list(read_requests(io.BytesIO(b""), "rules", NoNames())) == []


HINT = "Try `ipvsadm -h' or 'ipvsadm --help' for more information."


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        (b"-A -f x", 2, "invalid fwmark value `x' specified"),
        (b"-A -f 3 --bogus", 255, "--bogus: unknown option"),
        (b"foo", 255, HINT),
        (b"-R", 255, HINT),
        (b"-A -6", 2, "-6 used before -f\n"),
        (b"-A -f 1\v", 2, "invalid fwmark value `1\v' specified"),
        (b"-A \0x -f 1", 2, "unexpected argument "),
    ],
)
def test_errors_say_where(line: bytes, status: int, message: str) -> None:
    """The sentence stays ipvsadm's own; the exception adds file and line."""
    requests = read_requests(
        io.BytesIO(b"# first\n-A -f 1\n" + line + b"\n-A -f 2\n"), "a.rules", NoNames(), "ipvsadm"
    )
    assert next(requests)[0] == 2
    with pytest.raises(RuleError) as caught:
        next(requests)
    error = caught.value
    assert isinstance(error, UsageError)
    assert (error.status, error.message, error.hint) == (status, message, message == HINT)
    assert (error.source, error.lineno, error.text) == ("a.rules", 3, line.decode())
    assert str(error) == f"a.rules:3: {message.rstrip(chr(10))}"


def test_the_posix_order_applies_to_lines() -> None:
    """POSIXLY_CORRECT holds for every line."""
    with pytest.raises(RuleError, match="rules:1: unexpected argument foo"):
        list(read_requests([b"-L foo -n\n"], "rules", NoNames(), posix=True))


def test_read_errors_name_the_file() -> None:
    """A file that cannot be read to its end is named in the error."""

    class Broken(io.BytesIO):
        def __next__(self) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error: 'a.rules'"):
        list(read_rules(Broken(), "a.rules"))


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
    return parse(split_line(line), NoNames())


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
    assert (request.command, request.key, request.destination) == ("add-server", key, destination)
