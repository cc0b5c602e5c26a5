"""The packages where others have theirs: over ipvsadm, with ldirectord and keepalived, and the way back. Each test has a
root of its own and the real kernel; `make test-packages` runs them."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pages import blocks
from support.require import cannot_run
from support.tools import ROOT

WEB = "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1\n"
RULES = f"# mine\n{WEB}"
# In the table and in no file.
MAIL = "-A -t 10.0.0.2:25 -s rr\n-a -t 10.0.0.2:25 -r 10.1.0.2:25 -m -w 7\n"
IN_TABLE = "0A000001:0050"
FILES = ("/etc/ipvsadm.rules", "/etc/default/ipvsadm", "/etc/init.d/ipvsadm")
FRIENDS = ("ldirectord", "keepalived")
ALL = ("python3-ipvsfast", "ipvsfast", "ipvsfast-ipvsadm")
# For apt: nobody answers questions, and what would be nice to have cannot be fetched.
ANSWERS = 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n'
# What docs/packages.md has to be typed: each line of both blocks.
INSTALLING, KEEPING = [
    block.text.splitlines()
    for block in blocks(ROOT / "docs/packages.md")
    if block.remark == "run by: tests/packages/test_roots.py"
]
APT = ("apt-get", "-y", "--no-install-recommends")


class Root:
    """A Debian with ipvsadm, ldirectord and keepalived."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND": "noninteractive",
            "LC_ALL": "C",
        }
        done = subprocess.run(
            ["chroot", self.path, *argv], env=environment, input=stdin, capture_output=True, text=True, check=False,
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


@pytest.fixture
def root(copies: Iterator[Path], netns: None) -> Iterator[Root]:
    made = Root(next(copies))
    yield made
    for folder in ("dev", "sys", "proc"):
        subprocess.run(["umount", "-l", made.path / folder], check=True)


@pytest.fixture(scope="session")
def copies() -> Iterator[Path]:
    """Roots that nobody has used yet."""
    place = os.environ.get("IPVSFAST_PACKAGE_ROOTS")
    if place is None:
        cannot_run("there are no roots: make test-packages makes them")
    return iter(sorted(Path(place).glob("root*")))


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


def test_in_the_place_of_ipvsadm(root: Root) -> None:
    """Others stay, files of the administrator too; what ipvsadm's script has emptied is in force again."""
    root.configure(auto=True)
    root("ipvsadm", "-R", stdin=WEB)
    before = root.there()
    with Looking() as looking:
        root.install(*ALL)
    print(f"the service was missing in {looking.missing} of {looking.missing + looking.seen} looks")
    assert root.has(*FRIENDS, *ALL)
    assert root.is_ours()
    after = root.there()
    assert after == {**before, "/etc/init.d/ipvsadm": root.read("/usr/share/ipvsfast/ipvsadm/init")}
    assert root.table() == WEB
    assert root("/etc/init.d/ipvsadm", "status") == root("ipvsadm", "-L", "-n")


def type_beside_packages(root: Root, *lines: str) -> None:
    """Lines of the document, in a folder that has the packages."""
    folder = root.path / "packages"
    if not folder.exists():
        folder.mkdir()
        for package in Path(os.environ["IPVSFAST_PACKAGES"]).glob("*.deb"):
            (folder / package.name).write_bytes(package.read_bytes())
        (root.path / "etc/apt/apt.conf.d/91tests").write_text(ANSWERS)
    for line in lines:
        root("sh", "-ec", f"cd /packages; {line}")


def test_with_no_moment_without_rules(root: Root) -> None:
    """As docs/packages.md says: what no file has stays too, and the first start changes only what differs."""
    root.configure(auto=True)
    root("ipvsadm", "-R", stdin=WEB + MAIL)
    *lines, start = KEEPING
    with Looking() as looking:
        type_beside_packages(root, *lines)
    assert looking.seen and not looking.missing
    assert root.has(*FRIENDS, *ALL)
    assert root.table() == WEB + MAIL
    # There is no systemd: the service that it would start has a script too.
    assert start.partition("#")[0].split()[-3:] == ["systemctl", "start", "ipvsadm"]
    root("/etc/init.d/ipvsadm", "start")
    assert root.table() == WEB


def test_the_lines_that_install(root: Root) -> None:
    """As docs/packages.md has them: the first leaves ipvsadm where it is, the second puts ours in its place."""
    beside, in_place = INSTALLING
    type_beside_packages(root, beside)
    assert root.has("ipvsadm", *FRIENDS, *ALL[:2])
    assert "ipvsfast" not in root("ipvsadm", "--version")
    type_beside_packages(root, in_place)
    assert root.has(*FRIENDS, *ALL)
    assert root.is_ours()


def test_nothing_happens_without_auto(root: Root) -> None:
    """The table of a director whose services come from elsewhere."""
    root.configure(auto=False)
    root("ipvsadm", "-R", stdin=WEB + MAIL)
    with Looking() as looking:
        root.install(*ALL)
        root.apt("remove", "ipvsfast-ipvsadm", *[f"{name}+" for name in ("ipvsadm", *FRIENDS)])
    assert looking.seen and not looking.missing
    assert root.has("ipvsadm", *FRIENDS)
    assert root.table() == WEB + MAIL


def test_a_changed_script_stays(root: Root) -> None:
    """And nobody is asked."""
    path = "/etc/init.d/ipvsadm"
    root.write(path, root.read(path) + "# mine\n")
    before = root.there()
    assert "was changed here and stays" in root.install(*ALL)
    assert root.has(*FRIENDS, *ALL)
    assert root.there() == before


def test_the_purge_of_ipvsadm(root: Root) -> None:
    """What it takes along is back, as it was last put in force, and so is the service's place at boot."""
    root.configure(auto=True)
    root.install(*ALL)
    root.configure(auto=True, rules=RULES + MAIL)
    root("/etc/init.d/ipvsadm", "reload")
    before = root.there()
    root.apt("purge", "ipvsadm")
    assert root.has(*FRIENDS, *ALL)
    assert root.there() == before
    assert root.table() == WEB + MAIL
    assert list(root.path.glob("etc/rc2.d/S*ipvsadm"))
    assert os.path.lexists(root.path / "etc/systemd/system/multi-user.target.wants/ipvsadm.service")


def test_an_upgrade_changes_no_rule(root: Root) -> None:
    """Nor a file, and nothing is started or stopped."""
    root.configure(auto=True)
    root.install(*ALL)
    root("ipvsadm", "-R", stdin=MAIL)
    before = (root.table(), root.there())
    package = next((root.path / "packages").glob("ipvsfast-ipvsadm_*"))
    root("dpkg-deb", "-R", f"/packages/{package.name}", "/new")
    control = root.read("/new/DEBIAN/control")
    root.write("/new/DEBIAN/control", control.replace("\nVersion: ", "\nVersion: 1:"))
    root("dpkg-deb", "-b", "/new", "/new.deb")
    with Looking() as looking:
        root("dpkg", "-i", "/new.deb")
    assert root("dpkg-query", "-W", "-f", "${Version}", "ipvsfast-ipvsadm").startswith("1:")
    assert looking.seen and not looking.missing
    assert (root.table(), root.there()) == before


def test_the_way_back(root: Root) -> None:
    """ipvsadm has its script again, others stay, no file changes, and the purge of ours takes nothing along."""
    theirs = root.there()["/etc/init.d/ipvsadm"]
    root.configure(auto=True)
    root.install(*ALL)
    before = root.there()
    root.apt("install", "ipvsadm")
    assert root.has("ipvsadm", *FRIENDS)
    assert "ipvsfast" not in root("ipvsadm", "--version")
    assert root.there() == {**before, "/etc/init.d/ipvsadm": theirs}
    assert root.table() == WEB
    root.apt("purge", "ipvsfast-ipvsadm")
    assert root.there() == {**before, "/etc/init.d/ipvsadm": theirs}
    assert not (root.path / "var/lib/ipvsfast-ipvsadm").exists()


def test_the_way_back_after_the_purge(root: Root) -> None:
    """dpkg knows nothing of its files any more, and has to be told what to do with those that were changed."""
    root.configure(auto=True)
    root.install(*ALL)
    root.apt("purge", "ipvsadm")
    before = root.there()
    root(*APT, "-o", "Dpkg::Options::=--force-confold", "install", "ipvsadm")
    assert root.has("ipvsadm", *FRIENDS)
    assert {**root.there(), FILES[2]: ""} == {**before, FILES[2]: ""}


def test_where_ipvsadm_never_was(root: Root) -> None:
    """The files are made; removing leaves what was changed, and the table; the purge takes all of it."""
    root.apt("purge", "ipvsadm", *FRIENDS)
    assert root.there() == {}
    root.install(*ALL)
    assert set(root.there()) == set(FILES)
    assert root.table() == ""
    root.configure(auto=True)
    root("/etc/init.d/ipvsadm", "start")
    changed = {path: root.read(path) for path in FILES[:2]}
    root.apt("remove", "ipvsfast-ipvsadm")
    assert root.there() == changed
    assert root("ipvsfast", "-S", "-n") == WEB
    root.apt("purge", "ipvsfast-ipvsadm")
    assert root.there() == {}
    assert not list(root.path.glob("etc/rc?.d/*ipvsadm"))


def test_beside_ipvsadm(root: Root) -> None:
    """ipvsfast alone takes nothing of it; install-compat moves its programs aside, under the path that dpkg has."""
    root.install(*ALL[:2])
    assert root.has("ipvsadm", *FRIENDS, *ALL[:2])
    assert "ipvsfast" not in root("ipvsadm", "--version")
    folder = "/sbin" if os.environ["IPVSFAST_SUITE"] in ("bookworm", "noble") else "/usr/sbin"
    root("ipvsfast", "install-compat", "/sbin")
    assert root.is_ours()
    diverted = root("dpkg-divert", "--list", "*ipvsadm*").splitlines()
    assert f"local diversion of {folder}/ipvsadm to {folder}/ipvsadm.before-ipvsfast" in diverted
    root.apt("--reinstall", "install", "ipvsadm")
    assert root.is_ours()
    root("ipvsfast", "remove-compat", "/usr/sbin")
    assert root("dpkg-divert", "--list", "*ipvsadm*") == ""
    assert root("dpkg", "--verify", "ipvsadm") == ""
    assert "ipvsfast" not in root("ipvsadm", "--version")


def test_before_ipvsadm_comes(root: Root) -> None:
    """A package that is installed later does not replace our links, whichever spelling it has."""
    root.apt("purge", "ipvsadm", *FRIENDS)
    root.install(*ALL[:2])
    root("ipvsfast", "install-compat", "/usr/sbin")
    root.apt("install", "ipvsadm")
    assert root.is_ours()
    root("ipvsfast", "remove-compat", "/usr/sbin")
    assert root("dpkg", "--verify", "ipvsadm") == ""
    assert "ipvsfast" not in root("ipvsadm", "--version")
