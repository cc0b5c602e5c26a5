"""Counters of a service or a destination."""

from __future__ import annotations

from .value import Field, Record, check_range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .types import (
        StatsChanges,
    )


class Stats(Record):
    """Counters since the last zero, and the kernel's rates per second (about an 8 s average).

    connections, packets and bytes (64 bits; the kernel refreshes them every 2 s);
    cps: connections/s; in_pps, out_pps: packets/s; in_bps, out_bps: **bytes**/s.
    """

    __slots__ = ()
    connections: Field[int] = Field(0, "Connections.")
    in_packets: Field[int] = Field(1, "Packets from clients.")
    out_packets: Field[int] = Field(2, "Packets to clients, where they come back this way.")
    in_bytes: Field[int] = Field(3, "Bytes from clients.")
    out_bytes: Field[int] = Field(4, "Bytes to clients, where they come back this way.")
    cps: Field[int] = Field(5, "Connections a second.")
    in_pps: Field[int] = Field(6, "Packets a second from clients.")
    out_pps: Field[int] = Field(7, "Packets a second to clients.")
    in_bps: Field[int] = Field(8, "Bytes a second from clients.")
    out_bps: Field[int] = Field(9, "Bytes a second to clients.")

    def __new__(
        cls, connections: int = 0, in_packets: int = 0, out_packets: int = 0, in_bytes: int = 0,
        out_bytes: int = 0, cps: int = 0, in_pps: int = 0, out_pps: int = 0, in_bps: int = 0,
        out_bps: int = 0,
    ) -> Self:  # fmt: skip
        values = (connections, in_packets, out_packets, in_bytes, out_bytes,
                  cps, in_pps, out_pps, in_bps, out_bps)  # fmt: skip
        for name, value in zip(cls._fields, values):
            check_range(value, 0, 2**64 - 1, name)
        return cls._make(*values)

    if TYPE_CHECKING:

        def replace(self, **changes: Unpack[StatsChanges]) -> Self:
            """A copy with some values changed, checked like a new one."""


NO_STATS = Stats()
