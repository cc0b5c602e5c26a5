"""Where a saved table goes: plain files are replaced, everything else is written to."""

import errno
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from ipvsfast.outfile import write_file
from support.require import cannot_run

TEXT = [b"one\n", memoryview(b"two\n")]
WRITTEN = "one\ntwo\n"


def test_a_missing_file_is_made(tmp_path: Path) -> None:
    """With the mode that any new file gets, and nothing else in the folder."""
    mask = os.umask(0o027)
    try:
        assert write_file(str(tmp_path / "new"), TEXT) == 0
    finally:
        os.umask(mask)
    assert (tmp_path / "new").read_text() == WRITTEN
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["new"]


def test_a_file_is_replaced_and_keeps_its_rights(tmp_path: Path) -> None:
    """A reader of the old file still has the old content: it was not written into."""
    path = tmp_path / "rules"
    path.write_text("old\n")
    path.chmod(0o604)
    with path.open() as reader:
        assert write_file(str(path), TEXT) == 0
        assert reader.read() == "old\n"
    assert path.read_text() == WRITTEN
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert os.listdir(tmp_path) == ["rules"]


def test_extended_attributes_stay(tmp_path: Path) -> None:
    """Access lists are such attributes; without them the mode would say something else."""
    path = tmp_path / "rules"
    path.write_text("old\n")
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        cannot_run("the file system knows no extended attributes")
    write_file(str(path), TEXT)
    assert os.getxattr(path, "user.note") == b"kept"


@pytest.mark.parametrize("target", ["there", "missing"])
def test_symbolic_links_keep_pointing(tmp_path: Path, target: str) -> None:
    """Through two links, one of them relative: the file at their end is replaced or made."""
    (tmp_path / "folder").mkdir()
    end, first, second = tmp_path / "folder" / "end", tmp_path / "first", tmp_path / "folder" / "second"
    if target == "there":
        end.write_text("old\n")
    second.symlink_to("end")
    first.symlink_to(second)
    write_file(str(first), TEXT)
    assert (first.readlink(), second.readlink()) == (second, Path("end"))
    assert end.read_text() == WRITTEN
    assert sorted(os.listdir(tmp_path / "folder")) == ["end", "second"]


def test_other_names_are_counted(tmp_path: Path) -> None:
    """Hard links keep the old content, and the caller learns how many there are."""
    path = tmp_path / "rules"
    path.write_text("old\n")
    for name in ("a", "b"):
        os.link(path, tmp_path / name)
    assert write_file(str(path), TEXT) == 2
    assert ((tmp_path / "a").read_text(), path.read_text()) == ("old\n", WRITTEN)


def test_a_named_pipe_is_written_to(tmp_path: Path) -> None:
    """Its reader gets the text, and it is a pipe still."""
    path, got = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()
    assert write_file(str(path), TEXT) == 0
    reader.join(30)
    assert got == [WRITTEN]
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"])
def test_our_own_open_files_go_on_where_they_are(tmp_path: Path, folder: str) -> None:
    """A pipe, a file with something in it, and a socket, which could not be opened by its name."""
    ends = socket.socketpair()
    with (tmp_path / "file").open("w+") as file, ends[0], ends[1]:
        file.write("head\n")
        file.flush()
        for fd in (file.fileno(), ends[0].fileno()):
            os.set_inheritable(fd, True)
            assert write_file(f"{folder}/{fd}", TEXT) == 0
        assert ends[1].recv(100) == WRITTEN.encode()
        assert (tmp_path / "file").read_text() == f"head\n{WRITTEN}"
        file.seek(0)
        assert file.read() == f"head\n{WRITTEN}"


def test_what_we_opened_ourselves_is_not_meant(tmp_path: Path) -> None:
    """A number that the caller did not hand over may be the socket to the kernel."""
    with (tmp_path / "file").open("w") as file, pytest.raises(OSError) as caught:
        write_file(f"/dev/fd/{file.fileno()}", TEXT)
    assert caught.value.errno == errno.EBADF
    assert (tmp_path / "file").read_text() == ""


