"""What small files of the kernel say about the counters of a namespace."""

from __future__ import annotations

import errno
import os

from ..errors import IpvsUnavailable
from ..model.stats import Stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.session import Session

_SWITCH = "/proc/sys/net/ipv4/vs/run_estimation"
_CPUS = "/proc/sys/net/ipv4/vs/est_cpulist"
_TOTALS = "/proc/thread-self/net/ip_vs_stats_percpu"
_PIECE = 1 << 13


def read_file(session: Session, path: str) -> bytes | None:
    """What a file holds in the namespace of the session; None where it cannot be read."""
    fd = session.open_file(path)
    if fd < 0:
        return None
    try:
        pieces = []
        while piece := os.read(fd, _PIECE):
            pieces.append(piece)
    except OSError:
        return None
    finally:
        os.close(fd)
    return b"".join(pieces)


def is_estimating(session: Session) -> bool | None:
    """Whether the kernel refreshes its counters; None where it does not say."""
    switch = read_file(session, _SWITCH)
    if switch is None or not switch.strip().isdigit():
        return None
    if not int(switch):
        return False
    cpus = read_file(session, _CPUS)  # since Linux 6.2
    return cpus is None or bool(cpus.strip())


def totals_text(session: Session) -> bytes | None:
    """What the kernel counts on each processor, for parse_totals(); None where it does not say."""
    return read_file(session, _TOTALS)


def namespace_totals(session: Session) -> Stats:
    """What all services of the namespace have counted since it exists."""
    text = totals_text(session)
    if text is None:
        advice = "load the module ip_vs: modprobe ip_vs"
        raise IpvsUnavailable(errno.ENOENT, f"{_TOTALS} cannot be read", "", advice)
    return parse_totals(text)


def parse_totals(text: bytes) -> Stats:
    """The sum over the processors; the line `~` is refreshed like all other counters, and can be zeroed."""
    sums = [0] * 5
    for line in text.splitlines():
        words = line.split()
        if len(words) != 6 or words[0] == b"~" or words[0] == b"CPU":
            continue
        for n, word in enumerate(words[1:]):
            sums[n] += int(word, 16)
    return Stats._make(*sums, 0, 0, 0, 0, 0)
