"""The recipe of docs/live.md for running without root, as it stands there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import ipvsfast
from ipvsfast import Ipvs, Service
from support.require import cannot_run
from support.tools import ROOT

USER, GROUP = 65534, 65533
SYSTEMS = "/usr/bin/python3"


def test_an_interpreter_with_capabilities(tmp_path: Path) -> None:
    """It reads live counters for a member of the group, and nothing for others."""
    with Ipvs() as ipvs:
        ipvs.add_service(Service.udp("10.9.0.1", 53, "rr"))
    text = (ROOT / "docs/live.md").read_text()
    (block,) = re.findall(
        r"^<!-- run by: tests/live/test_live_rights.py -->\n```sh\n(.*?)^```$", text, re.M | re.S
    )
    # The system's interpreter, whose modules everybody may read.
    block = block.replace("python3 -m venv", f"{SYSTEMS} -m venv", 1)
    place = tmp_path / "ipvsfast"
    lines = block.replace("/opt/ipvsfast", str(place)).replace("lvs-watchers", str(GROUP)).splitlines()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/run/vm"):
            folder.chmod(0o755)
    assert len(lines) == 6
    for line in lines[:-1]:
        if " pip " in line or "/pip " in line:  # there is no index here: what it would install
            assert line.endswith(" install ipvsfast")
            (packages,) = place.glob("lib/python*/site-packages")
            shutil.copytree(Path(ipvsfast.__file__).parent, packages / "ipvsfast")
            backend = find_spec("_cffi_backend")
            assert backend is not None and backend.origin is not None
            if packages.parent.name != f"python{sys.version_info[0]}.{sys.version_info[1]}":
                cannot_run(f"{SYSTEMS} is of another release than the interpreter of the tests")
            shutil.copy(backend.origin, packages)
            continue
        subprocess.run(["sh", "-ec", line], check=True, timeout=300)
    argv = lines[-1].partition("#")[0].split()

    def as_user(group: int) -> subprocess.CompletedProcess[str]:
        prefix = ["setpriv", f"--reuid={USER}", f"--regid={group}", "--clear-groups", "--inh-caps=-all"]
        return subprocess.run(
            [*prefix, *argv], capture_output=True, text=True, check=False, timeout=300, cwd="/"
        )

    done = as_user(GROUP)
    assert (done.returncode, done.stderr) == (0, "")
    assert "UDP  10.9.0.1:53" in done.stdout
    assert as_user(USER).returncode != 0
