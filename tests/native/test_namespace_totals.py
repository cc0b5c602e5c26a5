"""The kernel's file of what a namespace counts."""

from ipvsfast.stats.namespace import parse_totals

# Linux 6.12, two processors.
FILE = b"""       Total Incoming Outgoing         Incoming         Outgoing
CPU    Conns  Packets  Packets            Bytes            Bytes
  0        A       1F        0              FFF                0
  1        1        1        2 FFFFFFFFFFFFFF00                3
  ~        3        3        0              100                0

     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
           0        0        0                0                0
"""


def test_processors_are_summed() -> None:
    """In sixteens; neither the line of the estimator nor the rates are part of it."""
    assert parse_totals(FILE)[:] == (11, 32, 2, 0xFFFFFFFFFFFFFF00 + 0xFFF, 3, 0, 0, 0, 0, 0)


def test_a_file_that_says_nothing() -> None:
    """Zeros."""
    assert parse_totals(b"")[:] == (0,) * 10
