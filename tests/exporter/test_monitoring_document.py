"""The commands of docs/monitoring.md do what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ipvsfast import Destination, Ipvs, Service
from support.command import program
from support.pages import blocks
from support.require import cannot_run
from support.tools import ROOT

COMMANDS = [
    block.text
    for block in blocks(ROOT / "docs/monitoring.md")
    if block.remark == "run by: tests/exporter/test_monitoring_document.py"
]
FOLDERS = ("/etc/prometheus", "/var/lib/prometheus/node-exporter")
# The exporter that a block begins is ended with the shell.
AROUND = "set -eux -o pipefail\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n"


def test_commands(tmp_path: Path) -> None:
    """One block behind the other, in folders that stand for those of the machine."""
    for name in ("curl", "promtool"):
        if not shutil.which(name):
            cannot_run(f"{name} is not installed")
    (tmp_path / "contrib").symlink_to(ROOT / "contrib")
    script = AROUND + "".join(COMMANDS)
    for folder in FOLDERS:
        (tmp_path / folder[1:]).mkdir(parents=True)
        assert folder in script
        script = script.replace(folder, str(tmp_path / folder[1:]))
    with Ipvs() as ipvs:
        web = Service.tcp("10.0.0.1", 80, "rr")
        ipvs.add_service(web)
        ipvs.add_destination(web, Destination("10.1.0.1", 80, weight=3))
    path = f"{Path(program()).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == 2  # files of rules
    textfile = tmp_path / FOLDERS[1][1:] / "ipvs.prom"
    assert "\nipvs_services 1\n" in textfile.read_text()
    assert "-a -t 10.0.0.1:80 -r 10.1.0.1:80" in (tmp_path / "rules").read_text()
