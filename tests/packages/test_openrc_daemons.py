"""Alpine's init scripts of the exporter and of watches, under OpenRC's own openrc-run and its supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command import run
from support.openrc import Machine
from support.pages import blocks
from support.serving import until
from support.tools import ROOT

pytestmark = pytest.mark.usefixtures("netns")
EXPORTER, WATCH = "ipvsfast-exporter", "ipvsfast-watch"
WEB = "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1\n"
MORE = WEB + "-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 3\n"
MAIL = "-A -t 10.0.0.2:25 -s rr\n"
NET_ADMIN = f"{1 << 12:016x}"


@pytest.fixture
def machine(tmp_path: Path, own_state: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "machine", own_state)
    for name in (EXPORTER, WATCH):
        made.install_daemon(name)
    yield made
    made.close()


@pytest.fixture
def web(machine: Machine, tmp_path: Path) -> Path:
    """The file of the service ipvsfast-watch.web."""
    path = tmp_path / "web rules"
    path.write_text(WEB)
    follow(machine, "web", path)
    return path


def follow(machine: Machine, name: str, path: Path) -> None:
    machine.link(f"{WATCH}.{name}", WATCH)
    machine.set(f"{WATCH}.{name}", f"FILE='{path}'")
    machine.keep_log_of(f"{WATCH}.{name}")


def table() -> str:
    return run("-S", "-n").stdout


def scrape(address: str = "127.0.0.1:9119") -> str:
    """Metrics as curl gets them; empty where nobody answers."""
    argv = ["curl", "--silent", "--fail", "--max-time", "60", f"http://{address}/metrics"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def capabilities(pid: int) -> set[str]:
    """The sets of privileges that a process has, and could get."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split()[1] for line in lines if line.startswith(("CapPrm", "CapEff", "CapBnd"))}


def test_the_exporter(machine: Machine) -> None:
    """It serves when it is started, with few privileges, and reads its web configuration again at a reload. When it is
    stopped nothing is left of it."""
    web = "http_server_config: {http2: true}\n"
    path = machine.folder / "web.yml"
    path.write_text(web)
    machine.set(EXPORTER, "LISTEN=127.0.0.1:9120", f"OPTIONS='--web-config {path}'")
    machine.keep_log_of(EXPORTER)
    machine.works(EXPORTER, "start", "status")
    assert "\nipvs_up 1\n" in str(until(lambda: scrape("127.0.0.1:9120")))
    (daemon,) = machine.daemons("exporter")
    assert capabilities(daemon) == {NET_ADMIN}
    assert machine.log(EXPORTER).count("http2") == 1
    machine.works(EXPORTER, "reload")
    until(lambda: machine.log(EXPORTER).count("http2") == 2)
    machine.works(EXPORTER, "restart")
    assert "\nipvs_up 1\n" in str(until(lambda: scrape("127.0.0.1:9120")))
    assert not {daemon} & machine.daemons("exporter")
    machine.works(EXPORTER, "stop")
    assert machine(EXPORTER, "status").returncode != 0
    assert (machine.running(), scrape("127.0.0.1:9120")) == (set(), "")
    until(lambda: machine.log(EXPORTER).count("ended by SIGTERM") == 2)


def test_an_exporter_that_dies_comes_again(machine: Machine) -> None:
    """Whatever ended it, at the address that it has by default."""
    machine.works(EXPORTER, "start")
    until(scrape)
    (daemon,) = machine.daemons("exporter")
    os.kill(daemon, signal.SIGKILL)
    until(lambda: machine.daemons("exporter") - {daemon})
    until(scrape)
    machine.works(EXPORTER, "status", "stop")
    assert machine.running() == set()


