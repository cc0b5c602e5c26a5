"""What the services and init scripts call at boot (contrib/boot): rules in force, the way out, and saving."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support.command import program, run
from support.tools import ROOT

BOOT = ROOT / "contrib/boot/ipvsfast-boot"
WEB = "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1\n"
MAIL = "-A -t 10.0.0.2:25 -s rr\n-a -t 10.0.0.2:25 -r 10.1.0.2:25 -m -w 7 -x 10 -y 5\n"
# As `ipvsadm -S` writes them, with names of services, and of this machine.
NAMED = "-A -t localhost:http -s wlc\n-a -t localhost:http -r 10.1.0.1:http -m -w 1\n"
NAMED_IN_FORCE = "-A -t 127.0.0.1:80 -s wlc\n-a -t 127.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n"
DEBIAN = f"# ipvsadm.rules\n\n  # a comment\n{WEB}"
FRONT = "".join(f"ipvsadm {line}\n" for line in WEB.splitlines())
JSON = """{"services": [{"protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "wlc", "destinations": [
    {"address": "10.1.0.1", "port": 80, "forwarding": "route", "weight": 1}]}]}
"""
YAML = """# mine
services:
- protocol: tcp
  address: 10.0.0.1
  port: 80
  scheduler: wlc
  destinations: [{address: 10.1.0.1, port: 80, forwarding: route, weight: 1}]
"""
TOML = """
[[services]]
protocol = "tcp"
address = "10.0.0.1"
port = 80
scheduler = "wlc"
destinations = [{address = "10.1.0.1", port = 80, forwarding = "route", weight = 1}]
"""


class Boot:
    """The script, with rules and a configuration of a test's own."""

    def __init__(self, folder: Path) -> None:
        self.rules = folder / "rules"
        self.config = folder / "config"
        self.kept = folder / "kept"

    def __call__(
        self, action: str, *options: str, program: str = program()
    ) -> subprocess.CompletedProcess[str]:
        argv = [str(BOOT), "-c", str(self.config), "-r", str(self.rules), *options, action]
        environment = {**os.environ, "IPVSFAST": program}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=120)

    def works(self, action: str, *options: str) -> str:
        """Standard error of what has to succeed."""
        done = self(action, *options)
        assert done.returncode == 0, done
        return done.stderr


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    return Boot(tmp_path)


def table() -> str:
    return run("-S", "-n").stdout


def daemons() -> list[str]:
    return [line.split(",")[0] for line in run("-L", "--daemon").stdout.splitlines()]


@pytest.mark.parametrize(
    ("text", "in_force"),
    [
        (NAMED, NAMED_IN_FORCE),
        *[(text, WEB) for text in (WEB, DEBIAN, FRONT, JSON, YAML, f"---\n{YAML}", TOML)],
    ],
    ids=[
        "with names",
        "numeric",
        "Debian's",
        "with ipvsadm in front",
        "JSON",
        "YAML",
        "YAML's document",
        "TOML",
    ],
)
def test_the_rules_in_each_form(boot: Boot, text: str, in_force: str) -> None:
    """They are in force after the start, and gone after the stop."""
    boot.rules.write_text(text)
    assert boot.works("start") == ""
    assert table() == in_force
    boot.works("stop")
    assert table() == ""


def test_the_configuration_is_a_piece_of_shell(boot: Boot, tmp_path: Path) -> None:
    """It can name the rules, as openSUSE's does, and use what is not set."""
    (tmp_path / "elsewhere").write_text(WEB)
    boot.config.write_text(f'FOLDER={tmp_path}$NOT_SET\nIPVSADM_CONFIG="$FOLDER/elsewhere"\n')
    boot.works("start")
    assert table() == WEB


@pytest.mark.parametrize(("auto", "expected"), [("true", WEB), ("false", "")])
def test_whether_rules_are_put_in_force(boot: Boot, auto: str, expected: str) -> None:
    """AUTO says so for start, reload and stop; it comes before the option. load does not ask."""
    boot.rules.write_text(WEB)
    boot.config.write_text(f'AUTO="{auto}"\n')
    for action in ("start", "reload"):
        boot.works(action, "-a", "true" if auto == "false" else "false")
        assert table() == expected
    boot.works("load")
    boot.works("stop")
    assert table() == ("" if auto == "true" else WEB)


