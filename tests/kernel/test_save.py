"""Where `ipvsfast save` writes: files, devices, pipes, descriptors; on a real table."""

import errno
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.command import program, rules, run
from support.held import held

pytestmark = pytest.mark.usefixtures("netns")

# From the kernel's list of devices: /dev/null is 1:3, /dev/full 1:7.
NULL, FULL = os.makedev(1, 3), os.makedev(1, 7)


def body(text: str) -> str:
    """What save wrote, without its first line, which has the time."""
    assert text.startswith("# ipvsfast ")
    return text.partition("\n")[2]


@pytest.fixture
def saved() -> str:
    """Rules in the table, and what is to come out."""
    run("-R", stdin=rules(2, 2))
    return body(run("save").stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own on which device nodes work."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "dev", "tmpfs", tmp_path], check=True)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def shell(script: str, **names: object) -> subprocess.CompletedProcess[str]:
    """A line of bash in which P is the program."""
    environment = {**os.environ, **{name: str(value) for name, value in names.items()}, "P": program()}
    return subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_device_stays_a_device(folder: Path, saved: str) -> None:
    """The null device swallows the rules, a full one refuses them; both are what they were."""
    for name, device in (("null", NULL), ("full", FULL)):
        os.mknod(folder / name, 0o666 | stat.S_IFCHR, device)
    assert run("save", str(folder / "null")).returncode == 0
    done = run("save", str(folder / "full"))
    assert (done.returncode, done.stderr) == (1, f"cannot write {folder}/full: No space left on device\n")
    for name, device in (("null", NULL), ("full", FULL)):
        found = (folder / name).lstat()
        assert (stat.S_ISCHR(found.st_mode), found.st_rdev) == (True, device)
    assert sorted(os.listdir(folder)) == ["full", "null"]


def test_a_link_to_a_device_too(folder: Path, saved: str) -> None:
    """Neither the link nor the node is replaced."""
    os.mknod(folder / "null", 0o666 | stat.S_IFCHR, NULL)
    (folder / "link").symlink_to("null")
    assert run("save", str(folder / "link")).returncode == 0
    assert (folder / "link").is_symlink()
    assert stat.S_ISCHR((folder / "null").lstat().st_mode)


def test_the_reader_of_a_named_pipe_gets_the_rules(tmp_path: Path, saved: str) -> None:
    """All of them, and the pipe is one still."""
    os.mkfifo(tmp_path / "pipe")
    done = shell('cat "$PIPE" & "$P" save "$PIPE" && wait', PIPE=tmp_path / "pipe")
    assert (done.returncode, body(done.stdout)) == (0, saved)
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)


@pytest.mark.parametrize(
    "script",
    [
        'ln -s /proc/self/fd/1 "$FILE"; "$P" save "$FILE"',  # as /dev/stdout is, where there is one
        '"$P" save /proc/self/fd/1 | cat',
        '"$P" save /proc/self/fd/1 > "$FILE"; cat "$FILE"',
        '"$P" save /dev/fd/3 3> "$FILE"; cat "$FILE"',
        '"$P" save >(cat > "$FILE"); wait $!; cat "$FILE"',
        '"$P" save >(gzip > "$FILE"); wait $!; zcat < "$FILE"',
    ],
)
def test_descriptors_by_name(tmp_path: Path, saved: str, script: str) -> None:
    """Standard output, another number, process substitution."""
    done = shell(script, FILE=tmp_path / "file")
    assert (done.returncode, done.stderr, body(done.stdout)) == (0, "", saved)


def test_standard_output_by_name_keeps_what_stands_in_front(tmp_path: Path, saved: str) -> None:
    """`{ echo; save /dev/stdout; echo; } > file` is in this order, as with a command that just prints."""
    done = shell('{ echo first; "$P" save /dev/fd/1; echo last; } > "$FILE"', FILE=tmp_path / "file")
    lines = (tmp_path / "file").read_text()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines.startswith("first\n# ipvsfast ")
    assert lines.endswith(f"{saved}last\n")


