"""The packages where others have theirs: over ipvsadm, with ldirectord and keepalived, and the way back. Each test has a
root of its own and the real kernel; `make test-packages` runs them."""

from __future__ import annotations

import os
from pathlib import Path

from support.package_roots import ALL, APT, FILES, FRIENDS, MAIL, RULES, WEB, Looking, Root
from support.pages import blocks
from support.tools import ROOT

# For apt: nobody answers questions, and what would be nice to have cannot be fetched.
ANSWERS = 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n'
# What docs/packages.md has to be typed: each line of both blocks.
INSTALLING, KEEPING = [
    block.text.splitlines()
    for block in blocks(ROOT / "docs/packages.md")
    if block.remark == "run by: tests/packages/test_roots.py"
]


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
    # No systemd runs there: the service that it would start has a script too.
    assert start.partition("#")[0].split()[-3:] == ["systemctl", "reload-or-restart", "ipvsadm"]
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
