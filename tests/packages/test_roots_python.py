"""The packages with no other Python packages than the release's own: exporter, live screen, YAML and TOML. Each test has
a root of its own and the real kernel; `make test-packages` runs them."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager

import pytest

from support.exporting import Exporter, exporting
from support.package_roots import PATH, WEB, Root
from support.terminal import Terminal

OURS = ("python3-ipvsfast", "ipvsfast")
# Their textual is from before the screen's.
OLD_TEXTUAL = ("bookworm", "noble")
PLAIN = ": a plain table instead of the screen"
PYYAML = "YAML is read with PyYAML: pip install 'ipvsfast[yaml]', or apt-get install python3-yaml\n"
YAML = """\
services:
- protocol: tcp
  address: 10.0.0.1
  port: 80
  scheduler: wlc
  destinations: [{address: 10.1.0.1, port: 80, forwarding: route, weight: 1}]
"""
TOML = """\
[[services]]
protocol = "tcp"
address = "10.0.0.1"
port = 80
scheduler = "wlc"
destinations = [{address = "10.1.0.1", port = 80, forwarding = "route", weight = 1}]
"""
# The password is "secret".
WEB_CONFIG = """\
basic_auth_users:
  ann: $2b$04$....................../dCAsp4PpJoDgv6BeaLP6BKrXlBV1oi
"""
# What the release's prometheus_client finds in a scrape, in both formats.
READ = """
import json, sys, urllib.request
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text
found = []
for kind, families in ("text/plain", text), ("application/openmetrics-text; version=1.0.0", openmetrics):
    request = urllib.request.Request(sys.argv[1], headers={"Accept": kind})
    told = urllib.request.urlopen(request, timeout=60).read().decode()
    samples = [sample for family in families(told) for sample in family.samples]
    found.append([[s.labels["destination"], s.value] for s in samples if s.name == "ipvs_destination_weight"])
print(json.dumps(found))
"""
LIBRARY = "from ipvsfast import Ipvs; print([str(service.address) for service in Ipvs().services()])"


@pytest.fixture
def installed(root: Root) -> Root:
    """With ours, nothing that they could use beside, and a table."""
    root.install(*OURS)
    root("ipvsfast", "-R", stdin=WEB)
    return root


def exporter(root: Root, *argv: str) -> AbstractContextManager[Exporter]:
    prefix = ("chroot", str(root.path))
    return exporting("--listen", "127.0.0.1:0", *argv, prefix=prefix, name="ipvsfast", env={"PATH": PATH})


def top(root: Root) -> Terminal:
    argv = ["chroot", str(root.path), "ipvsfast", "top", "--interval", "0.5"]
    return Terminal(argv, columns=200, LC_ALL="C.UTF-8", PATH=PATH, HOME="/root")


def test_the_exporter(installed: Root) -> None:
    """It needs no other package, and the release's client library reads what it serves. Users need PyYAML."""
    installed.write("/web.yml", WEB_CONFIG)
    with exporter(installed) as bare:
        assert bare.curl().returncode == 0
        assert bare.end() == 0
    argv = ("ipvsfast", "exporter", "--listen", "127.0.0.1:0", "--web-config", "/web.yml")
    told = installed(*argv, fails=True)
    assert told.endswith(PYYAML) and told.count("\n") == 1, told
    installed.apt("install", "python3-yaml", "python3-prometheus-client")
    with exporter(installed) as serving:
        found = json.loads(installed("python3", "-c", READ, f"http://{serving.place}/metrics"))
    assert found == [[["10.1.0.1", 1.0]]] * 2
    with exporter(installed, "--web-config", "/web.yml") as guarded:
        assert "401" in guarded.curl().stderr
        assert "401" in guarded.curl("--user", "ann:other").stderr
        assert "ipvs_up 1" in guarded.curl("--user", "ann:secret").stdout


def test_the_live_screen(installed: Root) -> None:
    """With the release's textual if that is new enough; else it is said, and there are plain tables."""
    said = "the Python package textual, 2.1 or later, is missing (the extra `live`)"
    with top(installed) as terminal:
        terminal.until_shown("TCP 10.0.0.1:80")
        assert f"{said}{PLAIN}" in terminal.shown
    installed.apt("install", "python3-textual")
    with top(installed) as terminal:
        terminal.until_shown("TCP 10.0.0.1:80")
        if os.environ["IPVSFAST_SUITE"] in OLD_TEXTUAL:
            assert "textual is too old: 0.1.13, and 2.1 or later is needed" in terminal.shown
            assert "Traceback" not in terminal.shown
            return
        terminal.until_shown("every 0.5 s")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.as_found
        assert PLAIN not in terminal.shown


def test_wanted_tables(installed: Root) -> None:
    """As TOML by Python itself, as YAML by the release's PyYAML; the library sees what was made of them."""
    installed.write("/wanted.toml", TOML)
    installed.write("/wanted.yaml", YAML)
    installed("ipvsfast", "-C")
    installed("ipvsfast", "apply", "/wanted.toml")
    assert installed("ipvsfast", "-S", "-n") == WEB
    installed("ipvsfast", "-C")
    told = installed("ipvsfast", "apply", "/wanted.yaml", fails=True)
    assert told == f"/wanted.yaml: the document: {PYYAML}1 mistake in /wanted.yaml; nothing was done\n"
    installed.apt("install", "python3-yaml")
    installed("ipvsfast", "apply", "/wanted.yaml")
    assert installed("ipvsfast", "-S", "-n") == WEB
    assert installed("python3", "-c", LIBRARY) == "['10.0.0.1']\n"
