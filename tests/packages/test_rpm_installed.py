"""The RPM packages installed, upgraded, put in the place of ipvsadm's and removed by rpm, in a copy of this system that is
gone afterwards. A stand-in for systemctl does what systemd would with one service, and tells what it was asked."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.require import cannot_run
from support.rpm_builds import DEBIAN, Builder, said, version

RULES, SETTINGS = Path("etc/sysconfig/ipvsadm"), Path("etc/sysconfig/ipvsadm-config")
ALL = ("python3-ipvsfast", "ipvsfast", "ipvsfast-ipvsadm")
# A package that does with its service what those of Fedora and RHEL do.
THEIRS = """
Name: ipvsadm
Version: 1.31
Release: 5
Summary: In the place of ipvsadm
License: MIT
BuildArch: noarch
%description
%{summary}.
%install
mkdir -p %{buildroot}/usr/sbin %{buildroot}/usr/lib/systemd/system %{buildroot}/etc/sysconfig
for name in ipvsadm ipvsadm-save ipvsadm-restore; do
    printf '#!/bin/sh\\necho theirs\\n' > %{buildroot}/usr/sbin/$name
done
chmod 755 %{buildroot}/usr/sbin/*
printf '%%s\\n' '[Service]' ExecStart=their-restore ExecStop=their-save ExecStop=their-flush \\
    > %{buildroot}/usr/lib/systemd/system/ipvsadm.service
echo 'IPVS_SAVE_ON_STOP="no"' > %{buildroot}/etc/sysconfig/ipvsadm-config
%preun
if [ $1 -eq 0 ]; then systemctl --no-reload disable --now ipvsadm.service || :; fi
%postun
systemctl daemon-reload || :
%files
/usr/sbin/ipvsadm*
/usr/lib/systemd/system/ipvsadm.service
%config(noreplace) /etc/sysconfig/ipvsadm-config
"""
# The service is read again by daemon-reload, and by a start when it was not loaded yet.
SYSTEMCTL = """#!/bin/sh
state=/var/lib/systemctl
unit=/usr/lib/systemd/system/ipvsadm.service
load() {
    cat $unit /run/systemd/system/ipvsadm.service.d/*.conf 2> /dev/null > $state/loaded
}
calls() { # KEY: as an empty one forgets those before it
    sed -n "s/^$1=//p" $state/loaded | awk '$0 == "" { n = 0; next } { line[n++] = $0 } END { for (i = 0; i < n; i++) print line[i] }'
}
stop() {
    [ -e $state/active ] || return 0
    calls ExecStop | sed 's/^/ran: /' >> $state/log
    rm $state/active
}
echo "$*" >> $state/log
now= verb=
for word; do
    case $word in
    --now) now=1 ;;
    --*) ;;
    *) if [ -z "$verb" ]; then verb=$word; else named="$named $word"; fi ;;
    esac
done
case $verb in
daemon-reload) load; exit 0 ;;
esac
case $named in
*ipvsadm.service*) ;;
*) exit 0 ;;
esac
case $verb in
is-enabled | is-active) [ -e $state/${verb#is-} ] ;;
preset) rm -f $state/enabled ;;
enable) touch $state/enabled ;;
disable) rm -f $state/enabled; [ -z "$now" ] || stop ;;
stop) stop ;;
start) [ -e $state/loaded ] || load; calls ExecStart | sed 's/^/ran: /' >> $state/log; touch $state/active ;;
esac
"""
# In one transaction, as `dnf swap` does it.
SWAP = """
import sys, rpm
ts = rpm.TransactionSet("/")
ts.setVSFlags(-1)
opened = {}
def progress(reason, amount, total, key, data):
    if reason == rpm.RPMCALLBACK_INST_OPEN_FILE:
        opened[key] = open(key, "rb")
        return opened[key].fileno()
    if reason == rpm.RPMCALLBACK_INST_CLOSE_FILE:
        opened.pop(key).close()
    elif reason in (rpm.RPMCALLBACK_SCRIPT_ERROR, rpm.RPMCALLBACK_UNPACK_ERROR, rpm.RPMCALLBACK_CPIO_ERROR):
        sys.exit(f"{key}: failed")
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        ts.addInstall(ts.hdrFromFdno(file), path, "u")
ts.addErase(sys.argv[1])
ts.order()
problems = ts.run(progress, "")
if problems:
    sys.exit(str(problems))
"""


class Root:
    """A copy of this system with rpm's database empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for folder in ("var/lib/systemctl", "run/systemd/system"):
            (path / folder).mkdir(parents=True, exist_ok=True)
        program = path / "usr/bin/systemctl"
        program.unlink(missing_ok=True)
        program.write_text(SYSTEMCTL)
        program.chmod(0o755)
        (path / "swap.py").write_text(SWAP)
        for name in ("ipvsadm", "ipvsadm-save", "ipvsadm-restore"):
            (path / "usr/sbin" / name).unlink(missing_ok=True)
        self("rpm", "--initdb")

    def __call__(self, *argv: str, fails: bool = False) -> str:
        """What a program there writes."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        done = subprocess.run(
            ["chroot", self.path, *argv], env=environment, capture_output=True, text=True, check=False
        )
        assert bool(done.returncode) == fails, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def take(self, packages: dict[str, Path]) -> list[str]:
        """The packages' names there."""
        for package in packages.values():
            (self.path / package.name).write_bytes(package.read_bytes())
        return [f"/{package.name}" for package in packages.values()]

    def rpm(self, *words: str) -> None:
        """Has to succeed in silence; Debian's may remark that its packages are others. What is not rpm's here, as Python, is no dependency."""
        remarks = self("rpm", "--nodeps", *words).splitlines()
        assert [line for line in remarks if not line.startswith("rpm: ")] == []

    def running(self) -> None:
        """The service is enabled, and has been started."""
        self("systemctl", "enable", "ipvsadm.service")
        self("systemctl", "daemon-reload")
        self("systemctl", "start", "ipvsadm.service")
        self.log()

    def log(self) -> list[str]:
        """What systemctl was asked, and ran, since the last time."""
        path = self.path / "var/lib/systemctl/log"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def state(self) -> set[str]:
        return {name for name in ("enabled", "active") if (self.path / "var/lib/systemctl" / name).exists()}

    def write(self, path: Path, text: str) -> None:
        (self.path / path).parent.mkdir(exist_ok=True)
        (self.path / path).write_text(text)

    def read(self, path: Path) -> str:
        return (self.path / path).read_text()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    if os.geteuid() != 0:
        cannot_run("only root can mount and enter a copy of this system")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path], check=True)
    try:
        upper, work, path = (tmp_path / name for name in ("upper", "work", "root"))
        for folder in (upper, work, path):
            folder.mkdir()
        options = f"lowerdir=/,upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, path], check=True)
        try:
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path / "run"], check=True)
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path / "tmp"], check=True)
            (path / "dev/null").touch()
            subprocess.run(["mount", "--bind", "/dev/null", path / "dev/null"], check=True)
            yield Root(path)
        finally:
            subprocess.run(["umount", "--recursive", path], check=True)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.fixture(scope="module")
def ours(builder: Builder) -> dict[str, Path]:
    return builder.packages(DEBIAN)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("theirs")
    (place / "ipvsadm.spec").write_text(THEIRS)
    said("rpmbuild", "-bb", "--define", f"_topdir {place}", place / "ipvsadm.spec")
    return {"ipvsadm": next(place.glob("RPMS/*/*.rpm"))}


