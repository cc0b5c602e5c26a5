"""The RPM packages: as `make rpm` builds them here, and by the names that Fedora, RHEL and openSUSE have for things."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.rpm_builds import DEBIAN, FOLDER, Builder, files, generic, said, version
from support.tools import ROOT

MACROS = ROOT / "tests/packages/macros"
PROGRAMS = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")
# By distribution: rules, settings, what stopping does, the version of Python in the name of the module.
PLACES = {
    "fedora": ("/etc/sysconfig/ipvsadm", "/etc/sysconfig/ipvsadm-config", "save", "3"),
    "rhel9": ("/etc/sysconfig/ipvsadm", "/etc/sysconfig/ipvsadm-config", "save", "3.12"),
    "opensuse": ("/etc/ipvsadm.rules", "/etc/sysconfig/ipvsadm", "flush", "3"),
}
TABLE_UNITS = ("ipvsfast.service", "ipvsadm.service")
distributions = pytest.mark.parametrize("name", PLACES)


@pytest.fixture(scope="module")
def built(builder: Builder) -> dict[str, dict[str, Path]]:
    """For each distribution its packages."""
    return {name: builder.packages(MACROS / name) for name in PLACES}


def unit(package: Path, name: str) -> str:
    """The text of a unit in it."""
    archive = subprocess.run(["rpm2cpio", package], capture_output=True, check=True).stdout
    return subprocess.run(
        ["cpio", "-i", "--to-stdout", "--quiet", f"*/{name}"], input=archive, capture_output=True, check=True
    ).stdout.decode()


def test_the_version_is_the_project_s() -> None:
    """`make rpm` writes it anew; who takes the spec as it is gets the same."""
    assert f"\nVersion:        {version()}\n" in (FOLDER / "ipvsfast.spec").read_text()


def test_the_split_is_that_of_debian_s_packages(rpms: dict[str, Path], packages: dict[str, Path]) -> None:
    """File by file, in the package of the same name."""
    assert set(rpms) == {"source", "python3-ipvsfast", "ipvsfast", "ipvsfast-ipvsadm"}
    for name in set(rpms) - {"source"}:
        listed = said("dpkg-deb", "-c", packages[name])
        theirs = [
            line.split(None, 5)[5].removeprefix(".").partition(" -> ")[0] for line in listed.splitlines()
        ]
        # It says who installed the module. Debian's tools write it from 13 on; here the RPM is made without such tools.
        expected = {generic(path) for path in theirs if not path.endswith(("/", ".dist-info/INSTALLER"))}
        assert {generic(path) for path in files(rpms[name])} == expected, name


def test_rpmlint_finds_nothing(rpms: dict[str, Path]) -> None:
    """But what the file of settings says, and gives a reason for."""
    argv = ["rpmlint", "--config", FOLDER / "rpmlint.toml", FOLDER / "ipvsfast.spec", *rpms.values()]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 packages and 1 specfiles checked; 0 errors, 0 warnings" in done.stdout, done.stdout


def test_every_filter_of_rpmlint_is_needed(rpms: dict[str, Path], tmp_path: Path) -> None:
    """A finding that is gone would be hidden when it comes back for another reason."""
    text = (FOLDER / "rpmlint.toml").read_text()
    (tmp_path / "plain.toml").write_text(text.partition("Filters = [")[0])
    argv = ["rpmlint", "--config", tmp_path / "plain.toml", FOLDER / "ipvsfast.spec", *rpms.values()]
    found = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
    release = said("rpmlint", "--version")
    (major, minor) = re.findall(r"\b(\d+)\.(\d+)\b", release)[0]
    filters, _, rest = text.partition("    # Before rpmlint 2.7:\n")
    older, _, newer = rest.partition("    # From rpmlint 2.7 on:\n")
    assert older and newer
    filters += older if (int(major), int(minor)) < (2, 7) else newer
    patterns = [pattern for _, pattern in re.findall(r"""^    (["'])(.*)\1,$""", filters, re.MULTILINE)]
    assert len(patterns) > 5
    assert [pattern for pattern in patterns if not any(re.search(pattern, line) for line in found)] == []


@distributions
def test_nothing_is_left_unread(builder: Builder, name: str) -> None:
    """Every macro of the spec is one that the distribution has, or the spec defines."""
    text = builder.parsed(MACROS / name)
    left = set(re.findall(r"%[{(]?[!?]*\w+", text))
    sections = {
        "prep",
        "build",
        "install",
        "check",
        "description",
        "package",
        "files",
        "changelog",
        "generate_buildrequires",
    }
    scripts = {"pre", "post", "preun", "postun", "posttrans"}
    assert {word.strip("%{(!?") for word in left} - sections - scripts == {"license", "doc", "dir"} | (
        set() if name == "opensuse" else {"config"}
    ) | {"s"}  # of printf
    assert ("python3dist(setuptools)" in text) == (name == "fedora")
    assert ("python3.12-devel" in text) == (name == "rhel9")
    assert ("pyproject-rpm-macros" in text) == (name != "opensuse")


