"""Readings while services and destinations come and go: what stands still is in each of them, once, as it is."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipvsfast import Destination, Ipvs, Service
from ipvsfast.errors import TableChanging
from ipvsfast.kernel.layout import DEST, DEST_ROW, SERVICE_ROW, pack_key, service_key
from ipvsfast.kernel.live_reader import LiveReader
from ipvsfast.kernel.session import Session
from ipvsfast.kernel.table_reading import BY_NETLINK, Reading
from support import live_churn
from support.live_traffic import apply

TESTS = Path(__file__).resolve().parents[1]
READINGS = 60


@contextmanager
def churn(services: int) -> Iterator[subprocess.Popen[str]]:
    """Another process is at it."""
    with subprocess.Popen(
        [sys.executable, "-m", live_churn.__name__, str(services)],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            yield process
            assert process.poll() is None
        finally:
            process.kill()


def entries(reading: Reading) -> dict[bytes, list[bytes]]:
    """What destinations are set to, by the keys of their services, none of which is there twice."""
    services, dests = reading.rows()
    found, next_dest = {}, 0
    for at in range(0, len(services), SERVICE_ROW.size):
        row = services[at : at + SERVICE_ROW.size]
        first, count = struct.unpack_from("=II", row, SERVICE_ROW.size - 16)
        assert first == next_dest
        next_dest += count
        found[service_key(row)] = [
            dests[n * DEST_ROW.size : n * DEST_ROW.size + DEST.size] for n in range(first, next_dest)
        ]
    assert len(found) == reading.services and next_dest == reading.destinations
    for rows in found.values():
        assert len(set(rows)) == len(rows)
    return found


def read(reader: LiveReader) -> tuple[dict[bytes, list[bytes]], dict[str, int]]:
    """A reading, and how it went. What is refused as the table changes too much is tried again."""
    while True:
        try:
            reader.read(reading := Reading())
        except TableChanging:
            continue
        return entries(reading), reader.account


@pytest.mark.parametrize(("services", "others"), [(200, 600), pytest.param(60, 4000, marks=pytest.mark.long)])
def test_churn(session: Session, reader: LiveReader, services: int, others: int) -> None:
    """No service or destination lacks, is there twice, or is another's; with few others and with many, for which
    newer kernels change the size of their table all the time."""
    vips = [f"10.1.{n // 250}.{n % 250}" for n in range(services)]
    apply(
        Ipvs(),
        [
            (Service.tcp(vip, 80), [Destination(f"10.2.{n}.1", 80, weight=n) for n in range(20)])
            for vip in vips
        ],
    )
    wanted = entries(session.read(scope=BY_NETLINK))
    foreign = {service_key(pack_key(live_churn.service(number).key)) for number in range(others)}
    sizes, readings, lost, restarts = set(), 0, 0, 0
    with churn(others):
        while readings < READINGS or len(sizes) <= READINGS // 4:  # else too little came and went
            readings += 1
            assert readings < 100 * READINGS, sizes
            found, account = read(reader)
            sizes.add(len(found))
            assert {key: found[key] for key in wanted} == wanted
            assert found.keys() - wanted.keys() <= foreign
            assert account["behind"] == 0
            lost += account["places"]
            restarts += account["restarts"]
    print(f"\n{readings} readings, {lost} places lost, {restarts} begun again")
