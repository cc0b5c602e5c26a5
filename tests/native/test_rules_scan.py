"""The C scanner of canonical rule lines means what the grammar means, or leaves a line to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast.kernel import layout
from ipvsfast.kernel.rule_buffer import RuleBuffer
from ipvsfast.language.line import split_line
from ipvsfast.language.parse import operation_of, parse
from ipvsfast.language.words import UsageError
from support.names import FakeResolver


def scan(text: str) -> tuple[bytes, bool]:
    """(packed operations, whether a line that is not canonical stopped the scan)."""
    buffer = RuleBuffer(64)
    data = text.encode("utf-8", "surrogateescape")
    stopped = buffer.scan(data)
    return bytes(buffer.ops[: buffer.count * layout.OP_SIZE]), stopped


def by_grammar(line: str) -> bytes:
    words = split_line(line)
    return bytes(layout.pack_operations([operation_of(parse(words, FakeResolver()))]))


CANONICAL = [
    "-A -t 10.0.0.1:80 -s rr",
    "-A -u 10.0.0.1:53 -s wlc -p 360 -M 255.255.255.0 --pe sip -o",
    "-A --sctp-service 10.0.0.1:5060 -s rr",
    "-A -t 10.0.0.1:0 -s rr -p 1",
    "-A -f 4294967295 -s mh -b mh-fallback,mh-port,flag-3",
    "-A -f 1 -6 -s sh -p 2678400 -M 64 -o -b sh-port",
    "-A -t [2001:db8::1]:80 -s rr -p 5 -M 128",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -m -w 1",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:80 -g -w 2147483647 -x 10 -y 5",
    "-a -f 1 -r 192.168.0.1:0 -g -w 0 -y 5",
    "-a -t 10.0.0.1:80 -r [2001:db8::9]:80 -i -w 1 --tun-type ipip",
    "-a -t [::1]:80 -r 10.0.0.9:80 -i -w 1 --tun-type gue --tun-port 65535 --tun-remcsum -x 1",
    "-a -t [::1]:80 -r 10.0.0.9:80 -i -w 1 --tun-type gre --tun-csum",
    "-a -t [::1]:80 -r [::2]:81 -m -w 1",
    "--set 900 0 2678400",
    "  -A   -t\t10.0.0.1:80 -s rr  ",
    "-A -t 10.0.0.1:80 -s rr\r",
]

# Lines that the scanner must not touch: the grammar decides what they mean.
OTHERS = [
    "-A -t 10.0.0.1:80",
    "-A -t 10.0.0.1:80 -s rr -w 1",
    "-A -t 10.0.0.1:080 -s rr",
    "-A -t 010.0.0.1:80 -s rr",
    "-A -t 10.0.1:80 -s rr",
    "-A -t localhost:80 -s rr",
    "-A -t 10.0.0.1:http -s rr",
    "-A -t 10.0.0.1:0 -s rr",
    "-A -t 10.0.0.1:80 -s rr -p",
    "-A -t 10.0.0.1:80 -s rr -o",
    "-A -t 10.0.0.1:80 -s averyveryverylongname",
    "-A -t [2001:db8::1\0]:80 -s rr",
    "-A -t [2001:db8::1\0:2]:80 -s rr",
    "-a -t [::1]:80 -r [::2\0]:81 -m -w 1",
    "-a -t [::1]:80 -r 10.0.0.1\0:81 -m -w 1",
    "-A -t 10.0.0.1:80 -s rr -b sh-port",
    "-A -t 10.0.0.1:80 -s sh -b ,",
    "-A -t 10.0.0.1:80 -s rr junk",
    "-A -t=10.0.0.1:80 -s rr",
    "-A -f 0 -s rr",
    "-A -f 4294967296 -s rr",
    "-A -t [::1%lo]:80 -s rr",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -g -w 1",
    "-a -t 10.0.0.1:80 -r [::1]:80 -m -w 1",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -m",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -m -w -1",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:8080 -m -w 1 --tun-type ipip",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:80 -i -w 1 --tun-type gue --tun-csum",
    "-a -t 10.0.0.1:80 -r 192.168.0.1:80 -i -w 1 --tun-type gre --tun-remcsum",
    "--set 900 0",
    "--set 900 0 2678401",
    "--set 900 0 030",
    "--set 900 0 30 1",
    "--set=900 0 30",
    "ipvsadm -A -t 10.0.0.1:80 -s rr",
    "-E -t 10.0.0.1:80 -s rr",
    "-A -t 10.0.0.1:80 -s r\0r",
    "-A -t 10.0.0.1:80 -s r\vr",
]


@pytest.mark.parametrize("line", CANONICAL)
def test_canonical_lines_are_taken(line: str) -> None:
    """What -S -n prints is read in C, and means the same as in the grammar."""
    packed, stopped = scan(line + "\n")
    assert (packed, stopped) == (by_grammar(line), False)


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_are_left_alone(line: str) -> None:
    """Anything unusual stops the scan before it."""
    assert scan(line + "\n") == (b"", True)


WORDS = st.sampled_from(sorted({word for line in CANONICAL + OTHERS for word in line.split()})) | st.text(
    st.characters(codec="ascii", exclude_characters="\n"), min_size=1, max_size=6
)


@st.composite
def near_lines(draw: st.DrawFn) -> str:
    """A canonical line with a few words changed, dropped or added."""
    words = draw(st.sampled_from(CANONICAL)).split()
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(words) - 1))
        kind = draw(st.sampled_from(["change", "drop", "add"]))
        if kind == "change":
            words[at] = draw(WORDS)
        elif kind == "add":
            words.insert(at, draw(WORDS))
        elif len(words) > 1:
            del words[at]
    return " ".join(words)


@settings(max_examples=1500, deadline=None)
@given(near_lines())
def test_scanner_and_grammar_agree(line: str) -> None:
    """Whatever the scanner accepts, the grammar accepts with the identical operation."""
    packed, stopped = scan(line + "\n")
    if stopped or not packed:
        return
    try:
        expected = by_grammar(line)
    except UsageError as error:
        raise AssertionError(f"the grammar refuses {line!r}: {error}") from None
    assert packed == expected


OCTETS = ["0", "1", "9", "10", "255", "256", "00", "01", "1000", "4294967297", "", "a"]
PORTS = ["0", "80", "81", "8080", "65535", "65536", "080", "100000", "4294967376", "", "http"]


@st.composite
def lines_alike(draw: st.DrawFn) -> str:
    """The rule of a dest, or a line near it, with another address and port, and sometimes another end."""
    line = draw(st.sampled_from([line for line in CANONICAL if line.startswith("-a")]) | near_lines())
    words = line.split(" ")
    if "-r" in words[:-1]:
        octets = draw(st.lists(st.sampled_from(OCTETS) | st.just("7"), min_size=3, max_size=5))
        port = draw(st.sampled_from(PORTS))
        words[words.index("-r") + 1] = ".".join(octets) + draw(st.sampled_from([":", ":", ":", ""])) + port
    return " ".join(words) + draw(st.sampled_from(["", "", "", " ", "\r", " -x 1"]))


@settings(max_examples=1500, deadline=None)
@given(
    st.sampled_from([line for line in CANONICAL if line.startswith("-a")]),
    st.lists(lines_alike(), max_size=3),
)
def test_a_line_means_the_same_behind_another(first: str, more: list[str]) -> None:
    """Whatever was read before it: lines that are alike are read in a shorter way."""
    # One that is nearly the first: nothing but the address differs.
    near = [first.replace(first.split(" ")[4], line.split(" ")[4]) for line in more if line.count(" ") > 3]
    more += near
    packed, stopped = scan("".join(f"{line}\n" for line in [first, *more]))
    expected, ends = b"", False
    for line in [first, *more]:
        alone, ends = scan(f"{line}\n")
        expected += alone
        if ends:
            break
    assert (packed, stopped) == (expected, ends)


def test_blank_lines_comments_and_numbers() -> None:
    """They are passed over and counted; every operation knows its line."""
    text = b"# head\n\n-A -f 1 -s rr\n   # more\r\n-A -f 2 -s rr\n-A -f 3 -s rr"
    buffer = RuleBuffer(64)
    assert not buffer.scan(text)
    assert (buffer.count, list(buffer.numbers[:2]), buffer.line) == (2, [3, 5], 5)
    assert [text[o : o + 7] for o in buffer.offsets[:2]] == [b"-A -f 1", b"-A -f 2"]
    assert text[buffer.used :] == b"-A -f 3 -s rr"  # no LF: more of it may come


def test_a_full_buffer_stops_and_goes_on() -> None:
    """No operation is lost or repeated at the edge of the buffer."""
    text = b"".join(b"-A -f %d -s rr\n" % n for n in range(1, 11))
    buffer, seen = RuleBuffer(3), []
    while buffer.used < len(text):
        buffer.scan(text)
        seen += list(buffer.numbers[: buffer.count])
        buffer.clear()
    assert seen == list(range(1, 11))
