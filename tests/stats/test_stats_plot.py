"""`ipvsfast stats --plot`: a drawing of real traffic on a real kernel."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

from parity.traffic import Flow, addresses, clients, listeners

from ipvsfast import Destination, Ipvs, Service
from support.command import run

VIP, SERVER = "10.9.0.1", "10.9.1.1"


def test_a_drawing_of_traffic(tmp_path: Path) -> None:
    """The service that has traffic comes first; destinations where one asks for them; totals."""
    space = SimpleNamespace(sockets=[])
    addresses(space, VIP, SERVER)
    listeners(space, ("udp", SERVER, 53))
    with Ipvs() as ipvs:
        ipvs.add_service(Service.tcp("10.9.0.9", 80, "rr"))
        web = Service.udp(VIP, 53, "rr")
        ipvs.add_service(web)
        ipvs.add_destination(web, Destination(SERVER, 53, forwarding="masq"))
    done: list[object] = []
    # Who does not name a source is told where live counters cannot be had; totals have no source.
    options = [
        ("services", ("--source", "sockopt")),
        ("destinations", ("--source", "sockopt", "--destination", SERVER)),
        ("totals", ("--totals",)),
    ]

    def draw(name: str, more: tuple[str, ...]) -> None:
        path = str(tmp_path / f"{name}.svg")
        done.append(run("stats", "--interval", "0.5", "--repeat", "11", "--plot", path, *more))

    threads = [threading.Thread(target=draw, args=one) for one in options]
    for thread in threads:
        thread.start()
    port = 20000
    while any(thread.is_alive() for thread in threads):
        clients(space, Flow("udp", (VIP, port := port + 1), (VIP, 53), payload=b"x"))
        time.sleep(0.02)
    for item in space.sockets:
        item.close()
    assert [(one.returncode, one.stdout, one.stderr) for one in done] == [(0, "", "")] * 3
    names = {
        "services": f"UDP {VIP}:53",
        "destinations": f"{SERVER}:53 of UDP {VIP}:53",
        "totals": "the network namespace",
    }
    for name, first in names.items():
        root = ElementTree.parse(tmp_path / f"{name}.svg").getroot()
        words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert first in words
        lines = [e for e in root.iter("{http://www.w3.org/2000/svg}path") if e.get("class") == "line"]
        assert any(len((line.get("d") or "").split("L")) > 3 for line in lines)


def test_a_place_that_cannot_be(tmp_path: Path) -> None:
    """It is said before there was a reading."""
    began = time.monotonic()
    done = run("stats", "--interval", "100", "--repeat", "9", "--plot", str(tmp_path / "no" / "x.svg"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"cannot write {tmp_path}/no/x.svg: No such file or directory\n"
    assert time.monotonic() - began < 60
