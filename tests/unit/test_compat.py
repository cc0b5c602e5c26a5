"""install-compat and remove-compat: ipvsadm's names as links to our programs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ipvsfast.cli.compat import install, remove
from ipvsfast.cli.installation import NAMES
from ipvsfast.cli.output import ExitWith
from support.command import BIN, program


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three programs of ours, the first of which is running."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for _, script in NAMES:
        (folder / script).touch(0o755)
    (folder / "ipvsfast-python").touch(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{folder}:/bin")
    monkeypatch.setattr(sys, "argv", [str(folder / "ipvsfast-python")])
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "sbin"
    folder.mkdir()
    return folder


def links(folder: Path) -> dict[str, str]:
    return {path.name: os.readlink(path) for path in folder.iterdir()}


def test_links_are_made_once(scripts: Path, target: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Three absolute links and a line for each; a second run changes nothing and says the same."""
    expected = {name: f"{scripts}/{script}" for name, script in NAMES}
    lines = "".join(f"{target}/{name} -> {path}\n" for name, path in expected.items())
    for _ in range(2):
        assert install(str(target), "ipvsfast") == 0
        assert links(target) == expected
        assert capfd.readouterr() == (lines, "")


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "folder"])
def test_nothing_of_others_is_touched(scripts: Path, target: Path, kind: str) -> None:
    """What is in the way is named, with what to do; it stays, and nothing else is made."""
    path = target / "ipvsadm-save"
    if kind == "file":
        path.write_text("theirs")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/bin/true" if kind == "link" else "/nowhere/ipvsadm-save")
    with pytest.raises(ExitWith) as caught:
        install(str(target), "ipvsfast")
    assert caught.value.status == 1
    assert caught.value.message.startswith(
        f"{path} is there already, not made by ipvsfast. Nothing was changed."
    )
    assert f"dpkg-divert --local --rename --add {path}\n" in caught.value.message
    assert list(target.iterdir()) == [path]


def test_everything_in_the_way_is_named(scripts: Path, target: Path) -> None:
    """One error for all of them, not one after the other."""
    for name, _ in NAMES[:2]:
        (target / name).touch()
    with pytest.raises(ExitWith) as caught:
        install(str(target), "ipvsfast")
    assert caught.value.message.startswith(f"{target}/ipvsadm, {target}/ipvsadm-save are there already")


def test_links_of_an_older_installation_are_replaced(scripts: Path, target: Path) -> None:
    """They are known by the program's name, also when that is gone."""
    (target / "ipvsadm").symlink_to("/gone/venv/bin/ipvsfast")
    assert install(str(target), "ipvsfast") == 0
    assert links(target) == {name: f"{scripts}/{script}" for name, script in NAMES}


def test_a_failure_leaves_what_was(scripts: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one link cannot be made the others are taken away again."""
    symlink = os.symlink

    def full(source: str, path: str) -> None:
        if path.endswith("-restore"):
            raise OSError(28, "No space left on device")
        symlink(source, path)

    monkeypatch.setattr(os, "symlink", full)
    with pytest.raises(ExitWith, match="cannot make .*/ipvsadm-restore: No space left on device"):
        install(str(target), "ipvsfast")
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    "verb", [lambda directory: install(directory, "ipvsfast"), remove], ids=["install", "remove"]
)
def test_a_directory_is_needed(scripts: Path, tmp_path: Path, verb) -> None:
    """Neither makes one."""
    with pytest.raises(ExitWith, match="/sbin2: no such directory"):
        verb(f"{tmp_path}/sbin2")
    with pytest.raises(ExitWith, match="no such directory"):
        verb("")


def test_only_our_links_are_removed(scripts: Path, target: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What is not ours stays; a second run has nothing to do. Both are a success."""
    install(str(target), "ipvsfast")
    (target / "ipvsadm").unlink()
    (target / "ipvsadm").write_text("theirs")
    capfd.readouterr()
    assert remove(str(target)) == 0
    assert capfd.readouterr().out == (
        f"{target}/ipvsadm is not ours and stays\n"
        f"{target}/ipvsadm-save removed\n{target}/ipvsadm-restore removed\n"
    )
    assert remove(str(target)) == 0
    assert capfd.readouterr().out.endswith(f"{target}/ipvsadm-restore is not there\n")
    assert [path.name for path in target.iterdir()] == ["ipvsadm"]


def test_a_relative_directory_and_a_relative_call(
    scripts: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The links are absolute all the same."""
    monkeypatch.chdir(target.parent)
    assert install("sbin/", "bin/ipvsfast") == 0
    assert links(target) == {name: f"{scripts}/{script}" for name, script in NAMES}


@pytest.mark.parametrize("linked", [("ipvsfast",), ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")])
def test_the_program_was_called_through_a_link(
    scripts: Path, target: Path, tmp_path: Path, linked: tuple[str, ...]
) -> None:
    """Somebody linked the programs into their path: they lie where the link leads."""
    elsewhere = tmp_path / "home"
    elsewhere.mkdir()
    for name in linked:
        (elsewhere / name).symlink_to(scripts / name)
    install(str(target), str(elsewhere / "ipvsfast"))
    assert links(target) == {name: f"{scripts}/{script}" for name, script in NAMES}


def test_the_folder_of_the_version_in_use(scripts: Path, target: Path, tmp_path: Path) -> None:
    """A link to the whole installation stays one, so that the next version takes its place."""
    (tmp_path / "current").symlink_to(scripts)
    install(str(target), str(tmp_path / "current/ipvsfast"))
    assert links(target) == {name: f"{tmp_path}/current/{script}" for name, script in NAMES}


def test_no_programs_are_found(scripts: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run from the source tree has nothing to link to, and says so."""
    monkeypatch.setattr("ipvsfast.cli.installation._places", lambda: iter(["/nowhere"]))
    with pytest.raises(
        ExitWith, match="cannot find the programs ipvsfast, ipvsfast-save, ipvsfast-restore, ipvsfast-python"
    ):
        install(str(target), "ipvsfast")


@pytest.mark.parametrize("how", ["path", "module"])
def test_the_installed_program(target: Path, how: str) -> None:
    """Called through PATH or as a module, it links its own environment's programs, which then work."""
    argv = ["ipvsfast"] if how == "path" else [sys.executable, "-m", "ipvsfast"]
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*argv, "install-compat", str(target)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0] == f"{target}/ipvsadm -> {program('ipvsfast')}"
    name = str(target / "ipvsadm")
    help = subprocess.run([name, "-h"], capture_output=True, text=True, check=True).stdout
    assert "\n  ipvsadm -C\n" in help
    assert "Verbs" not in help
    # Under ipvsadm's name there are no verbs.
    done = subprocess.run([name, "remove-compat", str(target)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        255,
        f"Try `{name} -h' or '{name} --help' for more information.\n",
    )
    subprocess.run([*argv, "remove-compat", str(target)], env=environment, capture_output=True, check=True)
    assert list(target.iterdir()) == []
