"""Entries that the kernel takes without a word and no command line makes: packed operations, sent as they are."""

from __future__ import annotations

import errno
from typing import NamedTuple

from ipvsfast import Ipvs
from ipvsfast.kernel.layout import DEST, SERVICE, packed_operation
from ipvsfast.kernel.rule_buffer import new_results
from ipvsfast.model.kernel_names import COMMANDS

FULL = 0xFFFFFFFF


class OddService(NamedTuple):
    """A service by its numbers. `flags` are the kernel's."""

    protocol: int = 6
    port: int = 80
    mark: int = 0
    flags: int = 0
    timeout: int = 0
    netmask: int = FULL
    address: bytes = b"\x0a\0\0\1"
    scheduler: bytes = b"rr"
    engine: bytes = b""
    family: int = 2

    def packed(self) -> bytes:
        """As it stands in an operation."""
        of_mark = (0, 0, b"") if self.mark else (self.protocol, self.port, self.address)
        return SERVICE.pack(
            self.family, of_mark[0], of_mark[1], 0, self.mark, self.flags, FULL, self.timeout,
            self.netmask, of_mark[2], self.scheduler, self.engine,
        )  # fmt: skip


class OddDestination(NamedTuple):
    """A destination by its numbers."""

    method: int = 0
    port: int = 80
    address: bytes = b"\xc0\xa8\0\1"
    family: int = 2
    weight: int = 1
    upper: int = 0
    lower: int = 0
    tunnel_port: int = 0
    tunnel_flags: int = 0
    tunnel_type: int = 0

    def packed(self) -> bytes:
        """As it stands in an operation."""
        return DEST.pack(
            self.family, self.port, self.address, self.method, self.weight, self.upper, self.lower,
            self.tunnel_port, self.tunnel_flags, self.tunnel_type,
        )  # fmt: skip


OddTable = list[tuple[OddService, list[OddDestination]]]


def operations(table: OddTable) -> list[bytes]:
    """What makes it."""
    made = []
    for service, destinations in table:
        packed = service.packed()
        made.append(packed_operation(COMMANDS["add-service"], packed))
        made += [packed_operation(COMMANDS["add-destination"], packed, one.packed()) for one in destinations]
    return made


def send(ipvs: Ipvs, table: OddTable) -> list[str]:
    """Makes it in the kernel; what it said to each operation: "" or the name of an errno."""
    made = operations(table)
    results = new_results(len(made))
    done = 0
    while done < len(made):
        done = ipvs.send(bytearray(b"".join(made)), len(made), results, done)
    return [errno.errorcode[-code] if code else "" for code in results]
