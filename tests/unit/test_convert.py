"""`ipvsfast convert`, and the forms that diff reads: no kernel, no privilege."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support.command import run
from support.schemas import fitting
from support.tools import ROOT

DOCUMENT = (ROOT / "docs/convert.md").read_text()
KEEPALIVED = """\
virtual_server 10.0.0.1 80 {
    delay_loop 6
    protocol TCP
    real_server 10.1.0.1 80 {
        TCP_CHECK {
        }
    }
    real_server 10.1.0.2 80 {
        TCP_CHECK {
        }
    }
}
"""
RULES = """\
-A -t 10.0.0.1:80 -s wlc
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
"""
LEFT_OUT = """\
keepalived.conf:2: delay_loop 6: left out: servers are not checked, all count as alive
keepalived.conf:5: TCP_CHECK of real_server 10.1.0.1 80: left out: servers are not checked, all count as alive
keepalived.conf:9: TCP_CHECK of real_server 10.1.0.2 80: left out: servers are not checked, all count as alive
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keepalived.conf").write_text(KEEPALIVED)
    (tmp_path / "rules").write_text(RULES)
    return tmp_path


def test_rules_and_what_is_left_out() -> None:
    """On standard output and standard error, unless silence is asked for."""
    done = run("convert", "--from", "keepalived", "keepalived.conf")
    assert (done.returncode, done.stdout, done.stderr) == (0, RULES, LEFT_OUT)
    quiet = run("convert", "-q", "--from", "keepalived", "keepalived.conf")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, RULES, "")


def test_a_file_is_replaced_as_a_whole(folder: Path) -> None:
    """And stays as it is after a mistake."""
    target = folder / "table.yaml"
    done = run("convert", "--to", "yaml", "-o", str(target), "rules")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert run("convert", str(target)).stdout == RULES
    text = target.read_text()
    (folder / "wrong").write_text("-A -t 10.0.0.1:80 -s rr -x 5\n")
    assert run("convert", "--to", "yaml", "-o", str(target), "wrong").returncode == 2
    assert target.read_text() == text
    assert sorted(path.name for path in folder.iterdir()) == [
        "keepalived.conf",
        "rules",
        "table.yaml",
        "wrong",
    ]


def test_json_fits_its_schema() -> None:
    """It is read back, too."""
    text = run("convert", "--to", "json", "rules").stdout
    fitting("wanted", [json.loads(text)])
    assert run("convert", "--from", "json", stdin=text).stdout == RULES


def test_what_no_rule_says() -> None:
    """A comment, and status 1."""
    odd = {"services": [{"protocol": "47", "address": "10.0.0.1", "port": 80, "destinations": []}]}
    done = run("convert", stdin=json.dumps(odd))
    assert done.returncode == 1
    assert done.stdout.startswith("# not restorable: protocol 47: -A ")
    assert "1 rule cannot be restored and is a comment" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--to xml rules", "convert: --to takes rules, json, yaml, not `xml'"),
        ("--from xml rules", "convert: --from takes auto, rules, json, yaml, toml, keepalived, ldirectord, ipvsctl, not `xml'"),
        ("--from json,yaml rules", "convert: --from takes one form for each file, not `json,yaml'"),
        ("--config-id one rules", "convert: --config-id goes with --from keepalived only"),
        ("missing", "cannot read missing: No such file or directory"),
        ("keepalived.conf", "keepalived.conf holds no rules, but looks like a configuration of keepalived: --from keepalived reads it; nothing was done"),
        ("-o /nowhere/x rules", "cannot write /nowhere/x: No such file or directory"),
        ("--from ldirectord keepalived.conf", "keepalived.conf:1: virtual_server 10.0.0.1 80 {: a name, `=' and a value are expected"),
    ],
)  # fmt: skip
def test_mistakes(words: str, told: str) -> None:
    """One clear error, status 2, and nothing on standard output."""
    done = run("convert", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr.splitlines()


def test_diff_takes_a_form_for_each_file() -> None:
    """One for both, or two; what is left out is told by its kind."""
    same = run("diff", "--from", "keepalived,auto", "keepalived.conf", "rules")
    assert (same.returncode, same.stdout) == (0, "")
    assert same.stderr.splitlines() == [
        LEFT_OUT.splitlines()[0], LEFT_OUT.splitlines()[1] + " (and 1 more like it)"
    ]  # fmt: skip
    assert run("diff", "--from", "keepalived", "keepalived.conf", "keepalived.conf").returncode == 0


def examples() -> list[tuple[str, str]]:
    """What follows each command of ours in the document."""
    return re.findall(r"^\$ (.*)\n((?:(?!```|\$ ).*\n)+)", DOCUMENT, re.M)


def test_the_document_is_right(folder: Path) -> None:
    """Its examples print what it says."""
    shown = dict(examples())
    (configuration,) = re.findall(r"<!-- file: keepalived.conf -->\n```text\n(.*?)```", DOCUMENT, re.S)
    (folder / "keepalived.conf").write_text(configuration)
    done = run("convert", "--from", "keepalived", "keepalived.conf")
    assert done.stderr + done.stdout == shown["ipvsfast convert --from keepalived keepalived.conf"]
    yaml = shown["ipvsfast convert --to yaml rules"]
    (folder / "rules").write_text(run("convert", "--from", "yaml", stdin=yaml).stdout)
    assert run("convert", "--to", "yaml", "rules").stdout == yaml
    assert set(shown) == {
        "ipvsfast convert --from keepalived keepalived.conf", "ipvsfast convert --to yaml rules"
    }  # fmt: skip


def test_the_example_in_python_runs() -> None:
    """Its assertions hold."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.S)
    exec(code, {})
