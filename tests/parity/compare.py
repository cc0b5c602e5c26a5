"""Whether two runs did the same, once what may differ is set aside."""

from __future__ import annotations

import re
from collections.abc import Sequence

from parity.arena import Space
from parity.cases import Expected
from parity.programs import Result, Run
from parity.state import State, blocks

_SIZE = re.compile(rb"\(size=\d+\)")
_PLACE = re.compile(rb"stdin:(\d+): ")
_TIMER = re.compile(r"\b(\d\d+):(\d\d)( *)(?= )")
_THRESHOLDS = re.compile(rb"^(-a .*?)(?: -x \d+)?(?: -y \d+)?$", re.MULTILINE)


def is_restore(run: Run) -> bool:
    """Whether the rules come from standard input, so that our messages say where."""
    return run.argv[:1] in (("-R",), ("--restore",))


def is_listing(run: Run) -> bool:
    """Whether the command only reads, so that both programs can be asked about the same table."""
    word = run.argv[0] if run.argv else "-L"
    return word[:2] in ("-L", "-l", "-S") or word in ("--list", "--save")


def without_thresholds(saved: bytes) -> bytes:
    """What -S prints as ipvsadm prints it: it forgets the thresholds."""
    return _THRESHOLDS.sub(rb"\1", saved)


def sizeless(text: bytes) -> bytes:
    """The connection table's size depends on the kernel."""
    return _SIZE.sub(b"(size=N)", text)


def plain_messages(ours: bytes, theirs: bytes, stdin: bytes) -> bytes:
    """Our messages of -R without `stdin:LINE: the rule: ` and without advice.

    Nothing but exactly that is taken away: the rule must be the one in that line, and advice is only
    what follows the very message of theirs, in parentheses.
    """
    rules = stdin.split(b"\n")
    messages = theirs.split(b"\n")
    plain = []
    for at, line in enumerate(ours.split(b"\n")):
        place = _PLACE.match(line)
        if place:
            prefix = place[0] + shown(rules[int(place[1]) - 1].strip()) + b": "
            if line.startswith(prefix):
                line = line[len(prefix) :]
        wanted = messages[at] if at < len(messages) else b""
        if place and line == shown(wanted):
            line = wanted
        if wanted and line.startswith(wanted + b" (") and line.endswith(b")"):
            line = wanted
        plain.append(line)
    return b"\n".join(plain)


def usual_words(messages: bytes) -> bytes:
    """What newer builds of ipvsadm 1.31 (Debian 13) say in other words than all before them."""
    return messages.replace(b"-6 must follow -f\n", b"-6 used before -f\n")


def shown(text: bytes) -> bytes:
    """What a terminal would obey as `\\xNN`, a byte that is no UTF-8 too, and U+FEFF as `\\ufeff`; of more than 400
    characters the first 200 and how many there are."""
    letters = text.decode("utf-8", "surrogateescape")
    long = f"... ({len(letters):,} characters)" if len(letters) > 400 else ""
    kept = letters[:200] if long else letters
    codes = [(c, ord(c) - 0xDC00 if 0xDC80 <= ord(c) <= 0xDCFF else ord(c)) for c in kept]
    escaped = [
        c if c.isprintable() else f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" for c, code in codes
    ]
    return ("".join(escaped) + long).encode("utf-8", "surrogateescape")


def by_service(listing: bytes) -> list[str]:
    """A listing whose services may stand in any order."""
    return blocks(listing.decode("utf-8", "surrogateescape"))


def connections(listing: bytes, sort: bool = True) -> tuple[list[str], list[int]]:
    """The rows of a connection listing without their timers, and the timers in seconds."""
    lines = listing.decode("utf-8", "surrogateescape").splitlines()
    rows = []
    for line in lines[2:]:
        timer = _TIMER.search(line)
        seconds = int(timer[1]) * 60 + int(timer[2]) if timer else 0
        rows.append((_TIMER.sub(r"MM:SS", line, count=1), seconds))
    if sort:
        rows.sort()
    return lines[:2] + [row for row, _ in rows], [seconds for _, seconds in rows]


def assert_same_connections(space: Space, run: Run) -> None:
    """Both programs print the same rows of one table, in the same order; a timer may have gone on."""
    theirs, ours = space.play("theirs", run), space.play("ours", run)
    assert (ours.status, ours.stderr) == (theirs.status, theirs.stderr)
    their_rows, their_timers = connections(theirs.stdout, sort=False)
    our_rows, our_timers = connections(ours.stdout, sort=False)
    assert our_rows == their_rows
    assert all(0 <= a - b <= 2 for a, b in zip(their_timers, our_timers, strict=True))


def assert_same_output(theirs: Result, ours: Result, run: Run, order: str = "") -> None:
    """Exit status and both streams. order: "services" or "connections" if their order is the kernel's."""
    stderr = ours.stderr
    theirs = theirs._replace(stderr=usual_words(theirs.stderr))
    if is_restore(run):
        stderr = plain_messages(stderr, theirs.stderr, run.stdin)
    assert (ours.status, stderr) == (theirs.status, theirs.stderr)
    if order == "services":
        assert by_service(ours.stdout) == by_service(theirs.stdout)
    elif order == "connections":
        ours_rows, ours_timers = connections(ours.stdout)
        theirs_rows, theirs_timers = connections(theirs.stdout)
        assert ours_rows == theirs_rows
        assert all(abs(a - b) <= 3 for a, b in zip(ours_timers, theirs_timers, strict=True))
    else:
        assert ours.stdout == theirs.stdout


def assert_same_listing(
    space: Space, run: Run, theirs: Result | None = None, thresholds_lost: bool = False
) -> None:
    """Both programs print the same of one and the same table, in the kernel's order where it shows.

    theirs: what ipvsadm has printed of it already. The kernel may rebuild its hash table between the
    two: then ipvsadm itself prints another order.
    """
    for _ in range(5):
        theirs = theirs or space.play("theirs", run)
        ours = space.play("ours", run)
        if thresholds_lost:
            ours = ours._replace(stdout=without_thresholds(ours.stdout))
        if ours.stdout == theirs.stdout:
            break
        again = space.play("theirs", run)
        if again.stdout == theirs.stdout:
            break
        theirs = again
    assert_same_output(theirs, ours, run)


def assert_expected(result: Result, state: State, expected: Expected) -> None:
    """A result against what a case states, word for word but for the connection table's size."""
    assert (result.status, lines(result.stderr)) == (expected.status, expected.stderr)
    assert lines(sizeless(result.stdout)) == expected.stdout
    if expected.rules is not None:
        assert stated(state) == expected.rules


def stated(state: State) -> list[str]:
    """The rules of a state, its daemons, and its timeouts if they are not the kernel's own."""
    rest = [text for text in state.text if "sync daemon" in text or text.startswith("Timeout")]
    return [*state.rules, *[text for text in rest if text != "Timeout (tcp tcpfin udp): 900 120 300"]]


def lines(text: bytes) -> Sequence[str]:
    return text.decode("utf-8", "backslashreplace").splitlines()
