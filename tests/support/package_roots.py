"""A Debian or Ubuntu as tests of packages find it: a folder that is a root, and what is done in it."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

WEB = "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1\n"
RULES = f"# mine\n{WEB}"
# In the table and in no file.
MAIL = "-A -t 10.0.0.2:25 -s rr\n-a -t 10.0.0.2:25 -r 10.1.0.2:25 -m -w 7\n"
IN_TABLE = "0A000001:0050"
FRIENDS = ("ldirectord", "keepalived")
ALL = ("python3-ipvsfast", "ipvsfast", "ipvsfast-ipvsadm")
FILES = ("/etc/ipvsadm.rules", "/etc/default/ipvsadm", "/etc/init.d/ipvsadm")
APT = ("apt-get", "-y", "--no-install-recommends")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Root:
    """A Debian with ipvsadm, ldirectord and keepalived."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.way_in = ["chroot", str(path)]
        for kind, folder in (("proc", "proc"), ("sysfs", "sys")):
            subprocess.run(["mount", "-t", kind, kind, path / folder], check=True)
        subprocess.run(["mount", "--rbind", "/dev", path / "dev"], check=True)
        self.services_may_start(True)
        # What comes by file is read by a user of its own, who cannot reach the folder.
        (path / "etc/apt/apt.conf.d/90tests").write_text('APT::Sandbox::User "root";\n')

    def services_may_start(self, yes: bool) -> None:
        """Whether scripts of packages start and stop services, with no service manager there."""
        policy = self.path / "usr/sbin/policy-rc.d"
        policy.write_text(f"#!/bin/sh\nexit {0 if yes else 101}\n")
        policy.chmod(0o755)

    def __call__(self, *argv: str, stdin: str = "", fails: bool = False) -> str:
        """What a program there writes."""
        environment = {
            "PATH": PATH,
            "DEBIAN_FRONTEND": "noninteractive",
            "LC_ALL": "C",
        }
        done = subprocess.run(
            [*self.way_in, *argv], env=environment, input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert bool(done.returncode) == fails, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def install(self, *names: str) -> str:
        """Packages of ours, by apt; nobody answers questions."""
        packages = [next(Path(os.environ["IPVSFAST_PACKAGES"]).glob(f"{name}_*.deb")) for name in names]
        folder = self.path / "packages"
        folder.mkdir(exist_ok=True)
        for package in packages:
            (folder / package.name).write_bytes(package.read_bytes())
        return self(*APT, "--reinstall", "install", *[f"/packages/{package.name}" for package in packages])

    def apt(self, *words: str) -> str:
        return self(*APT, *words)

    def has(self, *names: str) -> bool:
        """Whether these packages are installed, as they should be."""
        states = [self("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", name).strip() for name in names]
        return states == ["ii"] * len(names) and self("dpkg", "--audit") == ""

    def configure(self, auto: bool, rules: str = RULES) -> None:
        """What an administrator writes."""
        self.write("/etc/ipvsadm.rules", rules)
        path = self.path / "etc/default/ipvsadm"
        path.write_text(path.read_text().replace('AUTO="false"', f'AUTO="{str(auto).lower()}"') + "# mine\n")

    def read(self, path: str) -> str:
        return (self.path / path[1:]).read_text()

    def write(self, path: str, text: str) -> None:
        (self.path / path[1:]).write_text(text)

    def there(self) -> dict[str, str]:
        """The files of administrators."""
        return {path: self.read(path) for path in FILES if (self.path / path[1:]).exists()}

    def table(self) -> str:
        return self("ipvsadm", "-S", "-n")

    def is_ours(self) -> bool:
        return "ipvsfast" in self("/sbin/ipvsadm", "--version") and "ipvsfast" in self(
            "/usr/sbin/ipvsadm", "--version"
        )


class Looking:
    """Looks at the table all the time: how often a service was seen, and how often not."""

    def __init__(self) -> None:
        self.seen = self.missing = 0
        self._end = threading.Event()
        self._namespace = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/net/ip_vs"
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._end.wait(0.02):
            if IN_TABLE in Path(self._namespace).read_text():
                self.seen += 1
            else:
                self.missing += 1

    def __enter__(self) -> Looking:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join()