def test_a_number_that_nobody_opened(tmp_path: Path, saved: str) -> None:
    """It is an error, whatever we have opened under that number."""
    for number in range(3, 10):
        done = run("save", f"/dev/fd/{number}")
        assert (done.returncode, done.stderr) == (1, f"cannot write /dev/fd/{number}: Bad file descriptor\n")


def test_a_broken_hard_link_is_told(tmp_path: Path, saved: str) -> None:
    """Status 0, the new rules under the name that was given, one sentence about the others."""
    path, other = tmp_path / "rules", tmp_path / "other"
    path.write_text("old\n")
    os.link(path, other)
    done = run("save", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert (
        done.stderr
        == f"{path} is a new file now: 1 other name of the old one (hard links) keeps its content\n"
    )
    assert (body(path.read_text()), other.read_text()) == (saved, "old\n")
    os.link(path, tmp_path / "third")
    os.link(path, tmp_path / "fourth")
    assert "2 other names of the old one (hard links) keep its content" in run("save", str(path)).stderr
    assert run("save", str(path)).stderr == ""


def test_a_mount_point_cannot_be_replaced(folder: Path, saved: str) -> None:
    """A file that a container was lent: one sentence that says what can be done, and that does it."""
    (folder / "outside").write_text("old\n")
    (folder / "rules").write_text("")
    subprocess.run(["mount", "--bind", folder / "outside", folder / "rules"], check=True)
    try:
        done = run("save", str(folder / "rules"))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"cannot write {folder}/rules: Device or resource busy (the file is replaced as a whole, in its "
            f"folder; `ipvsfast save > {folder}/rules' writes into it)\n"
        )
        assert (folder / "outside").read_text() == "old\n"
        assert shell('"$P" save > "$FILE"', FILE=folder / "rules").returncode == 0
        assert body((folder / "outside").read_text()) == saved
    finally:
        subprocess.run(["umount", folder / "rules"], check=True)
    assert sorted(os.listdir(folder)) == ["outside", "rules"]


@pytest.mark.parametrize("name", ["", "folder", "no/file", "new/"])
def test_what_is_no_file(tmp_path: Path, saved: str, name: str) -> None:
    """Named, with the reason; nothing appears."""
    (tmp_path / "folder").mkdir()
    path = f"{tmp_path}/{name}" if name else ""
    done = run("save", path)
    reason = "Is a directory" if name == "folder" else "No such file or directory"
    shown = path or "''"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"cannot write {shown}: {reason}\n")
    assert os.listdir(tmp_path) == ["folder"]


@contextmanager
def sysctl(name: str, value: str) -> Iterator[None]:
    """A setting of the kernel, and what it was before."""
    path = Path("/proc/sys/fs", name)
    before = path.read_text()
    path.write_text(value)
    try:
        yield
    finally:
        path.write_text(before)


OTHER = 1234  # a user


def test_the_link_of_another_user_in_a_sticky_folder(folder: Path, saved: str) -> None:
    """As with `>`: it is not followed where fs.protected_symlinks says so, neither to a file nor to none."""
    shared, victim, missing = folder / "shared", folder / "victim", folder / "missing"
    shared.mkdir()
    shared.chmod(0o1777)
    victim.write_text("")
    for name, target in (("to-victim", victim), ("to-missing", missing)):
        (shared / name).symlink_to(target)
        os.chown(shared / name, OTHER, OTHER, follow_symlinks=False)
        with sysctl("protected_symlinks", "1"):
            for done in (run("save", f"{shared}/{name}"), shell('"$P" save > "$FILE"', FILE=shared / name)):
                assert done.returncode == 1
                assert "Permission denied" in done.stderr
            assert (
                run("save", f"{shared}/{name}").stderr == f"cannot write {shared}/{name}: Permission denied\n"
            )
        assert (victim.read_text(), missing.exists()) == ("", False)
    with sysctl("protected_symlinks", "0"):
        assert run("save", f"{shared}/to-missing").returncode == 0
    assert body(missing.read_text()) == saved
    assert sorted(os.listdir(shared)) == ["to-missing", "to-victim"]