def test_a_start_changes_as_little_as_can_be(boot: Boot) -> None:
    """What is not in the file goes; where all is as wanted nothing is done, so that the history has nothing to tell."""
    boot.rules.write_text(WEB + MAIL)
    boot.works("start")
    run("-a", "-t", "10.0.0.2:25", "-r", "10.1.0.9:25", "-m")
    boot.works("reload")
    assert table() == WEB + MAIL
    before = run("history").stdout
    boot.works("restart")
    assert (table(), run("history").stdout) == (WEB + MAIL, before)


def test_the_name_server_is_away(boot: Boot) -> None:
    """Rules that need it are told and left out, all others are in force, and nothing is deleted."""
    run("-R", stdin=MAIL)
    boot.rules.write_text(WEB + "-a -t 10.0.0.1:80 -r away.invalid:80 -m -w 1\n")
    done = boot("start")
    assert done.returncode == 1
    assert f"{boot.rules}:3: " in done.stderr
    assert table() == WEB + MAIL


def test_a_mistake_changes_nothing(boot: Boot) -> None:
    """All is checked before; the line is told."""
    boot.rules.write_text(WEB)
    boot.works("start")
    boot.rules.write_text(MAIL + "-a -t 10.0.0.2:25 -r 10.1.0.3:25 -w 1000000000000\n")
    for action in ("start", "reload"):
        done = boot(action)
        assert done.returncode == 2
        assert f"{boot.rules}:3: " in done.stderr
        assert table() == WEB


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n\t# here\n", None])
def test_no_rules_at_all(boot: Boot, text: str | None) -> None:
    """The table is left as it is, and the start succeeds: it is no wish for an empty table."""
    run("-R", stdin=WEB)
    if text is not None:
        boot.rules.write_text(text)
    assert "the table is left as it is" in boot.works("start")
    assert table() == WEB


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("AUTO=yes", 'AUTO is "yes"; it can be: true false'),
        ("DAEMON=slave", 'DAEMON is "slave"; it can be: none master backup both'),
        ("ON_STOP=clear", 'ON_STOP is "clear"; it can be: flush save keep'),
        ("if", "is not shell. Nothing was done."),
    ],
)
@pytest.mark.parametrize("action", ["start", "stop"])
def test_a_mistake_in_the_configuration(boot: Boot, config: str, message: str, action: str) -> None:
    """One error, and nothing is done."""
    run("-R", stdin=MAIL)
    boot.rules.write_text(WEB)
    boot.config.write_text(f"{config}\n")
    done = boot(action)
    assert done.returncode == 2
    assert message in done.stderr
    assert str(boot.config) in done.stderr
    assert table() == MAIL


