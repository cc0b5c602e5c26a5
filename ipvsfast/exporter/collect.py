"""One poll: everything that an exposition tells, read from the kernel."""

from __future__ import annotations

from ..kernel.sample_lines import fingerprint
from ..stats.namespace import read_file
from .families import (
    BUCKETS,
    DAEMON,
    DAEMON_RUNNING,
    DESTINATIONS,
    ENTRIES,
    ESTIMATION,
    FINGERPRINT,
    KERNEL,
    LIVE,
    LIVE_COUNTERS,
    MOST,
    SERVICES,
    STATUS,
    TIMEOUT,
    UNSTABLE,
)
from .lines import label_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..client import Ipvs
    from ..stats.poller import Poller
    from ..stats.snapshot import Snapshot
    from .families import Family
    from .options import ExportOptions

    FewSamples = tuple[Family, list[str], list[float]]

_STATUS_FILE = "/proc/thread-self/net/ip_vs_status"
_MOST_FILE = "/proc/sys/net/ipv4/vs/conn_max"


class Samples:
    """Families with few samples, in the order in which they came."""

    def __init__(self, found: list[FewSamples] | None = None) -> None:
        self.found: list[FewSamples] = found or []

    def add(self, family: Family, samples: Iterable[tuple[tuple[object, ...], float]]) -> None:
        """The samples of a family: values of its labels, and the value."""
        pairs = list(samples)
        labels = [label_text(family.labels, values) for values, _ in pairs]
        self.found.append((family, labels, [value for _, value in pairs]))

    def one(self, family: Family, value: float) -> None:
        """The only sample of a family."""
        self.add(family, [((), value)])

    def leave_out(self, family: Family) -> None:
        """Takes a family away."""
        self.found = [few for few in self.found if few[0] is not family]

    def __len__(self) -> int:
        return sum([len(values) for _, _, values in self.found])


def collect(ipvs: Ipvs, poller: Poller, samples: Samples, options: ExportOptions) -> Snapshot:
    """The table now; what else there is to tell of its namespace goes into samples."""
    info, timeouts, daemons = ipvs.info(), ipvs.timeouts(), ipvs.daemons()
    status = status_values(read_file(ipvs.session, _STATUS_FILE) or b"")
    most = (read_file(ipvs.session, _MOST_FILE) or b"").strip()
    snapshot = poller.poll()
    samples.add(KERNEL, [((".".join(map(str, info.version)),), 1)])
    if snapshot.estimating is not None:
        samples.one(ESTIMATION, int(snapshot.estimating))
    samples.one(LIVE_COUNTERS, int(snapshot.live))
    samples.one(SERVICES, len(snapshot.services))
    samples.one(DESTINATIONS, len(snapshot.destinations))
    samples.one(UNSTABLE, snapshot.unstable)
    samples.add(TIMEOUT, [((name,), getattr(timeouts, name)) for name in ("tcp", "tcp_fin", "udp")])
    samples.add(DAEMON, [((d.state, d.interface, d.sync_id, d.group, d.port or ""), 1) for d in daemons])
    states = {daemon.state for daemon in daemons}
    samples.add(DAEMON_RUNNING, [((state,), int(state in states)) for state in ("master", "backup")])
    samples.one(BUCKETS, info.size)
    if "conns" in status:
        samples.one(ENTRIES, status["conns"])
    if most.isdigit() and int(most):
        samples.one(MOST, int(most))
    samples.add(STATUS, [((name,), value) for name, value in status.items()])
    # So many bits as a float, which is what values become, holds exactly.
    marks = [(("included",), fingerprint(snapshot.rows, True) >> 16)]
    marks.append((("left_out",), fingerprint(snapshot.rows, False) >> 16))
    samples.add(FINGERPRINT, marks)
    totals = snapshot.namespace_totals()
    if totals is not None:
        for family in LIVE:
            samples.one(family, getattr(totals, family.column))
    if options.compat is not None:
        from .compat import STATS_FILE, TOTALS, parse_totals

        for family, value in zip(TOTALS, parse_totals(read_file(ipvs.session, STATS_FILE) or b"")):
            samples.one(family, value)
    return snapshot


def status_values(text: bytes) -> dict[str, int]:
    """The number behind each name of /proc/net/ip_vs_status; what stands behind that in brackets is the same
    in another form."""
    found: dict[str, int] = {}
    for line in text.decode("ascii", "replace").splitlines():
        name, colon, rest = line.partition(":")
        words = rest.split()
        if colon and words and words[0].isdigit():
            found[name.strip().lower()] = int(words[0])
    return found