def test_the_file_of_another_user_in_a_sticky_folder(folder: Path, saved: str) -> None:
    """The same for a file, where fs.protected_regular says so; else it is replaced and stays theirs."""
    folder.chmod(0o1777)
    os.chown(folder, OTHER, OTHER)
    path = folder / "rules"
    path.write_text("theirs\n")
    os.chown(path, OTHER + 1, OTHER + 1)
    with sysctl("protected_regular", "2"):
        done = run("save", str(path))
        assert (done.returncode, done.stderr) == (1, f"cannot write {path}: Permission denied\n")
        assert path.read_text() == "theirs\n"
    with sysctl("protected_regular", "0"):
        assert run("save", str(path)).returncode == 0
    assert (body(path.read_text()), path.stat().st_uid) == (saved, OTHER + 1)
    assert os.listdir(folder) == ["rules"]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_in_the_middle(tmp_path: Path, shim: Path, saved: str, number: int, there: bool) -> None:
    """The old file is whole, nothing else is left, and the program ends as the signal wants."""
    path = tmp_path / "rules"
    if there:
        path.write_text("old\n")
    with held(shim, "stop-sync:1", "save", str(path)) as command:
        assert len(os.listdir(tmp_path)) == 2
        command.signal(number)
    assert command.status == (130 if number == signal.SIGINT else -number)
    assert os.listdir(tmp_path) == (["rules"] if there else [])
    assert not there or path.read_text() == "old\n"


def test_an_ignored_signal_is_ignored(tmp_path: Path, shim: Path, saved: str) -> None:
    """nohup: the save goes on."""
    path = tmp_path / "rules"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held(shim, "stop-sync:1", "save", str(path)) as command:
            command.signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (command.status, command.err, body(path.read_text())) == (0, "", saved)


def test_a_killed_save_is_in_nobodys_way(tmp_path: Path, shim: Path, saved: str) -> None:
    """SIGKILL leaves its unfinished file, whose name no later save wants."""
    path = tmp_path / "rules"
    with held(shim, "stop-sync:1", "save", str(path)):
        names = os.listdir(tmp_path)
    for _ in range(3):
        assert run("save", str(path)).returncode == 0
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    assert body(path.read_text()) == saved


@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk(tmp_path: Path, there: bool) -> None:
    """The error is told; the old file is whole, and one that was not there is not there."""
    run("-R", stdin=rules(20, 100))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", tmp_path], check=True)
    try:
        path = tmp_path / "rules"
        if there:
            path.write_text("old\n")
        done = run("save", str(path))
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"cannot write {path}: No space left on device\n"
        assert os.listdir(tmp_path) == (["rules"] if there else [])
        assert not there or path.read_text() == "old\n"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_read_only_file_system(folder: Path, saved: str) -> None:
    """One sentence, for a file and for none; no advice that would not help."""
    (folder / "rules").write_text("old\n")
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    for name in ("rules", "new"):
        done = run("save", str(folder / name))
        assert (done.returncode, done.stderr) == (1, f"cannot write {folder}/{name}: Read-only file system\n")
    assert (os.listdir(folder), (folder / "rules").read_text()) == (["rules"], "old\n")


@pytest.mark.parametrize("code", [errno.EDQUOT, errno.EIO])
def test_errors_that_come_late(tmp_path: Path, shim: Path, saved: str, code: int) -> None:
    """A quota, a server that has gone: some file systems tell only when all was written."""
    path = tmp_path / "rules"
    path.write_text("old\n")
    done = subprocess.run(
        [program(), "save", str(path)], env={**os.environ, "LD_PRELOAD": str(shim), "FAULT": f"sync:{code}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, f"cannot write {path}: {os.strerror(code)}\n")
    assert (os.listdir(tmp_path), path.read_text()) == (["rules"], "old\n")
