"""RPM packages for several distributions from the spec, without compiling: what is installed comes from the wheel."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

from support.installing import wheel
from support.tools import ROOT
from vm.debian_root import copy_checkout

FOLDER = ROOT / "contrib/packaging/rpm"
DEBIAN = FOLDER / "macros.debian"
# Where the unpacked wheel is, in the place of what the distribution's two macros do.
BUILD = """
%pyproject_wheel : built before
%pyproject_install \\
mkdir -p %{{buildroot}}%{{python3_sitearch}} \\
cp -r {tree}/site/. %{{buildroot}}%{{python3_sitearch}} \\
cp -r {tree}/usr %{{buildroot}} \\
%{{nil}}
%__os_install_post /bin/bash %{{_rpmconfigdir}}/brp-compress %{{_prefix}}
"""


def said(*argv: object) -> str:
    """What a program writes to standard output."""
    return subprocess.run([*map(str, argv)], capture_output=True, text=True, check=True).stdout


def version() -> str:
    """Of the project."""
    (found,) = re.findall(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    return str(found)


def unpack(tree: Path) -> None:
    """The wheel's files: those of Python's below site, the others below usr."""
    with zipfile.ZipFile(wheel()) as archive:
        for name in archive.namelist():
            first, _, rest = name.partition("/")
            target = tree / "site" / name
            if first.endswith(".data"):
                kind, _, rest = rest.partition("/")
                target = tree / "usr" / {"scripts": "bin", "data": "."}[kind] / rest
            target.parent.mkdir(parents=True, exist_ok=True)
            content = archive.read(name)
            target.write_bytes(content.replace(b"#!python\n", b"#!/usr/bin/python3\n", 1))
            target.chmod(0o755 if first.endswith(".data") and kind == "scripts" else 0o644)


def files(package: Path) -> dict[str, str]:
    """What is in it: path -> where a link leads to, or "" for a file; folders are left out."""
    lines = said("rpm", "-qp", "--qf", r"[%{FILENAMES}\t%{FILEMODES:perms}\t%{FILELINKTOS}\n]", package)
    rows = [line.split("\t") for line in lines.splitlines()]
    return {path: target for path, mode, target in rows if not mode.startswith("d")}


def generic(path: str) -> str:
    """A path of a package by a name that all forms of packages have in common; "" for what belongs to one of them."""
    for pattern, common in (
        (r"/usr/lib/(\.build-id|debug)/.*", ""),
        (r"/usr/share/(doc|licenses|lintian)/.*", ""),
        (r"/etc/(init|conf)\.d/.*|.*\.pyc", ""),
        # What Debian's package makes of ipvsadm's files, and RHEL's settings.
        (r"/usr/share/ipvsfast/ipvsadm/.*|/etc/sysconfig/ipvsadm-config", ""),
        (r".*\.dist-info/(RECORD|LICENSE|licenses/.*)", ""),
        (r"/usr/lib(?:64)?/python[^/]*/(?:dist|site)-packages/(.*)", r"module:\1"),
        (r"/usr/(?:lib|libexec)/ipvsfast/(.*)", r"command:\1"),
        (r"/(?:usr/)?lib/systemd/system/(.*)", r"unit:\1"),
        (r"/(?:usr/)?sbin/(.*)", r"sbin:\1"),
        (r"(/usr/share/man/.*)\.gz", r"\1"),
        (r"/usr/share/zsh/(?:site-functions|vendor-completions)/(.*)", r"zsh:\1"),
    ):
        if re.fullmatch(pattern, path):
            return re.sub(pattern, common, path)
    return path


class Builder:
    """What packages are made from, in a folder of its own."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._tree = place / "tree"
        unpack(self._tree)
        name = f"ipvsfast-{version()}"
        copy_checkout(place / "checkout")
        (place / "SOURCES").mkdir()
        with tarfile.open(place / f"SOURCES/{name}.tar.gz", "w:gz") as archive:
            archive.add(
                place / "checkout", name, filter=lambda member: None if "/.git/" in member.name else member
            )

    def _macros(self, *files: Path) -> list[str]:
        own = self._place / "macros.build"
        own.write_text(BUILD.format(tree=self._tree))
        return [f"--load={path}" for path in (*files, own)]

    def parsed(self, macros: Path) -> str:
        """The spec as rpm reads it there."""
        return said("rpmspec", "-P", *self._macros(macros), FOLDER / "ipvsfast.spec")

    def packages(self, macros: Path, release: int = 1) -> dict[str, Path]:
        """The packages by name. `release` stands for a later build of the same version."""
        place = self._place / f"{macros.name}-{release}"
        if not place.exists():
            self._build(place, macros, release)
        return {path.name.rsplit("-", 2)[0]: path for path in place.glob("RPMS/*/*.rpm")}

    def _build(self, place: Path, macros: Path, release: int) -> None:
        place.mkdir()
        text = (FOLDER / "ipvsfast.spec").read_text()
        (place / "ipvsfast.spec").write_text(re.sub(r"(?m)^(Release: +)1", rf"\g<1>{release}", text))
        (place / "SOURCES").symlink_to(self._place / "SOURCES")
        argv = [
            *("rpmbuild", "-bb", "--nodeps", *self._macros(macros)),
            *(
                "--define",
                f"_topdir {place}",
                "--define",
                "debug_package %{nil}",
                str(place / "ipvsfast.spec"),
            ),
        ]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
