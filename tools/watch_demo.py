"""A director that can be watched: services with traffic, the exporter, and a Prometheus that scrapes it.

`make watch-demo` runs it in the embedded kernel: `ipvsfast top` is on the screen until q ends it. Without a
terminal it prints one screen, and what Prometheus has by then.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from traffic import traffic

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "contrib" / "prometheus"
PROGRAM = Path(sys.executable).parent / "ipvsfast"
EXPORTER, PROMETHEUS = "127.0.0.1:9119", "127.0.0.1:9090"
PATIENCE = 120.0  # seconds: only a fault takes as long
# Some questions, and what they are about.
QUESTIONS = (
    ("new connections a second, all services", "sum(rate(ipvs_connections_total[10s]))"),
    ("bytes a second from clients", "sum(rate(ipvs_incoming_bytes_total[10s]))"),
    ("services", "sum(ipvs_services)"),
    ("destinations", "sum(ipvs_destinations)"),
    ("destinations that get no new connections", "count(ipvs_destination_weight == 0)"),
    ("active connections", "sum(ipvs_destination_active_connections)"),
    ("entries of the connection table", "sum(ipvs_connection_table_entries)"),
    ("busiest service", "topk(1, rate(ipvs_service_connections_total[10s]))"),
    ("time of a reading, in seconds", "ipvs_scrape_duration_seconds"),
    ("alerts that will fire unless it changes", 'count by (alertname) (ALERTS{alertstate="pending"})'),
)


def fetch(path: str, **parameters: str) -> Any:
    """What Prometheus answers: the data."""
    url = f"http://{PROMETHEUS}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]


def query(expr: str) -> list[dict[str, Any]]:
    """The series that an expression has now."""
    found: list[dict[str, Any]] = fetch("query", query=expr)["result"]
    return found


def wait_for(reached: Callable[[], object], what: str) -> None:
    """Returns when that is so."""
    end = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):
            if reached():
                return
        if time.monotonic() > end:
            raise SystemExit(f"watch-demo: waited {PATIENCE:.0f} seconds in vain: {what}")
        time.sleep(0.2)


@contextmanager
def running(argv: Sequence[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A program, until the end of the with block; what it says goes into a file."""
    with open(log, "wb") as file:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, **options)
    try:
        yield process
    except SystemExit:
        print(f"{argv[0]} said: {log.read_text()[-2000:]}", file=sys.stderr)
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def answers(address: str) -> bool:
    """Whether somebody listens there."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 5):
        return True


def configuration(targets: Sequence[dict[str, Any]], seconds: int) -> str:
    """prometheus.yml: everything is scraped every so many seconds. YAML has JSON in it."""
    job = {"job_name": "ipvsfast", "static_configs": list(targets)}
    pace = f"{seconds}s"
    times = {"scrape_interval": pace, "scrape_timeout": pace, "evaluation_interval": "1s"}
    return json.dumps({"global": times, "rule_files": [f"{RULES}/ipvsfast.*.yml"], "scrape_configs": [job]})


@contextmanager
def prometheus(folder: Path, targets: Sequence[dict[str, Any]], seconds: int = 2) -> Iterator[None]:
    """Prometheus with the rules of contrib/, once it has scraped, which it does every so many seconds."""
    config = folder / "prometheus.yml"
    config.write_text(configuration(targets, seconds))
    argv = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data"]
    with running([*argv, f"--web.listen-address={PROMETHEUS}"], folder / "prometheus.log"):
        wait_for(lambda: query("ipvs_up == 1"), "Prometheus has not scraped the exporter")
        yield


@contextmanager
def exporter(folder: Path, address: str = EXPORTER, *options: str) -> Iterator[None]:
    """The exporter, once it answers."""
    argv = [str(PROGRAM), "exporter", "--listen", address, *options]
    with running(argv, folder / f"exporter-{address.rpartition(':')[2]}.log"):
        wait_for(lambda: answers(address), "the exporter does not answer")
        yield


def told(value: str) -> str:
    """A number for people."""
    number = float(value)
    return f"{number:,.0f}" if number >= 100 or number == int(number) else f"{number:.3g}"


def summary() -> Iterator[str]:
    """The questions, with what Prometheus answers."""
    for words, expr in QUESTIONS:
        for found in query(expr):
            labels = [f"{name} {value}" for name, value in found["metric"].items() if name in SHOWN]
            yield f"  {words:42} {told(found['value'][1]):>9}  {', '.join(labels)}".rstrip()


SHOWN = ("alertname", "protocol", "service", "service_port", "fwmark")


def show() -> None:
    """The screen, for as long as somebody wants to see it; then what Prometheus has."""
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    print(f"exporter: http://{EXPORTER}/metrics; Prometheus scrapes it, and listens on {PROMETHEUS}")
    wait_for(lambda: query("topk(1, destination:ipvs_destination_load:ratio)"), "the rules have no values")
    if interactive:
        print("ipvsfast top comes in two seconds: ? is its help, q ends it", flush=True)
        time.sleep(2)
        subprocess.run([PROGRAM, "top"], check=True)
    else:
        print("\n$ ipvsfast top --plain --interval 4 --repeat 1", flush=True)
        subprocess.run([PROGRAM, "top", "--plain", "--interval", "4", "--repeat", "1"], check=True)
    print("\nPrometheus answers")
    print("\n".join(summary()))


def inside() -> None:
    """In the kernel."""
    with tempfile.TemporaryDirectory() as name, traffic():
        folder = Path(name)
        print("services with traffic are there", flush=True)
        with exporter(folder), prometheus(folder, [{"targets": [EXPORTER]}]):
            show()


def outside() -> int:
    """Boots the kernel, with this terminal if it is one."""
    kernel = "host" if os.environ.get("DEMO_HOST") == "1" else "uml"
    terminal = ["--terminal"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    harness = [sys.executable, "-m", "tests.vm", "-k", kernel, "--timeout", "36000", *terminal, "--"]
    return subprocess.run([*harness, sys.executable, __file__, "inside"], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        inside()
    else:
        sys.exit(outside())
