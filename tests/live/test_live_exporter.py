"""`ipvsfast exporter` with live counters."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipvsfast import Ipvs
from support.command import program, run
from support.estimation import switch
from support.exporting import exporting
from support.live_service import KEY, VIP, privileges, served
from support.live_traffic import Servers, send_udp
from support.module import LOADER, module_afterwards, unload

NET_ADMIN, BPF = 1 << 12, 1 << 39
PACKETS = 'ipvs_service_incoming_packets_total{service="10.9.0.1:53",protocol="udp",family="ipv4"}'
LISTEN = ("--listen", "127.0.0.1:0")


@pytest.fixture
def servers() -> Iterator[Servers]:
    """A service with a server."""
    with served() as one:
        yield one


def packets(text: str) -> int:
    """Those of the service, in an exposition."""
    (value,) = re.findall(r"^ipvs_service_incoming_packets_total\S* (\S+)$", text, re.M)
    return int(float(value))


def test_each_scrape_is_of_its_moment(servers: Servers) -> None:
    """With one privilege left."""
    with exporting(*LISTEN, "--source", "live") as exporter:
        assert exporter.value("ipvs_counters_live") == 1
        for total in (5, 10, 15):
            send_udp(servers, VIP, 5)
            assert packets(exporter.curl().stdout) == total
        assert privileges(exporter.process.pid) == {NET_ADMIN}
        assert exporter.end() == 0


def test_auto_is_live_where_the_kernel_refreshes_nothing(servers: Servers) -> None:
    """Only there: an exporter does not know how often it is asked."""
    with exporting(*LISTEN) as exporter:
        assert exporter.value("ipvs_counters_live") == 0
        assert exporter.end() == 0
    switch(False)
    with exporting(*LISTEN) as exporter:
        send_udp(servers, VIP, 5)
        text = exporter.curl().stdout
        assert "\nipvs_counters_live 1\n" in text and "\nipvs_estimation_enabled 0\n" in text
        assert packets(text) == 5
        assert privileges(exporter.process.pid) == {NET_ADMIN}
        assert exporter.end() == 0


def test_estimation_that_is_switched_off_later(servers: Servers) -> None:
    """It is too late for live counters then, which the log says once."""
    with exporting(*LISTEN) as exporter:
        assert exporter.value("ipvs_estimation_enabled") == 1
        switch(False)
        for _ in range(3):
            assert exporter.value("ipvs_counters_live") == 0
        exporter.until("live counters cannot be had: ")
        assert exporter.end() == 0
        assert exporter.process.stderr is not None
        rest = exporter.process.stderr.read()
    assert "live counters" not in rest


@pytest.mark.parametrize("source", ["live", "auto"])
def test_the_module_is_replaced(servers: Servers, source: str) -> None:
    """The privileges for a new program are gone: live is an error, auto goes on with the kernel's counters."""
    switch(False)
    with module_afterwards(), exporting(*LISTEN, "--source", source) as exporter:
        loader = LOADER.read_text()
        assert exporter.value("ipvs_counters_live") == 1
        with Ipvs() as ipvs:
            ipvs.flush()
        unload(for_good=True)
        assert exporter.value("ipvs_up") == 0
        LOADER.write_text(loader)
        with Ipvs() as ipvs:
            ipvs.add_service(KEY)
        switch(False)
        if source == "live":
            assert exporter.value("ipvs_up") == 0
            assert "CAP_BPF" in exporter.until("CAP_BPF")
        else:
            text = exporter.curl().stdout
            assert "\nipvs_up 1\n" in text and "\nipvs_counters_live 0\n" in text
            exporter.until("live counters cannot be had: ")
        assert exporter.end() == 0


def test_without_a_table_at_the_start(servers: Servers) -> None:
    """It keeps what loading the program takes, and loads it when there is a table."""
    with module_afterwards():
        loader = LOADER.read_text()
        with Ipvs() as ipvs:
            ipvs.flush()
        unload(for_good=True)
        with exporting(*LISTEN, "--source", "live") as exporter:
            assert exporter.value("ipvs_up") == 0
            LOADER.write_text(loader)
            with Ipvs() as ipvs:
                ipvs.add_service(KEY)
            assert exporter.value("ipvs_counters_live") == 1
            assert all(found & BPF for found in privileges(exporter.process.pid))
            assert exporter.end() == 0


def test_where_it_cannot_be_had(servers: Servers, tmp_path: Path) -> None:
    """live does not begin; a file tells that the table could not be read."""
    prefix = ("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-all")
    argv = [*prefix, program(), "exporter", "--source", "live"]
    done = subprocess.run([*argv, *LISTEN], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "CAP_BPF" in done.stderr
    path = tmp_path / "ipvs.prom"
    done = subprocess.run([*argv, "--once", path], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1 and "CAP_BPF" in done.stderr
    assert "\nipvs_up 0\n" in path.read_text()
    done = run("exporter", "--source", "bpf")
    assert (done.returncode, done.stderr) == (
        2, "exporter: source must be one of auto, live, netlink, sockopt, not 'bpf'\n"
    )  # fmt: skip


def test_once(servers: Servers, tmp_path: Path) -> None:
    """A file is of its moment too."""
    send_udp(servers, VIP, 8)
    path = tmp_path / "ipvs.prom"
    assert run("exporter", "--once", str(path), "--source", "live").returncode == 0
    assert packets(path.read_text()) == 8
