"""Restore a rule file with pyroute2: the straightforward script that its users would write.

Run by the interpreter of pyroute2's own environment, rules on standard input.
"""

from __future__ import annotations

import importlib
import socket
import sys
from typing import Any

# By name: the environment in which this tree is type-checked does not have the package.
pyroute2: Any = importlib.import_module("pyroute2")

MASQUERADE = 0


def endpoint(text: str) -> tuple[str, int]:
    """Take ADDRESS:PORT apart."""
    address, _, port = text.rpartition(":")
    return address, int(port)


def main() -> None:
    """Send every rule of standard input to the kernel, one call each."""
    with pyroute2.IPVS() as ipvs:
        service: Any = None
        for line in sys.stdin:
            words = line.split()
            if words[0] == "-A":
                address, port = endpoint(words[2])
                service = pyroute2.IPVSService(
                    addr=address, port=port, protocol=socket.IPPROTO_TCP, sched_name=words[4]
                )
                ipvs.service("add", service=service)
            else:
                address, port = endpoint(words[4])
                weight = int(words[7])
                destination = pyroute2.IPVSDest(addr=address, port=port, weight=weight, fwd_method=MASQUERADE)
                ipvs.dest("add", service=service, dest=destination)


if __name__ == "__main__":
    main()
