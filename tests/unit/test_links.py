"""install and uninstall: what a shell, man and completions need, as links below a prefix."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ipvsfast.cli import links
from ipvsfast.cli.links import RECORD, install, uninstall
from ipvsfast.cli.output import ExitWith
from support.command import program

OWN = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")
OLD = ("ipvsadm", "ipvsadm-save", "ipvsadm-restore")


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An empty one."""
    folder = tmp_path / "a prefix"
    folder.mkdir()
    return folder


def snapshot(folder: Path) -> dict[str, str | None]:
    """What lies below it: where links lead, what is in files, None for folders."""
    found: dict[str, str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = (
            f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text() if path.is_file() else None
        )
    return found


def made(folder: Path) -> dict[str, str]:
    """The links below it."""
    return {name: value[3:] for name, value in snapshot(folder).items() if value and value.startswith("-> ")}


def place(name: str) -> list[str]:
    """The links for one name."""
    folder = "sbin" if name in OLD else "bin"
    return [
        f"{folder}/{name}", f"share/man/man8/{name}.8", f"share/bash-completion/completions/{name}",
        f"share/fish/vendor_completions.d/{name}.fish",
    ]  # fmt: skip


def source(path: str) -> str:
    """What a link leads to, below the installation's folder."""
    name = path.replace("sbin", "bin")
    return name if "completions" in path else name.replace("ipvsadm", "ipvsfast")


ZSH = "share/zsh/site-functions/_ipvsfast"
ALL = [*[path for name in (*OWN, *OLD) for path in place(name)], ZSH]


def installation(home: Path, packed: str = "") -> str:
    """The files of one, empty; the path of its program. packed: the ending of its pages."""
    for path in {"bin/ipvsfast-python", *[source(path) for path in ALL]}:
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / (path + packed if path.endswith(".8") else path)).touch(0o755)
    return f"{home}/bin/ipvsfast"


def by_script(prefix: str) -> int:
    """uninstall(), by the shell script that install() leaves behind."""
    return subprocess.run(["/bin/sh", f"{prefix}/{RECORD}"], check=False).returncode


BOTH_WAYS = pytest.mark.parametrize("take_back", [uninstall, by_script])


@pytest.mark.parametrize("ipvsadm", [False, True])
def test_what_is_linked(prefix: Path, ipvsadm: bool) -> None:
    """For each name the program, its page and its completions, and all of it is there; absolute links."""
    assert install(program(), str(prefix), ipvsadm) == 0
    names = (*OWN, *OLD) if ipvsadm else OWN
    found = made(prefix)
    assert found == {path: f"{sys.prefix}/{source(path)}" for name in names for path in [*place(name), ZSH]}
    assert all((prefix / path).exists() for path in found)
    assert {path for path, value in snapshot(prefix).items() if value is not None} == {*found, RECORD}


@pytest.mark.parametrize("ipvsadm", [False, True])
@BOTH_WAYS
def test_exactly_what_was_made_is_taken_back(
    prefix: Path, ipvsadm: bool, take_back, capfd: pytest.CaptureFixture[str]
) -> None:
    """With others' files and folders in between, by the verb and by the script; each link is named."""
    (prefix / "share/man").mkdir(parents=True)
    (prefix / "share/man/theirs").write_text("theirs")
    (prefix / "sbin").mkdir()
    before = snapshot(prefix)
    install(program(), str(prefix), ipvsadm)
    paths = made(prefix)
    capfd.readouterr()
    assert take_back(str(prefix)) == 0
    assert capfd.readouterr() == ("".join(f"{prefix}/{path} removed\n" for path in sorted_as_made(paths)), "")
    assert snapshot(prefix) == before


def sorted_as_made(paths: dict[str, str]) -> list[str]:
    order = [path for pair in zip(OWN, OLD, strict=True) for name in pair for path in place(name)]
    return [path for path in [*order, ZSH] if path in paths]


