"""The parts of the VM harness that need no VM."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.require import cannot_run
from support.tools import ROOT
from vm import cache, emulation, first_run, initramfs, kernels, sources, suites
from vm.errors import CannotRunError, VmLostError
from vm.job import passed_environment
from vm.uml import SYSTEM_LOADER, patch_loader

DEB822 = """\
# comment
Types: deb deb-src
# another
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/some.gpg

Types: deb
URIs: http://mirror.example/debian-security http://other.example/debian-security/
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://off.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/k.gpg] http://vendor.example/linux/debian bookworm stable
deb [ signed-by=/usr/share/keyrings/k.gpg ] http://mirror.example/debian/ bookworm main contrib # why
deb http://security.example/debian-security bookworm-security main
"""


def uris(found: list[sources.Source]) -> list[str]:
    return [source.uri for source in found]


def test_deb822_sources() -> None:
    """Several addresses per stanza, continued lines, comments; no source packages, nothing disabled."""
    found = list(sources.parse_deb822(DEB822))
    assert uris(found) == [
        "http://mirror.example/debian",
        "http://mirror.example/debian-security",
        "http://other.example/debian-security/",
    ]
    assert found[0].suites == ("bookworm", "bookworm-updates")
    assert found[0].components == ("main", "contrib")
    assert found[0].signed_by == "/usr/share/keyrings/some.gpg"


def test_one_line_sources() -> None:
    """Options in brackets, trailing comments; no source packages."""
    found = list(sources.parse_one_line(ONE_LINE))
    assert uris(found) == [
        "http://vendor.example/linux/debian",
        "http://mirror.example/debian/",
        "http://security.example/debian-security",
    ]
    assert found[1] == sources.Source(
        "http://mirror.example/debian/",
        ("bookworm",),
        ("main", "contrib"),
        "/usr/share/keyrings/k.gpg",
    )


@pytest.mark.parametrize("name", ["sources.list", "sources.list.d/any.list", "sources.list.d/any.sources"])
def test_all_places_for_sources_are_read(tmp_path: Path, name: str) -> None:
    """Files apt would not read are not read either."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/old.sources.disabled").write_text(DEB822)
    (tmp_path / name).write_text(DEB822 if name.endswith(".sources") else ONE_LINE)
    mirror = sources.find_mirror(sources.read_sources(tmp_path))
    assert mirror.uri.rstrip("/") == "http://mirror.example/debian"


@pytest.mark.parametrize(
    ("line", "mirror"),
    [
        (
            "deb mirror+file:///etc/apt/mirrors/debian.list bookworm main",
            "mirror+file:///etc/apt/mirrors/debian.list",
        ),
        ("deb http://a.example/ubuntu/ noble main", "http://a.example/debian/"),
        ("deb http://a.example/pub/ubuntu noble main universe", "http://a.example/pub/debian"),
        ("deb http://ubuntu.example/ubuntu noble main", "http://ubuntu.example/debian"),
    ],
)
def test_unusual_mirrors(line: str, mirror: str) -> None:
    """Lists of mirrors; a Debian mirror is looked for beside an Ubuntu one."""
    assert sources.find_mirror(sources.parse_one_line(line)).uri == mirror


def test_a_given_mirror_comes_first() -> None:
    """Whatever the sources say."""
    mirror = sources.find_mirror(sources.parse_one_line(ONE_LINE), "http://given.example/debian")
    assert (mirror.uri, mirror.signed_by) == ("http://given.example/debian", "")


def test_no_mirror_is_said() -> None:
    """With the variable that helps."""
    only_vendor = "deb http://vendor.example/linux/debian bookworm stable"
    with pytest.raises(CannotRunError, match="IPVSFAST_DEBIAN_MIRROR"):
        sources.find_mirror(sources.parse_one_line(only_vendor))


@pytest.mark.parametrize(
    ("line", "mirror"),
    [
        ("deb http://a.example/debian/ trixie main", "http://a.example/ubuntu/"),
        ("deb http://a.example/pub/ubuntu noble main universe", "http://a.example/pub/ubuntu"),
        ("deb http://debian.example/debian trixie main", "http://debian.example/ubuntu"),
    ],
)
def test_ubuntu_is_looked_for_beside_debian(line: str, mirror: str) -> None:
    """Unless the sources name it, or it is given; else the variable that helps is said."""
    assert sources.find_ubuntu_mirror(sources.parse_one_line(line)).uri == mirror
    assert sources.find_ubuntu_mirror((), "http://given.example/ubuntu").uri == "http://given.example/ubuntu"
    with pytest.raises(CannotRunError, match="IPVSFAST_UBUNTU_MIRROR"):
        sources.find_ubuntu_mirror(())


