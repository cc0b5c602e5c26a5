"""Where something about the table of one network namespace is remembered."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ipvsfast import Ipvs, StateError
from ipvsfast.changes.state_folder import KEPT, boot_prefix, read_state, state_folder, write_state
from support.netns import Namespace, fresh_namespace


def folder_here() -> str:
    with Ipvs() as ipvs:
        return state_folder(ipvs.session)


def test_each_namespace_has_a_folder_that_only_its_owner_can_enter(
    own_state: Path, new_netns: Callable[[], Namespace]
) -> None:
    """The same one each time, wherever the session was opened from; another one for another namespace."""
    first, again = folder_here(), folder_here()
    there = new_netns()
    with Ipvs(there.name) as by_name, Ipvs(there.path) as by_path:
        others = {state_folder(by_name.session), state_folder(by_path.session)}
    assert first == again
    assert len(others) == 1
    assert first not in others
    assert Path(first).parent == own_state
    assert Path(first).name.startswith(boot_prefix())
    assert os.stat(first).st_mode & 0o777 == 0o700


def test_a_later_namespace_is_not_taken_for_an_earlier_one() -> None:
    """The kernel's cookie tells them apart, also where the second gets the inode of the first."""
    names = set()
    for _ in range(20):
        with fresh_namespace():
            names.add(folder_here())
    assert len(names) == 20


def test_what_is_written_is_there_as_a_whole() -> None:
    """Nothing else is left in the folder, and nobody else can read it."""
    folder = folder_here()
    assert read_state(folder, "x.json") is None
    write_state(folder, "x.json", b"old")
    write_state(folder, "x.json", b"new")
    assert read_state(folder, "x.json") == b"new"
    assert os.listdir(folder) == ["x.json"]
    assert os.stat(f"{folder}/x.json").st_mode & 0o777 == 0o600


def test_a_folder_of_others_is_refused(own_state: Path) -> None:
    """So is what is no folder, and a symbolic link."""
    own_state.chmod(0o777)
    with pytest.raises(StateError, match="others than root may write there"):
        folder_here()
    own_state.chmod(0o700)
    folder = Path(folder_here())
    folder.rmdir()
    folder.symlink_to("/tmp")
    with pytest.raises(StateError, match="Not a directory"):
        folder_here()
    folder.unlink()
    folder.write_text("")
    with pytest.raises(StateError, match="cannot keep"):
        folder_here()


def test_no_more_than_some_folders_of_earlier_boots_stay(own_state: Path) -> None:
    """The oldest go when a new one is made; what is no such folder stays."""
    for number in range(KEPT + 3):
        old = own_state / f"{number:08x}-12-34"
        old.mkdir()
        (old / "x").write_text("")
        os.utime(old, (number, number))
    (own_state / "mine").mkdir()
    new = Path(folder_here()).name
    kept = {f"{number:08x}-12-34" for number in range(3, KEPT + 3)}
    assert set(os.listdir(own_state)) == kept | {"mine", new}


def test_nothing_is_made_for_who_only_looks(own_state: Path) -> None:
    """And there is nothing to read then."""
    with Ipvs() as ipvs:
        folder = state_folder(ipvs.session, make=False)
    assert os.listdir(own_state) == []
    assert read_state(folder, "x.json") is None