def test_what_is_installed_runs(root: Root, ours: dict[str, Path]) -> None:
    """Under all names. Nothing is started, and rpm finds every file as it should be; systemd understands the units."""
    root.rpm("-U", *root.take(ours))
    for name, begin in (("ipvsfast", "ipvsfast v"), ("ipvsadm", "ipvsadm v1.31 (ipvsfast ")):
        assert root(name, "--version").startswith(f"{begin}{version()}")
    assert "Usage:" in root("ipvsfast-restore", "-h")
    assert root("rpm", "--nodeps", "-V", *ALL) == ""
    asked = root.log()
    assert [line for line in asked if "start" in line or "ran:" in line] == []
    assert root.state() == set()
    assert not (root.path / "run/ipvsfast-takeover").exists()
    units = [
        str(path)
        for path in said("rpm", "-qpl", ours["ipvsfast"], ours["ipvsfast-ipvsadm"]).split()
        if "/system/" in path
    ]
    assert len(units) == 5
    done = root(
        "systemd-analyze",
        "verify",
        "--man=no",
        "--recursive-errors=no",
        *[u.replace("@", "@web") for u in units],
    )
    assert [line for line in done.splitlines() if "ipvs" in line] == []


def test_an_upgrade_changes_nothing(root: Root, ours: dict[str, Path], builder: Builder) -> None:
    """Neither rules nor settings, nor whether the service is enabled and runs; of ours, only the exporter starts anew."""
    root.rpm("-U", *root.take(ours))
    root.write(RULES, "-A -t 10.0.0.1:80 -s rr\n")
    root.write(SETTINGS, 'ON_STOP="keep"\n')
    root.running()
    root.rpm("-U", *root.take(builder.packages(DEBIAN, release=2)))
    assert said("chroot", root.path, "rpm", "-q", *ALL).count("-2.") == 3
    assert (root.read(RULES), root.read(SETTINGS)) == ("-A -t 10.0.0.1:80 -s rr\n", 'ON_STOP="keep"\n')
    assert {path.name for path in root.path.glob("etc/sysconfig/ipvsadm*")} == {"ipvsadm", "ipvsadm-config"}
    assert root.state() == {"enabled", "active"}
    assert {line for line in root.log() if line != "daemon-reload"} == {
        "try-restart ipvsfast-exporter.service"
    }


