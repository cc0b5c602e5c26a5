"""The commands of docs/monitoring.md do what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from ipvsfast import Destination, Ipvs, Service
from support.command import program
from support.require import cannot_run
from support.tools import ROOT

DOCUMENT = (ROOT / "docs" / "monitoring.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
# tests/unit/test_prometheus_rules.py does it for each file, outside of the kernel, where it takes a tenth of the time.
ELSEWHERE = "promtool test rules contrib/prometheus/tests/*.yml\n"
FOLDERS = ("/etc/prometheus", "/var/lib/prometheus/node-exporter")
# The exporter that a block begins is ended with the shell.
AROUND = "set -eux -o pipefail\ntrap 'kill $(jobs -p) 2> /dev/null' EXIT\n"


def test_commands(tmp_path: Path) -> None:
    """All of them but one, one block behind the other, in folders that stand for those of the machine."""
    assert ELSEWHERE in COMMANDS
    for name in ("curl", "promtool"):
        if not shutil.which(name):
            cannot_run(f"{name} is not installed")
    (tmp_path / "contrib").symlink_to(ROOT / "contrib")
    script = AROUND + "".join([block for block in COMMANDS if block != ELSEWHERE])
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
