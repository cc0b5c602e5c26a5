"""The texts of timeouts and sync daemons."""

from __future__ import annotations

from ipvsfast.listing.state import daemon_text, timeout_text
from ipvsfast.model.settings import SyncDaemon, Timeouts


def test_timeouts():
    """One line, seconds."""
    assert timeout_text(Timeouts(900, 120, 300)) == "Timeout (tcp tcpfin udp): 900 120 300\n"


def test_daemons_master_first():
    """Both daemons, the master first in whatever order they came."""
    more = {"max_len": 1472, "group": "224.0.0.81", "port": 8848, "ttl": 1}
    backup, master = SyncDaemon("backup", "dummy0", 7, **more), SyncDaemon("master", "dummy0", **more)
    assert daemon_text([backup, master]) == (
        "master sync daemon (mcast=dummy0, syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
        "backup sync daemon (mcast=dummy0, syncid=7, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n"
    )


def test_group_of_ipv6():
    """An IPv6 group stands without brackets."""
    daemon = SyncDaemon("master", "dummy0", 255, max_len=1000, group="ff05::81", port=9000, ttl=5)
    assert daemon_text([daemon]) == (
        "master sync daemon (mcast=dummy0, syncid=255, maxlen=1000, group=ff05::81, port=9000, ttl=5)\n"
    )


def test_what_the_kernel_does_not_say():
    """Values that are zero or absent are left out, as on kernels that do not report them."""
    assert daemon_text([SyncDaemon("master", "eth0", 3)]) == "master sync daemon (mcast=eth0, syncid=3)\n"
    assert daemon_text([SyncDaemon("backup", "eth0", port=1)]) == (
        "backup sync daemon (mcast=eth0, syncid=0, port=1)\n"
    )


def test_no_daemon():
    """No daemon, no text."""
    assert daemon_text([]) == ""