def test_a_removal_leaves_the_table(root: Root, ours: dict[str, Path]) -> None:
    """The service is disabled and not stopped; rules and changed settings stay."""
    root.rpm("-U", *root.take(ours))
    root.write(RULES, "-A -t 10.0.0.1:80 -s rr\n")
    root.write(SETTINGS, 'ON_STOP="keep"\n')
    root.running()
    root("rpm", "--nodeps", "-e", *ALL)
    assert root.state() == {"active"}
    assert [line for line in root.log() if line.startswith("ran:")] == []
    assert root.read(RULES) == "-A -t 10.0.0.1:80 -s rr\n"
    assert root.read(SETTINGS.with_name("ipvsadm-config.rpmsave")) == 'ON_STOP="keep"\n'
    assert not (root.path / "usr/libexec/ipvsfast").exists()


def test_it_does_not_come_beside_ipvsadm(root: Root, ours: dict[str, Path], theirs: dict[str, Path]) -> None:
    """rpm refuses both at once, and the command alone is no reason for that."""
    root.rpm("-U", *root.take(theirs))
    (names,) = root.take({"ipvsfast-ipvsadm": ours["ipvsfast-ipvsadm"]})
    assert "ipvsadm conflicts with ipvsfast-ipvsadm" in root("rpm", "-U", "--test", names, fails=True)
    root.rpm("-U", *root.take({name: ours[name] for name in ALL[:2]}))
    assert "theirs" in root("ipvsadm")


@pytest.mark.parametrize("running", [True, False])
def test_in_the_place_of_ipvsadm(
    root: Root, ours: dict[str, Path], theirs: dict[str, Path], running: bool
) -> None:
    """A service that runs goes on: their way out only saves, by ours, and ours starts. The settings stay theirs."""
    root.rpm("-U", *root.take(theirs))
    root.write(RULES, "-A -t 10.0.0.1:80 -s rr\n")
    root.write(SETTINGS, 'IPVS_SAVE_ON_STOP="yes"\n')
    if running:
        root.running()
    root("python3", "/swap.py", "ipvsadm", *root.take(ours))
    ran = [line.removeprefix("ran: ") for line in root.log() if line.startswith("ran: ")]
    boot = "/usr/libexec/ipvsfast/boot -i"
    start = f"{boot} -c /{SETTINGS} -r /{RULES} -a true -s save start"
    assert ran == ([f"-{boot} -r /{RULES} save", start] if running else [])
    assert root.state() == ({"enabled", "active"} if running else set())
    assert not (root.path / "run/ipvsfast-takeover").exists()
    assert not list(root.path.glob("run/systemd/system/ipvsadm*"))
    assert root.read(SETTINGS) == 'IPVS_SAVE_ON_STOP="yes"\n'
    assert f"(ipvsfast {version()}, " in root("ipvsadm", "--version")
    assert "not installed" in root("rpm", "-q", "ipvsadm", fails=True)
    assert "ipvsfast-ipvsadm" in root("rpm", "-q", "--whatprovides", "ipvsadm")