@distributions
def test_what_each_distribution_gets(built: dict[str, dict[str, Path]], name: str) -> None:
    """The three packages, with the files that its ipvsadm has, where that has them."""
    rules, settings, on_stop, python = PLACES[name]
    packages = built[name]
    assert set(packages) == {f"python{python}-ipvsfast", "ipvsfast", "ipvsfast-ipvsadm"}
    command, names = files(packages["ipvsfast"]), files(packages["ipvsfast-ipvsadm"])
    for program in PROGRAMS:
        own = program.replace("ipvsfast", "ipvsadm")
        sbin = "/usr/bin" if name == "fedora" else "/usr/sbin"
        assert command[f"/usr/bin/{program}"] == names[f"{sbin}/{own}"] == f"../libexec/ipvsfast/{program}"
        assert names[f"/usr/share/man/man8/{own}.8.gz"] == f"{program}.8.gz"
    shipped = {path for path in names if path.startswith("/etc")}
    assert shipped == (set() if name == "opensuse" else {settings})
    assert said("rpm", "-qp", "--configfiles", packages["ipvsfast-ipvsadm"]).split() == sorted(shipped)
    assert ("/usr/share/fillup-templates/sysconfig.ipvsadm" in names) == (name == "opensuse")
    assert not [path for path in command if path.startswith("/etc")]
    # Documents may be about it.
    assert not [path for path in command if "ipvsadm" in path and not path.startswith("/usr/share/doc/")]
    text = unit(packages["ipvsfast-ipvsadm"], "ipvsadm.service")
    calls = re.findall(r"^Exec(\w+)=(.*)$", text, re.MULTILINE)
    options = f"-i -c {settings} -r {rules} -a true -s {on_stop}"
    assert calls == [
        (key, f"/usr/libexec/ipvsfast/boot {options} {key.lower()}") for key in ("Start", "Reload", "Stop")
    ]
    assert re.findall(r"^ConditionFileNotEmpty=\|(.*)$", text, re.MULTILINE) == [rules, settings]
    for other in ("ipvsfast.service", "ipvsfast-exporter.service", "ipvsfast-watch@.service"):
        assert not re.search(r"/usr/local|/usr/lib/|/etc/default", unit(packages["ipvsfast"], other)), other


@distributions
def test_it_takes_the_place_of_ipvsadm(built: dict[str, dict[str, Path]], name: str) -> None:
    """By name and version; both at once cannot be, and no upgrade does it unasked."""
    package = built[name]["ipvsfast-ipvsadm"]
    assert "ipvsadm = 1.31" in said("rpm", "-qp", "--provides", package).splitlines()
    assert said("rpm", "-qp", "--conflicts", package).splitlines() == ["ipvsadm"]
    assert said("rpm", "-qp", "--obsoletes", package) == ""
    release = said("rpm", "-qp", "--qf", "%{VERSION}-%{RELEASE}", package)
    assert f"ipvsfast = {release}" in said("rpm", "-qp", "--requires", package).splitlines()
    module = f"python{PLACES[name][3]}-ipvsfast"
    assert f"{module}(x86-64) = {release}" in re.sub(
        r"\(\w+-\d+\)", "(x86-64)", said("rpm", "-qp", "--requires", built[name]["ipvsfast"])
    )


@distributions
def test_no_table_is_touched_by_an_upgrade_or_a_removal(built: dict[str, dict[str, Path]], name: str) -> None:
    """Scripts stop and restart the exporter only. The one start is that of a service which ran before."""
    for package in ("ipvsfast", "ipvsfast-ipvsadm"):
        scripts = said("rpm", "-qp", "--scripts", built[name][package])
        for line in scripts.splitlines():
            if re.search(r"systemctl (\S+ )*(stop|restart|try-restart|reload|disable --now)", line):
                assert not any(table in line for table in TABLE_UNITS), line
        assert len(re.findall(r"systemctl start", scripts)) == (package == "ipvsfast-ipvsadm")
    assert "stop-and-disable ipvsfast-exporter.socket ipvsfast-exporter.service" in said(
        "rpm", "-qp", "--scripts", built[name]["ipvsfast"]
    )


def test_the_macros_of_debian_are_for_where_there_are_none() -> None:
    """All that they define is used by the spec, or by rpm itself."""
    spec = (FOLDER / "ipvsfast.spec").read_text() + DEBIAN.read_text()
    for name in re.findall(r"^%(\w+)", DEBIAN.read_text(), re.MULTILINE):
        assert name == "__os_install_post" or re.search(rf"%\{{?\??{name}\b", spec), name
