"""Init scripts under OpenRC's own openrc-run, with the shell of Alpine; it finds none but a test's own, and no service
started."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from support.command import program
from support.require import cannot_run
from support.tools import ROOT

FOLDER = ROOT / "contrib/packaging/alpine"
PROGRAM = "/usr/lib/ipvsfast/ipvsfast"
STATES = ("started", "starting", "stopping", "inactive", "failed", "exclusive", "options", "hotplugged")
OWN = ("init.d", "conf.d", "runlevels")
# What our services need. Of what they only come after nothing has to be there.
AROUND = ("localmount",)
# Only for what is started here, and for what that starts. Debian has no /etc/conf.d to mount ours at.
MOUNTS = """
set -e
mount --bind /etc "$0/real"
mount --bind "$0/etc" /etc
mount --bind "$0/run/openrc" /run/openrc
mount --bind "$1" /bin/sh
shift
exec "$@"
"""


def runner() -> str:
    path = shutil.which("openrc-run", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        cannot_run("OpenRC is not installed: tools/setup.sh alpine")
    return path


def busybox() -> str:
    """What is Alpine's shell, and most of its programs."""
    path = shutil.which("busybox")
    if path is None:
        cannot_run("busybox is not installed: tools/setup.sh alpine")
    return path


def version() -> tuple[int, int]:
    """(0, 45) for OpenRC 0.45.2."""
    argv = [Path(runner()).with_name("openrc"), "--version"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    assert found, done
    return int(found[1]), int(found[2])


def booted(folder: Path) -> None:
    """What OpenRC keeps in /run, every service stopped."""
    for name in STATES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "softlevel").write_text("default")


class Machine:
    """Where OpenRC has booted. folder: where all is."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder = folder
        for name in ("real", *(f"etc/{own}" for own in OWN), "log"):
            (folder / name).mkdir(parents=True)
        for path in Path("/etc").iterdir():
            if path.name not in OWN:
                (folder / "etc" / path.name).symlink_to(folder / "real" / path.name)
        (folder / "etc/runlevels/default").mkdir()
        booted(folder / "run/openrc")
        Path("/run/openrc").mkdir(exist_ok=True)
        for name in AROUND:
            self._install(name, f"#!{runner()}\nstart() {{ :; }}\n")
        # OpenRC passes only few variables on.
        self._program = folder / "ipvsfast"
        self._program.write_text(f'#!/bin/sh\nexec env IPVSFAST_STATE={state} {program()} "$@"\n')
        self._program.chmod(0o755)
        self._mark = f"IPVSFAST_STATE={state}".encode()

    def _install(self, name: str, text: str) -> None:
        path = self.folder / "etc/init.d" / name
        path.write_text(text)
        path.chmod(0o755)

    def install(self, name: str, source: str, *changes: tuple[str, str]) -> None:
        """One of our services as its package brings it. source: the init script. changes: what stands in it, and what
        in its place."""
        text = (FOLDER / source).read_text()
        for before, after in (("#!/sbin/openrc-run", f"#!{runner()}"), *changes):
            assert before in text
            text = text.replace(before, after)
        self._install(name, text)
        shutil.copy(FOLDER / f"{name}.confd", self.folder / "etc/conf.d" / name)

    def install_daemon(self, name: str) -> None:
        """One that runs our program."""
        self.install(name, f"{name}.initd", (PROGRAM, str(self._program)))

    def link(self, instance: str, name: str) -> None:
        (self.folder / "etc/init.d" / instance).symlink_to(name)

    def set(self, name: str, *lines: str) -> None:
        """Further lines of the settings."""
        with open(self.folder / "etc/conf.d" / name, "a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def keep_log_of(self, name: str) -> None:
        """Its messages go into a file of ours; from OpenRC 0.51 on by a program, as `logger` is one."""
        path = self.folder / "log" / name
        by = f'error_logger="cat >> {path}"' if version() >= (0, 51) else f'error_log="{path}"'
        self.set(name, by)

    def log(self, name: str) -> str:
        path = self.folder / "log" / name
        return path.read_text() if path.exists() else ""

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """A command there."""
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", MOUNTS, str(self.folder), busybox(), *argv],
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def __call__(self, name: str, action: str) -> subprocess.CompletedProcess[str]:
        return self.run(f"/etc/init.d/{name}", action)

    def works(self, name: str, *actions: str) -> None:
        for action in actions:
            done = self(name, action)
            assert done.returncode == 0, done

    def daemons(self, *words: str) -> set[int]:
        """What runs of our program with all of these words."""
        wanted = {word.encode() for word in words}
        return {pid for pid, argv, ours in self._running() if ours and wanted <= set(argv)}

    def running(self) -> set[int]:
        """That, and what supervises it."""
        started = str(self._program).encode()
        return {pid for pid, argv, ours in self._running() if ours or started in argv}

    def _running(self) -> Iterator[tuple[int, list[bytes], bool]]:
        """All that runs, its words, and whether it is our program, started here."""
        for path in Path("/proc").glob("[0-9]*"):
            try:
                argv = (path / "cmdline").read_bytes().split(b"\0")
                yield int(path.name), argv, self._mark in (path / "environ").read_bytes().split(b"\0")
            except OSError:
                continue  # it has ended meanwhile

    def close(self) -> None:
        """Whatever a test has left behind is ended, supervisors first."""
        while left := self.running():
            for pid in sorted(left, key=lambda pid: pid in self.daemons()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
