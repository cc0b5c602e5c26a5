"""apply, plan and diff with files in other forms than rules, on a real table."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipvsfast import Ipvs, TableMoved, read_wanted
from support.command import run

pytestmark = pytest.mark.usefixtures("netns")

CONFIG = """\
global_defs {
    lvs_timeouts tcp 100
}
virtual_server_group web {
    10.0.0.1-2 80
    fwmark 7
}
virtual_server group web {
    lb_algo wrr
    protocol TCP
    real_server 10.1.0.1 8080 {
        weight 3
        TCP_CHECK {
        }
    }
}
"""
RULES = """\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3
-A -t 10.0.0.2:80 -s wrr
-a -t 10.0.0.2:80 -r 10.1.0.1:8080 -m -w 3
-A -f 7 -s wrr
-a -f 7 -r 10.1.0.1:8080 -m -w 3
"""
YAML = """\
services:
- {protocol: tcp, address: 10.0.0.1, port: 80, scheduler: rr, destinations: [{address: 10.1.0.9, port: 80}]}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The file of keepalived."""
    path = tmp_path / "keepalived.conf"
    path.write_text(CONFIG)
    return str(path)


def saved() -> str:
    return run("-S", "-n").stdout


def test_apply_of_a_configuration(config: str) -> None:
    """It is in force afterwards, and a second time there is nothing to do."""
    done = run("apply", "--from", "keepalived", config)
    assert done.returncode == 0, done.stderr
    assert "TCP_CHECK of real_server 10.1.0.1 8080: left out" in done.stderr
    assert saved() == RULES
    with Ipvs() as ipvs:
        assert ipvs.timeouts().tcp == 100
    again = run("apply", "-q", "--from", "keepalived", config)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert run("diff", "--from", "keepalived", config).returncode == 0


def test_a_mistake_changes_nothing(config: str) -> None:
    """As with rules."""
    assert run("apply", "--from", "keepalived", config).returncode == 0
    Path(config).write_text(CONFIG.replace("weight 3", "weight x"))
    done = run("apply", "--from", "keepalived", config)
    assert done.returncode == 2
    assert f"{config}:12: weight x: weight is a number" in done.stderr
    assert saved() == RULES


def test_a_saved_plan_needs_the_configuration_no_more(config: str, tmp_path: Path) -> None:
    """Nor takes it a form."""
    plan = str(tmp_path / "plan")
    assert run("plan", "-o", plan, "--from", "keepalived", config).returncode == 0
    Path(config).unlink()
    refused = run("apply", "--from", "keepalived", plan)
    assert (refused.returncode, saved()) == (2, "")
    assert "--from was decided when" in refused.stderr
    assert run("apply", plan).returncode == 0
    assert saved() == RULES


def test_yaml_by_its_name(tmp_path: Path, config: str) -> None:
    """From a file and from standard input; the table becomes what it says."""
    assert run("apply", "--from", "keepalived", config).returncode == 0
    path = tmp_path / "table.yaml"
    path.write_text(YAML)
    assert run("diff", str(path), "--summary").returncode == 1
    assert run("apply", stdin=YAML).returncode == 0
    assert saved() == "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.9:80 -g -w 1\n"
    assert run("apply", str(path)).returncode == 0


def test_plan_takes_what_was_read(config: str) -> None:
    """In Python: read once, planned and applied, refused once the table has moved."""
    wanted = read_wanted(config, source="keepalived")
    with Ipvs() as ipvs:
        plan = ipvs.plan(wanted)
        assert ipvs.apply_plan(plan).ok
        assert not ipvs.plan(wanted)
        with pytest.raises(TableMoved):
            ipvs.apply_plan(plan)
