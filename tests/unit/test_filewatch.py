"""What happens to a file is noticed, in whatever way it is replaced."""

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipvsfast.filewatch import FileWatch, signature, signatures

LIMIT = 30_000  # milliseconds for what comes at once


class Watched:
    """A watch, and what it has to say when there is something."""

    def __init__(self, path: Path) -> None:
        self.watch = FileWatch(str(path))

    def said(self) -> str:
        """Waits until something has happened."""
        poll = select.poll()
        poll.register(self.watch.fd, select.POLLIN)
        assert poll.poll(LIMIT), "nothing came"
        return self.watch.happened()

    def is_quiet(self) -> bool:
        """Whether nothing came. inotify has queued what was done before."""
        return not self.watch.happened()


@pytest.fixture
def opened() -> Iterator[list[Watched]]:
    found: list[Watched] = []
    yield found
    for one in found:
        one.watch.close()


@pytest.fixture
def watched(tmp_path: Path, opened: list[Watched]) -> Watched:
    (tmp_path / "rules").write_text("old\n")
    opened.append(Watched(tmp_path / "rules"))
    return opened[0]


def test_a_write_is_told_apart_from_its_end(watched: Watched, tmp_path: Path) -> None:
    """While somebody has it open and writes it is "written"; "changed" once it is closed."""
    with open(tmp_path / "rules", "w") as file:
        file.write("half")
        file.flush()
        assert watched.said() == "written"
    assert watched.said() == "changed"
    assert watched.is_quiet()


def test_another_file_renamed_over_it(watched: Watched, tmp_path: Path) -> None:
    """Again and again: the folder is watched, not the file that was there first. The new one's name is not its."""
    for text in ("one\n", "two\n"):
        (tmp_path / "new").write_text(text)
        assert watched.is_quiet()
        os.replace(tmp_path / "new", tmp_path / "rules")
        assert watched.said() == "changed"


def test_deleted_and_made_again(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "rules").unlink()
    assert watched.said() == "changed"
    (tmp_path / "rules").write_text("again\n")
    assert watched.said() == "changed"


def test_created_and_not_yet_closed(watched: Watched, tmp_path: Path) -> None:
    """An empty file that was made just now is about to be written."""
    (tmp_path / "rules").unlink()
    watched.said()
    with open(tmp_path / "rules", "w"):
        assert watched.said() == "written"
    assert watched.said() == "changed"


def test_a_link_in_its_place(watched: Watched, tmp_path: Path) -> None:
    """It has no end of writing, and counts at once; so does a change of what it leads to, elsewhere."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "real").write_text("real\n")
    (tmp_path / "rules").unlink()
    (tmp_path / "rules").symlink_to("other/real")
    assert watched.said() == "changed"
    (tmp_path / "other" / "real").write_text("real again\n")
    assert watched.said() == "changed"


def test_a_hard_link_in_its_place(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "rules").unlink()
    watched.said()
    (tmp_path / "kept").write_text("kept\n")
    os.link(tmp_path / "kept", tmp_path / "rules")
    assert watched.said() == "changed"


def test_a_folder_of_links_that_is_swapped(tmp_path: Path, opened: list[Watched]) -> None:
    """As Kubernetes publishes a config map: rules -> ..data/rules, ..data -> ..1, turned by one rename."""
    for number in "123":
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "rules").write_text(f"{number}\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "rules").symlink_to("..data/rules")
    opened.append(Watched(tmp_path / "rules"))
    for number in "23":
        (tmp_path / "..data_tmp").symlink_to(f"..{number}")
        assert opened[0].is_quiet()
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")
        assert opened[0].said() == "changed"
    (tmp_path / "..1" / "rules").write_text("of no account\n")
    assert opened[0].is_quiet()
    (tmp_path / "..3" / "rules").write_text("in force\n")
    assert opened[0].said() == "changed"


def test_a_folder_that_goes_and_comes(tmp_path: Path, opened: list[Watched]) -> None:
    """Deleted with all that is in it, moved away, and made again."""
    folder = tmp_path / "above" / "etc"
    folder.mkdir(parents=True)
    (folder / "rules").write_text("1\n")
    opened.append(Watched(folder / "rules"))
    os.rename(folder, tmp_path / "away")
    assert opened[0].said() == "changed"
    folder.mkdir()
    assert opened[0].said() == "changed"
    (folder / "rules").write_text("2\n")
    assert opened[0].said() == "changed"
    (tmp_path / "away" / "rules").write_text("of no account\n")
    assert opened[0].is_quiet()


def test_what_is_not_there_yet(tmp_path: Path, opened: list[Watched]) -> None:
    """Neither the file nor its folders."""
    opened.append(Watched(tmp_path / "a" / "b" / "rules"))
    (tmp_path / "other").write_text("of no account\n")
    assert opened[0].is_quiet()
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert opened[0].said() == "changed"
    (tmp_path / "a" / "b" / "rules").write_text("1\n")
    assert opened[0].said() == "changed"


def test_a_link_to_itself(tmp_path: Path, opened: list[Watched]) -> None:
    """It leads nowhere, and has an end all the same."""
    (tmp_path / "rules").symlink_to("rules")
    opened.append(Watched(tmp_path / "rules"))
    (tmp_path / "rules").unlink()
    assert opened[0].said() == "changed"


def test_a_signature_tells_contents_apart(tmp_path: Path) -> None:
    path = tmp_path / "rules"
    assert signature(str(path)) == ()
    path.write_text("1\n")
    first = signature(str(path))
    assert first and signature(str(path)) == first
    path.write_text("12\n")
    assert signature(str(path)) != first


def test_others_beside_it(watched: Watched, tmp_path: Path) -> None:
    """Files, and what fits a pattern, also when it comes later; others in these folders are not."""
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "one.conf").write_text("old\n")
    (tmp_path / "part").write_text("old\n")
    watched.watch.also([str(tmp_path / "part"), str(folder / "*.conf")])
    watched.watch.happened()  # of what was made before
    assert watched.is_quiet()
    for path in (tmp_path / "part", tmp_path / "rules", folder / "one.conf", folder / "two.conf"):
        (tmp_path / "new").write_text("new\n")
        os.replace(tmp_path / "new", path)
        assert watched.said() == "changed"
    (folder / "two.conf").unlink()
    assert watched.said() == "changed"
    (folder / "two.conf~").write_text("new\n")
    (tmp_path / "other").write_text("new\n")
    assert watched.is_quiet()
    watched.watch.also([])
    (folder / "one.conf").write_text("new\n")
    (tmp_path / "part").write_text("new\n")
    assert watched.is_quiet()


def test_signatures_of_patterns(tmp_path: Path) -> None:
    """They tell which files there are, and each from itself with other contents."""
    pattern, one = str(tmp_path / "*.conf"), str(tmp_path / "one")
    found = [signatures([one, pattern])]
    for name in ("one", "two.conf", "three"):
        (tmp_path / name).write_text("new\n")
        found.append(signatures([one, pattern]))
    assert found[0] != found[1] != found[2] == found[3]
