"""Readings of made-up connection tables, from files that have no name."""

from __future__ import annotations

import os

from ipvsfast.connections.filter import EVERYTHING, ConnectionFilter
from ipvsfast.kernel.conn_layout import unpack
from ipvsfast.kernel.conn_reader import ConnReader, ConnRows, ConnText
from ipvsfast.model.connection import Connection


def file_of(text: bytes) -> int:
    """A descriptor to read the text from."""
    fd = os.memfd_create("connections", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as out:
        out.write(text)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def reader_of(text: bytes, overlap: bool = True, where: ConnectionFilter = EVERYTHING) -> ConnReader:
    """A reading of the text, begun."""
    reader = ConnReader()
    reader.filter(*where.pack())
    reader.attach(file_of(text), overlap)
    return reader


def read(reader: ConnReader) -> list[Connection]:
    """All that is left of a reading."""
    step = ConnRows(reader).step
    found: list[Connection] = []
    while not reader.ended:
        rows, text = step()
        found += unpack(rows, text)
    return found


def text_of(reader: ConnReader, form: str) -> bytes:
    """The same as text."""
    step = ConnText(reader, form).step
    pieces = []
    while not reader.ended:
        pieces.append(bytes(step()))
    return b"".join(pieces)
