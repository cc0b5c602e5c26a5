"""Alpine's packages: the recipe, carried out by busybox with stand-ins for what abuild brings, and its init scripts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ipvsfast.cli.commands import find, parse_verb
from support.installing import wheel
from support.openrc import busybox
from support.require import cannot_run
from support.rpm_builds import DEBIAN, Builder, generic, version
from support.rpm_builds import files as rpm_files
from support.tools import ROOT

FOLDER = ROOT / "contrib/packaging/alpine"
BOOT = ROOT / "contrib/boot/ipvsfast-boot"
RECIPE = FOLDER / "APKBUILD"
SCRIPTS = sorted(FOLDER.glob("*.initd"))
SETTINGS = sorted(FOLDER.glob("*.confd"))
# What APKBUILD(5) says of abuild's functions. The wheel was built before; of the defaults only those that are called.
ABUILD = r"""
set -e
recipe=$1 srcdir=$2 wheel=$3
set --
default_prepare() { :; }
gpep517() { mkdir -p .dist; cp "$wheel" .dist; }
python3() {
    if [ "$1 $2" = "-m installer" ]; then
        DEB_PYTHON_INSTALL_LAYOUT=deb command /usr/bin/python3 -m installer --destdir "$4" "$5"
    else
        command /usr/bin/python3 "$@"
    fi
}
amove() {
    local pattern path
    for pattern; do
        cd "$pkgdir"
        set -- $pattern
        for path; do
            [ -e "$path" ] || [ -L "$path" ] || { echo "$subpkgname: no $path" >&2; exit 1; }
            mkdir -p "$subpkgdir/$(dirname "$path")"
            mv "$path" "$subpkgdir/$(dirname "$path")"
            rmdir -p "$(dirname "$path")" 2> /dev/null || :
        done
    done
}
openrc() { amove etc/init.d etc/conf.d; }
doc() { amove usr/share/man usr/share/licenses; }
bashcomp() { amove usr/share/bash-completion; }
zshcomp() { amove usr/share/zsh; }
fishcomp() { amove usr/share/fish; }
. "$recipe"
cd "$builddir"
prepare
build
pkgdir=$srcdir/pkg/$pkgname
mkdir -p "$pkgdir"
package
for word in $subpackages; do
    subpkgname=${word%%:*}
    rest=${word#*:}
    function=${rest%%:*}
    [ "$rest" != "$word" ] || function=${word##*-}
    subpkgdir=$srcdir/pkg/$subpkgname
    mkdir -p "$subpkgdir"
    (
        depends= provides= replaces= install_if=
        $function
        for field in depends provides replaces install_if; do
            eval "echo $field: \$$field"
        done > "$srcdir/$subpkgname.fields"
    )
done
"""
# Settings that openrc-run(8) has.
OPENRC = ("error_log", "rc_need")
# The parts that the other distributions' packages do not divide further.
WHOLE = {
    "python3-ipvsfast": ["py3-ipvsfast-pyc", "py3-ipvsfast"],
    "ipvsfast": ["ipvsfast", "ipvsfast-openrc", "ipvsfast-doc"]
    + [f"ipvsfast-{shell}-completion" for shell in ("bash", "zsh", "fish")],
    "ipvsfast-ipvsadm": ["ipvsfast-ipvsadm", "ipvsfast-ipvsadm-openrc", "ipvsfast-ipvsadm-doc"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Below pkg a folder for each package, and beside it NAME.fields."""
    place = tmp_path_factory.mktemp("alpine")
    tree = place / f"ipvsfast-{version()}"
    tree.mkdir()
    for name in ("pyproject.toml", "LICENSE", "LICENSES", "contrib"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tree / name)
    argv = [busybox(), "sh", "-c", ABUILD, "sh", RECIPE, place, wheel()]
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def files(place: Path, package: str) -> set[str]:
    """What is in it, links too."""
    root = place / "pkg" / package
    return {
        "/" + str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def fields(place: Path, package: str) -> dict[str, list[str]]:
    lines = (place / f"{package}.fields").read_text().splitlines()
    return {name: words.split() for name, _, words in (line.partition(":") for line in lines)}


def test_the_version_is_the_project_s() -> None:
    assert f"\npkgver={version()}\n" in RECIPE.read_text()


def test_nothing_is_in_no_package(made: Path) -> None:
    """The packages are those that the recipe names, none of them empty."""
    expected = {name for names in WHOLE.values() for name in names}
    assert {path.name for path in (made / "pkg").iterdir()} == expected
    assert [name for name in sorted(expected) if not files(made, name)] == []


def test_the_module(made: Path) -> None:
    """Nothing but what Python looks for; compiled it is in a package of its own, as everywhere in Alpine."""
    found = files(made, "py3-ipvsfast")
    assert all(path.startswith("/usr/lib/python3") for path in found)
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "ipvsfast").rglob("*.py")}
    assert {path.partition("-packages/")[2] for path in found} >= {*sources, "ipvsfast/_native.abi3.so"}
    compiled = files(made, "py3-ipvsfast-pyc")
    assert not [path for path in found if path.endswith(".pyc")]
    assert all(path.endswith(".pyc") for path in compiled)


def test_the_command(made: Path) -> None:
    """One native command below three names, with its Python part beside it; nothing of ipvsadm's."""
    root, lib = made / "pkg/ipvsfast", "/usr/lib/ipvsfast"
    ends = ("", "-save", "-restore")
    assert files(made, "ipvsfast") == {
        *(f"{lib}/ipvsfast{end}" for end in ends), f"{lib}/ipvsfast-python", f"{lib}/boot",
        *(f"/usr/bin/ipvsfast{end}" for end in ends),
    }  # fmt: skip
    for end in ends:
        assert (root / f"usr/bin/ipvsfast{end}").resolve() == root / "usr/lib/ipvsfast/ipvsfast"
    assert (root / "usr/lib/ipvsfast/ipvsfast").read_bytes()[:4] == b"\x7fELF"
    assert files(made, "ipvsfast-openrc") == {
        f"/etc/{folder}.d/ipvsfast{end}" for folder in ("init", "conf") for end in ("", "-exporter", "-watch")
    }
    for name in WHOLE["ipvsfast"]:
        assert not [path for path in files(made, name) if "ipvsadm" in path], name


def test_the_names_of_ipvsadm(made: Path) -> None:
    """They stand where Alpine's ipvsadm has them, which they replace by name and version."""
    root, ends = made / "pkg/ipvsfast-ipvsadm", ("", "-save", "-restore")
    for end in ends:
        assert os.readlink(root / f"usr/sbin/ipvsadm{end}") == f"../lib/ipvsfast/ipvsfast{end}"
        page = made / f"pkg/ipvsfast-ipvsadm-doc/usr/share/man/man8/ipvsadm{end}.8"
        assert page.read_text() == f".so man8/ipvsfast{end}.8\n"
    assert files(made, "ipvsfast-ipvsadm-openrc") == {"/etc/init.d/ipvsadm", "/etc/conf.d/ipvsadm"}
    assert fields(made, "ipvsfast-ipvsadm") == {
        "depends": [f"ipvsfast={version()}-r0"],
        "provides": ["ipvsadm=1.31"],
        "replaces": ["ipvsadm"],
        "install_if": [],
    }


def test_the_split_is_that_of_the_others(made: Path, builder: Builder) -> None:
    """The parts of a package have together what the RPM package has, but for units and what belongs to the form."""
    for name, package in builder.packages(DEBIAN).items():
        expected = {path for path in map(generic, rpm_files(package)) if not path.startswith("unit:")}
        found = {generic(path) for part in WHOLE[name] for path in files(made, part)}
        assert found | {""} == expected | {""}, name


@pytest.mark.parametrize("shell", ["busybox sh", "dash"])
@pytest.mark.parametrize("path", [BOOT, RECIPE, *SCRIPTS, *SETTINGS], ids=str)
def test_every_shell_reads_it(path: Path, shell: str) -> None:
    """None of them is bash's."""
    busybox()
    done = subprocess.run([*shell.split(), "-n", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_shellcheck_finds_nothing() -> None:
    """Variables that abuild and OpenRC read or bring are theirs."""
    if shutil.which("shellcheck") is None:
        cannot_run("shellcheck is not installed: tools/setup.sh alpine")
    for path, more in (
        (RECIPE, ["-e", "SC2034,SC2154"]),
        *[(path, ["-e", "SC2034,SC2154"]) for path in SCRIPTS],
        (BOOT, ["-e", "SC1007,SC2015"]),
    ):
        argv = ["shellcheck", "-s", "dash", *more, path]
        done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_settings_are_those_that_are_read() -> None:
    """Every name that the files of settings offer means something to the init script, to what it calls, or to OpenRC."""
    for path in SETTINGS:
        script = path.with_suffix(".initd")
        text = (
            script.read_text() if script.exists() else BOOT.read_text() + (FOLDER / "table.initd").read_text()
        )
        names = re.findall(r"^# (\w+)=", path.read_text(), re.MULTILINE)
        assert names
        for name in names:
            assert name in OPENRC or re.search(rf"\b{name}\b", text), (path, name)


@pytest.mark.parametrize("verb", ["exporter", "watch"])
def test_what_the_settings_say_by_default(verb: str) -> None:
    """With none of them changed the script starts the verb as its unit for systemd does."""
    script = (FOLDER / f"ipvsfast-{verb}.initd").read_text()
    settings = (FOLDER / f"ipvsfast-{verb}.confd").read_text()
    offered = dict(re.findall(r'^# ([A-Z]+)="(.*)"', settings, re.MULTILINE))
    command = ". /dev/stdin; eval \"printf '%s\\n' $command_args\""
    done = subprocess.run(
        [busybox(), "sh", "-c", command], input=script, env={"RC_SVCNAME": f"ipvsfast-{verb}.NAME"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    name, *words = done.stdout.split("\n")[:-1]
    found = find(name)
    assert found is not None
    options, rest = parse_verb(found, words)
    if verb == "exporter":
        assert (options, rest) == ({"listen": offered["LISTEN"]}, [])
    else:
        unit = (ROOT / "contrib/systemd/ipvsfast-watch@.service").read_text()
        (line,) = re.findall(r"^ExecStart=\S+ watch (.*)$", unit, re.MULTILINE)
        assert parse_verb(found, line.replace("%i", "NAME").replace("%%", "%").split()) == (options, rest)
        assert rest == [offered["FILE"]] and options["tag"] == offered["TAG"]
