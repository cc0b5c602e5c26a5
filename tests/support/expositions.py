"""Expositions as tests look at them."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ipvsfast.exporter.exposition import Exposition, Scraped

NODE_EXPORTER = "prometheus-node-exporter"


def text_of(scraped: Scraped, openmetrics: bool = False) -> str:
    """The whole text."""
    return b"".join(map(bytes, scraped.blocks(openmetrics))).decode()


class Parsed:
    """What both of prometheus_client's parsers find, and promtool has no complaint about."""

    def __init__(self, exposition: Exposition) -> None:
        scraped = exposition.scrape()
        self.text = text_of(scraped)
        self.openmetrics = text_of(scraped, True)
        found = [_samples(parse_text(self.text)), _samples(parse_openmetrics(self.openmetrics))]
        assert found[0] == found[1]
        self.samples = found[0]

    def value(self, name: str, /, **labels: object) -> float:
        """That of the only sample that has at least these labels."""
        (value,) = self.values(name, **labels).values()
        return value

    def values(self, name: str, /, **labels: object) -> dict[frozenset[tuple[str, str]], float]:
        """Those of all samples that have at least these labels."""
        wanted = {(key, str(value)) for key, value in labels.items()}
        return {found: value for (of, found), value in self.samples.items() if of == name and wanted <= found}

    def lines(self, name: str) -> list[str]:
        """The lines of one metric, as they stand in the text."""
        return [line for line in self.text.splitlines() if line.startswith((name + "{", name + " "))]


def _samples(families) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    found = {}
    for family in families:
        assert family.documentation
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} twice"
            found[key] = sample.value
    return found


def complaints(text: str) -> str:
    """What promtool says about a text."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@contextmanager
def node_exporter(*options: str) -> Iterator[str]:
    """The address of Debian's, with the collector ipvs alone."""
    address = "127.0.0.1:9100"
    started = subprocess.Popen(
        [NODE_EXPORTER, "--collector.disable-defaults", "--collector.ipvs", f"--web.listen-address={address}", *options],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url, end = f"http://{address}/metrics", time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(url, timeout=30).close()
                break
            except OSError:
                assert started.poll() is None and time.monotonic() < end
                time.sleep(0.05)
        yield url
    finally:
        started.kill()
        started.wait()


def node_lines(text: str) -> set[str]:
    """The lines about IPVS in a text of node_exporter, labels in the order of their names."""
    found = set()
    for line in text.splitlines():
        if line.startswith("node_ipvs_"):
            name, brace, rest = line.partition("{")
            labels, _, value = rest.rpartition("} ")
            found.add(f"{name}{{{','.join(sorted(labels.split(',')))}}} {value}" if brace else line)
        elif line.startswith(("# HELP node_ipvs_", "# TYPE node_ipvs_")):
            found.add(line)
    return found


def scraped_text(url: str) -> str:
    """What a server gives."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        text: str = answer.read().decode()
    return text
