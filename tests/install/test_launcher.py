"""What stands in front of Python, native or (where that cannot be built) a shell script: both do the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import program
from support.tools import ROOT

NAMES = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")
# Stands in for Python: prints its words, one a line.
PYTHON = '#!/bin/sh\nprintf "%s\\n" "$@"\n'


class Front:
    """The programs in a folder, with a Python of ours and a script whose first lines can be chosen."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.script = folder / "ipvsfast-python"
        self.python = folder / "python x"
        folder.mkdir(parents=True)
        source = Path(program()) if kind == "native" else ROOT / "scripts/launcher.sh"
        for name in NAMES:
            (folder / name).write_bytes(source.read_bytes())
            (folder / name).chmod(0o755)
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)
        self.starts_with(f"#!{self.python}\n")

    def name(self, path: Path | None = None) -> str:
        """How a program learns that it was called; a script learns where it lies only."""
        path = path or self.folder / "ipvsfast"
        return str(path) if self.kind == "native" else path.name

    def starts_with(self, text: str) -> None:
        self.script.write_text(f"{text}rest\n")

    def run(
        self,
        *argv: str,
        path: str | Path = "",
        before: str = "",
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """argv of the program (path: another one), after a shell has carried out `before`, such as redirections."""
        words = ["sh", "-c", f'{before} "$0" "$@"', str(path or self.folder / "ipvsfast"), *argv]
        # Nothing is for the native program itself to do.
        environment = {"IPVSFAST_FRONT": "off", "PATH": "/usr/bin:/bin", **(env or {})}
        return subprocess.run(
            words,
            env=environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def told(self, *argv: str, **more: object) -> list[str]:
        """[PROGRAM, FD, FLAGS, NAME] as Python is told, which must be started as it has to be. That Ctrl-C is
        held, which the native program does and a script cannot, is left out."""
        done = self.run(*argv, **more)  # type: ignore[arg-type]
        assert (done.returncode, done.stderr) == (0, "")
        isolated, option, told, script, *words = done.stdout.split("\n")[:-1]
        assert (isolated, option, script, words) == ("-I", "-X", str(self.script), list(argv))
        assert told.startswith("ipvsfast=")
        program, fd, flags, name = told.removeprefix("ipvsfast=").split(",", 3)
        assert flags.endswith(self.held)
        return [program, fd, flags.removesuffix(self.held), name]

    @property
    def held(self) -> str:
        """The flag that says that Ctrl-C is held until Python is ready."""
        return "i" if self.kind == "native" else ""


@pytest.fixture(params=["native", "shell"])
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Front:
    """Below a path with a blank."""
    return Front(request.param, tmp_path / "my place" / "bin")


def test_words_are_passed_on(front: Front) -> None:
    """As they are: empty ones, blanks, quotes, line ends, any bytes."""
    front.told("", " ", "a b", "'", '"', "\\", "$HOME", "`x`", "*", "-I", "--", "-", "é")
    assert front.told() == ["main", "-1", "", front.name()]


LINES = [
    ("#!{python}\n", []),
    ("#!{python}  \t\n", []),
    ("#! {python}\n", []),
    ("#!{plain}\n", []),
    ("#!{plain} -sP\n", ["-sP"]),
    ("#!{plain}  -s \t-P\n", ["-s", "-P"]),
    ("#!/usr/bin/env {plain}\n", []),
    ("#!/usr/bin/env plain-python -s\n", ["-s"]),
    ("#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n", []),
    ("#!/bin/sh\n'''exec' '{python}' \"$0\" \"$@\"\n' '''\n", []),
    ("#!/bin/sh\n'''exec' {plain} \"$0\" \"$@\"\n' '''\n", []),
    ("#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python x' \"$0\" \"$@\"\n' '''\n", []),
]


@pytest.mark.parametrize(("lines", "options"), LINES, ids=[repr(lines) for lines, _ in LINES])
def test_the_first_lines_of_the_script(front: Front, tmp_path: Path, lines: str, options: list[str]) -> None:
    """All forms in which installers and packagers name the interpreter."""
    plain = tmp_path / "plain-python"
    plain.write_text(PYTHON)
    plain.chmod(0o755)
    front.starts_with(lines.format(python=front.python, plain=plain))
    done = front.run("word", env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (done.returncode, done.stderr) == (0, "")
    told = f"ipvsfast=main,-1,{front.held},{front.name()}"
    assert done.stdout.splitlines() == [*options, "-I", "-X", told, str(front.script), "word"]


NONE = ["", "#!\n", "#!python\n", "#!python3 -s\n", "rest\n", "#!/bin/sh\necho\n"]


@pytest.mark.parametrize("lines", NONE)
def test_a_script_that_names_no_interpreter(front: Front, lines: str) -> None:
    """It was not installed by any of them."""
    front.starts_with(lines)
    done = front.run("-L")
    name = front.folder / "ipvsfast"
    assert (done.returncode, done.stdout) == (127, "")
    assert (
        done.stderr == f"{name}: the first line of {front.script} names no Python: install ipvsfast again.\n"
    )


def test_an_interpreter_that_is_gone(front: Front) -> None:
    """Its path is named, and what can be done."""
    front.python.unlink()
    done = front.run("-L")
    assert (done.returncode, done.stdout) == (127, "")
    reason = ": No such file or directory" if front.kind == "native" else ""
    assert done.stderr == (
        f"{front.folder}/ipvsfast: cannot run {front.python}{reason}. It is the Python of this installation: "
        "install ipvsfast again with one that is there.\n"
    )


def test_the_other_part_is_missing(front: Front, tmp_path: Path) -> None:
    """For a copy it is looked for in PATH, but not in folders that depend on where the caller is."""
    other = tmp_path / "other"
    other.mkdir()
    front.script = front.script.rename(other / "ipvsfast-python")
    front.script.chmod(0o755)
    for path in ("/usr/bin:/bin", ":/usr/bin:/bin", ".:/usr/bin:/bin", "/usr/bin:/bin::"):
        done = front.run("-L", env={"PATH": path}, cwd=other)
        assert (done.returncode, done.stdout) == (127, "")
        assert done.stderr == (
            f"{front.folder}/ipvsfast: cannot find ipvsfast-python, the other part of this program: it lies beside the "
            "installed one. Link to that instead of copying it, or have its folder in PATH.\n"
        )
    assert front.told("-L", env={"PATH": f"/nowhere:/usr/bin:/bin:{other}"}) == [
        "main",
        "-1",
        "",
        front.name(),
    ]


LINKS = [
    ("ipvsadm", "ipvsfast", "main"), ("ipvsadm-save", "ipvsfast-save", "save"), ("ipvsadm-restore", "ipvsfast-restore", "restore"),
    ("other", "ipvsfast-save", "save"), ("other", "ipvsfast-restore", "restore"), ("ipvsadm-save", "ipvsfast", "save"),
    ("ipvsadm-restore", "ipvsfast", "restore"), ("db-save", "ipvsfast", "main"), ("ipvsadm", "ipvsfast-restore", "restore"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "target", "expected"), LINKS)
def test_names(front: Front, tmp_path: Path, name: str, target: str, expected: str) -> None:
    """Which program it is, through chains of links: by its own file, or by the name that stands for it."""
    link = tmp_path / name
    (tmp_path / "chain").symlink_to(front.folder)
    link.symlink_to(f"chain/{target}")
    assert front.told(path=link) == [expected, "-1", "", front.name(link)]
    own = target.removeprefix("ipvsfast").removeprefix("-") or "main"
    assert front.told(path=front.folder / target)[0] == own


def test_what_python_cannot_see(front: Front) -> None:
    """That SIGPIPE came ignored, and that standard input is a directory, with which Python does not start."""
    name = front.name()
    assert front.told(before="trap '' PIPE;") == ["main", "-1", "p", name]
    assert front.told(before="exec < /;") == ["main", "-1", "d", name]
    assert front.told(before="trap '' PIPE; exec < /;") == ["main", "-1", "pd", name]
    front.python.write_text("#!/bin/sh\nls -l /proc/self/fd\n")
    assert " -> /\n" not in front.run(before="exec < /;").stdout


@pytest.mark.parametrize("fd", [1, 2])
def test_a_directory_as_output_counts_as_closed(front: Front, tmp_path: Path, fd: int) -> None:
    """Python would not start with it; nothing could be written to it."""
    out = tmp_path / "out"
    front.python.write_text(f"#!/bin/sh\n[ -e /proc/$$/fd/{fd} ] || echo closed > '{out}'\n")
    done = front.run(before=f"exec {fd}< /;")
    assert (done.returncode, out.read_text()) == (0, "closed\n")


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2), (0, 2)])
def test_closed_descriptors_stay_closed(front: Front, tmp_path: Path, closed: tuple[int, ...]) -> None:
    """For Python they are what they were; nothing that is open here reaches it."""
    out = tmp_path / "out"
    out.touch()
    front.python.write_text(
        f"#!/bin/sh\nfor fd in 0 1 2 3 4 5 6 7; do [ ! -e /proc/$$/fd/$fd ] || echo $fd >> '{out}'; done\n"
    )
    front.run(before="exec " + " ".join([f"{fd}>&-" for fd in closed]) + ";")
    # The shell that stands in for Python has its own script open.
    found = {int(line) for line in out.read_text().split()} & {0, 1, 2}
    assert found == {0, 1, 2} - set(closed)