@pytest.mark.parametrize("argv", [("fly",), ()])
def test_a_mistake_in_the_call(argv: tuple[str, ...]) -> None:
    """The usage, on standard error."""
    done = subprocess.run([BOOT, "-c", "/nowhere", *argv], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ipvsfast-boot ")


@pytest.mark.parametrize(
    ("daemon", "roles"),
    [("none", []), ("master", ["master"]), ("backup", ["backup"]), ("both", ["master", "backup"])],
)
def test_daemons(boot: Boot, daemon: str, roles: list[str]) -> None:
    """Those of the configuration, without rules too; a second start finds them running."""
    boot.config.write_text(f"AUTO=false\nDAEMON={daemon}\nIFACE=lo\nSYNCID=7\n")
    for _ in range(2):
        assert boot.works("start") == ""
        assert daemons() == [f"{role} sync daemon (mcast=lo" for role in roles]
    boot.works("restart")
    assert len(daemons()) == len(roles)
    boot.works("stop")
    assert daemons() == []


def test_a_daemon_that_does_not_start(boot: Boot) -> None:
    """The rules are in force all the same; the status says that not all is as wanted."""
    boot.rules.write_text(WEB)
    boot.config.write_text("DAEMON=master\nIFACE=nowhere0\n")
    done = boot("start")
    assert done.returncode == 1
    assert done.stderr
    assert table() == WEB


def test_stopping_saves_if_it_is_to(boot: Boot) -> None:
    """What the rules were stays beside them; their mode too, and a link stays one."""
    real = boot.rules.with_name("real")
    real.write_text(WEB)
    real.chmod(0o640)
    boot.rules.symlink_to("real")
    boot.config.write_text("ON_STOP=save\n")
    run("-R", stdin=MAIL)
    boot.works("stop", "-i")
    assert table() == ""
    assert boot.rules.is_symlink()
    assert real.read_text().splitlines()[1:] == MAIL.splitlines()
    assert real.stat().st_mode & 0o777 == 0o640
    assert real.with_name("real.bak").read_text() == WEB
    boot.works("start")
    assert table() == MAIL


def test_stopping_keeps_if_it_is_to(boot: Boot) -> None:
    """The table stays, the daemons do not."""
    run("-R", stdin=MAIL)
    boot.config.write_text("DAEMON=backup\nIFACE=lo\n")
    boot.works("start")
    boot.works("stop", "-s", "keep")
    assert table() == MAIL
    assert daemons() == []


def test_a_save_that_fails_loses_nothing(boot: Boot, tmp_path: Path) -> None:
    """Neither the rules nor the table."""
    boot.rules.write_text(WEB)
    run("-R", stdin=MAIL)
    broken = tmp_path / "broken"
    broken.write_text(f'#!/bin/sh\n[ "$1" != save ] || exit 1\nexec {program()} "$@"\n')
    broken.chmod(0o755)
    for options in ((), ("-i",)):
        done = boot("stop", "-s", "save", *options, program=str(broken))
        assert done.returncode == 1
        assert "the table could not be saved, and stays as it is" in done.stderr
        assert (boot.rules.read_text(), table()) == (WEB, MAIL)


@pytest.mark.parametrize("command", ["cp", "sed", "sync", "mv"])
def test_a_save_that_is_killed_loses_nothing(boot: Boot, tmp_path: Path, command: str) -> None:
    """Before any of its steps: the rules are the old ones or the new ones, whole."""
    boot.rules.write_text(WEB)
    run("-R", stdin=MAIL)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / command).write_text("#!/bin/sh\nkill -9 $PPID\n")
    (tools / command).chmod(0o755)
    script = tmp_path / "boot"
    script.write_text(BOOT.read_text().replace("\nPATH=", f"\nPATH={tools}:"))
    argv = ["sh", str(script), "-i", "-r", str(boot.rules), "-s", "save", "stop"]
    done = subprocess.run(
        argv, env={**os.environ, "IPVSFAST": program()}, capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert (boot.rules.read_text(), table()) == (WEB, MAIL)


def test_what_is_saved_for_ipvsadm(boot: Boot) -> None:
    """It reads that itself; without -i daemons and timeouts are in it, which it does not."""
    run("-R", stdin=WEB + MAIL)
    run("--set", "900", "120", "300")
    boot.works("save")
    assert "--set 900 120 300\n" in boot.rules.read_text()
    boot.works("save", "-i")
    lines = [line for line in boot.rules.read_text().splitlines(keepends=True) if not line.startswith("#")]
    run("-C")
    subprocess.run(["ipvsadm", "-R"], input="".join(lines), text=True, check=True)
    assert table() == WEB + MAIL


def test_copies_are_kept(boot: Boot) -> None:
    """Of the files that were used, as they were last put in force or saved."""
    boot.kept.mkdir()
    boot.rules.write_text(WEB)
    boot.config.write_text("AUTO=true\n")
    boot.works("start", "-k", str(boot.kept))
    assert (boot.kept / "rules").read_text() == WEB
    assert (boot.kept / "config").read_text() == "AUTO=true\n"
    boot.rules.write_text(MAIL)
    boot.works("reload", "-k", str(boot.kept))
    assert (boot.kept / "rules").read_text() == MAIL
    assert "no copy of" in boot.works("start", "-k", "/nowhere")


def test_the_status_is_the_table(boot: Boot) -> None:
    run("-R", stdin=WEB)
    assert boot("status").stdout == run("-L", "-n").stdout