def test_settings_with_a_mistake(machine: Machine) -> None:
    """It does not start, and is told why; one that runs goes on, at a restart too."""
    machine.works(EXPORTER, "start", "checkconfig")
    until(scrape)
    (daemon,) = machine.daemons("exporter")
    machine.set(EXPORTER, "OPTIONS='--labels colour'")
    for action in ("checkconfig", "reload", "restart"):
        done = machine(EXPORTER, action)
        assert done.returncode != 0, action
        assert "'colour'" in done.stderr
        machine.works(EXPORTER, "status")
        assert machine.daemons("exporter") == {daemon}
    assert scrape()
    machine.works(EXPORTER, "stop")
    done = machine(EXPORTER, "start")
    assert done.returncode != 0
    assert "'colour'" in done.stderr
    assert (machine(EXPORTER, "status").returncode != 0, machine.running()) == (True, set())


def test_a_watch(machine: Machine, web: Path) -> None:
    """The table is as its file says when the start is over, follows it, and is put right at a reload. When it is stopped the table stays, and nothing else
    is left of it."""
    service = f"{WATCH}.web"
    machine.works(service, "start", "status")
    assert table() == WEB
    new = web.with_name("new")
    new.write_text(MORE)
    new.rename(web)
    until(lambda: table() == MORE)
    assert run("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.2:80", "-g", "-w", "9").returncode == 0
    machine.works(service, "reload")
    until(lambda: table() == MORE)
    until(lambda: machine.log(service).count("the table is as wanted") == 3)
    (daemon,) = machine.daemons("watch")
    machine.works(service, "restart")
    assert machine.daemons("watch") - {daemon}
    machine.works(service, "stop")
    assert machine(service, "status").returncode != 0
    assert (machine.running(), table()) == (set(), MORE)


def test_what_the_page_shows(machine: Machine) -> None:
    """As it is typed there, with the settings as they come: the service is there, enabled and started."""
    (block,) = [
        one for one in blocks(ROOT / "docs/watch.md") if one.remark.endswith(f"/{Path(__file__).name}")
    ]
    path = machine.folder / "etc/ipvsfast/web"
    path.parent.mkdir()
    path.write_text(WEB)
    done = machine.run("sh", "-ec", block.text)
    assert done.returncode == 0, done
    assert table() == WEB
    assert machine.daemons("--tag", "web", "--max-delete", "50%", "/etc/ipvsfast/web")
    assert (machine.folder / "etc/runlevels/default" / f"{WATCH}.web").is_symlink()
    machine.works(f"{WATCH}.web", "stop")
    assert machine.running() == set()


def test_each_file_has_a_watch(machine: Machine, web: Path, tmp_path: Path) -> None:
    """Within the tag of its name, and with settings for all and of its own; without a name there is none."""
    mail = tmp_path / "mail"
    mail.write_text(MAIL)
    follow(machine, "mail", mail)
    machine.set(WATCH, "OPTIONS='--max-delete 1'")
    machine.set(f"{WATCH}.mail", "OPTIONS='--allow-empty'")
    for name in ("web", "mail"):
        machine.works(f"{WATCH}.{name}", "start")
    assert table() == WEB + MAIL
    mail.write_text("")
    until(lambda: table() == WEB)
    assert machine.daemons("web", "--max-delete", "1")
    machine.works(f"{WATCH}.web", "stop")
    assert machine.daemons("mail") == machine.daemons("watch") != set()
    machine.works(f"{WATCH}.mail", "status", "stop")
    done = machine(WATCH, "start")
    assert done.returncode != 0
    assert "make a link to it" in done.stderr


def test_a_file_with_a_mistake(machine: Machine, web: Path) -> None:
    """The watch does not start, and is told where; one that runs goes on, at a restart too."""
    service = f"{WATCH}.web"
    machine.works(service, "start", "checkconfig")
    (daemon,) = machine.daemons("watch")
    web.write_text(f"{WEB}-a -t 10.0.0.9:80 -r 10.1.0.3:80\n")
    for action in ("checkconfig", "reload", "restart"):
        done = machine(service, action)
        assert done.returncode != 0, action
        assert f"{web}:3: " in done.stderr
        machine.works(service, "status")
        assert machine.daemons("watch") == {daemon}
    machine.works(service, "stop")
    done = machine(service, "start")
    assert done.returncode != 0
    assert f"{web}:3: " in done.stderr
    assert (machine.running(), table()) == (set(), WEB)