def test_the_name_as_it_was_typed(tmp_path: Path) -> None:
    """argv[0], whatever it is; without any, our own."""
    front = Front("native", tmp_path / "bin")
    for name in ("ipvsadm", "./x", "a,b", "", "-ipvsadm"):
        script = 'exec -a "$1" "$0" word'
        words = ["bash", "-c", script, str(front.folder / "ipvsfast"), name]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[2:] == [f"ipvsfast=main,-1,i,{name}", str(front.script), "word"]


def test_no_name_at_all(tmp_path: Path) -> None:
    """argc 0, which Linux before 5.18 allows and later ones turn into one empty word."""
    front = Front("native", tmp_path / "bin")
    code = "import ctypes, os, sys; ctypes.CDLL(None).execve(os.fsencode(sys.argv[1]), (ctypes.c_char_p * 1)(), (ctypes.c_char_p * 1)())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(front.folder / "ipvsfast")],
        capture_output=True,
        text=True,
        check=True,
    )
    told = done.stdout.splitlines()[2].split(",", 3)
    assert (told[0], told[3]) in (("ipvsfast=main", "ipvsfast"), ("ipvsfast=main", ""))


def test_signals_are_as_they_were(tmp_path: Path) -> None:
    """None is ignored for Python that was not before, and only Ctrl-C is blocked, until it is ready."""
    front = Front("native", tmp_path / "bin")
    # By the shell itself: it blocks some while it starts a program.
    script = 'while read -r key mask; do case $key in SigBlk: | SigIgn:) echo "$key $mask" ;; esac; done < /proc/self/status\n'
    front.python.write_text(f"#!/bin/sh\n{script}")
    for before in ("", "trap '' PIPE INT HUP;"):
        done = subprocess.run(["sh", "-c", f"{before} {script}"], capture_output=True, text=True, check=True)
        blocked, ignored = done.stdout.splitlines()
        name, mask = blocked.split()
        held = f"{name} {int(mask, 16) | 1 << signal.SIGINT - 1:016x}"
        assert front.run("-L", before=before).stdout.splitlines() == [held, ignored]


