"""What install-compat says to package managers, where they fail and where another one is asked: with programs that
stand in for them. tests/packages has the real ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ipvsfast.cli import system_names as names
from ipvsfast.cli.compat import install, remove
from ipvsfast.cli.installation import NAMES
from ipvsfast.cli.output import ExitWith

DPKG_QUERY = 'while read -r path; do [ "$2" != "$path" ] || { echo "ipvsadm: $path"; exit 0; }; done < %s/recorded; exit 1'
DPKG_DIVERT = """
here=%s
echo "$@" >> $here/calls
for last; do :; done
case $1 in
--truename) grep -qxF "$last" $here/diverted && echo "$last.before-ipvsfast" || echo "$last" ;;
*--local)
	! grep -qxF "$last" $here/fails || { echo "no space" >&2; exit 2; }
	case "$*" in
	*--add*)
		grep -qxF "$last" $here/forgets || echo "$last" >> $here/diverted
		[ "$2" != --rename ] || mv "$last" "$last.before-ipvsfast" ;;
	*)
		grep -vxF "$last" $here/diverted > $here/left; mv $here/left $here/diverted
		[ ! -e "$last.before-ipvsfast" ] || mv "$last.before-ipvsfast" "$last" ;;
	esac
esac
"""
ALTERNATIVES = 'echo "$@" >> %s/calls\nexit $(cat %s/status)'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for packages, and programs of ours; no package manager is there yet."""
    for name in ("tools", "sbin", "bin"):
        (tmp_path / name).mkdir()
    for name in ("calls", "recorded", "diverted", "fails", "forgets", "status"):
        (tmp_path / name).touch()
    for name in (*[script for _, script in NAMES], "ipvsfast-python"):
        (tmp_path / "bin" / name).touch(0o755)
    (tmp_path / "usr-sbin").symlink_to("sbin")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "bin/ipvsfast-python")])
    monkeypatch.setattr(names, "TOOLS", (str(tmp_path / "tools"),))
    monkeypatch.setattr(names, "SYSTEM_FOLDERS", (str(tmp_path / "sbin"), str(tmp_path / "usr-sbin")))
    return tmp_path


def tool(folder: Path, name: str, text: str) -> None:
    path = folder / "tools" / name
    path.write_text(f"#!/bin/sh\n{text.replace('%s', str(folder))}\n")
    path.chmod(0o755)


@pytest.fixture
def dpkg(folder: Path) -> Path:
    """dpkg is there, and has the programs of ipvsadm."""
    tool(folder, "dpkg-query", DPKG_QUERY)
    tool(folder, "dpkg-divert", DPKG_DIVERT)
    for name, _ in NAMES:
        (folder / "sbin" / name).write_text("theirs")
    (folder / "recorded").write_text("".join([f"{folder}/sbin/{name}\n" for name, _ in NAMES]))
    return folder


def here(folder: Path) -> dict[str, str]:
    """What is in the folder for packages: where a link leads to, or the text of a file."""
    return {
        path.name: os.readlink(path) if path.is_symlink() else path.read_text()
        for path in (folder / "sbin").iterdir()
    }


def call(folder: Path, directory: str, dry_run: bool = False) -> None:
    assert install(str(folder / directory), str(folder / "bin/ipvsfast"), dry_run) == 0


