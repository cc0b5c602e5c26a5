"""What the machine's administrator allows: the settings of /etc/ipvsfast.conf."""

from __future__ import annotations

import errno

from .errors import InvalidValue, KernelError

CONFIG = "/etc/ipvsfast.conf"
CONNECTIONS, LIVE = "connections-source", "live-counters"
# What each may be; the first is as if there were no line.
_VALUES = {CONNECTIONS: ("auto", "proc"), LIVE: ("auto", "off")}


def read_policy(path: str = CONFIG) -> dict[str, str]:
    """The settings by name; those that have no line are not there. InvalidValue for a line that is unknown: a
    typing mistake must not allow what was meant to be forbidden."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KernelError(error.errno or errno.EIO, f"cannot read {path}: {error.strerror}") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        name, equals, value = [part.strip() for part in text.partition("=")]
        if not equals or value not in _VALUES.get(name, ()):
            expected = [f"{known} = {word}" for known in ([name] if name in _VALUES else _VALUES)
                        for word in _VALUES[known]]  # fmt: skip
            raise InvalidValue(
                f"{path}:{number}: expected {', '.join(expected[:-1])} or {expected[-1]}, not {text!r}"
            )
        found[name] = value
    return found


def only_proc(path: str = CONFIG) -> bool:
    """Whether connections may be read as text only."""
    return read_policy(path).get(CONNECTIONS) == "proc"


def no_live_counters(path: str = CONFIG) -> bool:
    """Whether counters may not be read by BPF. Who forbade that for connections before there were live
    counters wants none here either, unless a line says so."""
    policy = read_policy(path)
    return policy.get(LIVE, "off" if policy.get(CONNECTIONS) == "proc" else "auto") == "off"
