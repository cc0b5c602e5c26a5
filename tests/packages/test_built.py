"""The Debian packages, as `make deb` builds them for this release: what is in them, and what lintian finds."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.tools import ROOT

PROGRAMS = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")
NAMES = ("ipvsadm", "ipvsadm-save", "ipvsadm-restore")
OWN_UNITS = {
    "ipvsfast.service",
    "ipvsfast-watch@.service",
    "ipvsfast-exporter.service",
    "ipvsfast-exporter.socket",
}


def said(*argv: object) -> str:
    return subprocess.run([*map(str, argv)], capture_output=True, text=True, check=True).stdout


def files(package: Path) -> dict[str, str]:
    """What is in it, without folders: path -> where a link leads to, or "" for a file."""
    found = {}
    for line in said("dpkg-deb", "-c", package).splitlines():
        path, _, target = line.split(None, 5)[5].removeprefix(".").partition(" -> ")
        if not path.endswith("/"):
            found[path] = target
    return found


def test_there_are_three(packages: dict[str, Path]) -> None:
    """And the symbols of the two that are compiled. All are of the version that Python knows."""
    assert set(packages) == {
        "python3-ipvsfast", "ipvsfast", "ipvsfast-ipvsadm", "python3-ipvsfast-dbgsym", "ipvsfast-dbgsym",
    }  # fmt: skip
    text = (ROOT / "pyproject.toml").read_text()
    (version,) = re.findall(r'^version = "(.*)"$', text, re.MULTILINE)
    for package in packages.values():
        assert said("dpkg-deb", "-f", package, "Version").startswith(f"{version}-1~")


def test_the_module(packages: dict[str, Path]) -> None:
    """Nothing but what Python looks for, and every file of the wheel's."""
    found = files(packages["python3-ipvsfast"])
    folder = "/usr/lib/python3/dist-packages/"
    assert all(path.startswith((folder, "/usr/share/doc/python3-ipvsfast/")) for path in found)
    sources = {
        str(path.relative_to(ROOT)) for path in (ROOT / "ipvsfast").rglob("*.py*") if path.suffix != ".pyc"
    }
    assert {path.removeprefix(folder) for path in found} >= {
        *sources,
        "ipvsfast/py.typed",
        "ipvsfast/_native.abi3.so",
    }


def test_the_command(packages: dict[str, Path]) -> None:
    """One native command below three names, with its Python part beside it, its pages and its units."""
    found = files(packages["ipvsfast"])
    lib = "/usr/lib/ipvsfast"
    assert {path for path in found if path.startswith(lib)} == {
        *(f"{lib}/{name}" for name in PROGRAMS), f"{lib}/ipvsfast-python", f"{lib}/boot",
    }  # fmt: skip
    for name in PROGRAMS:
        assert found[f"/usr/bin/{name}"] == f"../lib/ipvsfast/{name}"
        assert found[f"{lib}/{name}"] == ("" if name == "ipvsfast" else "ipvsfast")
        assert f"/usr/share/man/man8/{name}.8.gz" in found
        assert f"/usr/share/bash-completion/completions/{name}" in found
    assert {path.rpartition("/")[2] for path in found if "/systemd/system/" in path} == OWN_UNITS
    assert not [path for path in found if path.startswith("/etc") or "ipvsadm" in path]


def test_the_names_of_ipvsadm(packages: dict[str, Path]) -> None:
    """They stand where this release's ipvsadm has them. It is replaced by name, and no file is a conffile."""
    package = packages["ipvsfast-ipvsadm"]
    found = files(package)
    theirs = (
        said("dpkg", "-S", "*bin/ipvsadm").split()[-1]
        if Path("/var/lib/dpkg/info/ipvsadm.list").exists()
        else None
    )
    for name in NAMES:
        (path,) = [path for path in found if path.endswith(f"sbin/{name}")]
        assert theirs is None or path == theirs + name.removeprefix("ipvsadm")
        # Absolute from /sbin, which may be a folder of its own.
        lib = "../lib" if path.startswith("/usr/") else "/usr/lib"
        assert found[path] == f"{lib}/ipvsfast/{name.replace('ipvsadm', 'ipvsfast')}"
        assert found[f"/usr/share/man/man8/{name}.8.gz"] == f"{name.replace('ipvsadm', 'ipvsfast')}.8.gz"
    assert not [path for path in found if path.startswith("/etc")]
    assert [path for path in found if path.endswith("/systemd/system/ipvsadm.service")]
    for field, expected in (
        ("Provides", "ipvsadm (= 1:1.31)"),
        ("Conflicts", "ipvsadm"),
        ("Replaces", "ipvsadm"),
    ):
        assert said("dpkg-deb", "-f", package, field).strip() == expected


@pytest.mark.parametrize("name", ["ipvsfast", "ipvsfast-ipvsadm"])
def test_no_table_is_touched_by_an_upgrade(packages: dict[str, Path], tmp_path: Path, name: str) -> None:
    """No script of a package stops or restarts a service that has to do with the table, but for the first start."""
    said("dpkg-deb", "-e", packages[name], tmp_path)
    calls = set()
    for script in ("preinst", "postinst", "prerm", "postrm"):
        if (tmp_path / script).exists():
            text = (tmp_path / script).read_text()
            calls |= set(
                re.findall(r"(?:deb-systemd-invoke|invoke-rc\.d) .*?(?= >| \|\||$)", text, re.MULTILINE)
            )
    assert (
        calls
        == {
            "ipvsfast": {
                "deb-systemd-invoke try-restart 'ipvsfast-exporter.service'",
                "deb-systemd-invoke stop ipvsfast-exporter.socket ipvsfast-exporter.service",
            },
            "ipvsfast-ipvsadm": {"invoke-rc.d ipvsadm start"},
        }[name]
    )


def test_lintian_finds_nothing(packages: dict[str, Path]) -> None:
    """Down to what is pedantic; the overrides that come along say why."""
    argv = [
        "lintian",
        "--allow-root",
        "--suppress-tags",
        "spelling-error-in-binary",  # in machine code anything can be read
        "--display-info",
        "--pedantic",
        "--display-experimental",
        "--fail-on",
        "none",
    ]
    done = subprocess.run([*argv, *packages.values()], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_what_is_installed_runs(packages: dict[str, Path], tmp_path: Path) -> None:
    """From the folders of the packages, by the system's Python."""
    for name in ("python3-ipvsfast", "ipvsfast"):
        said("dpkg-deb", "-x", packages[name], tmp_path)
    environment = {
        "PATH": "/usr/bin:/bin", "IPVSFAST_FRONT": "off",
        "PYTHONPATH": str(tmp_path / "usr/lib/python3/dist-packages"),
    }  # fmt: skip
    argv = ["/usr/bin/python3", "-c", "import ipvsfast, ipvsfast.kernel.session; print(ipvsfast.__file__)"]
    done = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))
