"""`ipvsfast watch --from keepalived`: files that the configuration includes, and messages as JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipvsfast import Ipvs
from support.command import program

PATIENCE = 120  # seconds for what comes in one; the machine may be busy


def server(address: str, weight: int) -> str:
    """A virtual server with one real server of that weight."""
    return (
        f"virtual_server {address} 80 {{\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n"
        f"  real_server 10.1.0.1 80 {{\n    weight {weight}\n  }}\n}}\n"
    )


def weights() -> dict[str, int]:
    """Of the destination of each service."""
    with Ipvs() as ipvs:
        return {service.address: one.weight for service, dests in ipvs.table() for one in dests}


def becomes(wanted: dict[str, int]) -> None:
    """Waits until the table is so."""
    end = time.monotonic() + PATIENCE
    while weights() != wanted:
        assert time.monotonic() < end, weights()
        time.sleep(0.05)


def put(path: Path, text: str) -> None:
    """In the place of the file, as a whole."""
    new = path.with_name("new")
    new.write_text(text)
    os.replace(new, path)


@pytest.fixture
def messages(tmp_path: Path) -> Iterator[Path]:
    """What a watch of a configuration says that includes a file and a pattern; nothing but changes wakes it up."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "main.conf").write_text("include part.conf\ninclude conf.d/*.conf\n" + server("10.0.0.1", 1))
    (tmp_path / "part.conf").write_text(server("10.0.0.2", 2))
    words = ("watch", "--json", "--interval", "0", "--from", "keepalived", str(tmp_path / "main.conf"))
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([program(), *words], stdin=subprocess.DEVNULL, stderr=log)
    try:
        becomes({"10.0.0.1": 1, "10.0.0.2": 2})
        yield tmp_path / "log"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in (0, 128 + signal.SIGTERM)  # it may be looking at what it did last


def test_included_files(messages: Path, tmp_path: Path) -> None:
    """A change of one is put in force, and so is one that comes or goes where a pattern looks, or that is included
    later; a mistake in one changes nothing, and it is watched all the same."""
    put(tmp_path / "part.conf", server("10.0.0.2", 5))
    becomes({"10.0.0.1": 1, "10.0.0.2": 5})
    put(tmp_path / "conf.d" / "three.conf", server("10.0.0.3", 3))
    becomes({"10.0.0.1": 1, "10.0.0.2": 5, "10.0.0.3": 3})
    put(tmp_path / "conf.d" / "three.conf", "nonsense\n")
    while "cannot be used" not in messages.read_text():
        time.sleep(0.05)
    assert weights() == {"10.0.0.1": 1, "10.0.0.2": 5, "10.0.0.3": 3}
    put(tmp_path / "conf.d" / "three.conf", f"include {tmp_path}/deeper\n")
    put(tmp_path / "deeper", server("10.0.0.4", 4))
    becomes({"10.0.0.1": 1, "10.0.0.2": 5, "10.0.0.4": 4})
    put(tmp_path / "deeper", server("10.0.0.4", 6))
    becomes({"10.0.0.1": 1, "10.0.0.2": 5, "10.0.0.4": 6})
    (tmp_path / "conf.d" / "three.conf").unlink()
    becomes({"10.0.0.1": 1, "10.0.0.2": 5})


def test_messages_are_json(messages: Path, tmp_path: Path) -> None:
    """Each line an object with the time, the file and the message."""
    while "the table is as wanted" not in messages.read_text():
        time.sleep(0.05)
    found = [json.loads(line) for line in messages.read_text().splitlines()]
    assert {tuple(one) for one in found} == {("time", "file", "message")}
    assert {one["file"] for one in found} == {str(tmp_path / "main.conf")}
    assert abs(found[0]["time"] - time.time()) < PATIENCE
    assert any(one["message"].startswith("+ -A -t 10.0.0.1:80") for one in found)
