"""`ipvsfast exporter' on a real kernel: Prometheus and curl ask it, signals end it, the module goes and comes."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipvsfast import Destination, Ipvs, Service
from support.certificates import ALICE, Certificates
from support.command import NOBODY, program, run
from support.exporting import Exporter, exporting
from support.module import LOADER, module_afterwards, unload
from support.pages import blocks
from support.require import cannot_run
from support.tools import ROOT

SERVICE = Service.tcp("10.0.0.1", 80, "rr")
NET_ADMIN = 1 << 12
# Runs the command, and writes into the first argument which modules it looks for once privileges are given up.
TELLS_LATE_LOADS = """
import sys
from ipvsfast import privileges
from ipvsfast.cli.main import main

told = open(sys.argv[1], "w", buffering=1)
late = False


def hook(event, arguments):
    if late and event == "import":
        print(arguments[0], file=told)


def keep_only(capabilities, inner=privileges.keep_only):
    global late
    inner(capabilities)
    late = True
    print("privileges given up", file=told)


privileges.keep_only = keep_only
sys.addaudithook(hook)
sys.exit(main(sys.argv[2:], "ipvsfast"))
"""


@pytest.fixture(autouse=True)
def table() -> Iterator[Ipvs]:
    """One service with three destinations."""
    with Ipvs() as ipvs:
        ipvs.add_service(SERVICE)
        for number in (1, 2, 3):
            ipvs.add_destination(SERVICE, Destination(f"10.1.0.{number}", 80, "masq"))
        yield ipvs


def capabilities(process: int) -> dict[str, int]:
    """Those of a process."""
    status = Path(f"/proc/{process}/status").read_text()
    lines = [line.partition(":") for line in status.splitlines() if line.startswith("Cap")]
    return {name: int(value, 16) for name, _, value in lines}


def test_it_serves_and_ends(table: Ipvs) -> None:
    """Each scrape tells how things are then; what it may do is to read the table; SIGTERM ends it."""
    with exporting() as exporter:
        assert exporter.value("ipvs_up") == 1
        assert exporter.value("ipvs_destinations") == 3
        table.add_destination(SERVICE, Destination("10.1.0.4", 80))
        assert exporter.value("ipvs_destinations") == 4
        having = capabilities(exporter.process.pid)
        assert {having[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {NET_ADMIN}
        assert having["CapInh"] == having["CapAmb"] == 0
        assert exporter.end() == 0
        assert exporter.process.stderr and "ended by SIGTERM\n" in exporter.process.stderr.read()


def test_on_the_socket_file_and_two_addresses(tmp_path: Path) -> None:
    """All of --listen at once; SIGINT ends it too, and the file goes."""
    path = tmp_path / "s"
    with exporting("--listen", f"127.0.0.1:0,unix:{path}", "--listen", "[::1]:0") as exporter:
        assert exporter.value("ipvs_up") == 1
        done = subprocess.run(
            ["curl", "-sS", "--fail", "--unix-socket", str(path), "http://x/-/healthy"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.stdout == "healthy\n"
        assert path.stat().st_mode & 0o777 == 0o660
        assert exporter.end(signal.SIGINT) == 0
        assert not path.exists()


def test_fifty_at_once(table: Ipvs) -> None:
    """They share few readings, and each gets a whole one."""
    with exporting("--min-age", "3600") as exporter:
        argv = ["curl", "-sS", "--fail", "--parallel", "--parallel-max", "50", "--parallel-immediate"]
        argv += [f"http://{exporter.place}/metrics"] * 50
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\nipvs_destinations 3\n") == 50
        table.add_destination(SERVICE, Destination("10.1.0.4", 80))
        assert exporter.value("ipvs_destinations") == 3  # the minimum age is an hour


def test_tls_users_and_sighup(tmp_path: Path) -> None:
    """As curl sees them; a user who is taken out of the file is not served any more, and nobody waits for that."""
    made = Certificates(tmp_path)
    made.sign("server", "IP:127.0.0.1")
    config = tmp_path / "web.yml"
    tls = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
    config.write_text(f"{tls}basic_auth_users: {{alice: {ALICE}}}\n")
    trusted = ("--cacert", f"{tmp_path}/ca.pem")
    with exporting("--web-config", str(config)) as exporter:
        assert "with TLS, to its users" in exporter.said[-1]
        assert "\nipvs_up 1\n" in exporter.curl(*trusted, "-u", "alice:secret", scheme="https").stdout
        assert "401" in exporter.curl(*trusted, "-u", "alice:wrong", scheme="https").stderr
        assert exporter.curl("-u", "alice:secret", scheme="https").returncode == 60  # not trusted
        assert exporter.curl().returncode
        config.write_text(tls)
        exporter.process.send_signal(signal.SIGHUP)
        exporter.until("was read again and is in force")
        assert "\nipvs_up 1\n" in exporter.curl(*trusted, scheme="https").stdout
        config.write_text("unknown: 1\n")
        exporter.process.send_signal(signal.SIGHUP)
        exporter.until("'unknown' is not among")
        assert "\nipvs_up 1\n" in exporter.curl(*trusted, scheme="https").stdout
        assert exporter.end() == 0


def test_the_configuration_of_the_document(tmp_path: Path) -> None:
    """As docs/exporter.md has it, but for the hash: who has a certificate of that name, and the password, is served."""
    (block,) = [one for one in blocks(ROOT / "docs/exporter.md") if one.remark.endswith("/test_serving.py")]
    made = Certificates(tmp_path)
    made.sign("server", "IP:127.0.0.1")
    for name in ("prometheus", "other"):
        made.sign(name, f"DNS:{name}.example.org")
    config = tmp_path / "web.yml"
    before, after = block.text.split("$2y$10$...")
    config.write_text(f"{before}{ALICE}{after}")
    with exporting("--web-config", str(config)) as exporter:

        def told(name: str, password: str = "secret") -> str:
            own = ("--cert", f"{tmp_path}/{name}.pem", "--key", f"{tmp_path}/{name}.key") if name else ()
            trusted = ("--cacert", f"{tmp_path}/ca.pem", "-u", f"prometheus:{password}")
            done = exporter.curl(*trusted, *own, scheme="https")
            return done.stdout + done.stderr

        assert "\nipvs_up 1\n" in told("prometheus")
        assert "401" in told("prometheus", "wrong")
        for name in ("other", ""):
            assert "ipvs_up" not in told(name)


def test_sockets_of_a_service_manager(tmp_path: Path) -> None:
    """It serves on what it is given and nowhere else, tells when it is ready, and gives signs of life."""
    with socket.socket() as given, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        given.bind(("127.0.0.1", 0))
        given.listen()
        manager.bind(f"{tmp_path}/notify")
        manager.settimeout(60)
        env = {
            **os.environ,
            "NOTIFY_SOCKET": f"{tmp_path}/notify",
            "WATCHDOG_USEC": "200000",
            "LISTEN_FDS": "1",
        }
        script = 'exec 3<&"$1"; shift; LISTEN_PID=$$ exec "$@"'
        os.set_inheritable(given.fileno(), True)
        prefix = ("bash", "-c", script, "bash", str(given.fileno()))
        with subprocess.Popen(
            [*prefix, program(), "exporter"], stderr=subprocess.PIPE, text=True, env=env, close_fds=False
        ) as process:
            said = {manager.recv(4096).decode() for _ in range(5)}
            place = f"127.0.0.1:{given.getsockname()[1]}"
            assert said == {"READY=1", f"STATUS=serves the table on {place}", "WATCHDOG=1"}
            with urllib.request.urlopen(f"http://{place}/metrics", timeout=60) as answer:
                assert b"\nipvs_up 1\n" in answer.read()
            process.terminate()
            while manager.recv(4096) != b"STOPPING=1":
                pass
            assert process.wait(60) == 0


def test_without_privileges() -> None:
    """Whoever may not read the table is told so at once; one capability is enough."""
    done = run("exporter", "--listen", "127.0.0.1:0", prefix=NOBODY)
    assert done.returncode == 2 and "CAP_NET_ADMIN" in done.stderr
    more = [word.replace("dac_read_search", "dac_read_search,+net_admin") for word in NOBODY]
    with exporting(prefix=tuple(more)) as exporter:
        assert exporter.value("ipvs_destinations") == 3
        assert capabilities(exporter.process.pid)["CapPrm"] == NET_ADMIN


@pytest.mark.parametrize("mode", ["state", "client"])
def test_all_modules_are_loaded_before_privileges_are_given_up(mode: str, tmp_path: Path) -> None:
    """Afterwards they may lie in a folder that the process cannot enter."""
    loads = f"{tmp_path}/loads"
    config = tmp_path / "web.yml"
    config.write_text("rate_limit: {interval: 1ms, burst: 9}\n")
    argv = ("--listen", "127.0.0.1:0", "--connections", mode, "--web-config", str(config))
    with subprocess.Popen(
        [sys.executable, "-P", "-c", TELLS_LATE_LOADS, loads, "exporter", *argv],
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            exporter = Exporter(process)
            assert exporter.value("ipvs_destinations") == 3
            openmetrics = exporter.curl("--compressed", "-H", "Accept: application/openmetrics-text")
            assert openmetrics.stdout.endswith("# EOF\n")
            assert exporter.curl(path="/").returncode == 0
            assert exporter.curl("-X", "POST").returncode != 0
            process.send_signal(signal.SIGHUP)
            exporter.until("was read again")
            assert exporter.end() == 0
        finally:
            process.kill()
    assert Path(loads).read_text() == "privileges given up\n"


def test_the_module_goes_and_comes_back(table: Ipvs) -> None:
    """Meanwhile ipvs_up is 0, which the log tells too; then all is as before."""
    with module_afterwards(), exporting() as exporter:
        assert exporter.value("ipvs_up") == 1
        loader = LOADER.read_text()
        table.flush()
        table.close()
        unload(for_good=True)
        assert exporter.value("ipvs_up") == 0
        exporter.until("the table cannot be read")
        assert exporter.value('ipvs_scrape_errors_total{reason="unavailable"}') >= 1
        LOADER.write_text(loader)
        run("-A", "-t", "10.0.0.9:80")
        assert exporter.value("ipvs_up") == 1
        assert exporter.value("ipvs_services") == 1


def test_a_start_without_the_module(table: Ipvs) -> None:
    """It says so, serves, and finds the table when it comes."""
    with module_afterwards():
        loader = LOADER.read_text()
        table.flush()
        table.close()
        unload(for_good=True)
        with exporting() as exporter:
            assert "ipvs_up is 0 until it is there" in exporter.said[0]
            assert exporter.value("ipvs_up") == 0
            LOADER.write_text(loader)
            run("-A", "-t", "10.0.0.9:80")
            assert exporter.value("ipvs_services") == 1


def test_garbage_and_slow_clients_beside_scrapes() -> None:
    """Nobody waits for them, and memory does not grow with them."""
    with exporting() as exporter:
        host, _, port = exporter.place.rpartition(":")
        exporter.value("ipvs_up")
        ends = [socket.create_connection((host, int(port)), 60) for _ in range(100)]
        for number, end in enumerate(ends):
            end.sendall(
                (
                    b"GET /metrics HT",
                    b"\x16\x03\x01",
                    b"\0" * 9000,
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                )[number % 4]
            )
        assert all(exporter.value("ipvs_destinations") == 3 for _ in range(5))
        status = Path(f"/proc/{exporter.process.pid}/status").read_text()
        assert int(status.partition("VmHWM:")[2].split()[0]) < 60_000  # KiB
        for end in ends:
            end.close()
        assert exporter.value("ipvs_up") == 1


def test_clients_that_leave_before_their_answer() -> None:
    """Writing to them ends nothing; nor does writing to a log that nobody reads any more."""
    reset = struct.pack("=2i", 1, 0)
    with exporting() as exporter:
        host, _, port = exporter.place.rpartition(":")
        for _ in range(30):
            with socket.create_connection((host, int(port)), 60) as client:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                client.shutdown(socket.SHUT_WR)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        assert exporter.process.stderr is not None
        exporter.process.stderr.close()
        assert exporter.curl("-X", "POST").returncode == 22
        assert exporter.value("ipvs_up") == 1
        assert exporter.end() == 0


def test_an_unfinished_scrape_at_the_end() -> None:
    """Who is being answered when SIGTERM comes gets the whole answer."""
    with exporting() as exporter:
        found = []
        threads = [threading.Thread(target=lambda: found.append(exporter.curl())) for _ in range(10)]
        for thread in threads:
            thread.start()
        while len(found) < 3:
            time.sleep(0.01)
        assert exporter.end() == 0
        for thread in threads:
            thread.join()
        for done in found:
            assert "\nipvs_up 1\n" in done.stdout or done.returncode in (7, 52, 56), done


def test_prometheus(tmp_path: Path) -> None:
    """The real one scrapes it over TLS, by the configuration that comes along, and knows the table then."""
    if shutil.which("prometheus") is None:
        cannot_run("prometheus is not installed")
    from support.prometheus import FOLDER

    made = Certificates(tmp_path)
    made.sign("server", "IP:127.0.0.1")
    config = tmp_path / "web.yml"
    config.write_text(
        f"tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{alice: {ALICE}}}\n"
    )
    with exporting("--web-config", str(config)) as exporter:
        text = (FOLDER / "scrape.yml").read_text().replace("127.0.0.1:9119", exporter.place)
        text = text.replace("scrape_interval: 15s", "scrape_interval: 1s").replace(
            "scrape_timeout: 10s", "scrape_timeout: 1s"
        )
        text += f"  scheme: https\n  tls_config: {{ca_file: {tmp_path}/ca.pem}}\n  basic_auth: {{username: alice, password: secret}}\n"
        (tmp_path / "prometheus.yml").write_text(text)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        argv = [
            "prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address={address}", "--log.level=warn",
        ]  # fmt: skip
        with subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as prometheus:
            try:
                found = query(address, 'ipvs_destinations{job="ipvsfast",director_group="web"}')
                assert [float(one["value"][1]) for one in found] == [3.0]
                assert query(address, 'up{job="ipvsfast"}')[0]["value"][1] == "1"
                assert len(query(address, "ipvs_destination_weight")) == 3
            finally:
                prometheus.kill()


def query(address: str, expression: str) -> list[dict[str, list[str]]]:
    """What Prometheus answers as soon as it has something."""
    url = f"http://{address}/api/v1/query?query={urllib.parse.quote(expression)}"
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found = json.load(answer)["data"]["result"]
        except OSError:
            found = []
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"no answer to {expression}")