@BOTH_WAYS
def test_what_was_changed_since_stays(prefix: Path, take_back, capfd: pytest.CaptureFixture[str]) -> None:
    """A file in a link's place, a link that leads elsewhere, one that is gone; the rest is taken back."""
    install(program(), str(prefix), True)
    bin = prefix / "bin"
    for name in OWN:
        (bin / name).unlink()
    (bin / "ipvsfast").write_text("theirs")
    (bin / "ipvsfast-save").symlink_to("/elsewhere/ipvsfast-save")
    capfd.readouterr()
    assert take_back(str(prefix)) == 0
    assert set(capfd.readouterr().out.splitlines()) >= {
        f"{bin}/ipvsfast was changed since and stays",
        f"{bin}/ipvsfast-save was changed since and stays",
        f"{bin}/ipvsfast-restore is not there",
    }
    assert snapshot(prefix) == {
        "bin": None, "bin/ipvsfast": "theirs", "bin/ipvsfast-save": "-> /elsewhere/ipvsfast-save",
    }  # fmt: skip


@BOTH_WAYS
def test_a_link_of_the_user_stays(prefix: Path, take_back) -> None:
    """It was right before, and we have not made it."""
    (prefix / "bin").mkdir()
    (prefix / "bin/ipvsfast").symlink_to(program())
    before = snapshot(prefix)
    install(program(), str(prefix), False)
    take_back(str(prefix))
    assert snapshot(prefix) == before


def test_a_second_time(prefix: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Changes nothing and says the same; --ipvsadm adds its names, which then are kept up without it."""
    install(program(), str(prefix), False)
    first, said = snapshot(prefix), capfd.readouterr()
    install(program(), str(prefix), False)
    assert (snapshot(prefix), capfd.readouterr()) == (first, said)
    install(program(), str(prefix), True)
    assert len(made(prefix)) == 25
    second, said = snapshot(prefix), capfd.readouterr()
    install(program(), str(prefix), False)
    assert (snapshot(prefix), capfd.readouterr()) == (second, said)
    uninstall(str(prefix))
    assert snapshot(prefix) == {}


@BOTH_WAYS
def test_the_installation_has_moved(
    prefix: Path, tmp_path: Path, take_back, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links to an older one, gone or not, recorded or not, lead to ours after; nothing of them is left."""
    old = tmp_path / "old's place"
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", [f"{old}/bin/ipvsfast-python"])
        install(installation(old), str(prefix), True)
    assert made(prefix) == {path: f"{old}/{source(path)}" for path in ALL}
    shutil.rmtree(old)
    (prefix / RECORD).write_text((prefix / RECORD).read_text().replace("link bin/ipvsfast-save", "link x"))
    install(program(), str(prefix), False)
    assert made(prefix) == {path: f"{sys.prefix}/{source(path)}" for path in ALL}
    take_back(str(prefix))
    assert snapshot(prefix) == {}


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "folder"])
def test_nothing_of_others_is_touched(prefix: Path, kind: str) -> None:
    """All that is in the way is named; it stays, and nothing is made."""
    paths = [prefix / "bin/ipvsfast-save", prefix / "share/man/man8/ipvsadm.8"]
    for path in paths:
        path.parent.mkdir(parents=True)
        if kind == "file":
            path.write_text("theirs")
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to("/bin/true" if kind == "link" else "/nowhere/ipvsadm.8")
    before = snapshot(prefix)
    with pytest.raises(ExitWith) as caught:
        install(program(), str(prefix), True)
    assert caught.value.status == 1
    assert caught.value.message.startswith(
        f"{paths[1]}, {paths[0]} are there already, not made by ipvsfast. Nothing was changed.\n"
    )
    assert snapshot(prefix) == before


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("number", [1, 8, 25])
def test_a_failure_leaves_what_was(
    prefix: Path, monkeypatch: pytest.MonkeyPatch, number: int, recorded: bool
) -> None:
    """If one link cannot be made everything is as before, older links of ours too."""
    (prefix / "share").mkdir()
    if recorded:
        install(program(), str(prefix), True)
        for path in (prefix / "bin/ipvsfast", prefix / "share/zsh/site-functions/_ipvsfast"):
            path.unlink()
            path.symlink_to(
                "/gone" + str(path.relative_to(prefix)).replace("share", "/share").replace("bin", "/bin")
            )
        number = min(number, 2)
    before = snapshot(prefix)
    symlink, calls = os.symlink, []

    def full(source: str, path: str) -> None:
        calls.append(path)
        if len(calls) == number:
            raise OSError(28, "No space left on device")
        symlink(source, path)

    monkeypatch.setattr(os, "symlink", full)
    with pytest.raises(ExitWith, match=r"cannot make .*: No space left on device\. Nothing was changed\."):
        install(program(), str(prefix), True)
    assert snapshot(prefix) == before