def test_a_file_without_a_name_is_written_to(tmp_path: Path) -> None:
    """/proc leads to it still; no file `x (deleted)` appears."""
    with (tmp_path / "x").open("w+") as file:
        (tmp_path / "x").unlink()
        child = os.fork()
        if child == 0:
            try:
                write_file(f"/proc/{os.getppid()}/fd/{file.fileno()}", TEXT)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.listdir(tmp_path) == []
        assert file.read() == WRITTEN


@pytest.mark.parametrize(
    ("name", "code"),
    [("", errno.ENOENT), ("no/file", errno.ENOENT), ("new/", errno.ENOENT), ("folder", errno.EISDIR),
     ("folder/", errno.EISDIR), ("folder/.", errno.EISDIR), ("file/", errno.ENOTDIR), ("loop", errno.ELOOP),
     ("socket", errno.ENXIO)],
)  # fmt: skip
def test_what_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    """The kernel's errno, and nothing is made or changed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old\n")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(OSError) as caught:
            write_file(name, TEXT)
    assert caught.value.errno == code
    assert sorted(os.listdir()) == ["file", "folder", "loop", "socket"]
    assert (tmp_path / "file").read_text() == "old\n"
    assert os.listdir("folder") == []


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """What raises while the text is made leaves no half file, and no second one."""
    path = tmp_path / "rules"
    path.write_text("old\n")

    def pieces():
        yield b"new\n"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_file(str(path), pieces())
    assert path.read_text() == "old\n"
    assert os.listdir(tmp_path) == ["rules"]


@pytest.mark.parametrize("there", [True, False])
def test_an_error_at_the_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    """NFS may tell of a full disk only then: the old file is whole, nothing else is left."""
    path = tmp_path / "rules"
    if there:
        path.write_text("old\n")
    real = os.close
    closed: list[int] = []

    def close(fd: int) -> None:
        real(fd)
        closed.append(fd)
        if len(closed) == 1:  # the new file is the first
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with monkeypatch.context() as patch, pytest.raises(OSError) as caught:
        patch.setattr(os, "close", close)
        write_file(str(path), TEXT)
    assert caught.value.errno == errno.EDQUOT
    assert os.listdir(tmp_path) == (["rules"] if there else [])
    assert not there or path.read_text() == "old\n"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError])
def test_a_failure_makes_no_file(tmp_path: Path, kind: type[BaseException]) -> None:
    """Neither under its own name, nor through a link that leads to none."""

    def pieces():
        yield b"new\n"
        raise kind

    (tmp_path / "link").symlink_to("target")
    for name in ("new", "link"):
        with pytest.raises(kind):
            write_file(str(tmp_path / name), pieces())
    assert os.listdir(tmp_path) == ["link"]


def test_a_folder_that_may_not_be_listed(tmp_path: Path) -> None:
    """It can have files all the same."""
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "rules").write_text("old\n")
    folder.chmod(0o300)
    try:
        assert write_file(str(folder / "rules"), TEXT) == 0
        assert write_file(str(folder / "new"), TEXT) == 0
    finally:
        folder.chmod(0o700)
    assert [(folder / name).read_text() for name in sorted(os.listdir(folder))] == [WRITTEN, WRITTEN]


def test_what_stands_in_the_way_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that has the name of the unfinished one, by whatever chance, stays."""
    monkeypatch.setattr(os, "urandom", bytes)
    other = tmp_path / f".ipvsfast-save.{bytes(8).hex()}"
    other.write_text("theirs\n")
    with pytest.raises(FileExistsError):
        write_file(str(tmp_path / "rules"), TEXT)
    assert other.read_text() == "theirs\n"
    assert os.listdir(tmp_path) == [other.name]
