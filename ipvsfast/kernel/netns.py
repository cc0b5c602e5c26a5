"""Network namespaces by path or name."""

from __future__ import annotations

import errno
import os

from ..errors import KernelError

_NETNS_DIRS = ("/run/netns", "/var/run/netns")


def open_netns(netns: str | None) -> int:
    """Descriptor of a network namespace given by path or by `ip netns` name; -1 for None."""
    if netns is None:
        return -1
    places = [netns] if "/" in netns else [f"{d}/{netns}" for d in _NETNS_DIRS]
    for place in places:
        try:
            return os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
    looked = f"looked for {' and '.join(places)}"
    raise KernelError(errno.ENOENT, f"no network namespace {netns!r}", "", looked)
