"""Packages of another suite, downloaded with apt and unpacked, never installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import CannotRunError
from .programs import need
from .sources import MIRROR_VARIABLE, Mirror, keyring, machine_mirror

APT_SECONDS = 900

# Lists, caches and hooks of the machine's own apt stay out of it; its proxies and keys stay in.
# A mirror frozen some time ago will do: what is signed counts, not how new it is.
APT_CONF = """\
Dir::State "{work}/state";
Dir::State::Lists "{work}/lists";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
Dir::Etc::SourceList "{work}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Architecture "amd64";
#clear APT::Architectures;
APT::Architectures {{ "amd64"; }};
APT::Default-Release "";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Retries "2";
Acquire::http::Timeout "60";
Acquire::https::Timeout "60";
"""


class Suite:
    """One suite of the Debian archive, with an apt state of its own below `work`."""

    def __init__(self, name: str, work: Path, mirror: Mirror | None = None) -> None:
        self.name = name
        self.work = work
        self.mirror = mirror or machine_mirror()
        self._apt_get = need("apt-get", "apt", "to fetch kernel packages")
        self._apt_cache = need("apt-cache", "apt", "to look up kernel packages")
        self._dpkg_deb = need("dpkg-deb", "dpkg", "to unpack kernel packages")
        self._update()

    def _update(self) -> None:
        for folder in ("state", "lists/partial", "cache/archives/partial"):
            (self.work / folder).mkdir(parents=True, exist_ok=True)
        (self.work / "status").touch()
        key = keyring(self.mirror.signed_by)
        options = "arch=amd64" + (f" signed-by={key}" if key else "")
        line = f"deb [{options}] {self.mirror.uri} {self.name} main\n"
        (self.work / "sources.list").write_text(line)
        (self.work / "apt.conf").write_text(APT_CONF.format(work=self.work))
        _say(f"reading the package lists of {self.name} from {self.mirror.uri}")
        self._run([self._apt_get, "-qq", "-o", "APT::Update::Error-Mode=any", "update"])

    def _run(self, argv: Sequence[str], cwd: Path | None = None) -> str:
        command = [argv[0], "-c", str(self.work / "apt.conf"), *argv[1:]]
        env = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        try:
            done = subprocess.run(
                command,
                cwd=cwd,
                env=env,
                capture_output=True,
                text=True,
                timeout=APT_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise CannotRunError(self._trouble(argv, f"no end after {APT_SECONDS} s")) from None
        if done.returncode:
            raise CannotRunError(self._trouble(argv, (done.stdout + done.stderr).strip()))
        return done.stdout

    def _trouble(self, argv: Sequence[str], said: str) -> str:
        advice = f"name another mirror with {MIRROR_VARIABLE}=http://HOST/debian"
        if "NO_PUBKEY" in said or "not signed" in said:
            advice = "install Debian's keys: apt-get install debian-archive-keyring"
        return (
            f"`{' '.join([Path(argv[0]).name, *argv[1:]])}` failed for suite {self.name!r} of "
            f"{self.mirror.uri} ({self.mirror.found}):\n{said}\n{advice}, or use this machine's "
            "own kernel (-k host, as root)"
        )

    def show(self, package: str) -> dict[str, str]:
        """The control fields of the newest version of a package."""
        text = self._run([self._apt_cache, "show", "--no-all-versions", package])
        fields: dict[str, str] = {}
        for line in text.splitlines():
            if line[:1] not in ("", " ") and ":" in line:
                name, value = line.split(":", 1)
                fields.setdefault(name, value.strip())
        if "Version" not in fields:
            raise CannotRunError(
                f"package {package!r} is not in suite {self.name!r} of {self.mirror.uri} "
                f"({self.mirror.found})"
            )
        return fields

    def dependencies(self, package: str, pattern: str) -> list[str]:
        """Those dependencies of `package` whose names match `pattern`."""
        depends = self.show(package).get("Depends", "")
        names = [part.split()[0] for part in re.split(r"[,|]", depends) if part.strip()]
        return [name for name in names if re.fullmatch(pattern, name)]

    def dependency(self, package: str, pattern: str) -> str:
        """The first dependency of `package` whose name matches `pattern`."""
        names = self.dependencies(package, pattern)
        if not names:
            raise CannotRunError(f"{package} of suite {self.name!r} depends on no package like {pattern!r}")
        return names[0]

    def unpack(self, package: str, into: Path) -> str:
        """Download a package, unpack it below `into`, and tell its version."""
        version = self.show(package)["Version"]
        folder = self.work / "download" / package
        folder.mkdir(parents=True)
        _say(f"fetching {package} {version}")
        self._run([self._apt_get, "-qq", "download", package], cwd=folder)
        (archive,) = folder.glob("*.deb")
        into.mkdir(parents=True, exist_ok=True)
        subprocess.run([self._dpkg_deb, "-x", str(archive), str(into)], check=True, timeout=APT_SECONDS)
        archive.unlink()
        return version


def _say(text: str) -> None:
    print(f"tests.vm: {text}", file=sys.stderr, flush=True)
