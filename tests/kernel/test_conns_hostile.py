"""What a client sends to a persistence engine, on its way to a terminal or another program."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ipvsfast import Connections
from support.command import program, run
from support.connections import TEMPLATE, UDP, Entry, Filler, held
from support.sip import invite
from support.terminal import Terminal

pytestmark = pytest.mark.usefixtures("netns")

RULES = "-A -u 127.0.0.2:5060 -s rr -p 120 --pe sip\n-a -u 127.0.0.2:5060 -r 127.0.0.1:5060 -m\n"
HOSTILE = [
    b"plain@example.com",
    b"\x1b[31mred\x1b[0m",
    b"\x1b]0;title\x07",
    b"back\x08\x08\x08\x7fdel",
    b"tab\there \x0b\x0c",
    b'quote"s "and" \'more\'',
    b"back\\slash\\x1b\\n",
    b"comma,semi;colon,=1+1",
    b"two  blanks  inside",
    b"invalid \xff\xfe utf-8 \xc3",
    b"c1 \x9b31m and \xc2\x9b31m",
    b"overlong \xc0\x9b \xe0\x82\x9b surrogate \xed\xa0\x80",
    "Gr\xfc\xdfe \u2192 \U0001f600 \u202ertl".encode(),
    b"nul\x00inside",
    b'[{}],"pe":null',
    bytes(range(1, 256)).replace(b"\n", b"").replace(b"\r", b""),
    b"L" * 250,
]
FORMS = {
    "-L -c -n": ("-L", "-c", "-n"),
    "-L -c -n --persistent-conn": ("-L", "-c", "-n", "--persistent-conn"),
    "-L -c --persistent-conn": ("-L", "-c", "--persistent-conn"),
    "conns": ("conns",),
    "conns --persistent-conn": ("conns", "--persistent-conn"),
    "conns --csv": ("conns", "--csv"),
    "conns --json": ("conns", "--json"),
    "conns --ndjson": ("conns", "--ndjson"),
    "conns --sample": ("conns", "--sample", "100", "--json"),
    "conns --sample --persistent-conn": ("conns", "--sample", "100", "--persistent-conn"),
    "conns --by pe": ("conns", "--by", "pe"),
}


def raw(*argv: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([program(), *argv], capture_output=True, check=False, timeout=60)


def assert_harmless(text: bytes) -> None:
    """Nothing that a terminal obeys, in UTF-8 or an 8-bit character set, but the ends of lines."""
    assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", text) is None
    shown = text.decode("utf-8", "surrogateescape")
    bad = [c for c in shown if 0x80 <= ord(c) < 0xA0 or 0xDC80 <= ord(c) < 0xDCA0]
    assert bad == []


def unescaped(text: str) -> bytes:
    r"""The bytes that \xNN and \\ in ASCII stand for."""
    assert text.isascii()
    return re.sub(rb"\\(\\|x[0-9a-f]{2})", lambda m: b"\\" if m[1] == b"\\" else bytes.fromhex(m[1][1:].decode()),
                  text.encode())  # fmt: skip


def inject(*data: bytes) -> None:
    before = held()
    with Filler() as filler:
        entries = [
            Entry(f"10.9.{at >> 8}.{at & 255}", 0, "127.0.0.2", 5060, "127.0.0.1", 5060, UDP, 0, 900, TEMPLATE,
                  engine="sip", data=text)
            for at, text in enumerate(data)
        ]  # fmt: skip
        filler.add(entries)
    end = time.monotonic() + 60
    while held() < before + len(data) and time.monotonic() < end:
        time.sleep(0.05)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_reaches_the_terminal_raw(form: str) -> None:
    """Call-IDs from real SIP traffic and from a sync peer, in every form."""
    run("-R", stdin=RULES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 5060))
        for call_id in HOSTILE:
            # The kernel takes words as SIP has them and refuses all else: quotes and backslashes come through.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, suppress(PermissionError):
                client.sendto(invite(call_id), ("127.0.0.2", 5060))
    templates = sum(bool(row.engine) for row in Connections())
    assert templates >= 3
    inject(*HOSTILE)
    done = raw(*FORMS[form])
    assert (done.returncode, done.stderr) == (0, b"")
    assert_harmless(done.stdout)
    if form != "conns --by pe":
        assert done.stdout.count(b"\n") >= len(HOSTILE) + templates


def test_programs_get_the_very_bytes() -> None:
    """From JSON and CSV what the engine keeps can be had again, byte for byte; the API gives it as it is."""
    run("-R", stdin=RULES)
    inject(*HOSTILE)
    # The kernel prints it as a string: it ends before a NUL, and no line holds more than one.
    wanted = sorted(row.data for row in Connections())
    assert len(wanted) == len(HOSTILE)
    assert len(set(wanted) & set(HOSTILE)) >= len(HOSTILE) - 1
    objects = json.loads(raw("conns", "--json").stdout)
    assert sorted(unescaped(o["pe_data"]) for o in objects) == wanted
    lines = [json.loads(line) for line in raw("conns", "--ndjson").stdout.splitlines()]
    assert sorted(unescaped(o["pe_data"]) for o in lines) == wanted
    rows = list(csv.DictReader(io.StringIO(raw("conns", "--csv").stdout.decode())))
    assert sorted(unescaped(row["pe_data"]) for row in rows) == wanted


def test_a_line_end_inside_is_told() -> None:
    """Only a sync peer can send one. The rest of that line is no entry: told on standard error, status 1."""
    run("-R", stdin=RULES)
    inject(b"first\n\x1b[2Jsecond", b"good")
    for argv in (("-L", "-c", "-n", "--persistent-conn"), ("conns", "--json"), ("conns", "--count")):
        done = raw(*argv)
        assert done.returncode == 1
        assert done.stderr.startswith(
            b"unexpected input from /proc/net/ip_vs_conn: 1 line is no entry, the first is `?[2Jsecond'"
        )
        assert_harmless(done.stdout)
        assert_harmless(done.stderr)
    assert raw("conns", "--count").stdout == b"2\n"


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize("form", ["--persistent-conn", "--sample 100 --persistent-conn"])
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_watching_survives_any_bytes(form: str, locale: str, term: str) -> None:
    """Drawn and printed: a Call-ID in Latin-1 is no reason to end, in no locale."""
    run("-R", stdin=RULES)
    inject(*HOSTILE)
    argv = [program(), "conns", "--watch", "0.1", *form.split()]
    with Terminal(argv, columns=600, lines=60, TERM=term, LC_ALL=locale) as terminal:
        terminal.until(lambda: "invalid " in terminal.shown and terminal.raw.count(b" every ") > 2)
        assert b"invalid \xff\xfe utf-8 \xc3" in terminal.raw
        terminal.type("\x03")
        assert terminal.end() in (0, 130)
        assert "Traceback" not in terminal.shown


FORGED = (
    b"x\nTCP 0A090909 0001 0A000001 0050 0A000002 0050 ESTABLISHED     900",
    b"y\nTCP 0A090909 0002 0A000001 0050 0A000002 0050 ESTABLISHED     900",
)


def test_lines_that_look_like_entries() -> None:
    """A sync peer forges rows: whoever counts is told that the kernel has fewer, where it says how many."""
    run("-R", stdin=RULES)
    inject(*FORGED, b"good")
    status = Path("/proc/net/ip_vs_status")  # from Linux 7.1 on
    counts = status.exists() and b"Conns:" in status.read_bytes()
    said = (
        b"unexpected input from /proc/net/ip_vs_conn: it has 2 lines more than the kernel counts entries (3); a "
        b"sync peer may have sent data with a line end in it, so that some of what looks like an entry is none\n"
    )
    for argv in (("-L", "-c", "-n"), ("conns", "--json"), ("conns", "--count"), ("conns", "--by", "client")):
        done = raw(*argv)
        assert (done.returncode, done.stderr) == ((1, said) if counts else (0, b""))
    assert raw("conns", "--count").stdout == b"5\n"
    connections = Connections()
    assert connections.count() == 5
    assert connections.account is not None
    assert (connections.account.surplus, connections.account.incomplete) == (2 if counts else 0, False)
    with Terminal([program(), "conns", "--watch", "0.1", "--count"], columns=200) as terminal:
        terminal.until_shown("5 read" if not counts else "2 more than the kernel counts")
        terminal.type("q")
        assert terminal.end() == 0