def test_a_file_where_a_folder_belongs(prefix: Path) -> None:
    """One sentence, and what was made before is taken back."""
    (prefix / "share").mkdir()
    (prefix / "share/man").write_text("theirs")
    before = snapshot(prefix)
    with pytest.raises(ExitWith) as caught:
        install(program(), str(prefix), True)
    assert caught.value.message == f"cannot make {prefix}/share/man: File exists. Nothing was changed."
    assert snapshot(prefix) == before


def test_a_prefix_is_needed(tmp_path: Path, prefix: Path) -> None:
    """It is not made, and where nothing was installed there is nothing to take back."""
    for work in (lambda path: install(program(), path, False), uninstall):
        with pytest.raises(ExitWith, match="/none: no such directory"):
            work(f"{tmp_path}/none")
    with pytest.raises(ExitWith, match="there is nothing that `ipvsfast install` has made"):
        uninstall(str(prefix))


def test_an_incomplete_installation(prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable one has no pages: what is missing is named, and nothing is made."""
    home = tmp_path / "usr"
    command = installation(home)
    (home / "share/man/man8/ipvsfast-save.8").unlink()
    monkeypatch.setattr(sys, "argv", [f"{home}/bin/ipvsfast-python"])
    with pytest.raises(ExitWith) as caught:
        install(command, str(prefix), False)
    missing = f"{home}/share/man/man8/ipvsfast-save.8"
    assert caught.value.message == f"cannot find {missing}: install ipvsfast again, and not as editable"
    assert snapshot(prefix) == {}


def test_a_record_that_lies(prefix: Path, tmp_path: Path) -> None:
    """A record in a folder of somebody else cannot have other links removed."""
    (tmp_path / "precious").symlink_to("/etc/passwd")
    install(program(), str(prefix), False)
    record = prefix / RECORD
    record.write_text(record.read_text().replace("# end", "link '../precious' '/etc/passwd'\n# end"))
    uninstall(str(prefix))
    assert (tmp_path / "precious").is_symlink()


def test_into_the_installation_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pip has put the programs below the prefix already, only ipvsadm's names are added."""
    home = tmp_path / "usr"
    command = installation(home)
    before = snapshot(home)
    monkeypatch.setattr(sys, "argv", [f"{home}/bin/ipvsfast-python"])
    install(command, str(home), True)
    assert made(home) == {
        f"{folder}{old}{end}": f"{home}/{folder.replace('sbin', 'bin')}{new}{end}"
        for old, new in zip(OLD, OWN, strict=True) for folder, end in (("sbin/", ""), ("share/man/man8/", ".8"))
    }  # fmt: skip
    uninstall(str(home))
    assert snapshot(home) == before


def test_packed_pages(tmp_path: Path, prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution packs its pages: the links have the ending too."""
    home = tmp_path / "usr"
    command = installation(home, ".gz")
    monkeypatch.setattr(sys, "argv", [f"{home}/bin/ipvsfast-python"])
    install(command, str(prefix), True)
    assert made(prefix)["share/man/man8/ipvsadm-save.8.gz"] == f"{home}/share/man/man8/ipvsfast-save.8.gz"
    uninstall(str(prefix))
    assert snapshot(prefix) == {}


def test_the_installed_command(prefix: Path) -> None:
    """By its verbs, also when called through its own links; what is not in PATH is said."""
    environment = {"PATH": f"{prefix}/bin:/usr/bin:/bin"}

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)

    done = run(program(), "install", "--ipvsadm", str(prefix))
    assert done.stdout.splitlines()[0] == f"{prefix}/bin/ipvsfast -> {program()}"
    assert done.stdout.endswith(
        f"`ipvsfast uninstall '{prefix}'` takes them back; when ipvsfast itself is gone, '{prefix}/{RECORD}' does.\n"
    )
    assert done.stderr == f"{prefix}/sbin is not in your PATH.\n"
    before = snapshot(prefix)
    assert run("ipvsfast", "install", str(prefix)).stdout == done.stdout
    assert snapshot(prefix) == before
    assert run("ipvsfast", "uninstall", str(prefix)).stderr == ""
    assert snapshot(prefix) == {}


def test_the_usual_prefix() -> None:
    """Where an administrator's own programs lie, and every shell looks."""
    assert links.PREFIX == "/usr/local"