@pytest.mark.parametrize("directory", ["sbin", "usr-sbin"])
def test_the_recorded_path_is_diverted(dpkg: Path, directory: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Whichever spelling was asked for; and all of it is undone, by either."""
    before = here(dpkg)
    call(dpkg, directory)
    assert here(dpkg) == {
        **{name: f"{dpkg}/bin/{script}" for name, script in NAMES},
        **{f"{name}.before-ipvsfast": "theirs" for name, _ in NAMES},
    }
    assert (dpkg / "diverted").read_text() == (dpkg / "recorded").read_text()
    assert (
        f"{dpkg}/sbin/ipvsadm is diverted to {dpkg}/sbin/ipvsadm.before-ipvsfast\n" in capfd.readouterr().out
    )
    call(dpkg, directory)
    assert " is diverted " not in capfd.readouterr().out
    assert remove(str(dpkg / "usr-sbin")) == 0
    assert (here(dpkg), (dpkg / "diverted").read_text()) == (before, "")


def test_only_said(dpkg: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What a dry run says is what is said when it is done, and a last line; it does nothing."""
    before = here(dpkg)
    call(dpkg, "sbin", dry_run=True)
    said = capfd.readouterr().out
    assert (here(dpkg), (dpkg / "diverted").read_text()) == (before, "")
    call(dpkg, "sbin")
    assert said == capfd.readouterr().out + "This is what would be done; nothing was.\n"
    made = here(dpkg)
    remove(str(dpkg / "sbin"), dry_run=True)
    said = capfd.readouterr().out
    assert here(dpkg) == made
    remove(str(dpkg / "sbin"))
    assert said == capfd.readouterr().out + "This is what would be done; nothing was.\n"


@pytest.mark.parametrize(
    ("file", "message"),
    [("fails", "dpkg-divert .* failed: no space"), ("forgets", "dpkg does not know of the diversion")],
)
def test_a_diversion_that_fails(dpkg: Path, file: str, message: str) -> None:
    """What was done before is taken back."""
    before = here(dpkg)
    (dpkg / file).write_text(f"{dpkg}/sbin/ipvsadm-restore\n")
    with pytest.raises(ExitWith, match=message):
        call(dpkg, "sbin")
    assert (here(dpkg), (dpkg / "diverted").read_text()) == (before, "")


def test_nothing_is_recorded_yet(dpkg: Path) -> None:
    """Both spellings are kept from a package that comes later."""
    (dpkg / "recorded").write_text("")
    for name, _ in NAMES:
        (dpkg / "sbin" / name).unlink()
    call(dpkg, "sbin")
    spelled = {f"{dpkg}/{folder}/{name}" for folder in ("sbin", "usr-sbin") for name, _ in NAMES}
    assert set((dpkg / "diverted").read_text().splitlines()) == spelled
    remove(str(dpkg / "sbin"))
    assert (here(dpkg), (dpkg / "diverted").read_text()) == ({}, "")


def test_a_file_of_nobody(dpkg: Path) -> None:
    """It is never moved."""
    (dpkg / "recorded").write_text("")
    with pytest.raises(ExitWith, match="are there already, not made by ipvsfast. Nothing was changed."):
        call(dpkg, "sbin")
    assert set(here(dpkg).values()) == {"theirs"}


def test_elsewhere_dpkg_is_told_nothing(dpkg: Path) -> None:
    """Plain links, where no package puts anything."""
    (dpkg / "local").mkdir()
    call(dpkg, "local")
    assert "--add" not in (dpkg / "calls").read_text()


@pytest.fixture
def rpm(folder: Path) -> Path:
    """RPM's alternatives are there."""
    tool(folder, "rpm", "exit 1")
    tool(folder, "alternatives", ALTERNATIVES)
    (folder / "status").write_text("0")
    return folder


def test_an_alternative(
    rpm: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One for the three names, the first of which leads; it is removed by what it leads to."""
    monkeypatch.setattr(
        names, "of_alternatives", lambda path: f"{rpm}/bin/{Path(path).name.replace('adm', 'fast')}"
    )
    call(rpm, "sbin")
    remove(str(rpm / "sbin"))
    assert (rpm / "calls").read_text().splitlines() == [
        f"--install {rpm}/sbin/ipvsadm ipvsadm {rpm}/bin/ipvsfast 50"
        f" --slave {rpm}/sbin/ipvsadm-save ipvsadm-save {rpm}/bin/ipvsfast-save"
        f" --slave {rpm}/sbin/ipvsadm-restore ipvsadm-restore {rpm}/bin/ipvsfast-restore",
        f"--remove ipvsadm {rpm}/bin/ipvsfast",
    ]
    assert f"{rpm}/bin/ipvsfast is an alternative for ipvsadm\n" in capfd.readouterr().out


def test_another_alternative_comes_first(rpm: Path) -> None:
    """Ours is taken back, for it would do nothing."""
    with pytest.raises(ExitWith, match="does not lead to .* It was undone."):
        call(rpm, "sbin")
    assert "--remove ipvsadm" in (rpm / "calls").read_text()


def test_alternatives_fail(rpm: Path) -> None:
    """What they say is told."""
    (rpm / "status").write_text("2")
    with pytest.raises(ExitWith, match="alternatives --install .* failed: it ended with status 2"):
        call(rpm, "sbin")
