"""A network namespace is named by its name or its path; what is none says so."""

import os
from pathlib import Path

import pytest

from ipvsfast import Connections, Ipvs, KernelError, NotPermitted
from ipvsfast.kernel.netns import open_netns

OWN = "/proc/self/ns/net"


@pytest.mark.parametrize("path", [OWN, Path(OWN)], ids=["text", "Path"])
def test_paths(path) -> None:
    """A text with a slash, and an object that stands for a path."""
    fd = open_netns(path)
    try:
        assert os.fstat(fd).st_ino == os.stat(OWN).st_ino
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "kind", [open_netns, Ipvs, lambda netns: Connections(netns).count()], ids=["open", "Ipvs", "Connections"]
)
@pytest.mark.parametrize("place", ["file", "folder", "ns/uts"])
def test_what_is_no_namespace(kind, place: str, tmp_path: Path) -> None:
    """A file, a folder, a namespace of another kind: each is said by its path, and nothing stays open."""
    (tmp_path / "file").touch()
    path = {"file": tmp_path / "file", "folder": tmp_path, "ns/uts": Path("/proc/self/ns/uts")}[place]
    before = os.listdir("/proc/self/fd")
    with pytest.raises(KernelError) as caught:
        kind(path)
    assert str(caught.value) == f"{path} is no network namespace"
    assert os.listdir("/proc/self/fd") == before


def test_what_is_not_there(tmp_path: Path) -> None:
    """A name is looked for in the folders of `ip netns`, a path only where it points."""
    with pytest.raises(
        KernelError,
        match=r"no network namespace 'n0ne' \(looked for /run/netns/n0ne and /var/run/netns/n0ne\)",
    ):
        open_netns("n0ne")
    with pytest.raises(KernelError, match=r"no network namespace '.*/n0ne' \(looked for .*/n0ne\)"):
        open_netns(tmp_path / "n0ne")
    with pytest.raises(KernelError, match=r"no network namespace 'n0ne' \(looked for n0ne\)"):
        open_netns(Path("n0ne"))
    with pytest.raises(KernelError, match="no network namespace"):
        open_netns("a\0b")


def test_what_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks the right to it hears that."""

    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(NotPermitted, match="cannot open network namespace /x/y: Permission denied"):
        open_netns("/x/y")


@pytest.mark.parametrize("wrong", [5, b"/proc/self/ns/net", ["blue"]], ids=repr)
def test_other_kinds(wrong) -> None:
    """Numbers and the like are a slip in the program."""
    with pytest.raises(TypeError, match="netns must be a name or a path, not "):
        open_netns(wrong)