@pytest.fixture
def mirrors(tmp_path: Path) -> Iterator[str]:
    """Where a server has one Debian mirror, at /main/debian."""
    (tmp_path / "served/main/debian/dists/testing").mkdir(parents=True)
    (tmp_path / "served/main/debian/dists/testing/InRelease").write_text("signed\n")
    handler = partial(QuietHandler, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *words: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("guessed", "named", "taken"),
    [
        ("main/debian", "other/debian", "main/debian"),
        ("beside/debian", "main/debian", "main/debian"),
        ("beside/debian", "other/debian", "beside/debian"),
        ("beside/debian", "", "beside/debian"),
    ],
)
def test_where_a_guess_does_not_answer(
    tmp_path: Path, mirrors: str, guessed: str, named: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mirror that debootstrap names is taken if that does."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    script = tmp_path / "debootstrap"
    script.write_text(f'DEF_MIRROR="{mirrors}/{named}"\n' if named else "")
    guess = sources.Mirror(f"{mirrors}/{guessed}", "", "", True)
    found = sources.better(guess, "testing", (script, sources.DEBIAN_IN_DEBOOTSTRAP[1]))
    assert found.uri == f"{mirrors}/{taken}"


def test_debootstrap_names_mirrors() -> None:
    """Those of Debian and Ubuntu, each in a line that is found."""
    for path, line in (sources.DEBIAN_IN_DEBOOTSTRAP, sources.UBUNTU_IN_DEBOOTSTRAP):
        if not path.exists():
            cannot_run("debootstrap is not installed: make deps-test")
        (distribution,) = {uri.rsplit("/", 1)[1] for uri in line.findall(path.read_text())}
        assert distribution == ("debian" if "DEF" in line.pattern else "ubuntu")


def test_what_a_newcomer_types() -> None:
    """README.md has it in one block: what makes make be there, and then the two commands."""
    before, targets = first_run.lines_of_readme((ROOT / "README.md").read_text())
    assert before.startswith("apt-get update && apt-get install -y make ")
    assert targets["demo"].startswith("make demo ")
    assert targets["test"].startswith("make test ")


def test_passed_tests_are_counted() -> None:
    """In the last line of each run of pytest, with the skipped ones; no other line is taken for one."""
    log = """\
== 2 failed, 30 passed, 4 skipped in 12.1s (0:00:12) ==
it said 7 passed
========================= 1200 passed in 61.00s =========================
"""
    assert first_run.counted(log, "passed") == 1230
    assert first_run.counted(log, "skipped") == 4


def test_kernels_are_found_by_name() -> None:
    """Each has a reason, and a suite and package unless it is the host's."""
    for kernel in kernels.KERNELS:
        assert kernels.find(kernel.name) is kernel
        assert kernel.reason
        assert bool(kernel.suite and kernel.package) == (kernel.backend != "host")
    with pytest.raises(CannotRunError, match="'5.10'"):
        kernels.find("5.10")


def test_cpio_bytes() -> None:
    """Header, name and data as the kernel's documentation gives them, each padded to four bytes."""
    data = initramfs.archive([initramfs.program("a", b"12345")])
    first = b"070701" + b"00000001" + b"000081ed" + b"00000000" * 2 + b"00000001" + b"00000000"
    first += b"00000005" + b"00000000" * 4 + b"00000002" + b"00000000"
    assert len(first) == 110
    assert data.startswith(first + b"a\0" + b"12345\0\0\0" + b"070701")
    assert data.endswith(b"TRAILER!!!\0\0\0\0")
    assert len(data) % 4 == 0


MODULES_DEP = """\
kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet.ko.xz:
kernel/net/9p/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/drivers/virtio/virtio.ko.xz
kernel/fs/netfs/netfs.ko.xz:
kernel/drivers/virtio/virtio.ko.xz:
kernel/net/some-thing.ko: kernel/fs/netfs/netfs.ko.xz kernel/net/9p/9pnet.ko.xz
"""


def test_modules_come_after_what_they_need() -> None:
    """Each once, in loading order; built-in ones not at all."""
    order = initramfs.module_closure(
        ["virtio_pci", "9pnet_virtio", "9p", "some_thing"],
        MODULES_DEP,
        "kernel/drivers/virtio/virtio_pci.ko\n",
    )
    assert [initramfs.module_name(path) for path in order] == [
        *("virtio", "9pnet", "9pnet_virtio", "netfs", "9p", "some_thing"),
    ]


def test_a_missing_module_is_named() -> None:
    """Not found is not the same as built in."""
    with pytest.raises(CannotRunError, match="virtio_pci"):
        initramfs.module_closure(["virtio_pci"], MODULES_DEP, "")


def test_the_loader_is_patched_in_place() -> None:
    """Same length, a relative path; a program without it is refused."""
    binary = b"\x7fELF" + SYSTEM_LOADER + b"rest"
    patched = patch_loader(binary)
    assert patched.startswith(b"\x7fELF./ld-linux-x86-64.so.2\0")
    assert len(patched) == len(binary)
    with pytest.raises(CannotRunError):
        patch_loader(b"\x7fELF")


def test_the_cache_is_filled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed filling leaves nothing; leftovers of a killed one are removed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache.root().mkdir(parents=True)
    (cache.root() / "old.partial").mkdir()
    calls: list[Path] = []

    def fill(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").touch()
        if len(calls) == 1:
            raise CannotRunError("first time")

    with pytest.raises(CannotRunError, match="first time"):
        cache.filled("k", fill)
    assert [path.name for path in cache.root().iterdir()] == ["lock"]
    assert cache.filled("k", fill) == cache.filled("k", fill) == cache.path("k")
    assert (cache.path("k") / "file").exists()
    assert len(calls) == 2


def test_roots_of_a_suite_that_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made anew each month; those of months before the last are dropped, and nothing else is."""

    class Today(date):
        @classmethod
        def today(cls) -> Today:
            return cls(2027, 1, 31)

    monkeypatch.setattr(suites, "date", Today)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    stay = [
        "base-testing-2026-12",
        "base-trixie-python3-venv",
        "deb-testing",
        "testing-testing",
        "uml-testing",
    ]
    for name in [*stay, "base-testing-2026-11-python3-venv", "root-testing-2026-09-s390x"]:
        (cache.root() / name).mkdir(parents=True)
    (cache.root() / "root-testing-2026-11.lock").touch()
    made = suites.kept("root", "testing", lambda folder: None)
    assert made == cache.path("root-testing-2027-01")
    assert sorted(path.name for path in cache.root().iterdir()) == sorted([*stay, made.name, "lock"])
    assert suites.kept_name("base", "trixie", "python3-venv") == "base-trixie-python3-venv"


def test_what_is_passed_to_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that steer tests, a PATH with the folders of administrators."""
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("HYPOTHESIS_PROFILE", "x")
    monkeypatch.setenv("AWS_SECRET", "x")
    passed = passed_environment()
    assert passed["LC_TIME"] == "C"
    assert "HYPOTHESIS_PROFILE" in passed
    assert "AWS_SECRET" not in passed
    assert "/usr/sbin" in passed["PATH"].split(":")


def test_a_lost_vm_shows_its_console() -> None:
    """The reason first, then the console's last lines."""
    text = str(VmLostError("it ended", ["one", "two"]))
    assert text == "the VM was lost: it ended\nlast lines of its console:\n  | one\n  | two"


@pytest.fixture
def binfmt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kernel and QEMU's package give, in a folder; this machine is none of the known ones."""
    (tmp_path / "register").touch()
    monkeypatch.setattr(emulation, "BINFMT", tmp_path)
    monkeypatch.setattr(emulation, "SETTINGS", str(tmp_path))
    monkeypatch.setattr("platform.machine", lambda: "none")
    return tmp_path


def test_other_architectures_are_told_to_the_kernel(binfmt: Path) -> None:
    """In the package's own words, and only if it does not know them yet."""
    (binfmt / "qemu-s390x.conf").write_text(":qemu-s390x:M::magic:mask:/qemu:F\n")
    emulation.enable("s390x")
    assert (binfmt / "register").read_text() == ":qemu-s390x:M::magic:mask:/qemu:F\n"
    (binfmt / "register").write_text("")
    (binfmt / "qemu-s390x").write_text("enabled")
    emulation.enable("s390x")
    assert (binfmt / "register").read_text() == ""


def test_a_missing_emulator_is_named(binfmt: Path) -> None:
    """With the package to install."""
    with pytest.raises(CannotRunError, match=r"qemu-s390x\.conf is missing.*install qemu-user-static"):
        emulation.enable("s390x")


def test_the_own_architecture_needs_no_emulator(binfmt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked for."""
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    emulation.enable("s390x")
    assert (binfmt / "register").read_text() == ""