def test_it_is_hardened() -> None:
    """Position-independent, relocations read-only after the start, no executable stack, the stack guarded."""

    def readelf(option: str) -> str:
        return subprocess.run(
            ["readelf", "-W", option, program()], capture_output=True, text=True, check=True
        ).stdout

    assert "DYN (Position-Independent Executable" in readelf("-h")
    dynamic = readelf("-d")
    assert "BIND_NOW" in dynamic
    assert " PIE" in dynamic
    segments = {
        line.split()[0]: line.split()[-2] for line in readelf("-l").splitlines() if line.startswith("  GNU_")
    }
    assert segments["GNU_STACK"] == "RW"
    assert "GNU_RELRO" in segments
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert (
        "_chk@GLIBC" in symbols or "GLIBC" not in symbols
    )  # what _FORTIFY_SOURCE leads to, but not with musl


def test_it_needs_libc_only() -> None:
    """A library that a wheel bundles would have a script put in the command's place."""
    done = subprocess.run(["readelf", "-d", program()], capture_output=True, text=True, check=True)
    needed = [line.partition("[")[2].rstrip("]") for line in done.stdout.splitlines() if "(NEEDED)" in line]
    assert [name.partition(".")[0] for name in needed] == ["libc"]
    assert os.path.getsize(program()) < 1 << 20
