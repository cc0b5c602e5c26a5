"""Alpine's init scripts on the kernel, started by OpenRC's own openrc-run, and what they call under other shells."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support.command import program, run
from support.openrc import Machine, busybox
from support.tools import ROOT

pytestmark = pytest.mark.usefixtures("netns")
BOOT = ROOT / "contrib/boot/ipvsfast-boot"
WEB = "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1\n"
MAIL = "-A -t 10.0.0.2:25 -s rr\n-a -t 10.0.0.2:25 -r 10.1.0.2:25 -m -w 7 -x 10 -y 5\n"


class Service:
    """An init script of OpenRC's with settings and rules of a test's own."""

    def __init__(self, folder: Path, state: Path, name: str) -> None:
        self.rules = folder / "rules"
        self._name = name
        self._machine = Machine(folder / "machine", state)
        self._machine.install(
            name,
            "table.initd",
            ("/etc/$RC_SVCNAME.rules", str(self.rules)),
            ("/var/lib/ipvsadm/rules-save", str(self.rules)),
            # OpenRC passes only few variables on.
            ("/usr/lib/ipvsfast/boot", f"env IPVSFAST={program()} IPVSFAST_STATE={state} {BOOT}"),
        )

    def __call__(self, action: str) -> subprocess.CompletedProcess[str]:
        return self._machine(self._name, action)

    def works(self, action: str) -> None:
        self._machine.works(self._name, action)

    def set(self, line: str) -> None:
        self._machine.set(self._name, line)


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path, own_state: Path) -> Service:
    return Service(tmp_path, own_state, getattr(request, "param", "ipvsadm"))


def table() -> str:
    return run("-S", "-n").stdout


@pytest.mark.parametrize("service", ["ipvsadm", "ipvsfast"], indirect=True)
def test_start_and_stop(service: Service) -> None:
    """The rules are in force by the least change; stopping leaves the table, as Alpine's does."""
    service.rules.write_text(f"# mine\n{WEB}")
    run("-R", stdin=WEB + MAIL)
    service.works("start")
    assert table() == WEB
    before = run("history").stdout
    service.works("reload")
    service.works("restart")
    assert (table(), run("history").stdout) == (WEB, before)
    service.works("status")
    service.works("stop")
    assert table() == WEB
    assert service("status").returncode != 0


@pytest.mark.parametrize(
    ("on_stop", "left", "saved"), [("flush", "", WEB), ("save", "", MAIL), ("keep", MAIL, WEB)]
)
def test_stopping_by_the_settings(service: Service, on_stop: str, left: str, saved: str) -> None:
    """What becomes of the table; a save replaces the rules as a whole. A restart does not empty it in between."""
    service.rules.write_text(WEB)
    service.set(f'ON_STOP="{on_stop}"')
    service.works("start")
    run("-C")
    run("-R", stdin=MAIL)
    service.works("stop")
    assert table() == left
    lines = [
        line
        for line in service.rules.read_text().splitlines(keepends=True)
        if line[0] == "-" and line[:2] != "--"
    ]
    assert "".join(line for line in lines if not line.startswith("--")) == saved


def test_a_restart_does_not_empty_the_table(service: Service) -> None:
    """Nor save it, whatever stopping would do: its rules are put in force."""
    service.rules.write_text(WEB)
    service.set('ON_STOP="save"\nDAEMON="backup"\nIFACE="lo"')
    service.works("start")
    before = run("history").stdout
    service.works("restart")
    assert (table(), run("history").stdout, service.rules.read_text()) == (WEB, before, WEB)
    assert run("-L", "--daemon").stdout.startswith("backup sync daemon")
    service.works("stop")
    assert run("-L", "--daemon").stdout == ""


def test_a_mistake_changes_nothing(service: Service) -> None:
    """The start fails, and says where; so does a reload."""
    service.rules.write_text(WEB)
    service.works("start")
    service.rules.write_text(MAIL + "-a -t 10.0.0.2:25 -r 10.1.0.3:25 -w 1000000000000\n")
    done = service("reload")
    assert done.returncode != 0
    assert f"{service.rules}:3: " in done.stderr
    assert table() == WEB
    service.works("stop")
    assert service("start").returncode != 0
    assert table() == WEB


@pytest.mark.parametrize("service", ["ipvsadm", "ipvsfast"], indirect=True)
def test_saving_and_loading_by_hand(service: Service) -> None:
    """Both work while the service is stopped; what the rules were stays beside them."""
    service.rules.write_text(WEB)
    service.set('AUTO="false"')
    run("-R", stdin=MAIL)
    service.works("save")
    assert MAIL in service.rules.read_text()
    assert service.rules.with_name("rules.bak").read_text() == WEB
    service.works("start")
    run("-C")
    service.works("load")
    assert table() == MAIL


@pytest.mark.parametrize("shell", ["busybox sh", "dash"])
def test_what_they_call_runs_under_every_shell(tmp_path: Path, own_state: Path, shell: str) -> None:
    """With busybox' own programs in the place of all others, as in Alpine."""
    rules, config, tools = tmp_path / "rules", tmp_path / "config", tmp_path / "tools"
    tools.mkdir()
    if shell == "busybox sh":
        subprocess.run([busybox(), "--install", "-s", tools], check=True)
    script = tmp_path / "boot"
    script.write_text(BOOT.read_text().replace("\nPATH=", f"\nPATH={tools}:"))
    rules.write_text(f"# mine\n{WEB}")
    rules.chmod(0o640)
    config.write_text('ON_STOP="save"\nDAEMON="master"\nIFACE="lo"\n')

    def boot(action: str) -> None:
        argv = [
            *shell.split(),
            str(script),
            "-i",
            "-k",
            str(tmp_path),
            "-c",
            str(config),
            "-r",
            str(rules),
            action,
        ]
        done = subprocess.run(
            argv, env={**os.environ, "IPVSFAST": program()}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), done

    boot("start")
    assert table() == WEB
    run("-R", stdin=MAIL)
    boot("stop")
    assert table() == ""
    assert [line for line in rules.read_text().splitlines(keepends=True) if line[0] == "-"] == (
        WEB + MAIL
    ).splitlines(True)
    assert rules.stat().st_mode & 0o777 == 0o640
    assert rules.with_name("rules.bak").read_text() == f"# mine\n{WEB}"
    boot("restart")
    boot("reload")
    assert table() == WEB + MAIL
