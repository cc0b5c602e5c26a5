"""`-L --timeout` and `-L --daemon`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.settings import SyncDaemon, Timeouts


def timeout_text(timeouts: Timeouts) -> str:
    """One line: `Timeout (tcp tcpfin udp): 900 120 300`, in seconds."""
    return f"Timeout (tcp tcpfin udp): {timeouts.tcp} {timeouts.tcp_fin} {timeouts.udp}\n"


def daemon_text(daemons: Iterable[SyncDaemon]) -> str:
    """One line per daemon, master first; "" if none runs. What the kernel leaves at 0 is left out."""
    return "".join([_daemon(d) for d in sorted(daemons, key=_master_first)])


def _master_first(daemon: SyncDaemon) -> bool:
    return daemon.state != "master"


def _daemon(daemon: SyncDaemon) -> str:
    parts = [f"mcast={daemon.interface}", f"syncid={daemon.sync_id}"]
    if daemon.max_len:
        parts.append(f"maxlen={daemon.max_len}")
    if daemon.group:
        parts.append(f"group={daemon.group}")
    if daemon.port:
        parts.append(f"port={daemon.port}")
    if daemon.ttl:
        parts.append(f"ttl={daemon.ttl}")
    return f"{daemon.state} sync daemon ({', '.join(parts)})\n"


def timeout_rule(timeouts: Timeouts) -> str:
    """The rule that sets these timeouts again."""
    return f"--set {timeouts.tcp} {timeouts.tcp_fin} {timeouts.udp}\n"


def daemon_rule(daemon: SyncDaemon) -> str:
    """The rule that starts this daemon again, with every value that the kernel reports."""
    rule = f"--start-daemon {daemon.state} --mcast-interface {daemon.interface} --syncid {daemon.sync_id}"
    for option, value in (
        ("sync-maxlen", daemon.max_len),
        ("mcast-group", daemon.group),
        ("mcast-port", daemon.port),
        ("mcast-ttl", daemon.ttl),
    ):
        if value:
            rule += f" --{option} {value}"
    return rule + "\n"
