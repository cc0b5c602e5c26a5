"""The units for systemd that come along start what there is, and give it few rights."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from ipvsfast.cli.commands import find, parse_verb
from support.command import program
from support.pages import blocks
from support.require import cannot_run
from support.tools import ROOT

FOLDER = ROOT / "contrib" / "systemd"
BOOT = ROOT / "contrib" / "boot" / "ipvsfast-boot"
WATCH = "ipvsfast-watch@.service"
TABLES = {"ipvsadm.service": "ipvsadm", "ipvsfast.service": "ipvsfast"}
EXPORTER = "ipvsfast-exporter.service"
# Tenths, as systemd counts what an attacker could do; a unit that says nothing has 96.
MOST_EXPOSED = {WATCH: 28, EXPORTER: 24, **dict.fromkeys(TABLES, 29)}


def value(unit: str, name: str) -> str:
    """What stands behind the only such name."""
    (line,) = [line for line in (FOLDER / unit).read_text().splitlines() if line.startswith(f"{name}=")]
    return line.removeprefix(f"{name}=")


def words(unit: str) -> list[str]:
    """The command line of a unit, as it is run for the instance `web'; percent signs of our own are doubled."""
    text = value(unit, "ExecStart").replace("%%", "\0").replace("%i", "web")
    assert "%" not in text
    return shlex.split(text.replace("\0", "%"))


def test_the_watch() -> None:
    """Its words are those of the verb."""
    path, name, *rest = words(WATCH)
    assert path.endswith("/ipvsfast")
    verb = find(name)
    assert verb is not None
    assert parse_verb(verb, rest) == ({"tag": "web", "max-delete": "50%"}, ["/etc/ipvsfast/web"])


def test_the_exporter() -> None:
    """Its words are those of the verb, and so are the options that its comment names."""
    path, name, variable = words(EXPORTER)
    assert path.endswith("/ipvsfast") and variable == "$IPVSFAST_EXPORTER"
    verb = find(name)
    assert verb is not None
    text = (FOLDER / EXPORTER).read_text()
    named = shlex.split(text.partition('IPVSFAST_EXPORTER="')[2].partition('"')[0])
    assert parse_verb(verb, named) == ({"min-age": "5", "web-config": "/etc/ipvsfast/web.yml"}, [])


def test_the_socket_is_where_the_exporter_listens() -> None:
    """With and without a service manager it is found at the same place."""
    from ipvsfast.exporter.listening import DEFAULT

    assert value("ipvsfast-exporter.socket", "ListenStream") == DEFAULT


@pytest.mark.parametrize("unit", TABLES)
def test_the_tables(unit: str) -> None:
    """Each has files of its own, and all three actions get the same ones. Rules that are not there are no error."""
    name = TABLES[unit]
    calls = [value(unit, key).rpartition(" ") for key in ("ExecStart", "ExecReload", "ExecStop")]
    assert [action for _, _, action in calls] == ["start", "reload", "stop"]
    assert len({call for call, _, _ in calls}) == 1
    argv = calls[0][0].split()
    assert argv[0] == "/usr/lib/ipvsfast/boot"
    assert argv[argv.index("-c") + 1] == f"/etc/default/{name}"
    assert argv[argv.index("-r") + 1] == f"/etc/{name}.rules"
    assert argv[argv.index("-a") + 1] == str(name == "ipvsfast").lower()
    assert value(unit, "Before").split() == ["keepalived.service", "ldirectord.service"]
    text = (FOLDER / unit).read_text()
    assert f"/etc/{name}.rules\n" in text.partition("ConditionFileNotEmpty=")[2]
    assert (
        "-k" not in argv
        or argv[argv.index("-k") + 1].removeprefix("/var/lib/") in value(unit, "StateDirectory").split()
    )


def test_nothing_else_has_to_be_installed() -> None:
    """Units start ours, or the shell: /bin/kill is in a package that small machines are without."""
    lines = [line for path in FOLDER.glob("*.service") for line in path.read_text().splitlines()]
    started = {line.partition("=")[2].split()[0] for line in lines if line.startswith("Exec")}
    assert started == {"/usr/lib/ipvsfast/boot", "/usr/local/bin/ipvsfast", "/bin/sh"}


def copy(folder: Path, unit: str) -> Path:
    """A unit that starts the programs under test."""
    made = folder / unit
    text = (FOLDER / unit).read_text().replace("/usr/local/bin/ipvsfast", program())
    made.write_text(text.replace("/usr/lib/ipvsfast/boot", str(BOOT)))
    return made


def analyze(*argv: object) -> subprocess.CompletedProcess[str]:
    """systemd's own opinion."""
    if shutil.which("systemd-analyze") is None:
        cannot_run("systemd-analyze is not installed")
    return subprocess.run(
        ["systemd-analyze", *map(str, argv)], capture_output=True, text=True, timeout=120, check=False
    )


def shown(document: str) -> str:
    """What a document shows of units."""
    (block,) = [one for one in blocks(ROOT / document) if one.remark.endswith("/test_systemd_unit.py")]
    return block.text


UNITS = sorted(path.name for path in FOLDER.iterdir() if path.is_file())


def test_the_drop_in(tmp_path: Path) -> None:
    """With it the exporter may load BPF programs: systemd knows every line, and no other line takes a privilege of
    these away. Its commented lines are for a user without any."""
    needed = {"CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG"}
    for unit in UNITS:
        copy(tmp_path, unit)
    folder = tmp_path / f"{EXPORTER}.d"
    folder.mkdir()
    (dropped,) = (FOLDER / f"{EXPORTER}.d").iterdir()
    text = dropped.read_text().replace("#User", "User").replace("#Ambient", "Ambient")
    (folder / dropped.name).write_text(text)
    assert shown("docs/live.md").splitlines() == [line for line in text.splitlines() if line[0] != "#"]
    done = analyze("verify", "--man=no", "--recursive-errors=no", tmp_path / EXPORTER)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "ipvsfast" in line]) == (0, [])
    lines = [*(FOLDER / EXPORTER).read_text().splitlines(), *text.splitlines()]
    last = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    bounds = [line for line in lines if line.startswith("CapabilityBoundingSet=")]
    assert {name for line in bounds for name in line.partition("=")[2].split()} == needed
    assert set(last["AmbientCapabilities"].split()) == needed
    assert (last["ProtectKernelLogs"], last["SystemCallFilter"]) == ("no", "bpf")


def test_the_line_that_enables_the_exporter(tmp_path: Path) -> None:
    """With it the socket is opened at each boot. Nothing can be started in a folder that is the root: not `--now`."""
    folder = tmp_path / "etc/systemd/system"
    folder.mkdir(parents=True)
    for unit in UNITS:
        copy(folder, unit)
    systemctl, enable, now, unit = shown("docs/exporter.md").split()
    assert (systemctl, enable, now) == ("systemctl", "enable", "--now")
    if shutil.which(systemctl) is None:
        cannot_run("systemctl is not installed")
    subprocess.run(
        [systemctl, f"--root={tmp_path}", enable, unit], check=True, capture_output=True, timeout=60
    )
    assert (folder / "sockets.target.wants" / unit).is_symlink()


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_it(tmp_path: Path, unit: str) -> None:
    """Every line of it."""
    made = [copy(tmp_path, name) for name in UNITS]
    (here,) = [path for path in made if path.name == unit]
    done = analyze("verify", "--man=no", "--recursive-errors=no", here)
    complaints = [line for line in done.stderr.splitlines() if "ipvsfast" in line]
    assert (done.returncode, complaints) == (0, [])


def test_systemd_would_complain(tmp_path: Path) -> None:
    """Of a line that it does not know; else the above would show nothing."""
    made = copy(tmp_path, EXPORTER)
    copy(tmp_path, "ipvsfast-exporter.socket")
    made.write_text(made.read_text().replace("ProtectClock=", "ProtectClocks="))
    assert "ProtectClocks" in analyze("verify", "--man=no", made).stderr


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_it_has_few_rights(tmp_path: Path, unit: str) -> None:
    """Not more than when this was written."""
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED[unit]}", copy(tmp_path, unit))
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
